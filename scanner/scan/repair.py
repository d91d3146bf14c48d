"""Fixes over a whole scan: which are offered, and what the files look like when all of them are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from scanner.core import Finding, TextEdit
from scanner.core.edits import apply_edits
from scanner.engine.rules import Rule
from scanner.scan.options import STANDARD_INPUT, ScanOptions
from scanner.scan.read import Memory
from scanner.scan.result import ScanResult, fix_of
from scanner.scan.ruleset import RuleSet, rule_set
from scanner.scan.run import scan

if TYPE_CHECKING:
    from scanner.engine.fixtures import FixCase

MAX_ROUNDS = 20
"""Fixes that touch each other are made one after the other; each round reads the result of the one before."""


class Repairs(Struct):
    """``texts`` are the files as they would be, by path below the scan root; ``fixed`` counts findings by rule."""

    before: ScanResult
    after: ScanResult
    texts: dict[str, str] = field(default_factory=dict)
    fixed: Counter[str] = field(default_factory=Counter)


def repair(paths: Sequence[Path], options: ScanOptions, rules: RuleSet | None = None, only: str = "") -> Repairs:
    """Scan, and work out what all fixes, or those of the rule ``only``, make of the files. Nothing is written.

    Raises what ``scan`` raises.
    """
    rules = rules or rule_set(options)
    memory = Memory()
    result = scan(paths, options, rules, memory)
    repairs = Repairs(result, result)
    left: Counter[_Key] = Counter(map(_key, result.findings))
    for _ in range(MAX_ROUNDS):
        candidates = [item for item in repairs.after.findings if item.changes and only in ("", item.rule)]
        chosen = _compatible(repairs.after, candidates, left)
        if not chosen:
            break
        for file, edits in chosen.items():
            source = repairs.after.source(file)
            if source is not None:
                repairs.texts[file] = apply_edits(source, edits)
        memory.changed = frozenset(repairs.texts)
        repairs.after = scan(paths, replace(options, edited=dict(repairs.texts)), rules, memory)
    repairs.fixed = _difference(repairs)
    return repairs


_Key: TypeAlias = tuple[str, str, str, str]


def _key(finding: Finding) -> _Key:
    """What is the same for a finding before and after a fix that did not remove it."""
    return finding.rule, finding.location.span.file, finding.resource.address, repr(finding.changes)


def _compatible(result: ScanResult, candidates: Iterable[Finding], left: Counter[_Key]) -> dict[str, set[TextEdit]]:
    """The edits, by file, of as many fixes as do not touch each other, in the order of the findings.

    ``left`` counts how often each fix may still be made, so that one without effect is not made again and again.
    """
    chosen: dict[str, set[TextEdit]] = {}
    for finding in candidates:
        key, file = _key(finding), finding.location.span.file
        if left.setdefault(key, 1) < 1 or file == STANDARD_INPUT:
            continue
        fix = fix_of(result, finding)
        if fix is None:
            continue
        edits = chosen.setdefault(file, set())
        if edits.issuperset(fix.edits) or not _touching(fix.edits, edits):
            edits.update(fix.edits)
            left[key] -= 1
    return {file: edits for file, edits in chosen.items() if edits}


def _touching(some: Iterable[TextEdit], others: Iterable[TextEdit]) -> bool:
    """Whether edits share a line: what two fixes add to the same line's end may be the same key or block."""
    others = list(others)
    return any(
        _first(one) <= other.span.end_line and _first(other) <= one.span.end_line for one in some for other in others
    )


def _first(edit: TextEdit) -> int:
    """The first line that an edit touches; lines that are added at a line's start belong to the line above, too."""
    return edit.span.start_line - (edit.span.start_column == 1)


def _difference(repairs: Repairs) -> Counter[str]:
    """How many findings of each rule are gone."""
    before = Counter(finding.rule for finding in repairs.before.findings)
    return before - Counter(finding.rule for finding in repairs.after.findings)


def fix_trial(options: ScanOptions) -> FixCase:
    """Tries the fix of a rule on a fixture; every rule of the options must be content with the result."""
    rules = rule_set(options)

    def trial(case: Path, rule: Rule) -> tuple[int, list[str]]:
        repairs = repair([case], options, rules, only=rule.id)
        before, after = (Counter(_troubles(result)) for result in (repairs.before, repairs.after))
        wrong = [f"the fix introduces {code} for {what}" for code, what in after - before]
        wrong += [
            f"the fix is offered again for {finding.resource.address}"
            for finding in repairs.after.findings
            if finding.rule == rule.id and fix_of(repairs.after, finding) is not None
        ]
        return repairs.fixed[rule.id], wrong

    return trial


def _troubles(result: ScanResult) -> Iterator[tuple[str, str]]:
    """What a fix must add nothing to: findings, and what could not be read."""
    yield from ((finding.rule, finding.resource.address) for finding in result.findings)
    yield from ((item.code, item.message) for item in result.diagnostics if item.level == "error")
