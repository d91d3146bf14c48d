"""What a scan answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from scanner.core import Diagnostic, Finding, Fix, Resource, SourceFile, Span, Undetermined
from scanner.engine.baseline import Entry
from scanner.engine.fix import fix_for
from scanner.engine.rules import Rule
from scanner.engine.suppress import Suppressed
from scanner.graph import ResourceGraph
from scanner.project.tree import Tree, Unreadable

if TYPE_CHECKING:
    from scanner.concepts.interpret import Concepts


class ScanResult(Struct):
    """Everything that a report needs. Paths in spans are relative to ``root``.

    With ``ScanOptions.recall``, ``graph`` and ``concepts`` may be empty, and the resources of findings without
    attributes.
    """

    root: Path
    tree: Tree
    graph: ResourceGraph
    concepts: Concepts
    rules: dict[str, Rule]
    findings: list[Finding]
    undetermined: list[Undetermined]
    suppressed: list[Suppressed]
    diagnostics: list[Diagnostic]
    files: int
    resources: int
    recalled: int = 0
    """Resources that were not read again, because nothing that concerns them has changed since an earlier scan."""
    units: Mapping[str, set[str]] = field(default_factory=dict)
    """By each root module, chart and overlay: the directories that hold its sources."""
    fixes: dict[int, Fix | None] = field(default_factory=dict)
    """Fixes by the identity of their finding, as far as they have been worked out; see ``fix_of``."""
    lines: Mapping[int, str] = field(default_factory=dict)
    """The lines that findings stand in, by the identity of the finding, as far as they are known; see ``line_of``."""
    repository_prefix: str = ""
    unsuppressible: frozenset[str] = frozenset()
    """Codes of the rules that nothing silences."""
    scope: tuple[str, ...] = ("",)
    """The scanned paths, relative to ``root``."""
    compared_with: str = ""
    """The commit of ``--diff``, as the user would know it."""
    unchanged: int = 0
    """Findings that ``compared_with`` has too; they are not in ``findings``."""
    baselined: int = 0
    """Findings that the baseline has; they are not in ``findings`` either."""
    fixed: Mapping[Entry, int] = field(default_factory=dict)
    """Entries of the baseline that this scan should have found again and did not, and how often."""

    repaired: int = 0
    """Findings that fixes have removed from the files; they are not in ``findings``."""
    rewritten: tuple[str, ...] = ()
    """The files that fixes have changed."""

    def source(self, path: str) -> SourceFile | None:
        """The text of a scanned file, for excerpts."""
        try:
            return self.tree.read(path)
        except Unreadable:
            return None


def headers(result: ScanResult) -> dict[Resource, Span]:
    """Where each resource stands that something is undetermined for.

    They are looked up resource by resource, because a locator reads its text but once then.
    """
    return {
        resource: resource.locate().span for resource in dict.fromkeys(item.resource for item in result.undetermined)
    }


def fix_of(result: ScanResult, finding: Finding) -> Fix | None:
    """The fix of one finding of a scan; see ``scanner.engine.fix.fix_for``."""
    if id(finding) not in result.fixes:
        source = result.source(finding.location.span.file) if finding.changes else None
        fix = None if source is None else fix_for(finding, result.rules[finding.rule], source)
        result.fixes[id(finding)] = fix
    return result.fixes[id(finding)]


def line_of(result: ScanResult, finding: Finding) -> str | None:
    """The line that a finding stands in, for an excerpt of it."""
    known = result.lines.get(id(finding))
    if known is not None:
        return known
    file, number, *_ = finding.location.span
    source = result.source(file)
    return source.lines[number - 1] if source is not None and 0 < number <= len(source.lines) else None
