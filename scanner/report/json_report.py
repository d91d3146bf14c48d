"""The JSON report, version 1 (schemas/report.schema.json)."""

from __future__ import annotations

from typing import Any

from scanner.core import Fix, Span
from scanner.report.clean import json_text
from scanner.report.fingerprints import fingerprints
from scanner.scan import ScanResult, fix_of, headers
from scanner.version import VERSION

REPORT_VERSION = 1


def render_json(result: ScanResult) -> str:
    """The report as one JSON document."""
    return json_text(report_data(result))


def report_data(result: ScanResult) -> dict[str, Any]:
    """The report as plain data."""
    keys = fingerprints(result)
    fixes = [fix_of(result, finding) for finding in result.findings]
    places = headers(result)
    return {
        "version": REPORT_VERSION,
        "tool": {"name": "kilter", "version": VERSION},
        "summary": {
            "files": result.files,
            "resources": result.resources,
            "rules": len(result.rules),
            "findings": len(result.findings),
            "undetermined": len(result.undetermined),
            "suppressed": len(result.suppressed),
            "unchanged": result.unchanged,
            "baselined": result.baselined,
            "fixed": sum(result.fixed.values()),
            "fixable": sum(fix is not None for fix in fixes),
            "repaired": result.repaired,
        },
        "findings": [
            {
                "rule": finding.rule,
                "name": result.rules[finding.rule].name,
                "category": result.rules[finding.rule].category,
                "severity": finding.severity,
                "message": finding.message,
                "remediation": result.rules[finding.rule].remediation,
                "resource": finding.resource.address,
                "location": place(finding.location.span),
                "related": [
                    {"message": item.message, "location": place(item.span)} for item in finding.location.related
                ],
                "fingerprint": keys[number],
                "fix": fix_data(fixes[number]),
            }
            for number, finding in enumerate(result.findings)
        ],
        "undetermined": [
            {
                "rule": item.rule,
                "resource": item.resource.address,
                "location": place(places[item.resource]),
                "causes": [{"reason": cause.reason, "source": cause.source} for cause in item.causes],
            }
            for item in result.undetermined
        ],
        "suppressed": [
            {"rule": item.finding.rule, "resource": item.finding.resource.address, "reason": item.reason}
            for item in result.suppressed
        ],
        "diagnostics": [
            {"level": item.level, "code": item.code, "message": item.message, "location": place(item.span)}
            for item in result.diagnostics
        ],
    }


def fix_data(fix: Fix | None) -> dict[str, Any] | None:
    """A fix as JSON; its locations end before (end_line, end_column)."""
    if fix is None:
        return None
    edits = [{"location": place(edit.span), "replacement": edit.replacement} for edit in fix.edits]
    return {"title": fix.title, "edits": edits}


def place(span: Span) -> dict[str, Any]:
    """A span as JSON."""
    return {
        "file": span.file,
        "line": span.start_line,
        "column": span.start_column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
