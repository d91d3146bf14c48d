"""Offsets into a file's text to lines and columns."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from scanner.core import SourceFile, Span


class Text:
    """A file's text with its line starts; offsets are in code points."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.broken = False
        """Whether something in the file could not be read."""
        self.rewritten = 0
        """Characters of the blocks that edits were tried on."""

    @cached_property
    def _starts(self) -> list[int]:
        starts, text, at = [0], self.file.text, -1
        while (at := text.find("\n", at + 1)) >= 0:
            starts.append(at + 1)
        return starts

    def span(self, start: int, end: int) -> Span:
        """The span of the half-open range; ``end`` is cut back to the line of ``start`` plus what follows."""
        start_line = bisect_right(self._starts, start) - 1
        end_line = bisect_right(self._starts, max(end, start)) - 1
        return Span(
            self.file.path,
            start_line + 1,
            start - self._starts[start_line] + 1,
            end_line + 1,
            end - self._starts[end_line] + 1,
        )
