"""The quick way of reading YAML says what the library says, of every text."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.cyaml import CSafeLoader

from scanner.core.yaml_data import yaml_data

ROOT = Path(__file__).parents[2]
WORDS = ["a", "b: ", "- ", "? ", ": ", "\n", "  ", "'x'", '"y"', "|\n", "1", "0o17", "1_0", "1.5", ".nan", "~", "yes",
         "true", "2024-01-01", "&a ", "*a", "!!str ", "!x ", "<<: ", "[", "]", "{", "}", ", ", "# c\n", "---\n",
         "...\n", "%YAML 1.1\n"]  # fmt: skip


def said(read: Any, text: str) -> Any:
    try:
        return shown(read(text))
    except Exception as error:
        return type(error), str(error)


def shown(value: Any) -> Any:
    """The value with its types, in which NaN is equal to itself."""
    if isinstance(value, dict):
        return "map", [(shown(key), shown(item)) for key, item in value.items()]
    if isinstance(value, list):
        return "list", [shown(item) for item in value]
    return type(value), "nan" if isinstance(value, float) and math.isnan(value) else value


def library(text: str) -> Any:
    loader = CSafeLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "a: 1\nb: [yes, 'yes', ~, 1.5, 0o17, 2024-01-01, .nan]\n1: x\ntrue: y\n",
        "a: &x {b: 1}\nc: *x\n",
        "a: &x [1, &y two]\nb: [*x, *y, *x]\n",
        "a: &x {b: *x}\n",
        "a: &x [{b: [*x]}]\n",
        "a: &x 1\nb: &x 2\nc: *x\n",
        "a: &x b\n*x : c\n",
        "a: *x\n",
        "a: &x\nb: *x\n",
        "base: &x {b: 1}\nc: {<<: *x, d: 2}\n",
        "a: !!str 1\n",
        "a: !own 1\n",
        "a: 1\na: 2\n",
        "[a, b]: 1\n",
        "{a: 1}: 1\n",
        "a: 1\n---\nb: 2\n",
        "%YAML 1.1\n---\na: yes\n",
        "a: [\n",
        "a: 1\n b: 2\n",
        "|\n  text\n",
    ],
)
def test_odd_texts(text: str) -> None:
    assert said(yaml_data, text) == said(library, text)


def test_files_of_this_repository() -> None:
    files = [*(ROOT / "scanner" / "facts").glob("*.yaml"), *(ROOT / "rules").rglob("*.yaml")]
    assert len(files) > 300
    for file in files:
        text = file.read_text()
        assert said(yaml_data, text) == said(library, text), file


@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_texts_made_of_what_yaml_knows(text: str) -> None:
    assert said(yaml_data, text) == said(library, text)
