"""GitHub's workflow commands: annotations in the log of a step."""

from __future__ import annotations

from scanner.core import Span
from scanner.report.clean import clean, one_line
from scanner.report.overview import by_severity, plural, repository_path
from scanner.scan import ScanResult

LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "notice"}
MAX_ANNOTATIONS = 10
"""GitHub shows that many of each level for a step and drops the rest without a word."""
MAX_MESSAGE = 2000


def render_github(result: ScanResult) -> str:
    """The report as workflow commands, worst first, at most ``MAX_ANNOTATIONS`` of each level.

    A line that is no command says how many more there are. Input that could not be read is a warning.
    """
    commands: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for _, finding in by_severity(result):
        rule = result.rules[finding.rule]
        level = LEVELS[finding.severity]
        message = f"{one_line(finding.message, MAX_MESSAGE)}\nWhat to do: {one_line(rule.remediation, MAX_MESSAGE)}"
        title = f"{rule.id} {rule.name} ({finding.severity})"
        commands[level].append(_command(level, title, message, finding.location.span, result))
    for item in result.diagnostics:
        if item.level != "note":
            text = one_line(item.message, MAX_MESSAGE)
            commands["warning"].append(_command("warning", f"kilter {item.code}", text, item.span, result))
    lines: list[str] = []
    for level, found in commands.items():
        lines += found[:MAX_ANNOTATIONS]
        more = len(found) - MAX_ANNOTATIONS
        if more > 0:
            lines.append(f"kilter: {plural(more, level)} more, not annotated; the full report has them all")
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, title: str, message: str, span: Span, result: ScanResult) -> str:
    properties = {
        "file": repository_path(result, span),
        "line": str(max(span.start_line, 1)),
        "endLine": str(max(span.end_line, span.start_line, 1)),
        "title": title,
    }
    if span.start_line == span.end_line:
        properties |= {"col": str(max(span.start_column, 1)), "endColumn": str(max(span.end_column, 1))}
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level} {shown}::{_data(message)}"


def _data(text: str) -> str:
    parts = text.replace("%", "%25").split("\n")
    return "%0A".join(clean(part) for part in parts)


def _property(text: str) -> str:
    return clean(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
