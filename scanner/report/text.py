"""The text report: an excerpt with carets for each finding, grouped by file, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scanner.core import Diagnostic, Finding, SourceFile, Span
from scanner.core.findings import SEVERITIES
from scanner.scan import ScanResult

_COLOURS = {"critical": "1;31", "high": "31", "medium": "33", "low": "36", "error": "31", "warning": "33", "note": "36"}
MAX_WIDTH = 160


class Style:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, code: str) -> str:
        """``text`` in an ANSI colour."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def render_text(
    result: ScanResult, *, colour: bool = False, show_undetermined: bool = False, quiet: bool = False
) -> str:
    """The report as text; control characters of the input are made harmless."""
    style = Style(colour)
    parts: list[str] = []
    current = None
    for finding in result.findings:
        file = finding.location.span.file
        if file != current:
            parts.append(style(clean(file), "1;4"))
            current = file
        parts.append("\n".join(_finding(finding, result, style)))
    problems = [item for item in result.diagnostics if item.level != "note" or not quiet]
    parts.extend("\n".join(_diagnostic(item, result, style)) for item in problems)
    if show_undetermined and result.undetermined:
        parts.append("\n".join(_undetermined(result, style)))
    parts.append(_summary(result, style))
    return "\n\n".join(parts) + "\n"


def clean(text: str) -> str:
    """``text`` without characters that could steer a terminal; tabs become spaces."""
    return "".join(char if char.isprintable() else "    " if char == "\t" else "�" for char in text)


def _finding(finding: Finding, result: ScanResult, style: Style) -> Iterator[str]:
    rule = result.rules[finding.rule]
    severity = style(finding.severity, _COLOURS[finding.severity])
    yield f"{severity}{style(f'[{finding.rule}]', '1')}: {clean(finding.message)}"
    yield from _excerpt(finding.location.span, result, style, _COLOURS[finding.severity])
    for related in finding.location.related[:4]:
        span = related.span
        yield style(f"   = {clean(related.message)}: {clean(span.file)}:{span.start_line}", "2")
    yield f"   = in {clean(finding.resource.address)}"
    yield f"   = {style('help', '1')}: {clean(' '.join(rule.remediation.split()))} (kilter explain {finding.rule})"


def _excerpt(span: Span, result: ScanResult, style: Style, colour: str) -> Iterator[str]:
    width = len(str(span.start_line))
    yield f"{' ' * width} {style('-->', '34')} {clean(span.file)}:{span.start_line}:{span.start_column}"
    source: SourceFile | None = result.source(span.file)
    if source is None or span.start_line > len(source.lines):
        return
    line = source.lines[span.start_line - 1].rstrip("\r")
    before = clean(line[: span.start_column - 1])
    end = span.end_column - 1 if span.end_line == span.start_line else len(line)
    marked = clean(line[span.start_column - 1 : end])
    carets = "^" * max(min(len(marked), MAX_WIDTH - len(before)), 1)
    bar = style("|", "34")
    yield f"{' ' * width} {bar}"
    yield f"{style(str(span.start_line), '34')} {bar} {clean(line)[:MAX_WIDTH]}"
    yield f"{' ' * width} {bar} {' ' * len(before)}{style(carets, colour)}"


def _diagnostic(item: Diagnostic, result: ScanResult, style: Style) -> Iterator[str]:
    yield f"{style(item.level, _COLOURS[item.level])}[{item.code}]: {clean(item.message)}"
    yield f"  {style('-->', '34')} {clean(item.span.file)}:{item.span.start_line}:{item.span.start_column}"


def _undetermined(result: ScanResult, style: Style) -> Iterator[str]:
    yield style("Undetermined", "1;4")
    for item in result.undetermined:
        reasons = "; ".join(dict.fromkeys(cause.reason for cause in item.causes)) or "an unknown value"
        span = item.resource.locate().span
        place = f"{clean(span.file)}:{span.start_line}"
        yield f"  {item.rule} {clean(item.resource.address)} ({place}): {clean(reasons[:200])}"
    sources = Counter(cause.source for item in result.undetermined for cause in item.causes if cause.source)
    if sources:
        yield "  Setting these would decide most:"
        yield from (f"    {clean(source)} ({count})" for source, count in sources.most_common(5))


def _summary(result: ScanResult, style: Style) -> str:
    counts = Counter(finding.severity for finding in result.findings)
    shown = ", ".join(style(f"{counts[name]} {name}", _COLOURS[name]) for name in SEVERITIES if counts[name])
    total = len(result.findings)
    words = [f"{total} finding{'s' * (total != 1)}" + (f" ({shown})" if shown else "")]
    words.append(f"{len(result.undetermined)} undetermined")
    if result.suppressed:
        words.append(f"{len(result.suppressed)} suppressed")
    levels = Counter(item.level for item in result.diagnostics)
    if levels["error"]:
        words.append(style(f"{levels['error']} input{'s' * (levels['error'] != 1)} could not be read in full", "31"))
    scanned = f"{result.files} files, {len(result.graph)} resources, {len(result.rules)} rules"
    return f"{style(', '.join(words), '1')} in {scanned}"
