"""Positions on demand: a document's text is composed again when a finding asks for a place, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scanner.core import Change, Location, Locator, Path, RelatedSpan, SourceFile, Span, TextEdit
from scanner.core.edits import MAX_REWRITTEN, TRIED, text_edits
from scanner.frontends.kubernetes.nodes import Composed, Documents, Entries, compose


class DocumentPositions:
    """Places in one file, shared by its resources."""

    __slots__ = ("_documents", "_entries", "_file", "_lines", "_rewritten", "_roots")

    def __init__(self, file: SourceFile, lines: Sequence[int] = ()) -> None:
        """``lines`` are those on which the documents start, if they are known: then each is composed alone."""
        self._file = file
        self._lines = lines
        self._roots: list[Any] | None = None
        self._documents: Documents | None = None
        self._entries: Entries = {}
        self._rewritten = 0

    def locate(self, document: int, path: Path) -> Span:
        """The place of the value at ``path`` in the document with that index, or of its nearest ancestor."""
        offset, node, entries = self._document(document)
        if node is None:
            return Span(self._file.path, 1, 1, 1, 1)
        return self._span(*_walk(node, path, entries), offset)

    def extent(self, document: int, path: Path) -> Span:
        """The whole value at ``path``, from its first key to the end of its last line that says something."""
        offset, node, entries = self._document(document)
        if node is None:
            return Span(self._file.path, 1, 1, 1, 1)
        node = _walk(node, path, entries)[1]
        start, end = node.start_mark, _last(node).end_mark
        line, column = end.line + offset, end.column
        while column == 0 and line > start.line + offset:
            line -= 1
            column = len(self._file.lines[line].rstrip())
        return Span(self._file.path, start.line + offset + 1, start.column + 1, line + 1, column + 1)

    def edits(self, document: int, changes: Sequence[Change], source: SourceFile) -> tuple[TextEdit, ...] | None:
        """See ``scanner.core.Editor``."""
        from scanner.frontends.kubernetes.edit import Refused, changed_document

        if self._rewritten > MAX_REWRITTEN or (source.path, source.text) != (self._file.path, self._file.text):
            return None
        offset, node, _ = self._document(document)
        if node is None:
            return None
        self._documents = self._documents or Documents(self._file)
        start, count = self._documents.lines(node.start_mark.line + offset + 1)
        text = "\n".join(source.lines[start : start + count])
        self._rewritten += len(text) + TRIED
        try:
            return text_edits(source, changed_document(text, changes), start, count)
        except Refused:
            return None

    def _document(self, number: int) -> Composed:
        """A document, without a root node if there is none."""
        if number < len(self._lines):
            self._documents = self._documents or Documents(self._file)
            found = self._documents.at(self._lines[number])
            if found is not None:
                return found
        if self._roots is None:
            self._roots = compose(self._file)[0]
        return Composed(0, self._roots[number] if number < len(self._roots) else None, self._entries)

    def _span(self, key: Any, node: Any, offset: int) -> Span:
        start = (key or node).start_mark
        end = node.end_mark if node.id == "scalar" else (key.end_mark if key is not None else None)
        lines = self._file.lines
        first = start.line + offset
        line = lines[first] if first < len(lines) else ""
        if end is None or end.line != start.line:
            return Span(self._file.path, first + 1, start.column + 1, first + 1, len(line.rstrip()) + 1)
        return Span(self._file.path, first + 1, start.column + 1, first + 1, max(end.column, start.column) + 1)


def _walk(node: Any, path: Path, entries: Entries) -> tuple[Any, Any]:
    """(key node, value node) at ``path``, or of its nearest ancestor; the root has no key."""
    key = None
    for step in path:
        found = _step(node, step, entries)
        if found is None:
            break
        key, node = found
    return key, node


def _last(node: Any) -> Any:
    """The node that ends where ``node`` does: a block collection's own end is where the next token starts."""
    while node.id != "scalar" and not node.flow_style and node.value:
        node = node.value[-1][1] if node.id == "mapping" else node.value[-1]
    return node


def _step(node: Any, step: str | int, entries: Entries) -> tuple[Any, Any] | None:
    if node.id == "mapping" and isinstance(step, str):
        if id(node) not in entries:
            entries[id(node)] = {key.value: (key, value) for key, value in node.value if key.id == "scalar"}
        found = entries[id(node)].get(step)
        if found is None and "<<" in entries[id(node)]:
            for key, value in node.value:
                if key.id == "scalar" and key.value == "<<":
                    for part in value.value if value.id == "sequence" else [value]:
                        found = found or _step(part, step, entries)
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

    def inside(self, base: Path) -> ManifestLocator:
        """The locator of an object that stands at ``base`` in this one."""
        return ManifestLocator(self._positions, self._document, self._base + base, self._related)

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``; the header of an object is its ``kind:`` line."""
        place = self._base + (path or ("kind",))
        return Location(self._positions.locate(self._document, place), self._related)

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._positions.extent(self._document, self._base)

    def edits(self, changes: Sequence[Change], source: SourceFile) -> tuple[TextEdit, ...] | None:
        """See ``scanner.core.Editor``; what was rendered from a template is not edited."""
        if self._related:
            return None
        moved = [change._replace(path=self._base + change.path) for change in changes]
        return self._positions.edits(self._document, moved, source)


class HeldLocator:
    """Locates values of an object that stands in another one, whatever language that is read from."""

    __slots__ = ("_base", "_holder")

    def __init__(self, holder: Locator, base: Path) -> None:
        self._holder = holder
        self._base = base

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        return self._holder.locate(self._base + (path or ("kind",)))

    def extent(self) -> Span:
        """The whole of the other object: where this one ends in it cannot be told."""
        return self._holder.extent()
