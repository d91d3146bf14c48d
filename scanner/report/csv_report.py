"""CSV by RFC 4180, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from scanner.core.patterns import lazy_pattern
from scanner.report.clean import one_line
from scanner.report.fingerprints import fingerprints
from scanner.scan import ScanResult

COLUMNS = (
    "rule",
    "name",
    "category",
    "severity",
    "file",
    "line",
    "column",
    "end_line",
    "end_column",
    "resource",
    "message",
    "remediation",
    "fingerprint",
)
_FORMULA = tuple("=+-@\t\r＝＋－＠")
_LATER = lazy_pattern(r"(;\s*)(?=[=+\-@＝＋－＠])")
"""Where lists are separated by semicolons, a spreadsheet starts a new cell behind one."""


def render_csv(result: ScanResult) -> str:
    """One line a finding, in the order of the report, below a line of column names."""
    keys = fingerprints(result)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, finding in enumerate(result.findings):
        rule = result.rules[finding.rule]
        span = finding.location.span
        writer.writerow(
            [
                *map(cell, (rule.id, rule.name, rule.category, finding.severity, span.file)),
                span.start_line,
                span.start_column,
                span.end_line,
                span.end_column,
                *map(cell, (finding.resource.address, finding.message, rule.remediation, keys[number])),
            ]
        )
    return buffer.getvalue()


def cell(text: str) -> str:
    """``text`` on one line; an apostrophe in front of what a spreadsheet would take for a formula."""
    line = _LATER.sub(r"\1'", one_line(text))
    return f"'{line}" if text.startswith(_FORMULA) or line.startswith(_FORMULA) else line
