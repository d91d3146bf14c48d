"""Confined access to the scanned files: nothing outside the root is ever read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from scanner.core import SourceFile
from scanner.project.bounds import READ_ONLY, read_at_most

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_DIRECTORY_DEPTH = 200
SKIPPED_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", ".terraform", ".terragrunt-cache", "node_modules", "__pycache__", ".venv", "venv",
     ".tox", ".mypy_cache", ".pytest_cache", ".idea", ".kilter-cache"}
)  # fmt: skip


class Unreadable(Exception):
    """A file that cannot or must not be read; ``code`` is that of the diagnostic to report."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Trace(Struct):
    """What was asked of a tree: while none of it changes, whoever asked would be told the same again."""

    files: set[str] = field(default_factory=set)
    """Paths whose content or existence was asked for."""
    directories: set[str] = field(default_factory=set)
    """Directories whose names were asked for; the content of any file in them may have been, too."""
    below: set[str] = field(default_factory=set)
    """Directories and archives of which everything was asked for, by walking them or by handing them to an engine."""
    consulted: set[str] = field(default_factory=set)
    templates: set[str] = field(default_factory=set)

    def add(self, other: Trace) -> None:
        """Take in what another trace holds."""
        self.files |= other.files
        self.directories |= other.directories
        self.below |= other.below
        self.consulted |= other.consulted
        self.templates |= other.templates


