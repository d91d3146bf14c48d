"""Escapes, trim markers and heredoc indentation: what turns the text of a template into its value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.values import normalized

_ESCAPE = lazy_pattern(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|(\$\$|%%)\{", re.DOTALL)
_DOUBLED = lazy_pattern(r"(\$\$|%%)\{")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class Tag(Struct, frozen=True):
    """A directive's ``%{ … }``: ``kind`` is if, for, else or end; ``subject`` the condition or collection."""

    kind: str
    subject: ast.Expression | None = None
    key: str = ""
    value: str = ""


class Piece(Struct):
    """One atom of a template in the order of the text: literal text, an interpolation, or a directive's tag.

    In heredocs every line is a piece of its own, as it is a token of its own in HCL.
    """

    start: int
    end: int
    text: str | None = None
    node: ast.Expression | None = None
    tag: Tag | None = None
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
    """Apply ``~`` markers to the neighbouring pieces of text, in place."""
    for index, piece in enumerate(pieces):
        if piece.trim_before and index and (text := pieces[index - 1].text) is not None:
            pieces[index - 1].text = text.rstrip()
        if piece.trim_after and index + 1 < len(pieces) and (text := pieces[index + 1].text) is not None:
            pieces[index + 1].text = text.lstrip()


def dedent(pieces: list[Piece]) -> None:
    """Remove the indentation that all lines share, as ``<<-`` does, in place.

    What a trim marker left of a line counts, so a line whose end was trimmed away does not begin another.
    """
    margin = None
    leading: list[Piece] = []
    at_line_start = True
    for piece in pieces:
        if at_line_start:
            at_line_start = False
            text = piece.text or ""
            rest = text.lstrip()
            if rest or not text.endswith("\n"):
                width = len(text) - len(rest)
                margin = width if margin is None else min(margin, width)
                leading.append(piece)
        if piece.text is not None and piece.text.endswith("\n"):
            at_line_start = True
    for piece in leading:
        if margin and piece.text is not None:
            piece.text = piece.text[margin:]


def nested(pieces: list[Piece]) -> tuple[ast.TemplatePart, ...]:
    """The parts of a template, directives with what stands between their tags."""
    parts, _ = _until_tag(iter(pieces))
    return parts


def _until_tag(pieces: Iterator[Piece]) -> tuple[tuple[ast.TemplatePart, ...], Piece | None]:
    """The parts up to the next else or end tag, and that tag."""
    parts: list[ast.TemplatePart] = []
    for piece in pieces:
        if piece.text is not None:
            last = parts[-1] if parts else None
            if isinstance(last, ast.Literal) and isinstance(last.value, str) and last.end == piece.start:
                parts[-1] = ast.Literal(last.start, piece.end, last.value + piece.text)
            else:
                # text that was trimmed to nothing still makes the template a string
                parts.append(ast.Literal(piece.start, piece.end, piece.text))
        elif piece.node is not None:
            parts.append(piece.node)
        elif piece.tag is not None and piece.tag.kind in ("if", "for"):
            parts.append(_directive(piece, piece.tag, pieces))
        else:
            return tuple(parts), piece
    return tuple(parts), None


def _directive(opening: Piece, tag: Tag, pieces: Iterator[Piece]) -> ast.TemplateIf | ast.TemplateFor:
    body, closing = _until_tag(pieces)
    end = closing.end if closing is not None else opening.end
    subject = tag.subject or ast.Invalid(opening.start, opening.end, "the directive is not complete")
    if tag.kind == "for":
        return ast.TemplateFor(opening.start, end, tag.key, tag.value, subject, body)
    otherwise: tuple[ast.TemplatePart, ...] = ()
    if closing is not None and closing.tag is not None and closing.tag.kind == "else":
        otherwise, closing = _until_tag(pieces)
        end = closing.end if closing is not None else end
    return ast.TemplateIf(opening.start, end, subject, body, otherwise)
