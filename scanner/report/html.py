"""The HTML report: one self-contained page with filters, excerpts and a picture of the resource graph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from scanner.core import Finding, Span
from scanner.core.findings import SEVERITIES
from scanner.engine.rules import Rule
from scanner.report.clean import clean, text_width
from scanner.report.graph_layout import Drawing, draw
from scanner.report.graph_svg import svg
from scanner.report.markup import escape, page
from scanner.report.overview import by_severity, decisive, plural, severity_counts
from scanner.scan import ScanResult
from scanner.version import VERSION

CONTEXT_LINES = 2
MAX_LINE = 240
MAX_UNDETERMINED = 500
LONG = 200
"""Above so many findings the browser lays out only those in view."""
REPORT_ALL_BELOW, REPORT_LIMIT = 60, 160
GRAPH_ALL_BELOW, GRAPH_LIMIT = 400, 400


def render_html(result: ScanResult) -> str:
    """The report as one HTML page without any reference to the network."""
    name = result.root.name or "/"
    drawing = draw(result, all_below=REPORT_ALL_BELOW, limit=REPORT_LIMIT)
    body = "\n".join(
        [
            _header(f"Report on {name}", result),
            "<main>",
            _summary(result),
            _graph(drawing, result),
            _findings(result),
            _undetermined(result),
            _diagnostics(result),
            _suppressed(result),
            "</main>",
        ]
    )
    return page(f"Kilter: {name}, {plural(len(result.findings), 'finding')}", body)


def render_graph_html(result: ScanResult) -> str:
    """The picture of the resource graph as a page of its own."""
    name = result.root.name or "/"
    drawing = draw(result, all_below=GRAPH_ALL_BELOW, limit=GRAPH_LIMIT)
    body = "\n".join(
        [
            _header(f"Resources of {name}", result),
            '<main class="whole">',
            _graph(drawing, result, whole=True),
            "</main>",
        ]
    )
    return page(f"Kilter: resources of {name}", body)


def _header(title: str, result: ScanResult) -> str:
    scanned = " · ".join(
        plural(number, noun)
        for number, noun in ((result.files, "file"), (result.resources, "resource"), (len(result.rules), "rule"))
    )
    return (
        '<header class="top"><div><p class="brand">Kilter</p>'
        f'<h1>{escape(title)}</h1></div><p class="meta">{scanned}<br>Kilter {escape(VERSION)}</p></header>'
    )


def _summary(result: ScanResult) -> str:
    counts = severity_counts(result)
    tiles = [
        f'<button type="button" class="tile {name}" data-severity="{name}" aria-pressed="false"'
        f"{'' if count else ' disabled'}><b>{count}</b><span>{name.capitalize()}</span></button>"
        for name, count in counts.items()
    ]
    unread = sum(item.level != "note" for item in result.diagnostics)
    others = (
        ("undetermined", len(result.undetermined), "Undetermined"),
        ("diagnostics", unread, "Not read in full"),
        ("suppressed", len(result.suppressed), "Suppressed"),
    )
    tiles += [
        f'<a class="tile" href="#{anchor}"><b>{count}</b><span>{label}</span></a>'
        if count
        else f'<span class="tile none"><b>0</b><span>{label}</span></span>'
        for anchor, count, label in others
    ]
    return f'<section class="summary" aria-label="Summary">{"".join(tiles)}</section>'


def _graph(drawing: Drawing, result: ScanResult, *, whole: bool = False) -> str:
    if not drawing.nodes:
        return ""
    shown = f"{len(drawing.nodes)} of {plural(len(drawing.nodes) + drawing.left_out, 'resource')}"
    note = (
        f"{shown}: those with findings and their neighbours." if drawing.left_out and result.findings else f"{shown}."
    )
    hint = "" if whole else " Select a resource to see its findings only."
    picture = svg(drawing, node_role="img" if whole else "button")
    keys = "".join(f'<span class="key {name}">{name}</span>' for name in SEVERITIES)
    return (
        f'<section class="graph{" whole" if whole else ""}" id="graph"><h2>Resource graph</h2>'
        f'<p class="note">{note}{hint} <span class="keys">{keys}<span class="key dashed">possible</span></span></p>'
        f'<div class="canvas" tabindex="0" role="region" aria-label="Resource graph, scrollable">{picture}</div>'
        '<p class="status" id="node-status" aria-live="polite">&nbsp;</p></section>'
    )


def _findings(result: ScanResult) -> str:
    if not result.findings:
        return '<section id="findings"><h2>Findings</h2><p class="empty">No findings.</p></section>'
    resources = {resource: number for number, resource in enumerate(result.graph.as_written().resources)}
    files = sorted({finding.location.span.file for finding in result.findings})
    cards = "\n".join(
        _card(result, finding, number, resources[finding.resource.written], files.index(finding.location.span.file))
        for number, finding in by_severity(result)
    )
    long = ' class="long"' if len(result.findings) > LONG else ""
    return (
        f'<section id="findings"><h2>Findings</h2>{_filters(result, files)}'
        f'<div id="list"{long}>{cards}</div>'
        '<p class="empty" id="nothing" hidden>No finding passes these filters.</p></section>'
    )


def _filters(result: ScanResult, files: list[str]) -> str:
    rules = Counter(finding.rule for finding in result.findings)
    categories = Counter(result.rules[finding.rule].category for finding in result.findings)
    places = Counter(finding.location.span.file for finding in result.findings)
    severities = "".join(
        f'<button type="button" class="chip {name}" data-severity="{name}" aria-pressed="false">{name} {count}</button>'
        for name, count in severity_counts(result).items()
        if count
    )
    return (
        '<div class="filters" id="filters" hidden>'
        '<input type="search" id="search" placeholder="Search findings" aria-label="Search findings">'
        f'<div class="chips" role="group" aria-label="Severity">{severities}</div>'
        + _select("category", "All categories", ((name, name, categories[name]) for name in sorted(categories)))
        + _select(
            "rule", "All rules", ((name, f"{name} {result.rules[name].name}", rules[name]) for name in sorted(rules))
        )
        + _select("file", "All files", ((str(number), file, places[file]) for number, file in enumerate(files)))
        + '<button type="button" class="chip" id="resource" hidden></button>'
        '<button type="button" class="plain" id="reset" hidden>Clear filters</button>'
        '<p class="shown" id="shown" aria-live="polite"></p></div>'
    )


def _select(name: str, everything: str, options: Iterable[tuple[str, str, int]]) -> str:
    items = "".join(
        f'<option value="{escape(value)}">{escape(label)} ({count})</option>' for value, label, count in options
    )
    return (
        f'<select id="{name}" aria-label="{name.capitalize()}"><option value="">{everything}</option>{items}</select>'
    )


def _card(result: ScanResult, finding: Finding, number: int, resource: int, file: int) -> str:
    rule = result.rules[finding.rule]
    span = finding.location.span
    related = "".join(
        f"<li>{escape(item.message)}: <code>{escape(item.span.file)}:{item.span.start_line}</code></li>"
        for item in finding.location.related
    )
    return (
        f'<article class="finding {finding.severity}" id="f{number}" data-severity="{finding.severity}" '
        f'data-category="{escape(rule.category)}" data-rule="{escape(rule.id)}" data-file="{file}" data-n="{resource}">'
        f'<p class="tags"><span class="severity">{finding.severity}</span> <code>{escape(rule.id)}</code> '
        f'<span class="title">{escape(rule.title)}</span></p>'
        f"<h3>{escape(finding.message)}</h3>"
        f'<p class="place"><code>{escape(span.file)}:{span.start_line}:{span.start_column}</code> '
        f"<span>in</span> <code>{escape(finding.resource.address)}</code></p>"
        f"{_excerpt(result, span)}"
        + (f'<ul class="related">{related}</ul>' if related else "")
        + f'<p class="fix"><b>What to do</b> {escape(rule.remediation)}</p>{_about(rule)}</article>'
    )


def _about(rule: Rule) -> str:
    links = "".join(f"<li>{_link(link)}</li>" for link in rule.references)
    why = f"<p>{escape(rule.description)}</p>" if rule.description else ""
    if not links and not why:
        return ""
    return f"<details><summary>About {escape(rule.id)} {escape(rule.name)}</summary>{why}<ul>{links}</ul></details>"


def _link(link: str) -> str:
    if not re.fullmatch(r"https?://[^\s\"'<>]+", link):
        return escape(link)
    return f'<a href="{escape(link)}" rel="noopener noreferrer">{escape(link)}</a>'


def _excerpt(result: ScanResult, span: Span) -> str:
    source = result.source(span.file)
    if source is None or span.start_line > len(source.lines):
        return ""
    first = max(span.start_line - CONTEXT_LINES, 1)
    last = min(span.start_line + CONTEXT_LINES, len(source.lines))
    width = len(str(last))
    lines: list[str] = []
    for number in range(first, last + 1):
        text = source.lines[number - 1].rstrip("\r")
        label = f'<span class="ln">{number:>{width}}</span> '
        if number == span.start_line:
            lines += _marked(text, span, label, width)
        else:
            lines.append(label + _code(text))
    return f"<pre><code>{chr(10).join(lines)}</code></pre>"


def _marked(text: str, span: Span, label: str, width: int) -> Iterator[str]:
    end = span.end_column - 1 if span.end_line == span.start_line else len(text)
    start = span.start_column - 1
    offset = max(start - MAX_LINE // 2, 0) if len(text) > MAX_LINE else 0
    before, marked = text[offset:start], text[start:end][:MAX_LINE]
    after = text[end:][: max(MAX_LINE - len(before) - len(marked), 0)]
    lead = "…" if offset else ""
    yield f"{label}{lead}{_code(before)}<mark>{_code(marked)}</mark>{_code(after)}"
    carets = "^" * max(text_width(clean(marked)), 1)
    indent = " " * (width + 1 + len(lead) + text_width(clean(before)))
    yield f'<span class="carets" aria-hidden="true">{indent}{carets}</span>'


def _code(text: str) -> str:
    from html import escape as escape_html

    return escape_html(clean(text[:MAX_LINE])) + ("…" if len(text) > MAX_LINE else "")


def _undetermined(result: ScanResult) -> str:
    if not result.undetermined:
        return ""
    most = "".join(
        f"<li><code>{escape(item.source)}</code> {plural(item.results, 'result')}"
        + (f", {item.alone} by itself" if 0 < item.alone < item.results else "")
        + "</li>"
        for item in decisive(result, 10)
    )
    rows = "".join(
        f"<tr><td><code>{escape(item.rule)}</code></td><td><code>{escape(item.resource.address)}</code></td>"
        f"<td>{_place(item.resource.locate().span)}</td>"
        f"<td>{escape(_reasons(cause.reason for cause in item.causes))}</td></tr>"
        for item in result.undetermined[:MAX_UNDETERMINED]
    )
    more = len(result.undetermined) - MAX_UNDETERMINED
    return (
        f'<section id="undetermined"><h2>Undetermined <span class="number">{len(result.undetermined)}</span></h2>'
        '<p class="note">These results depend on values that the sources do not give.</p>'
        + (f'<h3 class="minor">These values would decide most</h3><ul class="most">{most}</ul>' if most else "")
        + _table(("Rule", "Resource", "Place", "Why"), rows)
        + (f'<p class="note">and {more} more</p>' if more > 0 else "")
        + "</section>"
    )


def _reasons(reasons: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(reasons)) or "an unknown value"


def _diagnostics(result: ScanResult) -> str:
    if not result.diagnostics:
        return ""
    rows = "".join(
        f'<tr><td><span class="level {item.level}">{item.level}</span></td><td><code>{escape(item.code)}</code></td>'
        f"<td>{_place(item.span)}</td><td>{escape(item.message)}</td></tr>"
        for item in result.diagnostics
    )
    return (
        f'<section id="diagnostics"><h2>Diagnostics <span class="number">{len(result.diagnostics)}</span></h2>'
        '<p class="note">What could not be read or resolved; everything else was checked.</p>'
        f"{_table(('Level', 'Code', 'Place', 'Message'), rows)}</section>"
    )


def _suppressed(result: ScanResult) -> str:
    if not result.suppressed:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(item.finding.rule)}</code></td><td><code>{escape(item.finding.resource.address)}</code></td>"
        f"<td>{_place(item.finding.location.span)}</td><td>{escape(item.reason)}</td></tr>"
        for item in result.suppressed
    )
    return (
        f'<section id="suppressed"><h2>Suppressed <span class="number">{len(result.suppressed)}</span></h2>'
        f"{_table(('Rule', 'Resource', 'Place', 'Reason'), rows)}</section>"
    )


def _place(span: Span) -> str:
    return f"<code>{escape(span.file)}:{span.start_line}</code>"


def _table(heads: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
