"""A cache of what is costly to compute from text: plain data by the hash of its input, never code.

Entries are JSON with a checksum, written beside their place and renamed into it, so that a kill at any moment leaves
either the old entry or none. Whatever cannot be read or written is computed again, without a word.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from scanner.version import VERSION

FORMAT = 1
MAX_ENTRY_BYTES = 16 * 1024 * 1024
MAX_CHECKSUM_BYTES = 100
MAX_SHARD_ENTRIES = 512
"""There are 256 shards; a full one gives up its older half."""


class Cache(Struct, frozen=True):
    """Entries below ``directory``; with ``None`` nothing is kept."""

    directory: Path | None

    def key(self, kind: str, *parts: str | bytes) -> str:
        """The key of what is computed from ``parts`` by this version of Kilter; empty without a directory."""
        if self.directory is None:
            return ""
        digest = hashlib.sha256(f"{FORMAT}\0{VERSION}\0{_build()}\0{kind}".encode())
        for part in parts:
            data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        return digest.hexdigest()

    def get(self, key: str) -> Any:
        """The value kept under ``key``; ``None`` if there is none that is whole."""
        body = self.read(key)
        try:
            return None if body is None else json.loads(body)
        except (ValueError, RecursionError):
            return None

    def put(self, key: str, value: Any) -> None:
        """Keep a value of plain data; one that JSON cannot hold exactly is not kept."""
        if self.directory is None:
            return
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            self.write(key, json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode())

    def read(self, key: str) -> bytes | None:
        """The JSON kept under ``key``; ``None`` if there is none that is whole."""
        if self.directory is None:
            return None
        try:
            with self._place(self.directory, key).open("rb") as file:
                checksum, body = file.readline(MAX_CHECKSUM_BYTES), file.read(MAX_ENTRY_BYTES + 1)
        except OSError:
            return None
        return body if checksum == _checksum(key, body) else None

    def write(self, key: str, body: bytes) -> None:
        """Keep JSON, if it is not too long."""
        if self.directory is None or len(body) > MAX_ENTRY_BYTES - 100:
            return
        with contextlib.suppress(OSError):
            place = self._place(self.directory, key)
            _make_directory(self.directory)
            place.parent.mkdir(exist_ok=True, mode=0o700)
            _write(place, _checksum(key, body) + body)

    @staticmethod
    def _place(directory: Path, key: str) -> Path:
        return directory / key[:2] / key[2:]


NO_CACHE = Cache(None)


def user_cache() -> Cache:
    """The user's cache: ``KILTER_CACHE_DIR``, else ``kilter`` in ``XDG_CACHE_HOME`` or ``~/.cache``.

    It is made with mode 0700. One that others may write to is not used: they could change findings.
    """
    place = _user_directory()
    return Cache(place) if place is not None and _private(place) else NO_CACHE


def _user_directory() -> Path | None:
    """A relative path counts only where it was meant for Kilter: the current directory may be the scanned one."""
    chosen = os.environ.get("KILTER_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "kilter"
    home = os.environ.get("HOME") or os.environ.get("USERPROFILE")
    return Path(home) / ".cache" / "kilter" if home and Path(home).is_absolute() else None


def _private(directory: Path) -> bool:
    """Whether a directory, if there is one, is the user's own and nobody else may write to it."""
    try:
        found = directory.stat()
    except OSError:
        return True  # it is made when it is written to, or cannot be
    return os.name != "posix" or (found.st_uid == os.geteuid() and not found.st_mode & stat.S_IWOTH)


@functools.cache
def _build() -> int:
    """When the newest of Kilter's own files was changed: a working copy changes without a new version.

    What is packaged beside the code (rules, schemas and fixtures) goes into the keys that depend on it.
    """
    newest = 0
    for folder, inside, names in os.walk(Path(__file__).parent.parent):
        inside[:] = [name for name in inside if name not in ("__pycache__", "data")]
        for name in names:
            newest = max(newest, os.stat(f"{folder}/{name}").st_mtime_ns)  # noqa: PTH116
    return newest


def _checksum(key: str, body: bytes) -> bytes:
    """The first line of an entry."""
    digest = hashlib.sha256(key.encode())
    digest.update(body)
    return f"{digest.hexdigest()}\n".encode()


def _make_directory(directory: Path) -> None:
    """Make the directory with mode 0700; those above it are made as usual. Raises ``OSError``."""
    if not directory.is_dir():
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)


def _write(place: Path, data: bytes) -> None:
    _make_room(place.parent)
    # not tempfile's: loading that, for a name that nobody else writes to, takes as long as the rest of this
    staged = place.with_name(f"{os.getpid()}-{time.monotonic_ns()}")
    try:
        with open(staged, "xb", opener=_private_file) as file:
            file.write(data)
        staged.replace(place)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _private_file(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _make_room(shard: Path) -> None:
    entries = list(os.scandir(shard))
    if len(entries) < MAX_SHARD_ENTRIES:
        return
    for entry in sorted(entries, key=lambda item: item.stat().st_mtime)[: MAX_SHARD_ENTRIES // 2]:
        Path(entry.path).unlink(missing_ok=True)
