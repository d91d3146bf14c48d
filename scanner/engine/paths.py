"""Paths: a subset of RFC 9535 JSONPath, compiled once to walkers over concepts, mappings and lists.

``$`` is the selected subject, ``@`` the current item, ``^`` the item one level further out; then names,
``['quoted names']``, indices ``[0]`` (negative ones count from the end) and ``[*]``.
A walk gives the values and, for findings, the attribute that each came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, Protocol

from scanner.concepts import model
from scanner.core import Path, Resource, Unknown
from scanner.engine.problems import Keys, Problem, suggest


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""What a path gives where a key, an index or a field's whole container is missing."""


class Place(NamedTuple):
    """Where a value comes from. ``exact`` tells whether deeper steps still follow the resource's attributes."""

    resource: Resource | None
    path: Path
    exact: bool = True


class Concepts(Protocol):
    """What the engine needs of the interpreted concepts."""

    def of_kind(self, kind: str) -> list[Any]:
        """All concepts of the class named ``kind``."""
        ...

    def of_resource(self, resource: Resource) -> list[Any]:
        """The concepts that were read from ``resource``."""
        ...


@dataclass(slots=True)
class Scope:
    """What ``$``, ``@`` and ``^`` stand for while a condition is tested."""

    subject: Any
    resource: Resource
    world: Any
    item: Any = None
    place: Place | None = None
    outer: Scope | None = None

    def enter(self, item: Any, place: Place | None = None) -> Scope:
        """The scope inside a quantifier whose current item is ``item``."""
        return Scope(self.subject, self.resource, self.world, item, place, self)


class Wildcard:
    """The step ``[*]``."""


ALL: Final = Wildcard()
Step = str | int | Wildcard
_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*) | \[\s*(?P<index>-?\d+)\s*\] | \[\s*(?P<all>\*)\s*\] | (?P<dotall>\.\*)
      | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\] | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class CompiledPath:
    """``values`` gives (values, unknown collections met by ``[*]``); ``items`` the same values with places."""

    text: str
    root: str
    steps: tuple[Step, ...]
    plural: bool
    value: Callable[[Scope], Any]

    def values(self, scope: Scope) -> tuple[list[Any], list[Unknown]]:
        """The values in order, and every unknown in whose place ``[*]`` needed a collection."""
        if not self.plural:
            return [self.value(scope)], []
        values, holes = [_root_value(self.root, scope)], []
        for step in self.steps:
            if isinstance(step, Wildcard):
                holes += [value for value in values if isinstance(value, Unknown)]
                values = [item for value in values for item in _members(value)]
            else:
                values = [_child(value, step) for value in values]
        return values, holes

    def items(self, scope: Scope) -> list[tuple[Any, Place]]:
        """The values with the places they come from."""
        items = [(_root_value(self.root, scope), _root_place(self.root, scope))]
        for step in self.steps:
            if isinstance(step, Wildcard):
                items = [item for value, place in items for item in members_with_places(value, place)]
            else:
                items = [(_child(value, step), _child_place(value, place, step)) for value, place in items]
        return items


def _root_value(root: str, scope: Scope) -> Any:
    if root == "$":
        return scope.subject
    holder = scope if root == "@" else scope.outer
    if holder is None or holder.outer is None:
        return scope.subject
    return holder.item


def _root_place(root: str, scope: Scope) -> Place:
    holder: Scope | None = None if root == "$" else scope if root == "@" else scope.outer
    if holder is None or holder.outer is None:
        return place_of(scope.subject, Place(scope.resource, ()))
    return holder.place or place_of(holder.item, Place(None, ()))


def place_of(value: Any, inherited: Place) -> Place:
    """The place of a view is its own; everything else stands where it was reached."""
    if isinstance(value, Resource):
        return Place(value, ())
    if isinstance(value, model.Concept):
        return Place(value.resource, value.at, False)
    if isinstance(value, model.View):
        return Place(inherited.resource, value.at or inherited.path, False)
    return inherited


def _child(value: Any, step: str | int) -> Any:
    if isinstance(value, Unknown):
        return value
    if isinstance(step, int):
        if isinstance(value, list) and -len(value) <= step < len(value):
            return value[step]
        return ABSENT
    if isinstance(value, dict):
        return value.get(step, ABSENT)
    if isinstance(value, Resource):
        return value.attributes.get(step, ABSENT)
    if isinstance(value, model.View):
        found = getattr(value, step, ABSENT)
        if step == "resource" and isinstance(found, Resource):
            return found.attributes
        return found
    return ABSENT


