"""Source files and places in them."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from msgspec import Struct


class Span(NamedTuple):
    """A half-open place in a file: lines and columns are 1-based, columns count Unicode code points.

    ``end_column`` is exclusive; ``end_line`` is the line that holds the last character.
    """

    file: str
    start_line: int
    start_column: int
    end_line: int
    end_column: int


class SourceFile(Struct, frozen=True, dict=True):
    """The text of one scanned file. ``path`` is relative to the scan root, with forward slashes."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their line ends; index 0 is line 1."""
        return self.text.split("\n")
