"""Findings and undetermined results: what evaluation says about a set-up."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from scanner.core.edits import Change
from scanner.core.resources import Location, Resource
from scanner.core.values import Path, Unknown

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
"""From the worst down."""


class Finding(Struct, frozen=True):
    """A rule that does not hold for a resource. ``path`` is the attribute that ``location`` points at."""

    rule: str
    severity: Severity
    message: str
    resource: Resource
    path: Path
    location: Location
    fingerprint: str = ""
    """What makes it the same finding after unrelated edits; see ``scanner.engine.fingerprints``."""
    changes: tuple[Change, ...] = ()
    """What the rule's fix would change of the resource; see ``scanner.engine.fix``."""


class Undetermined(Struct, frozen=True):
    """A rule that could not be decided for a resource, and the unknown values that would decide it."""

    rule: str
    resource: Resource
    path: Path
    causes: tuple[Unknown, ...]
