"""The text report: an excerpt with carets for each finding, grouped by file, and a summary."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

from scanner.core import Diagnostic, Finding, Fix, Severity, Span
from scanner.engine.rules import Rule
from scanner.report.clean import clean, first_columns, last_columns, one_line, text_width
from scanner.report.overview import decisive, plural, severity_counts
from scanner.scan import ScanResult, fix_of, headers, line_of

_COLOURS = {"critical": "1;31", "high": "31", "medium": "33", "low": "36", "error": "31", "warning": "33", "note": "36"}
MAX_WIDTH = 160
MAX_LOOKED_AT = 4 * MAX_WIDTH
"""Characters on each side of the beginning of a mark: a file of one line may be the line of all its findings."""
MANY = 20
"""More undetermined results than this are worth a hint even if they are not listed."""

MANY_FILES = 4
"""Files of one directory of which the same is said in one diagnostic."""


class Style:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self.coloured = colour
        self.arrow = self("-->", "34")
        self.bar = self("|", "34")

    def __call__(self, text: str, code: str) -> str:
        """``text`` in an ANSI colour."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured else text


class Wording(Struct, frozen=True):
    """What all findings of one rule and severity share."""

    head: str
    colour: str
    remedy: str


def render_text(
    result: ScanResult, *, colour: bool = False, show_undetermined: bool = False, quiet: bool = False
) -> str:
    """The report as text; control characters of the input are made harmless."""
    style = Style(colour)
    parts: list[str] = []
    fixable = 0
    wordings: dict[tuple[str, Severity], Wording] = {}
    for file, findings in groupby(result.findings, key=lambda finding: finding.location.span.file):
        name = clean(file)
        parts.append(style(_heading(name), "1;4"))
        for finding in findings:
            rule, severity = finding.rule, finding.severity
            words = wordings.get((rule, severity))
            if words is None:
                words = wordings[rule, severity] = _wording(result.rules[rule], severity, style)
            fix, line = fix_of(result, finding), line_of(result, finding)
            fixable += fix is not None
            parts.append(_finding(finding, name, words, fix, line, style))
    problems = [item for item in result.diagnostics if item.level != "note" or not quiet]
    parts.extend("\n".join(_diagnostic(alike, style)) for alike in _alike(problems))
    if show_undetermined and result.undetermined:
        parts.append("\n".join(_undetermined(result, style)))
    if show_undetermined or (len(result.undetermined) > MANY and not quiet):
        parts.extend(filter(None, ["\n".join(_decisive(result, style))]))
    parts.append(_summary(result, fixable, style))
    return "\n\n".join(parts) + "\n"


def _heading(name: str) -> str:
    """A file's name as a line of its own, which must not start like a workflow command."""
    return f"./{name}" if name.lstrip().startswith("::") else name


def _wording(rule: Rule, severity: Severity, style: Style) -> Wording:
    colour = _COLOURS[severity]
    help_ = f"   = {style('help', '1')}: {clean(' '.join(rule.remediation.split()))} (kilter explain {rule.id})"
    return Wording(f"{style(severity, colour)}{style(f'[{rule.id}]', '1')}: ", colour, help_)


def _finding(finding: Finding, file: str, words: Wording, fix: Fix | None, line: str | None, style: Style) -> str:
    """``file`` is the cleaned name of the file, ``line`` the text that the finding stands in."""
    span, related = finding.location
    text = f"{words.head}{clean(finding.message)}\n{_excerpt(span, file, line, style, words.colour)}"
    for item in related[:4]:
        note = f"   = {clean(item.message)}: {clean(item.span.file)}:{item.span.start_line}"
        text += f"\n{style(note, '2')}"
    text += f"\n   = in {clean(finding.resource.address)}\n{words.remedy}"
    return text if fix is None else f"{text}\n   = {style('fix', '1')}: {clean(fix.title)} (fixable with --fix)"


def _excerpt(span: Span, file: str, line: str | None, style: Style, colour: str) -> str:
    _, number, column, end_line, end_column = span
    shown_number = str(number)
    margin = " " * len(shown_number)
    place = f"{margin} {style.arrow} {file}:{number}:{column}"
    if line is None:
        return place
    line = line.rstrip("\r")
    shown, before, carets = excerpt(line, column - 1, end_column - 1 if end_line == number else len(line))
    edge, mark = f"{margin} {style.bar}", "^" * carets
    if style.coloured:
        shown_number, mark = style(shown_number, "34"), style(mark, colour)
    return f"{place}\n{edge}\n{shown_number} {style.bar} {shown}\n{edge} {' ' * before}{mark}"


