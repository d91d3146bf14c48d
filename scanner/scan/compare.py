"""Findings of this scan against those of a baseline or of another revision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from scanner.core import Resource
from scanner.engine.baseline import Compared, Entry, compare
from scanner.engine.fingerprints import Identity, identity, match
from scanner.scan.result import ScanResult
from scanner.scan.ruleset import RuleSet


def against_baseline(result: ScanResult, rules: RuleSet, baseline: Sequence[Entry]) -> Compared:
    """What is new, and what of the baseline is missing; nothing hides a finding of an unsuppressible rule."""
    compared = compare(identities(result), baseline, _gone(result))
    fixed = [n for n, finding in enumerate(result.findings) if finding.rule in rules.unsuppressible]
    return replace(compared, new=[*compared.new, *fixed])


def covers(result: ScanResult, entry: Entry) -> bool:
    """Whether a scan like this one would have found a baseline's entry: its rules, its paths, readable files."""
    file = entry.identity.file
    if entry.identity.rule not in result.rules or not file.startswith(result.repository_prefix):
        return False
    inside = file[len(result.repository_prefix) :]
    broken = any(item.level == "error" and item.span.file == inside for item in result.diagnostics)
    return not broken and any(not path or inside == path or inside.startswith(f"{path}/") for path in result.scope)


def introduced(result: ScanResult, before: ScanResult) -> list[int]:
    """The numbers of the findings that ``before`` does not have; what else it has too is dropped from the result."""
    if before is result:
        result.undetermined, result.diagnostics = [], []
        return []
    new, _ = match(identities(result), identities(before), _gone(result))
    known = {(item.rule, item.resource.unit, item.resource.address) for item in before.undetermined}
    result.undetermined = [
        item for item in result.undetermined if (item.rule, item.resource.unit, item.resource.address) not in known
    ]
    reported = {(item.code, item.message, item.span.file) for item in before.diagnostics}
    result.diagnostics = [d for d in result.diagnostics if (d.code, d.message, d.span.file) not in reported]
    return new


def identities(result: ScanResult) -> list[Identity]:
    """What makes each finding of a scan the same finding in another scan."""

    def lines(path: str) -> Sequence[str]:
        source = result.source(path)
        return source.lines if source is not None else ()

    return [identity(finding, result.repository_prefix, lines) for finding in result.findings]


class NeedsGraph(Exception):
    """The question is about resources of which nothing but their findings was recalled."""


def _gone(result: ScanResult) -> Callable[[Identity], bool]:
    """Whether a known finding's resource is no longer where it was. The answer may raise ``NeedsGraph``."""
    by_address: dict[str, list[Resource]] = {}
    for resource in result.graph.resources:
        by_address.setdefault(resource.address, []).append(resource)

    def gone(known: Identity) -> bool:
        if result.recalled:
            raise NeedsGraph
        resources = by_address.get(known.address, ())
        files = {span.file for item in resources for span in (item.span, item.locate().span)}
        return known.file not in {result.repository_prefix + file for file in files}

    return gone
