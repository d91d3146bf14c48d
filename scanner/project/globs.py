"""Glob patterns over paths with forward slashes, as they stand in configuration files."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable


def compile_globs(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One expression for all patterns; ``None`` if there are none.

    ``*`` also crosses slashes, a pattern that names a directory covers what is below it, and a leading ``**/`` may
    stand for nothing.
    """
    alternatives = []
    for pattern in patterns:
        name = pattern.removeprefix("./").rstrip("/")
        for form in {name, name.removeprefix("**/")}:
            alternatives += [fnmatch.translate(form), fnmatch.translate(f"{form}/*")]
    return re.compile("|".join(alternatives)) if alternatives else None