def excerpt(line: str, start: int, end: int) -> tuple[str, int, int]:
    """``line`` cleaned and cut to ``MAX_WIDTH`` columns around ``start`` (an index), the columns before the mark,
    and the columns that it takes. Wide and combining characters count as a terminal shows them."""
    length = len(line)
    if length <= MAX_WIDTH // 2 and line.isascii() and clean(line) == line:
        start, end = min(start, length), min(end, length)
        return line, start, max(end - start, 1)
    begin = max(start - MAX_LOOKED_AT, 0)
    lead, before = "", clean(line[begin:start])
    if begin or text_width(before) > MAX_WIDTH // 2:
        lead, before = "…", last_columns(before, MAX_WIDTH // 4)
    marked = clean(line[start : min(end, start + MAX_LOOKED_AT)])
    shown = first_columns(lead + before + marked + clean(line[end : end + MAX_LOOKED_AT]), MAX_WIDTH)
    used = text_width(lead + before)
    return shown, used, max(min(text_width(marked), MAX_WIDTH - used), 1)


def _alike(problems: Iterable[Diagnostic]) -> Iterator[list[Diagnostic]]:
    """Diagnostics one by one, but those that say the same of many files of one directory together."""
    groups: dict[tuple[str, ...], list[Diagnostic]] = {}
    for item in problems:
        key = (item.level, item.code, item.message, posixpath.dirname(item.span.file))
        groups.setdefault(key, []).append(item)
    for alike in groups.values():
        files = {item.span.file for item in alike}
        yield from [alike] if len(files) >= MANY_FILES else [[item] for item in alike]


def _diagnostic(alike: list[Diagnostic], style: Style) -> Iterator[str]:
    item, more = alike[0], len({other.span.file for other in alike}) - 1
    beside = f" and {plural(more, 'file')} beside it (all are in --format json)" if more else ""
    yield f"{style(item.level, _COLOURS[item.level])}[{item.code}]: {clean(item.message)}"
    yield f"  {style.arrow} {clean(item.span.file)}:{item.span.start_line}:{item.span.start_column}{beside}"


def _undetermined(result: ScanResult, style: Style) -> Iterator[str]:
    yield style("Undetermined", "1;4")
    places = headers(result)
    for item in result.undetermined:
        reasons = "; ".join(dict.fromkeys(cause.reason for cause in item.causes)) or "an unknown value"
        span = places[item.resource]
        place = f"{clean(span.file)}:{span.start_line}"
        yield f"  {item.rule} {clean(item.resource.address)} ({place}): {one_line(reasons, 200)}"


def _decisive(result: ScanResult, style: Style) -> Iterator[str]:
    """Which unknown values stand in the way of most results, and how to give them."""
    items = decisive(result, 10 if len(result.undetermined) > MANY else 5)
    if not items:
        return
    yield style("These values would decide most of what is undetermined", "1")
    names = [one_line(item.source, 80) for item in items]
    width = max(map(text_width, names))
    for name, item in zip(names, items, strict=True):
        alone = "" if item.alone == item.results else f", {item.alone} by itself" if item.alone else ""
        yield f"  {name}{' ' * (width - text_width(name))}  {plural(item.results, 'result')}{alone}"
    if any(item.source.startswith("var.") for item in items):
        yield "  Give variables with --var NAME=VALUE or --var-file FILE."


def _summary(result: ScanResult, fixable: int, style: Style) -> str:
    counts = severity_counts(result)
    shown = ", ".join(style(f"{count} {name}", _COLOURS[name]) for name, count in counts.items() if count)
    words = [plural(len(result.findings), "finding") + (f" ({shown})" if shown else "")]
    if fixable:
        words.append(f"{fixable} fixable with --fix")
    if result.rewritten:
        words.append(f"{result.repaired} fixed in {plural(len(result.rewritten), 'file')}")
    words.append(f"{len(result.undetermined)} undetermined")
    if result.compared_with:
        words[0] = words[0].replace("finding", "new finding", 1)
        words.append(f"{result.unchanged} already in {clean(result.compared_with)}")
    if result.baselined:
        words.append(f"{result.baselined} in the baseline")
    if result.suppressed:
        words.append(f"{len(result.suppressed)} suppressed")
    levels = Counter(item.level for item in result.diagnostics)
    lost = ""
    if levels["error"]:
        lost = "; " + style(f"{plural(levels['error'], 'input')} could not be read in full", "31")
    fixed = sum(result.fixed.values())
    stale = f"\n{_fixed(fixed)}; run `kilter baseline --update`" if fixed else ""
    scanned = ", ".join(
        plural(count, noun)
        for count, noun in ((result.files, "file"), (result.resources, "resource"), (len(result.rules), "rule"))
    )
    return f"{style(', '.join(words), '1')} in {scanned}{lost}{stale}"


def _fixed(count: int) -> str:
    return "1 baseline entry is fixed" if count == 1 else f"{count} baseline entries are fixed"
