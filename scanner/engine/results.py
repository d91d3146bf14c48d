"""What a scan is asked and what it answers: the plain data between ``scan``, the reports and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from scanner.core import Diagnostic, Finding, Severity, SourceFile, Undetermined
from scanner.graph import ResourceGraph


class RuleInfo(Protocol):
    """The parts of a rule that a report shows; ``scanner.engine`` rules have them all."""

    @property
    def id(self) -> str:
        """The code, such as ``GPU004``."""

    @property
    def name(self) -> str:
        """The kebab-case name."""

    @property
    def title(self) -> str:
        """One line on what is wrong when the rule does not hold."""

    @property
    def category(self) -> str:
        """The category's slug."""

    @property
    def severity(self) -> Severity:
        """The severity before any override by ``severity_when`` or the configuration."""

    @property
    def precision(self) -> str:
        """How often a finding is right: high, medium or low."""

    @property
    def description(self) -> str:
        """Why it matters."""

    @property
    def remediation(self) -> str:
        """What to do about it."""

    @property
    def references(self) -> Sequence[str]:
        """Addresses of further reading."""


@dataclass(frozen=True)
class ScanOptions:
    """Everything that the command line can ask of a scan. Empty selections mean the configuration's."""

    var_files: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    workspace: str = "default"
    values_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    kube_version: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    pedantic: bool = False
    jobs: int = 0
    """Number of processes; 0 leaves the choice to the scan."""
    cache: bool = True
    config: Path | None = None
    """The configuration file to use instead of the one that would be found."""
    inline_ignores: bool = True
    rule_directories: tuple[Path, ...] = ()
    """Directories with rules beyond the built-in ones."""
    today: date = field(default_factory=date.today)
    """The day on which expiry dates are judged."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that somebody decided to live with, and their reason."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Counts:
    """How much was looked at. ``by_origin`` counts resources by source language."""

    files: int = 0
    resources: int = 0
    by_origin: Mapping[str, int] = field(default_factory=dict)


def _no_source(path: str) -> SourceFile | None:
    return None


@dataclass
class ScanResult:
    """The answer of a scan. All spans name files relative to ``root``."""

    root: Path
    graph: ResourceGraph
    rules: Mapping[str, RuleInfo]
    """Every rule that ran, by code."""
    findings: list[Finding] = field(default_factory=list)
    undetermined: list[Undetermined] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    counts: Counts = Counts()
    sources: Callable[[str], SourceFile | None] = _no_source
    """The text of a scanned file by its path, for excerpts; ``None`` where it cannot be had."""
    repository_prefix: str = ""
    """The path of ``root`` inside its git repository, without slashes at the ends; empty at the top."""


class ScanError(Exception):
    """A scan that cannot start: a missing path, an unknown rule or setting. The message is for the user."""
