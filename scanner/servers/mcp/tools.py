"""What an assistant may ask for, as functions from plain data to plain data."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import TypedDict

from scanner.core.findings import SEVERITIES
from scanner.core.nearest import nearest
from scanner.engine.examples import examples
from scanner.engine.rules import Rule, find_rule, select_rules
from scanner.project.discovery import KUSTOMIZATION_NAMES, MANIFEST_SUFFIXES, TERRAFORM_SUFFIXES
from scanner.project.tree import MAX_FILE_BYTES
from scanner.report.clean import clean_lines, one_line
from scanner.report.json_report import report_data
from scanner.report.rule_pages import explain_data
from scanner.scan import ScanOptions, ScanResult, all_rules, fixtures_of, scan, touched

SUFFIXES = (*TERRAFORM_SUFFIXES, ".tfvars", *MANIFEST_SUFFIXES, ".tpl")
MAX_FINDINGS = 500
EXACT = frozenset(("file", "replacement"))


class ToolFailure(Exception):
    """A request that cannot be answered; the message says why, to the assistant."""


class Place(TypedDict):
    """Lines and columns are 1-based; the end column is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class RelatedPlace(TypedDict):
    """A further place that helps to understand a finding."""

    message: str
    location: Place


class EditData(TypedDict):
    """The replacement takes the place of the text at the location."""

    location: Place
    replacement: str


class FixData(TypedDict):
    """Edits of one file that remedy a finding; all of them or none are to be made."""

    title: str
    edits: list[EditData]


class FindingData(TypedDict):
    """A rule that does not hold for a resource."""

    rule: str
    name: str
    category: str
    severity: str
    message: str
    remediation: str
    resource: str
    location: Place
    related: list[RelatedPlace]
    fingerprint: str
    fix: FixData | None


class DiagnosticData(TypedDict):
    """Something that could not be read or resolved, and so was not checked."""

    level: str
    code: str
    message: str
    location: Place


class ScanData(TypedDict):
    """What a scan says. ``left_out`` counts findings beyond the limit, the least severe ones."""

    summary: dict[str, int]
    findings: list[FindingData]
    left_out: int
    diagnostics: list[DiagnosticData]


class RuleData(TypedDict):
    """A rule in a list."""

    id: str
    name: str
    title: str
    category: str
    severity: str
    precision: str


