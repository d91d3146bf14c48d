"""What lies below a directory and when it was last changed: enough to tell, later, which files to read again."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct, field

from scanner.project.discovery import MAX_FILES
from scanner.project.tree import SKIPPED_DIRECTORIES, Tree, Unreadable

SETTLED_NANOSECONDS = 2_000_000_000
"""A file that was changed so shortly before it was looked at may have been changed again without a trace."""


class Stamp(NamedTuple):
    """What the file system says of a file; zeros for what is no regular file."""

    size: int
    changed: int
    """Nanoseconds since the epoch."""
    node: int


DIRECTORY = Stamp(0, 0, stat.S_IFDIR)


class Listing(Struct, array_like=True, gc=False):
    """The names in a directory; ``directories`` without links to some."""

    changed: int
    """When a name came or went, in nanoseconds since the epoch; 0 if that is not known."""
    node: int
    files: list[str]
    directories: list[str]


class Survey(Struct):
    """The names in each directory, and the stamp of each file, except below ``SKIPPED_DIRECTORIES``."""

    taken: int = field(default_factory=time.time_ns)
    listings: dict[str, Listing] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)

    paths: list[str] = field(default_factory=list)
    """The files, sorted."""

    def stamp(self, root: Path, path: str) -> Stamp:
        """The stamp of a file, whether or not it was come upon."""
        return self.stamps.get(path) or (DIRECTORY if path in self.listings else stamp(f"{root}/{path}"))

    def listed(self, tree: Tree, directory: str) -> list[str]:
        """The names in a directory, whether or not it was come upon."""
        known = self.listings.get(directory)
        return tree.list(directory) if known is None else known.files + known.directories

    def files(self, wanted: Callable[[str], bool]) -> str:
        """A digest of the paths that are wanted."""
        return digest(path for path in self.paths if wanted(path))

    def below(self, top: str) -> str:
        """A digest of the paths of the files below a directory."""
        prefix = f"{top}/" if top else ""
        start = bisect_left(self.paths, prefix)
        return digest(takewhile(lambda path: path.startswith(prefix), self.paths[start:]))


def survey(root: Path, known: Mapping[str, Listing] = MappingProxyType({}), taken: int = 0) -> Survey | None:
    """Look over everything below ``root``; ``None`` if that is too much.

    ``known`` are the listings of a survey at the time ``taken``: a directory that has not changed since is not read.
    """
    found, latest = Survey(), settled(taken)
    queue = [("", str(root))]
    while queue:
        inside, place = queue.pop()
        listing = found.listings[inside] = _listing(place, known.get(inside), latest)
        prefix = f"{inside}/" if inside else ""
        for name in listing.files:
            found.stamps[prefix + name] = stamp(f"{place}/{name}")
        queue += [(prefix + name, f"{place}/{name}") for name in listing.directories if name not in SKIPPED_DIRECTORIES]
        if len(found.stamps) > MAX_FILES:
            return None
    found.paths = sorted(found.stamps)
    return found


def _listing(place: str, known: Listing | None, latest: int) -> Listing:
    changed, node = _changed(place)
    if known is not None and 0 < changed < latest and (changed, node) == (known.changed, known.node):
        return known
    found = Listing(changed, node, [], [])
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                (found.directories if entry.is_dir(follow_symlinks=False) else found.files).append(entry.name)
    except OSError:
        found.changed = 0
    return found


def _changed(place: str) -> tuple[int, int]:
    """When a directory was changed, which nobody can set as they can set the time of its content; and its node."""
    if os.name != "posix":
        return 0, 0  # st_ctime is the time of creation elsewhere
    try:
        status = os.stat(place)  # noqa: PTH116 - called for every directory of a repository
    except OSError:
        return 0, 0
    return status.st_ctime_ns, status.st_ino


def stamp(place: str | Path) -> Stamp:
    """The stamp of one file; zeros where there is none."""
    try:
        status = os.stat(place)  # noqa: PTH116 - called for every file of a repository
    except (OSError, ValueError):
        return Stamp(0, 0, 0)
    if not stat.S_ISREG(status.st_mode):
        return Stamp(0, 0, stat.S_IFMT(status.st_mode))
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def directory_of(path: str) -> str:
    """The directory of a path; the root's is empty."""
    return path.rpartition("/")[0]


def inside(path: str, tops: Container[str]) -> bool:
    """Whether a path is, or lies below, one of some directories."""
    while path:
        if path in tops:
            return True
        path = directory_of(path)
    return "" in tops


def settled(taken: int) -> int:
    """Stamps of that time vouch for the content of files that were changed before this one."""
    return taken - SETTLED_NANOSECONDS


def content(tree: Tree, path: str) -> str:
    """A digest of a file's content, or the reason why it cannot be read."""
    try:
        return hashlib.sha256(tree.read_bytes(path)).hexdigest()
    except Unreadable as error:
        return error.code


def digest(texts: Iterable[str]) -> str:
    """A digest of texts in any order."""
    return hashlib.sha256("\0".join(sorted(texts)).encode("utf-8", "surrogateescape")).hexdigest()
