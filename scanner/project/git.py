"""The other side of a change, read from git's object store: no checkout, no hooks, no filters, no network."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from msgspec import Struct

from scanner.project.tree import MAX_FILE_BYTES, SKIPPED_DIRECTORIES, Tree, Unreadable, normalise

MAX_LINKS = 40
MAX_REVISION_CHARACTERS = 500
GIT_SECONDS = 120


_LINK = 0o120000
_SUBMODULE = 0o160000


class GitError(Exception):
    """A repository or revision that cannot be used; the message says what to do."""


class Base(Struct, frozen=True):
    """The commit that a change is compared with."""

    repository: Path
    commit: str
    name: str
    """What the user called it, with the short commit id."""
    note: str = ""
    """Why the comparison may be less exact than usual; empty if it is not."""


def find_base(root: Path, revision: str) -> Base:
    """The commit that the work in ``root`` started from: the merge base of ``revision`` and HEAD.

    Where no merge base is known, as in a shallow clone, it is ``revision`` itself. Raises ``GitError``.
    """
    if shutil.which("git") is None:
        raise GitError("--diff needs the git command, which is not on PATH")
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None:
        raise GitError(f"--diff needs a git repository, and {root} is not in one that git accepts")
    shallow = _git(root, "rev-parse", "--is-shallow-repository") == "true"
    usable = revision and not revision.startswith("-") and len(revision) <= MAX_REVISION_CHARACTERS
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") if usable else None
    if commit is None:
        raise GitError(_missing(root, revision, shallow=shallow))
    ancestor = _git(root, "merge-base", commit, "HEAD")
    note = ""
    if ancestor is None and shallow:
        note = (
            f"this clone is shallow and does not hold the commit where the change left {revision}, so it is compared "
            f"with {revision} itself; `git fetch --unshallow` makes it exact"
        )
    chosen = ancestor or commit
    return Base(Path(top), chosen, f"{revision} ({chosen[:10]})", note)


def default_branch(root: Path) -> str:
    """The branch that pull requests go to, as far as the clone knows; ``main`` where it does not."""
    if shutil.which("git") is None:
        return "main"
    remote = _git(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    branch = remote.removeprefix("origin/") if remote else "main"
    return branch if re.fullmatch(r"[\w./-]+", branch) else "main"


def _missing(root: Path, revision: str, *, shallow: bool) -> str:
    remote, _, branch = revision.partition("/")
    remotes = (_git(root, "remote") or "").split()
    depth = " --depth=1" if shallow else ""
    if remote in remotes and branch:
        todo = f"run `git fetch{depth} {remote} +refs/heads/{branch}:refs/remotes/{remote}/{branch}` first"
    elif shallow:
        todo = f"this clone is shallow: run `git fetch --depth=1 origin {revision}` and use --diff FETCH_HEAD"
    else:
        todo = "give a branch, tag or commit that `git rev-parse` knows, or fetch it first"
    return f"--diff {revision!r} is not a commit in this repository; {todo}"


def _git(root: Path, *arguments: str) -> str | None:
    """The output of a git command without its last line end; ``None`` if it fails."""
    content = _git_bytes(root, *arguments)
    return None if content is None else content.decode("utf-8", "surrogateescape").rstrip("\n")


def _git_bytes(root: Path, *arguments: str) -> bytes | None:
    try:
        run = subprocess.run(
            _command(root, *arguments), capture_output=True, env=_environment(), timeout=GIT_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git failed: {error}") from error
    return run.stdout if run.returncode == 0 else None


def _command(root: Path, *arguments: str) -> list[str]:
    """Without the programs that a repository's own configuration names, and in none that hides among the sources."""
    settings = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "safe.bareRepository=explicit")
    return ["git", "-C", str(root), *(word for setting in settings for word in ("-c", setting)), *arguments]


