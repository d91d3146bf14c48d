"""What several reports say in common: the order of findings, places, and which values would decide most."""

from __future__ import annotations

import posixpath
from collections import Counter

from msgspec import Struct

from scanner.core import Finding, Span
from scanner.core.findings import SEVERITIES
from scanner.scan import ScanResult


class Decisive(Struct, frozen=True):
    """An unknown value: how many undetermined results it has a part in, and how many it would decide alone."""

    source: str
    results: int
    alone: int


def decisive(result: ScanResult, limit: int) -> list[Decisive]:
    """The unknown values that stand in the way of most results, most decisive first."""
    results: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for item in result.undetermined:
        sources = {cause.source for cause in item.causes if cause.source}
        results.update(sources)
        if len(sources) == 1 and all(cause.source for cause in item.causes):
            alone.update(sources)
    found = [Decisive(source, count, alone[source]) for source, count in results.items()]
    return sorted(found, key=lambda item: (-item.alone, -item.results, item.source))[:limit]


def by_severity(result: ScanResult) -> list[tuple[int, Finding]]:
    """The findings with their numbers in the result, worst first, otherwise in the order of the result."""
    return sorted(enumerate(result.findings), key=lambda item: (SEVERITIES.index(item[1].severity), item[0]))


def severity_counts(result: ScanResult) -> dict[str, int]:
    """How many findings there are of each severity, worst first."""
    counts = Counter(finding.severity for finding in result.findings)
    return {severity: counts[severity] for severity in SEVERITIES}


def repository_path(result: ScanResult, span: Span) -> str:
    """The file of a span relative to the repository's root, for platforms that link to it."""
    return posixpath.normpath(result.repository_prefix + span.file)


def plural(count: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
