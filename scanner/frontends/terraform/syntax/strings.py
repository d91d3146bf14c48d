"""Escapes, trim markers and heredoc indentation: what turns the text of a template into its value."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.values import normalized

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|(\$\$|%%)\{", re.DOTALL)
_DOUBLED = re.compile(r"(\$\$|%%)\{")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(slots=True)
class Piece:
    """A part of a template while it is read: raw text, or a finished node with its trim markers."""

    start: int
    end: int
    text: str | None = None
    node: ast.TemplatePart | None = None
    trim_before: bool = False
    trim_after: bool = False


def unescape(raw: str) -> str:
    """The value of quoted text: backslash escapes, ``$${`` and ``%%{``."""
    if "\\" in raw or "{" in raw:
        raw = _ESCAPE.sub(_escaped, raw)
    return normalized(raw)


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
    return normalized(_DOUBLED.sub(lambda match: match[1][0] + "{", raw) if "{" in raw else raw)


def trim(pieces: list[Piece]) -> None:
    """Apply ``~`` markers to the neighbouring text, in place."""
    for index, piece in enumerate(pieces):
        if piece.trim_before and index and (text := pieces[index - 1].text) is not None:
            pieces[index - 1].text = text.rstrip()
        if piece.trim_after and index + 1 < len(pieces) and (text := pieces[index + 1].text) is not None:
            pieces[index + 1].text = text.lstrip()


def dedent(pieces: list[Piece]) -> None:
    """Remove the indentation that all lines share, as ``<<-`` does, in place."""
    indents: list[int] = []
    at_line_start = True
    for piece in pieces:
        if piece.text is None:
            if at_line_start:
                indents.append(0)
            at_line_start = False
            continue
        lines = piece.text.split("\n")
        for number, line in enumerate(lines):
            if (number or at_line_start) and (line.strip(" \t") or (number == len(lines) - 1 and line)):
                indents.append(len(line) - len(line.lstrip(" ")))
        at_line_start = lines[-1] == "" if len(lines) > 1 or at_line_start else False
    margin = min(indents, default=0)
    if margin:
        _remove_margin(pieces, margin)


def _remove_margin(pieces: list[Piece], margin: int) -> None:
    at_line_start = True
    for piece in pieces:
        if piece.text is None:
            at_line_start = False
            continue
        lines = piece.text.split("\n")
        for number, line in enumerate(lines):
            if number or at_line_start:
                cut = min(margin, len(line) - len(line.lstrip(" ")))
                lines[number] = line[cut:]
        at_line_start = len(lines) > 1 and lines[-1] == ""
        piece.text = "\n".join(lines)
