"""Spans (1-based, in code points) to ranges of the protocol (0-based, in the units agreed on) and back."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types
from pygls.workspace import PositionCodec

from scanner.core import Span


def range_of(span: Span, lines: Sequence[str], codec: PositionCodec) -> types.Range:
    """The range of a span; an empty span stands for its line."""
    start = _position(span.start_line, span.start_column, lines, codec)
    end = _position(span.end_line, span.end_column, lines, codec)
    if (start.line, start.character) >= (end.line, end.character):
        start = types.Position(start.line, 0)
        end = _position(span.start_line, len(_line(span.start_line, lines)) + 1, lines, codec)
    return types.Range(start, end)


def exact_range(span: Span, lines: Sequence[str], codec: PositionCodec) -> types.Range:
    """The range of a span that an edit replaces; an empty one is where something is inserted."""

    def position(line: int, column: int) -> types.Position:
        text = lines[line - 1] if line <= len(lines) else ""
        return types.Position(line - 1, codec.client_num_units(text[: column - 1]))

    return types.Range(position(span.start_line, span.start_column), position(span.end_line, span.end_column))


def place_of(position: types.Position, lines: Sequence[str], codec: PositionCodec) -> tuple[int, int]:
    """The 1-based line and column of a position; beyond the end of the line it is the end."""
    text, units, column = _line(position.line + 1, lines), 0, 0
    while column < len(text) and units < position.character:
        units += codec.client_num_units(text[column])
        column += 1
    return position.line + 1, column + 1


def holds(span: Span, line: int, column: int) -> bool:
    """Whether a place lies in a span or directly at its end."""
    return (span.start_line, span.start_column) <= (line, column) <= (span.end_line, span.end_column)


def _position(line: int, column: int, lines: Sequence[str], codec: PositionCodec) -> types.Position:
    before = _line(line, lines)[: max(column - 1, 0)]
    return types.Position(max(line - 1, 0), codec.client_num_units(before))


def _line(number: int, lines: Sequence[str]) -> str:
    return lines[number - 1].rstrip("\r") if 1 <= number <= len(lines) else ""
