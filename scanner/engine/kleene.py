"""Three-valued (Kleene) logic: a verdict is ``True``, ``False`` or ``Undecided`` with what would decide it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from scanner.core import Unknown


class Undecided:
    """Neither true nor false; ``causes`` are the unknown values that stand in the way."""

    __slots__ = ("causes",)

    def __init__(self, *causes: Unknown) -> None:
        self.causes = causes

    def __bool__(self) -> bool:
        raise TypeError("an undecided verdict is neither true nor false")

    def __repr__(self) -> str:
        return f"Undecided{self.causes!r}"


Verdict: TypeAlias = bool | Undecided


def negation(verdict: Verdict) -> Verdict:
    """``not``: undecided stays undecided."""
    return verdict if isinstance(verdict, Undecided) else not verdict


def conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """``and``: false as soon as one is false, undecided if one is undecided, true otherwise (and if empty)."""
    causes: dict[int, Unknown] = {}
    for verdict in verdicts:
        if verdict is False:
            return False
        if isinstance(verdict, Undecided):
            causes.update((id(cause), cause) for cause in verdict.causes)
    return Undecided(*causes.values()) if causes else True


def disjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """``or``: true as soon as one is true, undecided if one is undecided, false otherwise (and if empty)."""
    causes: dict[int, Unknown] = {}
    for verdict in verdicts:
        if verdict is True:
            return True
        if isinstance(verdict, Undecided):
            causes.update((id(cause), cause) for cause in verdict.causes)
    return Undecided(*causes.values()) if causes else False
