"""Suggestions for names that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_LISTED = 30


def suggestion(name: object, known: Iterable[str]) -> str:
    """What to say after naming an unknown name: the nearest of the known ones, else all of them if they are few."""
    by_key = {item.casefold(): item for item in known}
    near = difflib.get_close_matches(str(name).casefold(), by_key, n=1)
    if near:
        return f"; did you mean {by_key[near[0]]!r}?"
    return f"; known: {', '.join(by_key.values())}" if 0 < len(by_key) <= MAX_LISTED else ""
