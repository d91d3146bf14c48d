"""Edits: what a fix changes, as a resource's attributes have it and as the source has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from scanner.core.sources import SourceFile, Span
from scanner.core.values import Path, Value

MAX_REWRITTEN = 2 * 1024 * 1024
"""Characters of the blocks or documents of one file that edits are tried on: each is read again for each finding."""
TRIED = 500
"""Characters that trying an edit counts for beyond those: of a small block, that takes longer than reading it."""


class Change(NamedTuple):
    """One change of a resource's attributes. ``path`` leads to the value, which may not exist yet.

    ``set`` replaces the value or creates it with what leads there; ``remove`` takes it away; ``add`` appends
    ``value`` to the list at ``path``. A Terraform block is an item of the list of blocks of its type.
    """

    kind: Literal["set", "remove", "add"]
    path: Path
    value: Value = None


class TextEdit(NamedTuple):
    """``replacement`` takes the place of the text at ``span``. An insertion has an empty span.

    Unlike a location's, this span may cover line ends: it ends before (``end_line``, ``end_column``).
    """

    span: Span
    replacement: str


class Fix(Struct, frozen=True):
    """Edits of one file that do not overlap, in the order of the text; all of them or none are to be made."""

    title: str
    edits: tuple[TextEdit, ...]


@runtime_checkable
class Editor(Protocol):
    """A locator that can also write its source language."""

    def edits(self, changes: Sequence[Change], source: SourceFile) -> tuple[TextEdit, ...] | None:
        """The edits of ``source`` that make the changes and nothing else, in the order of the text.

        ``None`` where the values do not stand literally in ``source``, or are shared with something else.
        """
        ...


def changed(value: Value, change: Change) -> Value:
    """A copy of ``value`` with the change made. Raises ``LookupError`` where nothing can stand at the path."""
    return _changed(value, change.path, change)


def _changed(value: Value, path: Path, change: Change) -> Value:
    if not path:
        if change.kind == "set":
            return change.value
        if isinstance(value, list):
            return [*value, change.value]
        if value is None:
            return [change.value]
        raise LookupError("only a list can be added to")
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        return _in_mapping({} if value is None else value, step, rest, change)
    return _in_list([] if value is None else value, step, rest, change)


def _in_mapping(value: Value, step: str, rest: Path, change: Change) -> Value:
    if not isinstance(value, dict):
        raise LookupError(f"there is no {step} in something that is no mapping")
    if change.kind == "remove" and not rest:
        return {key: item for key, item in value.items() if key != step}
    return {**value, step: _changed(value.get(step), rest, change)}


def _in_list(value: Value, step: int, rest: Path, change: Change) -> Value:
    if not isinstance(value, list) or not 0 <= step <= len(value):
        raise LookupError(f"there is no item {step}")
    if change.kind == "remove" and not rest:
        return [*value[:step], *value[step + 1 :]]
    item = value[step] if step < len(value) else None
    return [*value[:step], _changed(item, rest, change), *value[step + 1 :]]


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal and of equal types throughout: ``1``, ``1.0``, ``True`` and ``"1"`` differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or one is other


def text_edits(source: SourceFile, text: str, start_line: int = 0, count: int | None = None) -> tuple[TextEdit, ...]:
    """The edits that turn ``count`` lines of ``source`` (all by default) from index ``start_line`` on into ``text``."""
    from difflib import SequenceMatcher

    old = _lines("\n".join(source.lines[start_line : None if count is None else start_line + count]))
    new = _lines(text)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    edits = []
    for tag, first, last, new_first, new_last in middle.get_opcodes():
        if tag != "equal":
            before = "".join(old[head + first : head + last])
            after = "".join(new[head + new_first : head + new_last])
            edits.append(_trimmed(source.path, start_line + head + first, before, after))
    return tuple(edits)


def _lines(text: str) -> list[str]:
    """The lines with their ends; what Unicode calls a line end besides is none in our languages."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items the sequences have in common from the start on."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))


def _trimmed(file: str, line: int, before: str, after: str) -> TextEdit:
    """The edit from ``before``, which starts at a line's start, to ``after`` without what they have in common."""
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    kept, gone = before[:head], before[: len(before) - tail]
    span = Span(file, line + kept.count("\n") + 1, _column(kept), line + gone.count("\n") + 1, _column(gone))
    return TextEdit(span, after[head : len(after) - tail])


def _column(text: str) -> int:
    return len(text) - text.rfind("\n")


def apply_edits(source: SourceFile, edits: Iterable[TextEdit]) -> str:
    """The text with the edits made, which must not overlap. Raises ``ValueError``."""
    starts = [0]
    for line in source.lines:
        starts.append(starts[-1] + len(line) + 1)
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        first = starts[edit.span.start_line - 1] + edit.span.start_column - 1
        last = starts[edit.span.end_line - 1] + edit.span.end_column - 1
        if not at <= first <= last <= len(source.text):
            raise ValueError(f"the edits of {source.path} overlap at line {edit.span.start_line}")
        parts += [source.text[at:first], edit.replacement]
        at = last
    return "".join([*parts, source.text[at:]])
