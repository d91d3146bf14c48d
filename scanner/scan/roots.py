"""Where a scan starts, and where that lies in a repository."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def scan_root(paths: Sequence[Path]) -> tuple[Path, list[str]]:
    """The common directory of the paths, and the paths relative to it."""
    places = [path.resolve() for path in paths] or [Path.cwd()]
    for given, place in zip(paths, places, strict=False):
        if not place.exists():
            raise FileNotFoundError(str(given))
    root = Path(os.path.commonpath([str(place if place.is_dir() else place.parent) for place in places]))
    return root, ["" if place == root else place.relative_to(root).as_posix() for place in places]


def in_repository(root: Path, relative: list[str]) -> tuple[Path, list[str]]:
    """The top of the repository that holds ``root``, and the paths relative to it."""
    prefix = repository_prefix(root)
    top = root.parents[prefix.count("/") - 1] if prefix else root
    return top, [(prefix + path).rstrip("/") for path in relative]


def repository_prefix(root: Path) -> str:
    """The path of the scan root inside its git repository, with a final slash; empty if it is the root."""
    for place in (root, *root.parents):
        if (place / ".git").exists():
            inside = root.relative_to(place).as_posix()
            return "" if inside == "." else f"{inside}/"
    return ""
