"""Escapes, trim markers and heredoc indentation: what turns the text of a template into its value."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|(\$\$|%%)\{", re.DOTALL)
_DOUBLED = re.compile(r"(\$\$|%%)\{")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(slots=True)
class Token:
    """A part of a template in the order of the source: a line of text, or an interpolation or directive tag."""

    start: int
    end: int
    text: str | None = None
    trim_before: bool = False
    trim_after: bool = False


class Literals:
    """The text tokens of a template by where they start."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = [token for token in tokens if token.text is not None]
        self._starts = [token.start for token in self._tokens]

    def __len__(self) -> int:
        return len(self._tokens)

    def text(self, start: int, end: int) -> str | None:
        """The text between two places, which may have been trimmed to nothing; ``None`` if none is written there."""
        found = self._tokens[bisect_left(self._starts, start) : bisect_left(self._starts, end)]
        return "".join(token.text or "" for token in found) if found else None


def unescape(raw: str) -> str:
    """The value of quoted text: backslash escapes, ``$${`` and ``%%{``."""
    if "\\" not in raw and "{" not in raw:
        return raw
    return _ESCAPE.sub(_escaped, raw)


def _escaped(match: re.Match[str]) -> str:
    if match[2]:
        return match[2][0] + "{"
    code = match[1]
    if code[0] in "uU" and len(code) > 1:
        point = int(code[1:], 16)
        return chr(point) if point < 0x110000 else "\ufffd"
    return _SIMPLE.get(code, match[0])


def undouble(raw: str) -> str:
    """The value of heredoc text, where only ``$${`` and ``%%{`` are escapes."""
    return _DOUBLED.sub(lambda match: match[1][0] + "{", raw) if "{" in raw else raw


def trim(tokens: list[Token]) -> None:
    """Apply ``~`` markers, in place. They reach to the end of the line of text beside them, not beyond it."""
    for token, following in pairwise(tokens):
        if token.trim_after and following.text is not None:
            following.text = following.text.lstrip()
        if following.trim_before and token.text is not None:
            token.text = token.text.rstrip()


def dedent(tokens: list[Token]) -> None:
    """Remove the indentation that all lines share, as ``<<-`` does, in place.

    Blank lines do not count and stay as they are. A line of text that follows a trimmed line end begins no line.
    """
    indented: list[Token] = []
    margins: list[int] = []
    line_starts = True
    for token in tokens:
        if line_starts:
            indentation = _indentation(token.text) if token.text is not None else 0
            if indentation is not None:
                margins.append(indentation)
                indented.append(token)
        line_starts = token.text.endswith("\n") if token.text is not None else False
    margin = min(margins, default=0)
    for token in indented:
        token.text = token.text[margin:] if token.text is not None else None


def _indentation(line: str) -> int | None:
    """The number of spaces that the line begins with; ``None`` for a blank line."""
    without = line.lstrip()
    return None if not without and line.endswith("\n") else len(line) - len(without)
