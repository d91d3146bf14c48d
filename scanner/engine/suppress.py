"""Suppressions: one grammar in every language's comments, annotations on objects, entries of the configuration."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct, field

from scanner.core import Diagnostic, Finding, Level, Resource, SourceFile, Span, get
from scanner.core.nearest import suggestion
from scanner.core.patterns import lazy_pattern
from scanner.engine.rules import Rule
from scanner.project.config import FileSuppression
from scanner.project.globs import compile_globs

_COMMENT = lazy_pattern(
    r"(?:#|//|/\*)\s*kilter:(ignore-file|ignore)\s+([\w,\-][\w,\- ]*?(?<=\w))(?=\s+until=|\s+--|\s*\*/|\s*$)"
    r"(?:\s+until=(\S+))?"
)
"""Up to the reason; it and the end are read apart, because one expression for all would take quadratic time."""
_ANNOTATION_VALUE = lazy_pattern(r"\s*(?:until=(\S+)\s*)?(?:--\s*)?(.*)", re.DOTALL)
ANNOTATION = "kilter/ignore"
MAX_CHARACTERS = 1_000
"""Of the rules that one comment names, and of its reason."""
MAX_COMMENTS = 1_000
"""In one file."""
MAX_HINTS = 20
"""Near names are looked for while a scan has no more diagnostics of suppressions than this."""


class Suppressed(Struct, frozen=True):
    """A finding that is silenced, and why."""

    finding: Finding
    reason: str


Lines = Callable[[str], Sequence[str]]
"""The lines of a scanned file."""


class Policy(Struct, frozen=True):
    """What may be suppressed, and how."""

    inline: bool = True
    """Whether comments and annotations hold."""
    require_reason: bool = False
    unsuppressible: tuple[str, ...] = ()
    """Codes or names of rules that nothing silences."""
    entries: tuple[FileSuppression, ...] = ()


class Claim(Struct, eq=False):
    """One suppression, wherever it is written: the rules that it names and the findings that it covers."""

    span: Span
    rules: tuple[str, ...]
    scope: str | Resource | None
    """The file or the resource that it is about; ``None`` for all."""
    covers: Callable[[Finding], bool]
    until: datetime.date | None
    reason: str
    used: set[str] = field(default_factory=set)


class Surroundings(Struct, frozen=True):
    """What suppressions are looked for in, and judged by."""

    files: Iterable[SourceFile]
    resources: Iterable[Resource]
    rules: Sequence[Rule]
    """Every known rule, selected or not."""
    selected: Collection[str]
    today: datetime.date
    lines: Lines
    named: Callable[[str], str]
    """A scanned file as globs in the configuration name it."""
    shown: Callable[[FileSuppression], str]
    """The configuration file of an entry, as reports name it."""


def suppress(
    findings: Iterable[Finding], policy: Policy, around: Surroundings
) -> tuple[list[Finding], list[Suppressed], list[Diagnostic]]:
    """Findings that remain, those that are silenced, and diagnostics for suppressions that do not work."""
    names = {key: rule.id for rule in around.rules for key in (rule.id, rule.name)}
    diagnostics: list[Diagnostic] = []
    claims = [
        claim
        for claim in (
            *(_comments(around, names, diagnostics) if policy.inline else ()),
            *(_annotations(around.resources, names, diagnostics) if policy.inline else ()),
            *_entries(policy.entries, around, names, diagnostics),
        )
        if _holds(claim, policy, names, around.today, diagnostics)
    ]
    by_scope: dict[tuple[str, str | Resource | None], list[Claim]] = {}
    for claim in claims:
        for rule in claim.rules:
            by_scope.setdefault((rule, claim.scope), []).append(claim)
    kept: list[Finding] = [] if by_scope else list(findings)
    silenced: list[Suppressed] = []
    for finding in findings if by_scope else ():
        scopes = (finding.location.span.file, *_around(finding.resource), None)
        near = (claim for scope in scopes for claim in by_scope.get((finding.rule, scope), ()))
        covering = [claim for claim in near if claim.covers(finding)]
        for claim in covering:
            claim.used.add(finding.rule)
        if covering:
            silenced.append(Suppressed(finding, covering[0].reason or "suppressed"))
        else:
            kept.append(finding)
    for claim in claims:
        unused = [rule for rule in claim.rules if rule not in claim.used and rule in around.selected]
        if unused:
            message = f"the suppression of {', '.join(unused)} silences nothing"
            diagnostics.append(Diagnostic("note", "suppression-unused", message, claim.span))
    return kept, silenced, diagnostics


def _holds(
    claim: Claim, policy: Policy, names: Mapping[str, str], today: datetime.date, diagnostics: list[Diagnostic]
) -> bool:
    """Whether a claim holds at all; rules that it may not name are taken from it."""

    def report(code: str, message: str, level: Level = "warning") -> None:
        diagnostics.append(Diagnostic(level, code, message, claim.span))

    fixed = {names.get(name, name) for name in policy.unsuppressible}
    forbidden = [rule for rule in claim.rules if rule in fixed]
    if forbidden:
        report("suppression-forbidden", f"{', '.join(forbidden)} cannot be suppressed in this project")
        claim.rules = tuple(rule for rule in claim.rules if rule not in fixed)
    shown = ", ".join(claim.rules)
    if not claim.rules:
        return False
    if policy.require_reason and not claim.reason:
        report("suppression-without-reason", f"the suppression of {shown} needs a reason: add `-- why`")
        return False
    if claim.until is not None and claim.until < today:
        report("suppression-expired", f"the suppression of {shown} expired on {claim.until}")
        return False
    return True


def _comments(around: Surroundings, names: Mapping[str, str], diagnostics: list[Diagnostic]) -> Iterator[Claim]:
    tops: dict[tuple[str, int], int] = {}

    def top(path: str, line: int) -> int:
        """The first line of which a comment counts for ``line``: comments above a line may be several."""
        if (path, line) not in tops:
            text, above = around.lines(path), line - 1
            while above > 0 and text[above - 1].strip().startswith(("#", "//")):
                above -= 1
            tops[path, line] = above
        return tops[path, line]

    for file in around.files:
        if "kilter:ignore" not in file.text:
            continue
        numbers = [number for number, line in enumerate(file.lines, 1) if "kilter:ignore" in line]
        for number in numbers[:MAX_COMMENTS]:
            claim = _comment(file.path, number, file.lines[number - 1], names, top, diagnostics)
            if claim is not None:
                yield claim
        if len(numbers) > MAX_COMMENTS:
            message = f"more than the limit of {MAX_COMMENTS} suppressions in one file; those from here on do not hold"
            place = Span(file.path, numbers[MAX_COMMENTS], 1, numbers[MAX_COMMENTS], 1)
            diagnostics.append(Diagnostic("warning", "suppression-limit", message, place))


def _comment(
    path: str,
    number: int,
    line: str,
    names: Mapping[str, str],
    top: Callable[[str, int], int],
    diagnostics: list[Diagnostic],
) -> Claim | None:
    span = Span(path, number, line.index("kilter:") + 1, number, len(line.rstrip()) + 1)
    match, reason = _parts(line)
    if match is None:
        diagnostics.append(Diagnostic("warning", "suppression-syntax", "this suppression names no rule", span))
        return None
    if len(match[2]) > MAX_CHARACTERS:
        message = f"this suppression is longer than the limit of {MAX_CHARACTERS} characters; it does not hold"
        diagnostics.append(Diagnostic("warning", "suppression-limit", message, span))
        return None
    rules = _codes(re.split(r"[,\s]+", match[2].strip(", ")), names, span, diagnostics)
    until = _date(match[3], span, diagnostics)
    if match[3] and until is None:
        return None
    whole_file = match[1] == "ignore-file"

    def covers(finding: Finding) -> bool:
        return _near(finding, path, number, top, whole_file=whole_file)

    return Claim(span, rules, path, covers, until, reason)


def _parts(line: str) -> tuple[re.Match[str] | None, str]:
    """The first suppression of a line, up to its reason, and the reason."""
    for match in _COMMENT.finditer(line):
        rest = line[match.end() : match.end() + MAX_CHARACTERS].partition("*/")[0].strip()
        if not rest:
            return match, ""
        if rest.startswith("--"):
            return match, rest.removeprefix("--").strip()
    return None, ""


def _codes(
    texts: Iterable[str], names: Mapping[str, str], span: Span, diagnostics: list[Diagnostic]
) -> tuple[str, ...]:
    codes = []
    for text in texts:
        if text in names:
            codes.append(names[text])
        else:
            hint = suggestion(text, names) if len(diagnostics) < MAX_HINTS else ""
            message = f"this suppression names an unknown rule {text[:MAX_CHARACTERS]!r}{hint}"
            diagnostics.append(Diagnostic("warning", "suppression-unknown-rule", message, span))
    return tuple(dict.fromkeys(codes))


def _date(text: str | None, span: Span, diagnostics: list[Diagnostic]) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        message = f"until={text} is not a date (YYYY-MM-DD); the suppression does not hold"
        diagnostics.append(Diagnostic("warning", "suppression-date", message, span))
        return None


def _near(finding: Finding, path: str, number: int, top: Callable[[str, int], int], *, whole_file: bool) -> bool:
    """Whether a comment is on the finding's line or the resource's first, or directly above one of them."""
    if whole_file:
        return True
    spans = (finding.location.span, *(resource.locate(()).span for resource in _around(finding.resource)))
    return any(
        span.file == path and number <= span.start_line and top(path, span.start_line) <= number for span in spans
    )


def _annotations(
    resources: Iterable[Resource], names: Mapping[str, str], diagnostics: list[Diagnostic]
) -> Iterator[Claim]:
    for resource in resources:
        annotations = get(resource.attributes, "metadata", "annotations")
        if not isinstance(annotations, dict):
            continue
        for key, value in annotations.items():
            if isinstance(key, str) and key.startswith(ANNOTATION) and isinstance(value, str):
                claim = _annotation(resource, key, value, names, diagnostics)
                if claim is not None:
                    yield claim


def _annotation(
    resource: Resource, key: str, value: str, names: Mapping[str, str], diagnostics: list[Diagnostic]
) -> Claim | None:
    span = resource.locate(("metadata", "annotations", key)).span
    rules = _codes([key.removeprefix(ANNOTATION).removeprefix(".")], names, span, diagnostics)
    match = _ANNOTATION_VALUE.fullmatch(value)
    assert match is not None
    until, reason = _date(match[1], span, diagnostics), match[2].strip()
    if not reason and rules:
        message = f"the annotation {key} must give the reason as its value; it does not hold"
        diagnostics.append(Diagnostic("warning", "suppression-without-reason", message, span))
    if not reason or not rules or (match[1] and until is None):
        return None
    return Claim(span, rules, resource, lambda finding: resource in _around(finding.resource), until, reason)


def _around(resource: Resource | None) -> Iterator[Resource]:
    """A resource and the objects that it stands in."""
    while resource is not None:
        yield resource
        resource = resource.holder


def _entries(
    entries: Iterable[FileSuppression], around: Surroundings, names: Mapping[str, str], diagnostics: list[Diagnostic]
) -> Iterator[Claim]:
    for entry in entries:
        line = entry.place.line
        span = Span(around.shown(entry), line, 1, line, 1)
        rules = _codes(entry.rules, names, span, diagnostics)
        yield Claim(span, rules, None, _matcher(entry, around.named), entry.until, entry.reason)


def _matcher(entry: FileSuppression, named: Callable[[str], str]) -> Callable[[Finding], bool]:
    path = compile_globs([entry.path] if entry.path else [])

    def covers(finding: Finding) -> bool:
        resource = finding.resource
        wanted = (
            (entry.kind, resource.type),
            (entry.name, resource.name),
            (entry.address, resource.address),
            (entry.namespace, resource.namespace or "default"),
        )
        if any(pattern and pattern != text and not fnmatchcase(text, pattern) for pattern, text in wanted):
            return False
        return path is None or path.match(named(finding.location.span.file)) is not None

    return covers
