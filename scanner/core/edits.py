"""Edits: what a fix changes, as a resource's attributes have it and as the source has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from scanner.core.sources import SourceFile, Span
from scanner.core.values import Path, Value


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


@dataclass(frozen=True, slots=True)
class Fix:
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