def _child_place(value: Any, place: Place, step: str | int) -> Place:
    if isinstance(value, model.View):
        if step == "resource" and isinstance(value, model.Concept):
            return Place(value.resource, ())
        source = value.sources.get(str(step))
        here = Place(place.resource, place.path, False) if source is None else Place(place.resource, source)
        return place_of(_child(value, step), here)
    if place.exact:
        place = Place(place.resource, (*place.path, step))
    return place_of(_child(value, step), place)


def _members(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value.values())
    return []


def members(value: Any) -> tuple[list[Any], list[Unknown]]:
    """The items that a quantifier runs over: a list's, a mapping's values, or a lone scalar itself."""
    if isinstance(value, Unknown):
        return [], [value]
    if value is None or value is ABSENT:
        return [], []
    return (_members(value), []) if isinstance(value, list | dict) else ([value], [])


def members_with_places(value: Any, place: Place) -> Iterator[tuple[Any, Place]]:
    """The members of a list or mapping and where they stand."""
    pairs: Any = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in pairs:
        yield item, place_of(item, Place(place.resource, (*place.path, key)) if place.exact else place)


def parse_path(text: Any, keys: Keys = ()) -> tuple[str, tuple[Step, ...]]:
    """Split a path into its root and steps. Raises ``Problem`` where it is not one."""
    if not isinstance(text, str) or text[:1] not in ("$", "@", "^"):
        raise Problem(keys, f"a path starts with $, @ or ^, not {text!r}")
    steps: list[Step] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise Problem(keys, f"cannot read the path {text!r} from character {position + 1}: {text[position:]!r}")
        steps.append(_step(match))
        position = match.end()
    return text[0], tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["all"] or match["dotall"]:
        return ALL
    if match["index"]:
        return int(match["index"])
    quoted = match["single"] if match["single"] is not None else match["double"]
    return match["name"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


Shape = Any
"""What is known of a value when a rule is compiled: a view class, ``[Shape]`` for a list, or ``None``."""


def compile_path(text: Any, keys: Keys = (), shapes: dict[str, Shape] | None = None) -> tuple[CompiledPath, Shape]:
    """Compile a path and check the concept fields that it names; also gives the shape of what it leads to."""
    root, steps = parse_path(text, keys)
    shape = _shape_after((shapes or {}).get(root), steps, keys)
    plural = any(isinstance(step, Wildcard) for step in steps)
    return CompiledPath(text, root, steps, plural, _walker(root, steps)), shape


def _walker(root: str, steps: tuple[Step, ...]) -> Callable[[Scope], Any]:
    plain = [step for step in steps if not isinstance(step, Wildcard)]

    def value(scope: Scope) -> Any:
        current = scope.subject if root == "$" else _root_value(root, scope)
        for step in plain:
            current = _child(current, step)
            if current is ABSENT or isinstance(current, Unknown):
                return current
        return current

    return value


def _shape_after(shape: Shape, steps: tuple[Step, ...], keys: Keys) -> Shape:
    for step in steps:
        if shape is None:
            return None
        if isinstance(shape, list):
            shape = None if isinstance(step, str) else shape[0]
        elif isinstance(step, str):
            shape = _field_shape(shape, step, keys)
        else:
            return None
    return shape


def _field_shape(view: type[model.View], name: str, keys: Keys) -> Shape:
    types = {item.name: item.type for item in fields(view)}
    if name not in types:
        raise Problem(keys, f"{view.__name__} has no field {name!r}{suggest(name, types)}")
    if name == "resource" and issubclass(view, model.Concept):
        return None
    for part in str(types[name]).split("|"):
        match = re.fullmatch(r"(list\[)?(\w+)\]?", part.strip())
        found = getattr(model, match[2], None) if match else None
        if isinstance(found, type) and issubclass(found, model.View):
            return [found] if match and match[1] else found
    return None


def concept_classes() -> dict[str, type[model.Concept]]:
    """The concepts that a rule can select, by name."""
    return {cls.__name__: cls for cls in model.Concept.__subclasses__()}