class Tree:
    """The files below ``root``. Every path is relative to it, with forward slashes; ``""`` is the root.

    ``overlay`` holds texts that stand in for files, such as standard input or an editor's buffer.
    """

    def __init__(self, root: Path, overlay: dict[str, str] | None = None) -> None:
        self.root = root.resolve()
        self.overlay = {} if overlay is None else overlay
        self._texts: dict[str, SourceFile] = {}
        self._copy: Path | None = None
        self._places: dict[str, str | None] = {}
        self._trace = Trace()
        self.unlisted: dict[str, str] = {}
        """Directories that could not be listed, and why."""
        self.consulted: set[str] = set()
        """Files that configuration reads as data or as templates, rather than being configuration themselves."""
        self.templates: set[str] = set()
        """Those of them that are read as templates."""

    @contextmanager
    def tracing(self) -> Iterator[Trace]:
        """Keep track of what is asked of the tree meanwhile."""
        outer, self._trace = self._trace, Trace()
        try:
            yield self._trace
        finally:
            outer.add(self._trace)
            self._trace = outer

    def consult(self, path: str, *, template: bool) -> None:
        """Take note that configuration reads a file as data, or as what may be a template."""
        for noted in (self, self._trace):
            noted.consulted.add(path)
            if template:
                noted.templates.add(path)

    def note_directory(self, directory: str) -> None:
        """Take note that what is known of a directory from before is used again."""
        self._trace.directories.add(directory)

    def read(self, path: str) -> SourceFile:
        """The text of a file; each file is read once. Raises ``Unreadable``."""
        path = normalise(path)
        self._trace.files.add(path)
        if path not in self._texts:
            if path in self.overlay:
                self._texts[path] = SourceFile(path, self.overlay[path])
            else:
                self._texts[path] = SourceFile(path, decode(path, self.read_bytes(path)))
        return self._texts[path]

    def forget(self, path: str) -> None:
        """Give up the text of a file that no front end reads: data beside the sources may be large."""
        self._texts.pop(normalise(path), None)

    def read_bytes(self, path: str) -> bytes:
        """The content of a regular file of at most ``MAX_FILE_BYTES`` bytes. Raises ``Unreadable``."""
        known = normalise(path)
        self._trace.files.add(known)
        if known in self.overlay:
            return self.overlay[known].encode("utf-8", "surrogatepass")
        place = self._located(path)
        if place is None:
            raise Unreadable("outside-root", f"{path} is outside the scanned directory")
        try:
            # neither a pipe without a writer nor a file that grows may keep the scan waiting
            with open(os.open(place, READ_ONLY), "rb") as file:  # noqa: PTH123
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Unreadable("not-a-file", f"{path} is not a regular file")
                content = read_at_most(file, MAX_FILE_BYTES + 1)
        except OSError as error:
            code = "not-a-file" if error.errno in (errno.ENXIO, errno.EISDIR) else "unreadable-file"
            raise Unreadable(code, f"{path} cannot be read: {error.strerror}") from error
        if len(content) > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES // (1024 * 1024)
            raise Unreadable("file-too-large", f"{path} is larger than the limit of {limit} MiB")
        return content

    def files_read(self) -> list[SourceFile]:
        """The files whose text has been read so far, by path."""
        return [self._texts[path] for path in sorted(self._texts)]

    def exists(self, path: str) -> bool:
        """Whether the path names a file or directory inside the root."""
        known = normalise(path)
        self._trace.files.add(known)
        place = self._resolve(path)
        return known in self.overlay or (place is not None and _quietly(place.exists))

    def is_file(self, path: str) -> bool:
        """Whether the path names a regular file inside the root."""
        known = normalise(path)
        self._trace.files.add(known)
        place = self._resolve(path)
        return known in self.overlay or (place is not None and _quietly(place.is_file))

    def is_dir(self, path: str) -> bool:
        """Whether the path names a directory inside the root."""
        self._trace.files.add(normalise(path))
        place = self._resolve(path)
        return place is not None and _quietly(place.is_dir)

    def list(self, directory: str) -> list[str]:
        """The names in a directory, sorted; empty where there is none."""
        top = normalise(directory)
        self._trace.directories.add(top)
        place = self._resolve(directory)
        if place is None:
            return []
        unsaved = {path.rpartition("/")[2] for path in self.overlay if path.rpartition("/")[0] == top}
        try:
            return sorted(unsaved.union(entry.name for entry in place.iterdir()))
        except OSError:
            return sorted(unsaved)

    def walk(self, start: str) -> Iterator[str]:
        """The files below a directory, by name; ``SKIPPED_DIRECTORIES`` and linked directories are left out.

        Texts of the overlay that stand in for no file come last.
        """
        self._trace.below.add(normalise(start))
        top = self._resolve(start)
        if top is None:
            return
        prefix = os.path.relpath(top, self.root).replace(os.sep, "/")
        waiting = ["" if prefix == "." else prefix + "/"]
        while waiting:
            prefix = waiting.pop()
            directories, files = self._listed(prefix)
            yield from (prefix + name for name in files)
            waiting.extend(f"{prefix}{name}/" for name in reversed(directories))
        yield from sorted(path for path in self.overlay if self._unsaved(path, start))

    def _listed(self, prefix: str) -> tuple[Sequence[str], Sequence[str]]:
        """The names of the directories to enter and of the files in a directory, those of links to files included."""
        directories, files = [], []
        try:
            if prefix.count("/") > MAX_DIRECTORY_DEPTH:
                raise OSError(errno.ENAMETOOLONG, f"deeper than the limit of {MAX_DIRECTORY_DEPTH} directories")
            with os.scandir(self.root / prefix) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.name)
                    elif not (entry.is_symlink() and _quietly(entry.is_dir)):
                        files.append(entry.name)
        except OSError as error:
            self.unlisted[prefix.rstrip("/")] = error.strerror or str(error)
        return sorted(name for name in directories if name not in SKIPPED_DIRECTORIES), sorted(files)

    def _unsaved(self, path: str, start: str) -> bool:
        """Whether a text of the overlay lies below a directory and no file has its name."""
        place, top = self._resolve(path), normalise(start)
        if place is None or (top and not path.startswith(f"{top}/")):
            return False
        return not SKIPPED_DIRECTORIES.intersection(path.split("/")) and not _quietly(place.is_file)

    def absolute(self, path: str) -> Path | None:
        """The place of ``path`` on disk, for external engines; ``None`` if it leaves the root.

        Where the overlay has texts below it, that is a temporary copy with them in it.
        """
        place, top = self._resolve(path), normalise(path)
        self._trace.below.add(top)
        unsaved = [name for name in self.overlay if name == top or not top or name.startswith(f"{top}/")]
        if place is None or not unsaved or not place.is_dir():
            return place
        import shutil
        import tempfile
        import weakref

        if self._copy is None:
            self._copy = Path(tempfile.mkdtemp(prefix="kilter-texts-"))
            weakref.finalize(self, shutil.rmtree, self._copy, ignore_errors=True)
        target = self._copy / top
        if not target.is_dir() or target == self._copy:
            shutil.copytree(place, target, ignore=self._not_to_copy, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        for name in unsaved:
            if self._resolve(name) is not None:
                (self._copy / name).parent.mkdir(parents=True, exist_ok=True)
                (self._copy / name).write_text(self.overlay[name], "utf-8", "surrogatepass")
        return target

    def _not_to_copy(self, directory: str, names: Sequence[str]) -> set[str]:
        """What no engine reads, and what is no regular file or leads out of the root."""
        places = {name: Path(directory, name) for name in names}
        return {
            name
            for name, place in places.items()
            if name in SKIPPED_DIRECTORIES
            or self._resolve(str(place)) is None
            or not (_quietly(place.is_file) or _quietly(place.is_dir))
        }

    def _resolve(self, path: str) -> Path | None:
        place = self._located(path)
        return None if place is None else Path(place)

    def _located(self, path: str) -> str | None:
        """The place of ``path`` without links, if that is inside the root; each directory is looked at once."""
        if "\0" in path:
            return None
        directory, _, name = path.rpartition("/")
        if path.startswith("/") or name in ("", ".", "..") or path.count("/") > MAX_DIRECTORY_DEPTH:
            return self._resolved_whole(path)
        if directory not in self._places:
            self._places[directory] = self._located(directory) if directory else str(self.root)
        base = self._places[directory]
        if base is None:
            return None
        place = os.path.join(base, name)  # noqa: PTH118 - called for every file that is read
        return self._resolved_whole(path) if os.path.islink(place) else place  # noqa: PTH114

    def _resolved_whole(self, path: str) -> str | None:
        try:
            place = (self.root / path).resolve()
        except (OSError, RuntimeError):
            return None
        return str(place) if place == self.root or place.is_relative_to(self.root) else None


def normalise(path: str) -> str:
    """``path`` without ``.`` and inner ``..`` steps; a leading ``..`` is kept, so that it stays refused."""
    steps: list[str] = []
    for step in PurePosixPath(path).parts if path.startswith("/") else path.split("/"):
        if step == ".." and steps and steps[-1] != "..":
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps)


def decode(path: str, content: bytes) -> str:
    """The text of a file's content without its byte order mark. Raises ``Unreadable``."""
    if b"\0" in content[:8192] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("binary-file", f"{path} is a binary file")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable("not-utf-8", f"{path} is not UTF-8 text (byte {error.start})") from error


def encode_like(content: bytes, text: str) -> bytes:
    """``text`` in the encoding of ``content``, with a byte order mark if that has one."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if content.startswith(mark):
            return mark + text.encode(encoding)
    return text.encode("utf-8")


def _quietly(check: object) -> bool:
    try:
        return bool(check())  # type: ignore[operator]
    except OSError:
        return False
