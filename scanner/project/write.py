"""Writing files: each is replaced as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scanner.project.tree import Tree, Unreadable, decode, encode_like


class NotWritten(Exception):
    """A file that could not be replaced; the message names it and says why."""


def replace_file(target: Path, data: bytes) -> None:
    """Give a file this content at once, or a pipe or device in its course. Raises ``OSError``."""
    if target.exists() and not target.is_file() and not target.is_dir():
        target.write_bytes(data)
        return
    staged = _stage(target, data)
    try:
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _stage(target: Path, data: bytes) -> Path:
    """A file with the content and the permissions of ``target`` beside it. Raises ``OSError``."""
    import tempfile

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".kilter-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(target.stat().st_mode & 0o777 if target.is_file() else 0o644)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def rewrite(tree: Tree, texts: Mapping[str, str]) -> None:
    """Replace files of ``tree`` by these texts, with the encoding and byte order mark that they have.

    Nothing is written unless every file can be and still has the text that ``tree`` has read. Raises ``NotWritten``.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, text in sorted(texts.items()):
            staged.append(_staged(tree, path, text))
        for temporary, target in staged:
            temporary.replace(target)
    except OSError as error:
        raise NotWritten(f"{error.filename2 or error.filename} cannot be written: {error.strerror}") from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _staged(tree: Tree, path: str, text: str) -> tuple[Path, Path]:
    target = tree.absolute(path)
    if target is None:
        raise NotWritten(f"{path} is outside the scanned directory")
    try:
        content = tree.read_bytes(path)
        now = decode(path, content)
    except Unreadable as error:
        raise NotWritten(error.message) from error
    if now != tree.read(path).text:
        raise NotWritten(f"{path} has changed since it was read; nothing was written, run the command again")
    if not os.access(target, os.W_OK):
        raise NotWritten(f"{path} cannot be written: Permission denied; nothing was written")
    try:
        return _stage(target, encode_like(content, text)), target
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}; nothing was written") from error
