"""GitLab's code quality report: the subset of the Code Climate format that merge requests show."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from scanner.core import Diagnostic, Span
from scanner.report.clean import clean, json_text, one_line
from scanner.report.fingerprints import fingerprints
from scanner.report.overview import by_severity, repository_path
from scanner.scan import ScanResult

SEVERITIES = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor"}


def render_gitlab(result: ScanResult) -> str:
    """The report as a JSON array of issues, worst first; input that could not be read is of severity ``info``."""
    keys = fingerprints(result)
    issues = [
        _issue(
            finding.rule,
            f"{finding.message}. {result.rules[finding.rule].remediation}",
            SEVERITIES[finding.severity],
            keys[number],
            finding.location.span,
            result,
        )
        for number, finding in by_severity(result)
    ]
    seen: Counter[str] = Counter()
    for item in result.diagnostics:
        if item.level != "note":
            key = _key(item)
            seen[key] += 1
            issues.append(_issue(item.code, item.message, "info", f"{key}:{seen[key]}", item.span, result))
    return json_text(issues)


def _issue(name: str, text: str, severity: str, fingerprint: str, span: Span, result: ScanResult) -> dict[str, Any]:
    return {
        "type": "issue",
        "check_name": name,
        "description": one_line(text),
        "severity": severity,
        "fingerprint": fingerprint,
        "location": {"path": clean(repository_path(result, span)), "lines": {"begin": max(span.start_line, 1)}},
    }


def _key(item: Diagnostic) -> str:
    text = "\0".join((item.code, item.span.file, item.message))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
