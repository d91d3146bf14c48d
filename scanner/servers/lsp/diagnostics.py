"""Findings and scan diagnostics as the protocol's diagnostics."""

from __future__ import annotations

from lsprotocol import types
from pygls.workspace import PositionCodec

from scanner.core import Diagnostic, Finding, RelatedSpan
from scanner.report.clean import one_line
from scanner.servers.lsp.check import Checked
from scanner.servers.lsp.positions import range_of

SOURCE = "kilter"
SEVERITIES = {
    "critical": types.DiagnosticSeverity.Error,
    "high": types.DiagnosticSeverity.Error,
    "medium": types.DiagnosticSeverity.Warning,
    "low": types.DiagnosticSeverity.Information,
}
LEVELS = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Hint,
}
UNNECESSARY = frozenset(("suppression-unused", "suppression-expired"))
"""What can be deleted; editors show it faded."""
MAX_RELATED = 20


def diagnostics_of(checked: Checked, file: str, codec: PositionCodec) -> list[types.Diagnostic]:
    """Everything that is said about a file."""
    found = [finding_diagnostic(checked, finding, codec) for finding in checked.findings.get(file, ())]
    return [*found, *(_scan_diagnostic(checked, item, codec) for item in checked.diagnostics.get(file, ()))]


def finding_diagnostic(checked: Checked, finding: Finding, codec: PositionCodec) -> types.Diagnostic:
    """A finding; ``data`` holds its fingerprint."""
    rule = checked.result.rules[finding.rule]
    span = finding.location.span
    return types.Diagnostic(
        range=range_of(span, checked.lines(span.file), codec),
        message=one_line(finding.message),
        severity=SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(href=rule.references[0]) if rule.references else None,
        source=SOURCE,
        related_information=[
            _related(checked, item, codec) for item in finding.location.related[:MAX_RELATED]
        ] or None,
        data=finding.fingerprint,
    )  # fmt: skip


def _related(checked: Checked, item: RelatedSpan, codec: PositionCodec) -> types.DiagnosticRelatedInformation:
    place = range_of(item.span, checked.lines(item.span.file), codec)
    location = types.Location(uri=uri_of(checked, item.span.file), range=place)
    return types.DiagnosticRelatedInformation(location=location, message=one_line(item.message))


def _scan_diagnostic(checked: Checked, item: Diagnostic, codec: PositionCodec) -> types.Diagnostic:
    return types.Diagnostic(
        range=range_of(item.span, checked.lines(item.span.file), codec),
        message=one_line(item.message),
        severity=LEVELS[item.level],
        code=item.code,
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if item.code in UNNECESSARY else None,
    )


def uri_of(checked: Checked, file: str) -> str:
    """A file's URI, as the editor writes it where the file is open."""
    document = checked.documents.get(file)
    return document.uri if document is not None else (checked.root / file).as_uri()
