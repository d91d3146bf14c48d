"""Charts whose dependencies lie elsewhere in the scan (``repository: file://../common``), put together as
``helm dependency build`` does, in a directory of their own. Nothing is fetched, and nothing is written beside the
sources.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct, field

from scanner.core import get
from scanner.project.bounds import load_yaml
from scanner.project.tree import Tree, normalise

MAX_DEPTH = 8
"""Levels of charts in charts: real ones have two or three."""
MAX_PARTS = 100
"""Charts in one chart: the largest umbrella charts have some tens."""
MAX_PART_BYTES = 64 * 1024 * 1024
"""Of all copies of a chart's parts together; Helm refuses charts of more than 100 MiB."""
MAX_PART_FILES = 20_000
"""And directories, of all copies together."""
SCHEME = "file://"


class Missing(Struct):
    """What a chart's own charts/ directory lacks."""

    names: list[str] = field(default_factory=list)
    """Dependencies that are nowhere in the scan."""
    parts: dict[str, str] = field(default_factory=dict)
    """Where the others lie in the scan, by their place in the chart, such as ``charts/common``."""
    renamed: dict[str, str] = field(default_factory=dict)
    """The same for the names that the chart gives to them, by which what they render is known."""


def chart_data(tree: Tree, path: str) -> dict[str, Any]:
    """A file of a chart as data; empty for archives and for what cannot be read (rendering will say so)."""
    if path.endswith(".tgz"):
        return {}
    try:
        data = load_yaml(tree.read(path).text)
    except Exception:  # the library raises whatever its constructors meet
        return {}
    return data if isinstance(data, dict) else {}


def missing_parts(tree: Tree, chart: str, metadata: dict[str, Any], defaults: dict[str, Any]) -> Missing:
    """The dependencies that are neither a directory nor an archive in charts/ nor switched off by default."""
    missing = Missing()
    waiting = [(chart, metadata, defaults, "")]
    while waiting:
        top, data, values, inside = waiting.pop()
        for item in _absent(tree, top, data, values):
            name, alias = item["name"], item.get("alias")
            shown = alias if isinstance(alias, str) else name
            bounded = inside.count("charts/") < MAX_DEPTH and len(missing.parts) < MAX_PARTS
            place = _place(tree, top, item) if bounded else None
            if place is None:
                missing.names += [name] if name not in missing.names else []
                continue
            missing.renamed[f"{inside}charts/{shown}"] = place
            part = f"{inside}charts/{name}"
            if part not in missing.parts:
                missing.parts[part] = place
                inner = chart_data(tree, f"{place}/Chart.yaml")
                given = chart_data(tree, f"{place}/values.yaml") | _section(values, shown) if values else {}
                waiting.append((place, inner, given, f"{part}/"))
    return missing


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _absent(tree: Tree, chart: str, metadata: dict[str, Any], values: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of a chart's dependencies that its charts/ directory lacks and that are not switched off."""
    declared = metadata.get("dependencies")
    present = tree.list(f"{chart}/charts" if chart else "charts")
    return [
        item
        for item in (declared if isinstance(declared, list) else ())
        if isinstance(item, dict)
        and isinstance(name := item.get("name"), str)
        and not any(entry == name or entry.startswith(f"{name}-") for entry in present)
        and not _is_off(item, values)
    ]


def _place(tree: Tree, chart: str, dependency: dict[str, Any]) -> str | None:
    """Where a dependency lies in the scan, if it says so and a chart of its name is there."""
    repository = dependency.get("repository")
    if not isinstance(repository, str) or not repository.startswith(SCHEME):
        return None
    path = repository.removeprefix(SCHEME)
    place = "" if path.startswith("/") else normalise(f"{chart}/{path}")
    if not place or place == chart or place.startswith(".."):
        return None
    return place if chart_data(tree, f"{place}/Chart.yaml").get("name") == dependency["name"] else None


def _is_off(dependency: dict[str, Any], defaults: dict[str, Any]) -> bool:
    """Whether the first path of ``condition`` that the values have is false, as Helm reads it."""
    condition = dependency.get("condition")
    paths = condition.split(",") if isinstance(condition, str) else []
    found = (get(defaults, *path.strip().split(".")) for path in paths)
    return next((value for value in found if isinstance(value, bool)), True) is False


def put_together(tree: Tree, place: FilePath, parts: Mapping[str, str], scratch: FilePath) -> FilePath | None:
    """A copy of the chart at ``place`` with its parts in it; ``None`` if they are more than the limit."""
    target = scratch / "chart"
    sources = {"": place, **{inside: top for inside, path in parts.items() if (top := tree.absolute(path)) is not None}}
    if len(sources) <= len(parts):
        return None
    bounds = _Bounds(tree)
    try:
        for inside, source in sources.items():
            # a chart may lie in a directory of the one that it is part of
            shutil.copytree(source, target / inside, ignore=bounds.leave_out, dirs_exist_ok=True)
    except _TooMuch:
        return None
    return target


class _TooMuch(Exception):
    """What would be copied is more than the limit."""


class _Bounds:
    """What is copied of charts: links are followed, so they may lead out of the scan, or round and round."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._files = self._bytes = 0

    def leave_out(self, directory: str, names: list[str]) -> set[str]:
        """The names that are no files or directories of the scan. Raises ``_TooMuch``."""
        out = set()
        for name in names:
            found = self._tree.absolute(str(FilePath(directory, name).relative_to(self._tree.root)))
            if found is None or not (found.is_file() or found.is_dir()):
                out.add(name)
                continue
            self._files += 1
            self._bytes += found.stat().st_size if found.is_file() else 0
            if self._files > MAX_PART_FILES or self._bytes > MAX_PART_BYTES:
                raise _TooMuch
        return out
