"""Suppressions: one grammar in every language's comments, and annotations on Kubernetes objects."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from scanner.core import Diagnostic, Finding, Span, get
from scanner.engine.rules import Rule

_COMMENT = re.compile(
    r"(?:#|//|/\*)\s*kilter:(ignore-file|ignore)\s+([\w,\- ]*?\w)(?=\s+until=|\s+--|\s*\*/|\s*$)"
    r"(?:\s+until=(\S+))?(?:\s+--\s*(.*?))?\s*(?:\*/.*)?$"
)
ANNOTATION = "kilter/ignore."


class Suppression(NamedTuple):
    """A comment that silences rules on its line, the next one, or in its file."""

    file: str
    line: int
    rules: tuple[str, ...]
    whole_file: bool
    until: datetime.date | None
    reason: str


class Suppressed(NamedTuple):
    """A finding that is silenced, and why."""

    finding: Finding
    reason: str


def suppressions(path: str, lines: Sequence[str], rules: Iterable[Rule]) -> tuple[list[Suppression], list[Diagnostic]]:
    """The suppressions in a file, and a diagnostic for each that names no rule or has a wrong date."""
    names = {key: rule.id for rule in rules for key in (rule.id, rule.name)}
    found: list[Suppression] = []
    diagnostics: list[Diagnostic] = []
    for number, line in enumerate(lines, 1):
        if "kilter:ignore" not in line:
            continue
        span = Span(path, number, line.index("kilter:") + 1, number, len(line) + 1)
        match = _COMMENT.search(line)
        if match is None:
            diagnostics.append(Diagnostic("warning", "suppression-syntax", "this suppression names no rule", span))
            continue
        codes = []
        for text in re.split(r"[,\s]+", match[2].strip()):
            if text in names:
                codes.append(names[text])
            else:
                near = difflib.get_close_matches(text, names, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                message = f"this suppression names an unknown rule {text!r}{hint}"
                diagnostics.append(Diagnostic("warning", "suppression-unknown-rule", message, span))
        until = _date(match[3])
        if match[3] and until is None:
            message = f"until={match[3]} is not a date (YYYY-MM-DD); the suppression does not hold"
            diagnostics.append(Diagnostic("warning", "suppression-date", message, span))
            continue
        found.append(Suppression(path, number, tuple(codes), match[1] == "ignore-file", until, match[4] or ""))
    return found, diagnostics


def _date(text: str | None) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        return None


def apply_suppressions(
    findings: list[Finding], known: list[Suppression], today: datetime.date, lines: Callable[[str], Sequence[str]]
) -> tuple[list[Finding], list[Suppressed], list[Diagnostic]]:
    """Findings that remain, those that are silenced, and diagnostics for expired and unused suppressions."""
    by_file: dict[str, list[Suppression]] = {}
    for item in known:
        by_file.setdefault(item.file, []).append(item)
    used: set[Suppression] = set()
    kept: list[Finding] = []
    silenced: list[Suppressed] = []
    for finding in findings:
        reason = _annotated(finding)
        match = next((s for s in by_file.get(finding.location.span.file, ()) if _covers(s, finding, lines)), None)
        if match is not None:
            used.add(match)
            reason = None if match.until is not None and match.until < today else match.reason or "suppressed"
        if reason is None:
            kept.append(finding)
        else:
            silenced.append(Suppressed(finding, reason))
    diagnostics = []
    for item in known:
        span = Span(item.file, item.line, 1, item.line, 1)
        if item.until is not None and item.until < today:
            message = f"the suppression of {', '.join(item.rules)} expired on {item.until}"
            diagnostics.append(Diagnostic("warning", "suppression-expired", message, span))
        elif item not in used and item.rules:
            message = f"the suppression of {', '.join(item.rules)} silences nothing"
            diagnostics.append(Diagnostic("note", "suppression-unused", message, span))
    return kept, silenced, diagnostics


def _covers(item: Suppression, finding: Finding, lines: Callable[[str], Sequence[str]]) -> bool:
    if finding.rule not in item.rules:
        return False
    if item.whole_file:
        return True
    header = finding.resource.locate(()).span
    starts = [finding.location.span.start_line]
    if header.file == item.file:
        starts.append(header.start_line)
    for line in starts:
        above = line - 1
        text = lines(item.file)
        while above > item.line and text[above - 1].strip().startswith(("#", "//")):
            above -= 1
        if item.line in (line, above):
            return True
    return False


def _annotated(finding: Finding) -> str | None:
    annotations = get(finding.resource.attributes, "metadata", "annotations")
    if not isinstance(annotations, dict):
        return None
    value = annotations.get(f"{ANNOTATION}{finding.rule}")
    return str(value) if isinstance(value, str) and value.strip() else None
