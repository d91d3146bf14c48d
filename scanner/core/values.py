"""Values as rules see them: plain Python data, plus the one value that Python lacks, ``Unknown``.

A value is ``None`` (null), ``bool``, ``int``, ``float``, ``str``, ``list``, ``dict`` with string keys,
or ``Unknown``. Absent is the lack of a key and is never spelled as a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, TypeAlias, TypeGuard

Value: TypeAlias = Any
"""Plain data that may hold ``Unknown`` anywhere; see the module's docstring for the exact set."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root of a resource's attributes to one value in them."""


class Unknown:
    """A value that exists but cannot be known statically.

    ``reason`` says why in words that a user can act on (``variable "nodes" has no value``);
    ``source`` names what would decide it (``var.nodes``, ``data.aws_ami.gpu.id``), or is empty.
    Two unknowns are never equal unless they are the same object, and neither is true nor false.
    """

    __slots__ = ("reason", "source")

    def __init__(self, reason: str, source: str = "") -> None:
        self.reason = reason
        self.source = source

    def __bool__(self) -> NoReturn:
        raise TypeError(f"an unknown value is neither true nor false ({self.reason})")

    def __repr__(self) -> str:
        return f"Unknown({self.reason!r}, {self.source!r})"


class AtLeast(Unknown):
    """A count of which only the least that it can be is known, such as all devices of a node."""

    __slots__ = ("least",)

    def __init__(self, reason: str, source: str, least: int) -> None:
        super().__init__(reason, source)
        self.least = least


GAP = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for an unknown part in the known text of an ``UnknownText``."""


class UnknownText(Unknown):
    """Text of which parts are unknown. ``data`` is what is known: the text with ``GAP`` for each unknown part, or the
    data that it encodes, with unknowns inside (a policy with an ARN in it)."""

    __slots__ = ("data",)

    def __init__(self, reason: str, source: str, data: Value) -> None:
        super().__init__(reason, source)
        self.data = data


def without_gaps(value: Value, unknown: Unknown) -> Value:
    """``value`` with ``unknown`` in the place of each string that has a gap."""
    if isinstance(value, str):
        return unknown if GAP in value else value
    if isinstance(value, dict):
        return {key: without_gaps(item, unknown) for key, item in value.items()}
    return [without_gaps(item, unknown) for item in value] if isinstance(value, list) else value


def is_unknown(value: Value) -> TypeGuard[Unknown]:
    """Whether ``value`` itself is unknown (its items are not looked at)."""
    return isinstance(value, Unknown)


def get(value: Value, *path: str | int, default: Value = None) -> Value:
    """The value at ``path`` inside ``value``; ``default`` where a step is absent, null or of another type.

    An unknown on the way is the answer: what lies inside an unknown is unknown.
    """
    for step in path:
        if isinstance(value, Unknown):
            return value
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return default
            value = value[step]
        elif isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return default
    return default if value is None else value


def mapping(value: Any) -> dict[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list; none if ``value`` is no list."""
    return [item for item in listed(value) if isinstance(item, dict)]


def unknowns(value: Value) -> Iterable[Unknown]:
    """Every unknown in ``value``, depth first."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Unknown):
            yield item
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