def _no_filters(root: Path) -> list[str]:
    """Options that keep git from running what filters changed files. Raises ``GitError``."""
    keys = _git_bytes(root, "config", "-z", "--name-only", "--get-regexp", r"^filter\.") or b""
    drivers = {os.fsdecode(key).rpartition(".")[0] for key in keys.split(b"\0") if key}
    if any("=" in driver for driver in drivers):
        raise GitError(f"--diff cannot be used in {root}: a filter in its git configuration has = in its name")
    return [
        word
        for driver in sorted(drivers)
        for setting in ("clean=", "process=", "required=false")
        for word in ("-c", f"{driver}.{setting}")
    ]


def _environment() -> dict[str, str]:
    """Without what git tells its hooks, which would redirect the commands, and without lazy fetching."""
    told = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_LITERAL_PATHSPECS")
    kept = {name: value for name, value in os.environ.items() if name not in told}
    offline = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0"}
    return kept | offline | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


class GitTree(Tree):
    """The files of a commit below the scan root, with the paths that they have in the working tree.

    What git ignores (installed modules, secret variables) and submodules cannot be part of the change: those
    paths are read from the working tree on both sides.
    """

    def __init__(self, root: Path, base: Base) -> None:
        super().__init__(root)
        self._prefix = self.root.relative_to(base.repository.resolve()).as_posix()
        self._commit = base.commit
        self._objects = Objects(base.repository)
        self._entries: dict[str, tuple[int, str]] = {}
        self._directories: dict[str, set[str]] = {"": set()}
        self._shared: set[str] = set()
        self._fill()

    def _fill(self) -> None:
        inside = "" if self._prefix == "." else self._prefix
        listing = _git_bytes(self._objects.repository, "ls-tree", "-r", "-z", f"{self._commit}:{inside}")
        for record in (listing or b"").split(b"\0"):
            head, tab, name = record.partition(b"\t")
            if not tab:
                continue
            mode, _, identity = head.decode("ascii").split(" ")
            path = os.fsdecode(name)
            if int(mode, 8) == _SUBMODULE:
                self._share(path)
            elif ".." not in path.split("/"):
                self._entries[path] = (int(mode, 8), identity)
                self._enter(path)
        ignored = _git_bytes(
            self.root, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", "."
        )
        for name in (ignored or b"").split(b"\0"):
            path = os.fsdecode(name).rstrip("/")
            if path and path not in self._entries and path not in self._directories:
                self._share(path)

    def _share(self, path: str) -> None:
        self._shared.add(path)
        self._enter(path)

    def _enter(self, path: str) -> None:
        while path:
            directory, _, name = path.rpartition("/")
            names = self._directories.setdefault(directory, set())
            if name in names:
                return
            names.add(name)
            path = directory

    def changed(self) -> frozenset[str]:
        """The paths below the root that are not the same in the working tree. Raises ``GitError``."""
        options = ("--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all")
        unfiltered = _no_filters(self.root)
        differing = _git_bytes(self.root, *unfiltered, "diff", *options, "--relative", "-z", self._commit, "--", ".")
        added = _git_bytes(self.root, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
        if differing is None or added is None:
            raise GitError(f"git cannot compare {self.root} with {self._commit[:10]}")
        return frozenset(os.fsdecode(name) for name in (differing + b"\0" + added).split(b"\0") if name)

    def read_bytes(self, path: str) -> bytes:
        """See ``Tree.read_bytes``."""
        if normalise(path) in self.overlay:
            return super().read_bytes(path)
        place = self._locate(path)
        if place is None:
            raise Unreadable("outside-root", f"{path} is outside the scanned directory")
        if self._is_shared(place):
            return super().read_bytes(place)
        if place not in self._entries:
            reason = "Is a directory" if place in self._directories else "No such file or directory"
            raise Unreadable("unreadable-file", f"{path} cannot be read: {reason}")
        content = self._objects.read(self._entries[place][1])
        if content is None:
            limit = MAX_FILE_BYTES // (1024 * 1024)
            raise Unreadable("file-too-large", f"{path} is missing or larger than the limit of {limit} MiB")
        return content

    def exists(self, path: str) -> bool:
        """See ``Tree.exists``."""
        return self.is_file(path) or self.is_dir(path)

    def is_file(self, path: str) -> bool:
        """See ``Tree.is_file``."""
        if normalise(path) in self.overlay:
            return True
        place = self._locate(path)
        if place is not None and self._is_shared(place):
            return super().is_file(place)
        return place in self._entries

    def is_dir(self, path: str) -> bool:
        """See ``Tree.is_dir``."""
        place = self._locate(path)
        if place is not None and self._is_shared(place):
            return super().is_dir(place)
        return place in self._directories

    def list(self, directory: str) -> list[str]:
        """See ``Tree.list``."""
        place = self._locate(directory)
        if place is None:
            return []
        return super().list(place) if self._is_shared(place) else sorted(self._directories.get(place, ()))

    def walk(self, start: str) -> Iterator[str]:
        """See ``Tree.walk``."""
        place = self._locate(start)
        if place is None:
            return
        if self._is_shared(place):
            yield from super().walk(place) if super().is_dir(place) else [place]
            return
        prefix = f"{place}/" if place else ""
        names = sorted(self._directories.get(place, ()))
        inner = [name for name in names if prefix + name in self._directories or self._is_shared(prefix + name)]
        yield from (prefix + name for name in names if prefix + name in self._entries and self.is_file(prefix + name))
        for name in inner:
            if name not in SKIPPED_DIRECTORIES:
                yield from self.walk(prefix + name)

    def absolute(self, path: str) -> Path | None:
        """A copy of the files below ``path`` in a temporary directory, for engines that read from disk."""
        place = self._locate(path)
        if place is None:
            return None
        if self._copy is None:
            self._copy = Path(tempfile.mkdtemp(prefix="kilter-base-"))
            weakref.finalize(self, shutil.rmtree, self._copy, ignore_errors=True)
        for file in [place] if self.is_file(place) else self._below(place):
            target = self._copy / file
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    target.write_bytes(self.read_bytes(file))
                except Unreadable:
                    continue
        return self._copy / place

    def _below(self, directory: str) -> Iterator[str]:
        prefix = f"{directory}/" if directory else ""
        return (path for path in self._entries if path.startswith(prefix))

    def _is_shared(self, path: str) -> bool:
        if not self._shared:
            return False
        steps = path.split("/")
        return any("/".join(steps[:count]) in self._shared for count in range(1, len(steps) + 1))

    def _locate(self, path: str) -> str | None:
        """``path`` with symbolic links followed inside the tree; ``None`` if it leaves the root."""
        path = normalise(path)
        for _ in range(MAX_LINKS):
            if path.startswith(("/", "../")) or path == ".." or "\0" in path:
                return None
            link = self._first_link(path)
            if link is None:
                return path
            content = self._objects.read(self._entries[link][1])
            if content is None or content.startswith(b"/"):
                return None
            path = normalise(f"{link.rpartition('/')[0]}/./{os.fsdecode(content)}{path[len(link) :]}".lstrip("/"))
        return None

    def _first_link(self, path: str) -> str | None:
        steps = path.split("/")
        for count in range(1, len(steps) + 1):
            start = "/".join(steps[:count])
            if stat.S_IFMT(self._entries.get(start, (0, ""))[0]) == _LINK:
                return start
        return None


class Objects:
    """Objects by id, through one ``git cat-file --batch`` process."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, identity: str) -> bytes | None:
        """The content of an object; ``None`` if it is missing or larger than ``MAX_FILE_BYTES``."""
        stdin, stdout = self._pipes()
        try:
            stdin.write(f"{identity}\n".encode("ascii"))
            stdin.flush()
            header = stdout.readline().split()
            if len(header) != 3:
                return None
            size = int(header[2])
            if size > MAX_FILE_BYTES:
                self._drain(size + 1)
                return None
            return stdout.read(size + 1)[:size]
        except (OSError, ValueError) as error:
            raise GitError(f"git cat-file failed: {error}") from error

    def _drain(self, size: int) -> None:
        _, stdout = self._pipes()
        while size > 0:
            got = len(stdout.read(min(size, 1 << 20)))
            if got == 0:
                return
            size -= got

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = subprocess.Popen(
                _command(self.repository, "cat-file", "--batch"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
            weakref.finalize(self, _stop, self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def _stop(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
