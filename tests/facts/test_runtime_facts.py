"""The rows of runtimes.yaml: each says where it was looked up, and fills in fields that there are."""

from typing import Any

import pytest

from scanner.concepts.model import Serving
from scanner.facts.kinds import runtimes

SERVING = sorted(runtimes()["serving"])


def fields_of(row: dict[str, Any]) -> set[str]:
    switched = {*row.get("switches", {}).values(), *row.get("environment_switches", {}).values()}
    return {*row.get("flags", {}), *row.get("environment", {}), *switched}


@pytest.mark.parametrize("family", ["serving", "training"])
def test_every_row_says_in_what_it_was_checked(family: str) -> None:
    assert [name for name, row in runtimes()[family].items() if not row.get("checked", "").strip()] == []


@pytest.mark.parametrize("name", SERVING)
def test_flags_and_variables_fill_in_fields_of_serving(name: str) -> None:
    assert fields_of(runtimes()["serving"][name]) <= set(Serving.__struct_fields__)


@pytest.mark.parametrize("name", SERVING)
def test_flags_are_spelled_with_dashes_and_name_one_field(name: str) -> None:
    row = runtimes()["serving"][name]
    flags = [flag for names in row.get("flags", {}).values() for flag in names] + list(row.get("switches", {}))
    assert [flag for flag in flags if not flag.startswith("-") or "_" in flag] == []
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize("name", SERVING)
def test_what_follows_positional_words_starts_the_runtime(name: str) -> None:
    row = runtimes()["serving"][name]
    assert [words for words in row.get("positional", ()) if not any(start in words for start in row["argv"])] == []