class Choices(Struct, frozen=True):
    """What a scan is narrowed to: codes, prefixes, names or categories, and the lowest severity."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: str = "low"
    limit: int = 50


class Desk(Struct, frozen=True):
    """The directory that requests are confined to, and what a scan of a directory is told."""

    root: Path
    settings: Callable[[Path], ScanOptions]

    def place(self, path: str) -> Path:
        """A path below the root. Raises ``ToolFailure``."""
        try:
            place = (self.root / path).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise ToolFailure(f"{path!r} is not a path") from error
        if not place.is_relative_to(self.root):
            raise ToolFailure(f"{path} is outside {self.root}, the directory that this server may read")
        return place


def scan_path(desk: Desk, path: str, choices: Choices) -> ScanData:
    """Scan a file or directory below the root. Raises ``ToolFailure`` and what ``scan`` raises."""
    place = desk.place(path)
    if not place.exists():
        raise ToolFailure(f"{path}: no such file or directory")
    directory = place if place.is_dir() else place.parent
    result = scan([place], replace(_narrowed(desk.settings(directory), choices), recall=True))
    return _answer(result, choices, directory.relative_to(desk.root).as_posix())


def scan_text(desk: Desk, text: str, file: str, in_place: bool, choices: Choices) -> ScanData:
    """Scan a text as if it were a file: by itself, or in the place of that file with everything around it.

    Raises ``ToolFailure`` and what ``scan`` raises.
    """
    file = file.replace("\\", "/")
    name = PurePosixPath(file).name
    if not name.endswith(SUFFIXES) and name not in KUSTOMIZATION_NAMES:
        raise ToolFailure(f"{file!r}: the name must end with one of {', '.join(SUFFIXES)}")
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        raise ToolFailure(f"the text is larger than the limit of {MAX_FILE_BYTES // (1024 * 1024)} MiB")
    options = _narrowed(desk.settings(desk.root), choices)
    if in_place:
        relative = desk.place(file).relative_to(desk.root).as_posix()
        result = scan([desk.root], replace(options, overlay={**options.overlay, relative: text}, recall=True))
        return _answer(touched(result, [relative]), choices)
    with tempfile.TemporaryDirectory(prefix="kilter-text-") as directory:
        (Path(directory) / name).write_text(text, "utf-8", "replace", newline="")
        alone = replace(options, var_files=(), values_files=(), baseline=None, config_directory=None)
        return _answer(scan([Path(directory)], alone), choices, PurePosixPath(file).parent.as_posix())


def explain_rule(desk: Desk, rule: str) -> dict[str, Any]:
    """Everything about a rule. Raises ``UnknownSelector``."""
    found = find_rule(all_rules(desk.settings(desk.root)), rule)
    explained: dict[str, Any] = _harmless(explain_data(found, examples(found, fixtures_of(Path(found.source)))))
    return explained


def list_rules(desk: Desk, select: tuple[str, ...], severity: str) -> list[RuleData]:
    """The rules of some codes, prefixes, names or categories, down to a severity. Raises ``UnknownSelector``."""
    rules = select_rules(all_rules(desk.settings(desk.root)), select, pedantic=True)
    return [_listed(rule) for rule in rules if SEVERITIES.index(rule.severity) <= _level(severity)]


def _listed(rule: Rule) -> RuleData:
    return RuleData(
        id=rule.id,
        name=rule.name,
        title=one_line(rule.title),
        category=rule.category,
        severity=rule.severity,
        precision=rule.precision,
    )


def _narrowed(options: ScanOptions, choices: Choices) -> ScanOptions:
    return replace(options, select=choices.select or options.select, ignore=(*options.ignore, *choices.ignore))


def _level(severity: str) -> int:
    if severity not in SEVERITIES:
        hint = nearest(severity, SEVERITIES)
        raise ToolFailure(f"severity must be one of {', '.join(SEVERITIES)}, found {severity!r}{hint}")
    return SEVERITIES.index(severity)


def _answer(result: ScanResult, choices: Choices, directory: str = ".") -> ScanData:
    """The report, worst findings first, without what the choices leave out.

    ``directory`` is where the scan's root lies below the server's, which the assistant's paths are relative to.
    """
    level = _level(choices.severity)
    result.findings = [item for item in result.findings if SEVERITIES.index(item.severity) <= level]
    data = _harmless(_moved(report_data(result), directory))
    order = {name: number for number, name in enumerate(SEVERITIES)}
    findings = sorted(data["findings"], key=lambda item: order[item["severity"]])
    limit = min(max(choices.limit, 0), MAX_FINDINGS)
    return ScanData(
        summary=data["summary"],
        findings=findings[:limit],
        left_out=len(findings[limit:]),
        diagnostics=data["diagnostics"][:MAX_FINDINGS],
    )


def _harmless(data: Any, key: str = "") -> Any:
    """Data without characters that hide from people what an assistant reads; what names or edits files stays exact."""
    if isinstance(data, dict):
        return {name: _harmless(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_harmless(item, key) for item in data]
    return clean_lines(data) if isinstance(data, str) and key not in EXACT else data


def _moved(data: Any, directory: str) -> Any:
    """The report's data with every file below a directory."""
    if isinstance(data, list):
        return [_moved(item, directory) for item in data]
    if not isinstance(data, dict):
        return data
    moved = {key: _moved(value, directory) for key, value in data.items()}
    return moved | {"file": posixpath.normpath(f"{directory}/{data['file']}")} if "file" in data else moved
