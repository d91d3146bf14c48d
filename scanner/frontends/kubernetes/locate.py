"""Positions on demand: a document's text is composed again only when a finding asks for a place."""

from __future__ import annotations

from typing import Any

from scanner.core import Location, Path, RelatedSpan, SourceFile, Span
from scanner.frontends.kubernetes.nodes import compose


class DocumentPositions:
    """The node trees of one file, composed at the first question and shared by its resources."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._roots: list[Any] | None = None

    def locate(self, document: int, path: Path) -> Span:
        """The place of the value at ``path`` in the document with that index, or of its nearest ancestor."""
        if self._roots is None:
            self._roots = compose(self._file)[0]
        if document >= len(self._roots):
            return Span(self._file.path, 1, 1, 1, 1)
        key, node = None, self._roots[document]
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            key, node = found
        return self._span(key, node)

    def _span(self, key: Any, node: Any) -> Span:
        start = (key or node).start_mark
        end = node.end_mark if node.id == "scalar" else (key.end_mark if key is not None else None)
        lines = self._file.lines
        line = lines[start.line] if start.line < len(lines) else ""
        if end is None or end.line != start.line:
            return Span(self._file.path, start.line + 1, start.column + 1, start.line + 1, len(line.rstrip()) + 1)
        return Span(self._file.path, start.line + 1, start.column + 1, end.line + 1, max(end.column, start.column) + 1)


def _step(node: Any, step: str | int) -> tuple[Any, Any] | None:
    if node.id == "mapping" and isinstance(step, str):
        found = None
        for key, value in node.value:
            if key.id == "scalar" and key.value == step:
                found = key, value
        if found is None:
            for key, value in node.value:
                if key.id == "scalar" and key.value == "<<":
                    for part in value.value if value.id == "sequence" else [value]:
                        found = found or _step(part, step)
        return found
    if node.id == "sequence" and isinstance(step, int) and -len(node.value) <= step < len(node.value):
        return None, node.value[step]
    return None


class ManifestLocator:
    """Locates values of one object in one document; ``base`` leads to it inside a ``List``."""

    __slots__ = ("_base", "_document", "_positions", "_related")

    def __init__(
        self,
        positions: DocumentPositions,
        document: int,
        base: Path = (),
        related: tuple[RelatedSpan, ...] = (),
    ) -> None:
        self._positions = positions
        self._document = document
        self._base = base
        self._related = related

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``; the header of an object is its ``kind:`` line."""
        place = self._base + (path or ("kind",))
        return Location(self._positions.locate(self._document, place), self._related)
