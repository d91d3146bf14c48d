"""How many ways a regular expression may try before it gives up, from its text alone."""

from __future__ import annotations

import math
import re

from msgspec import Struct

from scanner.core.patterns import lazy_pattern

_TOKEN = lazy_pattern(r"(\(\?\w*.|\\.|\[\^?\]?[^]\\]*(?:\\.[^]\\]*)*\]|.)([*+?]|\{[\d,]*\})?[?+]?", re.DOTALL)
"""The start of a group and of its extension, an escape, a class or a character; and how often it may stand."""
_OPENS = {"(", "(?:", "(?i:", "(?=", "(?!", "(?P<", "(?<", "(?>"}
_FLAGS = {"(?i)", "(?m)", "(?s)", "(?a)"}


class Ways(Struct, frozen=True):
    """At most ``choices * (length + 1) ** repetitions`` ways through a pattern from one place in a text."""

    choices: float
    repetitions: int

    def then(self, other: Ways) -> Ways:
        """One after the other."""
        return Ways(self.choices * other.choices, self.repetitions + other.repetitions)

    def either(self, other: Ways) -> Ways:
        """One or the other."""
        return Ways(self.choices + other.choices, max(self.repetitions, other.repetitions))


_ONE, _NONE, _COUNTLESS = Ways(1.0, 0), Ways(0.0, 0), Ways(math.inf, 0)


class Effort(Struct, frozen=True):
    """What a search may take: ``ways`` from each place in a text, or from its beginning alone."""

    ways: Ways
    anchored: bool

    def longest(self, limit: int, *, steps: bool = False) -> float:
        """The longest text that takes no more than ``limit`` ways, or steps along them; negative if none does."""
        power = self.ways.repetitions + (not self.anchored) + steps
        if self.ways.choices > limit or not power:
            return math.inf if self.ways.choices <= limit else -1
        return math.pow(limit / self.ways.choices, 1 / power) - 1


def effort(pattern: str) -> Effort:
    """What a search for a valid pattern may take.

    Repeated groups, references to groups and extensions that are not known here count as endless.
    """
    groups: list[tuple[Ways, Ways]] = []
    before, ways = _NONE, _ONE
    anchored = pattern.startswith(("^", "(?i)^"))
    for token, repeats in _TOKEN.findall(pattern):
        if token in _FLAGS:
            continue
        if token in _OPENS:
            groups.append((before, ways))
            before, ways = _NONE, _ONE
        elif token == "|":
            before, ways = before.either(ways), _ONE
            anchored = anchored and bool(groups)
        elif token == ")":
            inner = before.either(ways)
            before, ways = groups.pop()
            ways = ways.then(_repeated(inner, repeats))
        elif token[0] == "(" or (token[0] == "\\" and token[1].isdigit()):
            return Effort(_COUNTLESS, anchored=False)
        elif repeats:
            ways = ways.then(_repetitions(repeats))
    return Effort(before.either(ways), anchored)


def _repetitions(of_one: str) -> Ways:
    if of_one == "?":
        return Ways(2.0, 0)
    return _ONE if of_one[0] == "{" and "," not in of_one else Ways(1.0, 1)


def _repeated(group: Ways, repeats: str) -> Ways:
    if not repeats:
        return group
    return group.either(_ONE) if repeats == "?" else _COUNTLESS
