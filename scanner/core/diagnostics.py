"""Diagnostics: what could not be read or resolved. They are results of a scan, not log lines."""

from __future__ import annotations

from typing import Literal, NamedTuple

from scanner.core.sources import Span

Level = Literal["error", "warning", "note"]


class Diagnostic(NamedTuple):
    """Something that was lost, and where. ``code`` is stable and kebab-case, such as ``yaml-syntax``."""

    level: Level
    code: str
    message: str
    span: Span
