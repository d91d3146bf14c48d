"""GitHub-flavoured Markdown: for a step summary, a merge request or an issue."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from scanner.core import Finding, Span
from scanner.core.findings import SEVERITIES
from scanner.core.patterns import lazy_pattern
from scanner.report.clean import clean, one_line
from scanner.report.overview import by_severity, decisive, plural, repository_path, severity_counts
from scanner.scan import ScanResult

MAX_BYTES = 900_000
"""GitHub refuses a step summary above 1 MiB as a whole."""
MAX_PER_RULE = 50
MAX_LISTED = 100
MAX_MESSAGE = 1000
_SPECIAL = lazy_pattern(r"[\\`*_\[\]<>#|~&$]|:(?=\S)|\.(?=[^\W\d])")
_MENTION = lazy_pattern(r"(?<!\w)@(?=\w)")


def render_markdown(result: ScanResult) -> str:
    """The report as Markdown below ``MAX_BYTES``; what does not fit is left out by whole sections, and named."""
    sections = [*_findings(result), *_undetermined(result), *_diagnostics(result)]
    head = _head(result)
    kept, left_out = [head], []
    size = len(head.encode("utf-8", "replace")) + 4096
    for title, text in sections:
        size += len(text.encode("utf-8", "replace"))
        if size > MAX_BYTES:
            left_out.append(title)
            size -= len(text.encode("utf-8", "replace"))
        else:
            kept.append(text)
    if left_out:
        names = ", ".join(left_out[:30]) + (f" and {len(left_out) - 30} more" if len(left_out) > 30 else "")
        kept.append(f"**Left out for length:** {names}. Another format, such as JSON, has everything.\n")
    return "\n".join(kept)


def escape(text: str) -> str:
    """``text`` on one line, as the same text in Markdown: no markup, HTML, link or mention."""
    line = _MENTION.sub("@\u200b", one_line(text, MAX_MESSAGE))
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", line)


def code(text: str) -> str:
    """``text`` on one line as a code span."""
    line = one_line(text, MAX_MESSAGE)
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if line.startswith("`") or line.endswith("`") else f"{fence}{line}{fence}"


def _head(result: ScanResult) -> str:
    counts = severity_counts(result)
    cells = [*counts.values(), len(result.undetermined), len(result.suppressed)]
    names = [*counts, "undetermined", "suppressed"]
    verdict = plural(len(result.findings), "finding") if result.findings else "No findings"
    scanned = ", ".join(
        plural(number, noun)
        for number, noun in ((result.files, "file"), (result.resources, "resource"), (len(result.rules), "rule"))
    )
    return "\n".join(
        [
            f"## Kilter: {verdict}\n",
            f"| {' | '.join(name.capitalize() for name in names)} |",
            f"|{' ---: |' * len(names)}",
            f"| {' | '.join(str(number) for number in cells)} |\n",
            f"{scanned} checked.\n",
        ]
    )


def _findings(result: ScanResult) -> list[tuple[str, str]]:
    """A section for each severity and rule: what it is called, and its text."""
    counts = severity_counts(result)
    findings = sorted(
        (finding for _, finding in by_severity(result)),
        key=lambda finding: (SEVERITIES.index(finding.severity), finding.rule),
    )
    sections = []
    last = None
    for (severity, rule_id), group in groupby(findings, key=lambda finding: (finding.severity, finding.rule)):
        rule = result.rules[rule_id]
        items = list(group)
        lines = [f"### {severity.capitalize()} ({counts[severity]})\n"] if severity != last else []
        last = severity
        lines.append(f"#### {code(rule.id)} {escape(rule.title)}\n")
        lines += [_finding(result, finding) for finding in items[:MAX_PER_RULE]]
        if len(items) > MAX_PER_RULE:
            lines.append(f"- and {len(items) - MAX_PER_RULE} more of this rule")
        lines.append(f"\n**What to do:** {escape(rule.remediation)}{_references(rule.references)}\n")
        sections.append((f"{plural(len(items), 'finding')} of {rule.id} ({severity})", "\n".join(lines)))
    return sections


def _finding(result: ScanResult, finding: Finding) -> str:
    place = _place(result, finding.location.span)
    lines = [f"- {escape(finding.message)}  ", f"  {place} in {code(finding.resource.address)}"]
    lines += [f"  - {escape(item.message)}: {_place(result, item.span)}" for item in finding.location.related[:4]]
    return "\n".join(lines)


def _place(result: ScanResult, span: Span) -> str:
    return code(f"{clean(repository_path(result, span))}:{span.start_line}")


def _references(links: tuple[str, ...]) -> str:
    safe = [link for link in links if re.fullmatch(r"https?://[\w./#?=&%:~+-]+", link)]
    return f" ({', '.join(f'[reference]({link})' for link in safe)})" if safe else ""


def _undetermined(result: ScanResult) -> list[tuple[str, str]]:
    if not result.undetermined:
        return []
    lines = [f"### Undetermined ({len(result.undetermined)})\n"]
    lines.append("These results depend on values that the sources do not give.\n")
    lines += [f"- {code(item.source)}: {plural(item.results, 'result')}" for item in decisive(result, 20)]
    rules = Counter(item.rule for item in result.undetermined)
    lines.append("\nBy rule: " + ", ".join(f"{code(rule)} {count}" for rule, count in rules.most_common(50)) + "\n")
    return [("undetermined results", "\n".join(lines))]


def _diagnostics(result: ScanResult) -> list[tuple[str, str]]:
    items = [item for item in result.diagnostics if item.level != "note"]
    if not items:
        return []
    lines = [f"### Not read in full ({len(items)})\n"]
    lines += [
        f"- {item.level} {code(item.code)}: {escape(item.message)} ({_place(result, item.span)})"
        for item in items[:MAX_LISTED]
    ]
    if len(items) > MAX_LISTED:
        lines.append(f"- and {len(items) - MAX_LISTED} more")
    return [("what could not be read in full", "\n".join([*lines, ""]))]
