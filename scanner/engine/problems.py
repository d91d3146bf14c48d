"""What can be wrong with a rule, and how its author is told."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

Keys = tuple[str | int, ...]
"""Keys and indices from the top of a rule file to a part of it."""


class RuleError(Exception):
    """A rule that cannot be used. ``file`` is as given to the loader; ``line`` and ``column`` are 1-based."""

    def __init__(self, file: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {message}")
        self.file = file
        self.line = line
        self.column = column
        self.message = message


class Problem(Exception):
    """A fault at ``keys`` inside one rule; whoever knows the rule's file turns it into a ``RuleError``."""

    def __init__(self, keys: Keys, message: str) -> None:
        super().__init__(message)
        self.keys = keys
        self.message = message


def suggest(name: object, valid: Iterable[str], cutoff: float = 0.5) -> str:
    """The words ``; did you mean "x"?`` for the valid name nearest to ``name``, or nothing."""
    near = difflib.get_close_matches(str(name), list(valid), n=1, cutoff=cutoff)
    return f'; did you mean "{near[0]}"?' if near else ""
