"""``kilter test``: rules against fixtures that mark what they expect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct, field

from scanner.core import Finding
from scanner.core.patterns import lazy_pattern
from scanner.engine.rules import Rule

MARK = lazy_pattern(r"(?:#|//)\s*expect:\s*([A-Z]{3}\d{3}(?:\s*,\s*[A-Z]{3}\d{3})*)")
"""What marks a line of a fixture, or the line below it, as one that the named rules report."""
Place = tuple[str, int]
"""(file relative to the case, line)."""


class CaseResult(Struct):
    """One fixture's outcome: places where a finding was expected and missing, or came unexpected."""

    rule: str
    path: Path
    expected: int
    missing: list[Place] = field(default_factory=list)
    unexpected: list[tuple[Place, str]] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    fixed: int = 0
    """Findings that the rule's fix has removed."""

    @property
    def passed(self) -> bool:
        """Whether the case gave exactly what it marks."""
        return not self.missing and not self.unexpected and not self.diagnostics


ScanCase: TypeAlias = Callable[[Path, Rule], tuple[list[Finding], list[str]]]
"""A case and a rule to its findings, and what could not be read."""
FixCase: TypeAlias = Callable[[Path, Rule], tuple[int, list[str]]]
"""A case and a rule to the number of findings that its fix removes, and what is wrong afterwards."""


def test_rules(
    rules: Iterable[Rule], fixtures: Path, scan_case: ScanCase, fix_case: FixCase | None = None
) -> tuple[list[CaseResult], list[str]]:
    """Results of every case below ``fixtures/<CODE>``, and complaints about rules that are not shown both ways.

    Fixes are tried where ``fix_case`` is given.
    """
    results: list[CaseResult] = []
    complaints: list[str] = []
    for rule in rules:
        cases = cases_of(rule, fixtures)
        outcomes = [_run(rule, case, scan_case, fix_case) for case in cases]
        if not any(outcome.expected for outcome in outcomes):
            complaints.append(f"{rule.id} has no fixture that fails")
        if not any(not outcome.expected for outcome in outcomes):
            complaints.append(f"{rule.id} has no fixture that passes")
        if rule.fix is not None and fix_case is not None and not any(outcome.fixed for outcome in outcomes):
            complaints.append(f"{rule.id} has a fix, and no fixture that it applies to")
        results.extend(outcomes)
    return results, complaints


def _run(rule: Rule, case: Path, scan_case: ScanCase, fix_case: FixCase | None) -> CaseResult:
    expected = set(_marks(rule.id, case))
    findings, diagnostics = scan_case(case, rule)
    result = CaseResult(rule.id, case, len(expected), diagnostics=diagnostics)
    found: dict[Place, str] = {}
    for finding in findings:
        found[finding.location.span.file, finding.location.span.start_line] = finding.message
    for place in sorted(expected):
        if place not in found and (place[0], place[1] + 1) not in found:
            result.missing.append(place)
    for place, message in sorted(found.items()):
        if place not in expected and (place[0], place[1] - 1) not in expected:
            result.unexpected.append((place, message))
    if rule.fix is not None and fix_case is not None and expected:
        result.fixed, wrong = fix_case(case, rule)
        result.diagnostics += wrong
    return result


def cases_of(rule: Rule, fixtures: Path) -> list[Path]:
    """The fixtures of a rule, sorted by name; links that lead out of ``fixtures`` are left out."""
    directory = fixtures / rule.id
    return [case for case in sorted(directory.iterdir()) if _inside(case, fixtures)] if directory.is_dir() else []


def case_files(case: Path) -> list[tuple[str, Path]]:
    """The files of a fixture, which is a file or a directory, with their names in it."""
    if case.is_file():
        return [(case.name, case)]
    files = (path for path in sorted(case.rglob("*")) if path.is_file() and _inside(path, case.parent.parent))
    return [(path.relative_to(case).as_posix(), path) for path in files]


def _inside(path: Path, fixtures: Path) -> bool:
    return path.resolve().is_relative_to(fixtures.resolve())


def _marks(code: str, case: Path) -> Iterable[Place]:
    for name, path in case_files(case):
        for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
            match = MARK.search(line)
            if match is not None and code in re.split(r"\s*,\s*", match[1]):
                yield name, number
