"""Whole outputs of every reporter. UPDATE_GOLDEN=1 writes them anew."""

import os
import re
import shutil
from pathlib import Path

import pytest

from scanner.report.formats import FORMATS, render
from scanner.report.html import render_graph_html
from scanner.scan import ScanOptions, ScanResult, scan
from scanner.version import VERSION

GOLDEN = Path(__file__).parent / "golden"
INPUT = Path(__file__).parent / "stack"
RULES = ("GPU009", "GPU011", "INT001", "INT002", "NET003", "NET106", "REG104", "ROL003")
"""Named, so that a new rule does not change every golden output."""
SUFFIXES = {"text": "txt", "junit": "xml", "gitlab": "gitlab.json", "github": "github.txt", "markdown": "md"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    """Scanned outside any repository, because fingerprints hold the path in the repository."""
    copy = shutil.copytree(INPUT, tmp_path_factory.mktemp("golden") / "stack")
    result = scan([copy], ScanOptions(select=RULES))
    result.repository_prefix = "deploy/"
    return result


def check(name: str, text: str) -> None:
    stable = text.replace(VERSION, "VERSION")
    path = GOLDEN / f"stack.{name}"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(stable.encode())
    assert stable == path.read_bytes().decode()


def without_assets(text: str) -> str:
    """A page without its style and script, which say nothing about the report."""
    text = re.sub(r"(<(style|script)>).*?(</\2>)", r"\1\3", text, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-HASH", text)


@pytest.mark.parametrize("name", FORMATS)
def test_report_is_the_golden_one(stack: ScanResult, name: str) -> None:
    check(SUFFIXES.get(name, name), without_assets(render(stack, name, show_undetermined=True)))


def test_graph_page_is_the_golden_one(stack: ScanResult) -> None:
    check("graph.html", without_assets(render_graph_html(stack)))
