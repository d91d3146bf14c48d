"""Guards: what a rule's ``where`` says about plain fields of its subject, so that most subjects need not be tried.

A guard is a conjunct of the form ``{path: $.field, equals: literal}`` or ``in: [literals]``. A subject whose field has
another value cannot satisfy it, whatever the rest says; where the field is unknown or no plain value, the subject is
tried in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scanner.concepts.model import Concept
from scanner.core import Resource
from scanner.core.patterns import lazy_pattern
from scanner.engine.paths import Found, fields_of

Guard = tuple[str, frozenset[Any]]
"""A field and the values of which it must have one."""
Subject = tuple[Found, Resource]
_FIELD = lazy_pattern(r"\$\.([A-Za-z_]\w*)\Z")
_PLAIN = (str, bool, int, float)


def guards_of(where: Any) -> tuple[Guard, ...]:
    """The guards among the conjuncts of a rule's ``where``."""
    return tuple(guard for part in _conjuncts(where) if (guard := _guard(part)) is not None)


def _conjuncts(where: Any) -> Iterator[Any]:
    if isinstance(where, list | tuple):
        for item in where:
            yield from _conjuncts(item)
    elif isinstance(where, Mapping) and "all" in where:
        yield from _conjuncts(where["all"])
    else:
        yield where


def _guard(condition: Any) -> Guard | None:
    if not isinstance(condition, Mapping) or len(condition) != 2:
        return None
    match = _FIELD.match(str(condition.get("path")))
    wanted = condition.get("in", [condition.get("equals")])
    if match is None or not isinstance(wanted, list) or not all(isinstance(item, _PLAIN) for item in wanted):
        return None
    return match[1], frozenset(wanted)


class Subjects:
    """What rules select, by name, and of concepts by the values of their fields; each list is made once."""

    def __init__(self, found: Mapping[str, Sequence[Subject]]) -> None:
        self._found = found
        self._tables: dict[tuple[str, str], dict[Any, list[int]]] = {}

    def of(self, name: str, guards: Iterable[Guard]) -> Sequence[Subject]:
        """The subjects that a rule with these guards may apply to, in their order."""
        found = self._found[name]
        view = type(found[0][0].value) if found else None
        if view is None or not issubclass(view, Concept):
            return found
        chosen: list[int] | None = None
        for field, values in guards:
            if field in fields_of(view):
                table = self._table(name, field)
                numbers = [number for value in (*values, _OTHER) for number in table.get(value, ())]
                chosen = numbers if chosen is None or len(numbers) < len(chosen) else chosen
        return found if chosen is None else [found[number] for number in sorted(set(chosen))]

    def _table(self, name: str, field: str) -> dict[Any, list[int]]:
        """Numbers of the subjects by the value of a field; absent ones are in none."""
        key = (name, field)
        if key not in self._tables:
            table: dict[Any, list[int]] = {}
            for number, (found, _) in enumerate(self._found[name]):
                value = getattr(found.value, field)
                if value is not None:
                    table.setdefault(value if isinstance(value, _PLAIN) else _OTHER, []).append(number)
            self._tables[key] = table
        return self._tables[key]


_OTHER = object()
"""Stands for values that are unknown or hold others."""
