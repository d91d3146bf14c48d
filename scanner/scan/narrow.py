"""Only what concerns some files: those that were named, or the units that hold them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from scanner.core import Resource, Span
from scanner.scan.result import ScanResult, headers


def focused(result: ScanResult, files: set[str]) -> ScanResult:
    """Only what concerns the files that were named; what surrounds them was read to understand them."""
    result.findings = [item for item in result.findings if item.location.span.file in files]
    result.suppressed = [item for item in result.suppressed if item.finding.location.span.file in files]
    places = headers(result)
    result.undetermined = [item for item in result.undetermined if places[item.resource].file in files]
    result.diagnostics = [item for item in result.diagnostics if item.span.file in files]
    return result


def touched(result: ScanResult, files: list[str]) -> ScanResult:
    """Only the units that hold one of the files: root modules, charts, overlays; of plain manifests only the files.

    The rest of the repository was read all the same, because what one unit lacks another one may have.
    """
    named = set(files)
    units = _touched_units(result.units, files)

    def holds(resource: Resource, place: Span) -> bool:
        return place.file in named or (resource.origin != "kubernetes" and resource.unit in units)

    result.findings = [item for item in result.findings if holds(item.resource, item.location.span)]
    result.suppressed = [s for s in result.suppressed if holds(s.finding.resource, s.finding.location.span)]
    result.undetermined = [item for item in result.undetermined if holds(item.resource, item.resource.span)]
    result.diagnostics = [
        item for item in result.diagnostics if item.span.file in named or posixpath.dirname(item.span.file) in units
    ]
    return result


def _touched_units(units: Mapping[str, set[str]], files: list[str]) -> set[str]:
    """The units that a file lies in, next to its sources, or nearest above it."""
    directories = {posixpath.dirname(file) for file in files}
    touched = {unit for unit, places in units.items() if places & directories}
    for place in directories:
        while place and place not in units:
            place = posixpath.dirname(place)
        touched.add(place)
    return touched & units.keys()
