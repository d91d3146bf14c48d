"""Suggestions for names that nothing has."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LISTED = 30


def nearest(name: object, known: Iterable[str]) -> str:
    """What to say after a list of the known names: the nearest of them, if one is near."""
    import difflib

    by_key = {item.casefold(): item for item in known}
    near = difflib.get_close_matches(str(name).casefold(), by_key, n=1)
    return f"; did you mean {by_key[near[0]]!r}?" if near else ""


def suggestion(name: object, known: Iterable[str]) -> str:
    """What to say after naming an unknown name: the nearest of the known ones, else all of them if they are few."""
    names = list(known)
    listed = f"; known: {', '.join(names)}" if 0 < len(names) <= MAX_LISTED else ""
    return nearest(name, names) or listed
