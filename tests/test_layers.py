"""Imports run downwards only."""

import ast
from pathlib import Path

SCANNER = Path(__file__).parent.parent / "scanner"
LAYERS = {
    "version": 0,
    "core": 1,
    "facts": 2,
    "project": 2,
    "frontends": 3,
    "graph": 4,
    "concepts": 5,
    "engine": 6,
    "scan": 6.5,
    "report": 7,
    "servers": 7.5,
    "cli": 8,
}
"""DESIGN's floors; ``scan`` is the public line through them, which reports, servers and commands call."""


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("scanner."):
            found.add(node.module.split(".")[1])
    return found


def test_imports_run_downwards_only() -> None:
    wrong = []
    for path in SCANNER.rglob("*.py"):
        layer = path.relative_to(SCANNER).parts[0].removesuffix(".py")
        if layer in LAYERS:
            wrong += [
                f"{path.relative_to(SCANNER)} imports {other}"
                for other in imports(path)
                if other != layer and LAYERS[other] >= LAYERS[layer]
            ]
    assert wrong == []


def test_every_folder_has_a_layer() -> None:
    folders = {path.name for path in SCANNER.iterdir() if path.is_dir() and path.name not in ("__pycache__", "data")}
    assert folders <= LAYERS.keys()
