"""Kleene's three-valued logic: true, false, and undecided with the unknown values that would decide it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from scanner.core import Unknown


class Undecided:
    """A truth value that is not known, and why."""

    __slots__ = ("causes",)

    def __init__(self, causes: Iterable[Unknown] = ()) -> None:
        self.causes = tuple(dict.fromkeys(causes))

    def __bool__(self) -> bool:
        raise TypeError("an undecided condition is neither true nor false")


Truth: TypeAlias = bool | Undecided


def all_of(values: Iterable[Truth]) -> Truth:
    """False if any is false, else undecided if any is, else true."""
    causes: list[Unknown] = []
    undecided = False
    for value in values:
        if value is False:
            return False
        if isinstance(value, Undecided):
            undecided = True
            causes.extend(value.causes)
    return Undecided(causes) if undecided else True


def any_of(values: Iterable[Truth]) -> Truth:
    """True if any is true, else undecided if any is, else false."""
    return negate(all_of(negate(value) for value in values))


def negate(value: Truth) -> Truth:
    """The opposite; undecided stays undecided."""
    return value if isinstance(value, Undecided) else not value
