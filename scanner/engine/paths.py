"""Paths of rules: a subset of RFC 9535 JSONPath over concepts and plain data.

``$`` is the rule's subject, ``@`` the current item, ``^`` the item one level out; then names,
``['quoted names']``, indices and ``[*]``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct

from scanner.concepts.model import Concept, View
from scanner.core import Path, Resource, Unknown, get
from scanner.core.patterns import lazy_pattern

_STEP = lazy_pattern(r"\.([A-Za-z_][\w-]*)|\['([^']*)'\]|\[(-?\d+)\]|(\[\*\])")


class PathError(ValueError):
    """A path that does not follow the grammar."""


class Found(NamedTuple):
    """A value and the resource's attribute path that it comes from (``None``: nowhere in the source)."""

    value: Any
    source: Path | None


class Frame(NamedTuple):
    """What ``$``, ``@`` and ``^`` stand for while a condition is evaluated."""

    subject: Found
    item: Found
    outer: Found
    resource: Resource


class CompiledPath(Struct, frozen=True):
    """A path that was read once. ``many`` tells whether it holds ``[*]``."""

    text: str
    root: str
    steps: tuple[str | int | None, ...]
    many: bool

    def find(self, frame: Frame) -> list[Found]:
        """The values that the path leads to; an unknown on the way is such a value."""
        start = frame.subject if self.root == "$" else frame.item if self.root == "@" else frame.outer
        if len(self.steps) == 1:
            return _advance(start, self.steps[0])
        found = [start]
        for step in self.steps:
            if len(found) == 1:
                found = _advance(found[0], step)
            else:
                found = [result for place in found for result in _advance(place, step)]
            if not found:
                break
        return found

    def source(self, frame: Frame) -> Path | None:
        """The attribute path of the first value, or of the deepest part of the path that exists."""
        start = frame.subject if self.root == "$" else frame.item if self.root == "@" else frame.outer
        place: Found = start
        for number, step in enumerate(self.steps):
            found = _first(place, step)
            if found is None:
                return _missing_source(place, self.steps[number:])
            place = found
        return place.source


def compile_path(text: str) -> CompiledPath:
    """Read a path. Raises ``PathError``."""
    if not text or text[0] not in "$@^":
        raise PathError(f"{text!r} must start with $, @ or ^")
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise PathError(f"{text!r} cannot be read from {text[at:]!r} on")
        name, quoted, index, _ = match.groups()
        steps.append(name if name is not None else quoted if quoted is not None else int(index) if index else None)
        at = match.end()
    return CompiledPath(text, text[0], tuple(steps), None in steps)


def fields_of(view: type[View]) -> frozenset[str]:
    """The field names of a concept or a part of one."""
    return frozenset(view.__struct_fields__)


@cache
def _fields(kind: type) -> frozenset[str] | None:
    """The field names of values of this type; ``None`` if it is no view. Asking ``isinstance`` takes twice as long."""
    return fields_of(kind) if issubclass(kind, View) else None


def _advance(place: Found, step: str | int | None) -> list[Found]:
    value, source = place
    kind: Any = type(value)
    if kind is dict or kind is list:
        return items(value, source) if step is None else _entry(value, source, step)
    fields = _fields(kind)
    if fields is not None:
        return _field(value, step, fields)
    return [place] if isinstance(value, Unknown) else []


def _entry(value: dict[Any, Any] | list[Any], source: Path | None, step: str | int) -> list[Found]:
    if isinstance(value, dict):
        # an empty list of blocks, as a dynamic block may give, is the same as no block
        if step in value and value[step] != []:
            return [Found(value[step], None if source is None else (*source, step))]
    elif isinstance(step, int) and -len(value) <= step < len(value):
        return [_item(value[step], source, step % len(value))]
    return []


def _first(place: Found, step: str | int | None) -> Found | None:
    """The first of what a step leads to, without going through all items of a list."""
    if step is None and isinstance(place.value, list):
        return _item(place.value[0], place.source, 0) if place.value else None
    return next(iter(_advance(place, step)), None)


def _field(view: View, step: str | int | None, fields: frozenset[str]) -> list[Found]:
    if step in ("resource", "written") and isinstance(view, Concept):
        value = view.resource.attributes if step == "resource" else get(view.resource.attributes, *view.at)
        return [] if value is None else [Found(value, () if step == "resource" else view.at)]
    if step not in fields:
        return []
    name = str(step)
    value = getattr(view, name)
    if value is None:
        return []
    kind: Any = type(value)
    return [Found(value, view.sources.get(name, view.at) if _fields(kind) is None else value.at)]


def items(value: Any, source: Path | None) -> list[Found]:
    """The items of a list or the values of a map, each with its place."""
    if isinstance(value, list):
        return [_item(item, source, number) for number, item in enumerate(value)]
    if isinstance(value, dict):
        return [Found(item, None if source is None else (*source, key)) for key, item in value.items()]
    return []


def _item(item: Any, source: Path | None, number: int) -> Found:
    kind: Any = type(item)
    if _fields(kind) is not None:
        return Found(item, item.at)
    return Found(item, None if source is None else (*source, number))


def _missing_source(place: Found, rest: tuple[str | int | None, ...]) -> Path | None:
    if isinstance(place.value, View) and rest and isinstance(rest[0], str):
        return place.value.sources.get(rest[0], place.value.at)
    if isinstance(place.value, dict) and rest and rest[0] in place.value and place.source is not None:
        return (*place.source, str(rest[0]))
    return place.source
