"""JUnit XML: one test suite a rule, one failed test a finding, so that any CI system can show and count them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple
from xml.etree import ElementTree

from scanner.core import Finding, Span
from scanner.engine.rules import Rule
from scanner.report.clean import clean, one_line
from scanner.report.overview import repository_path
from scanner.scan import ScanResult, headers

INPUT = "input"


class _Case(NamedTuple):
    """A test case; ``outcome`` is the element inside it (failure, error, skipped), or empty for a pass."""

    classname: str
    name: str
    span: Span | None = None
    outcome: str = ""
    kind: str = ""
    message: str = ""
    body: str = ""


def render_junit(result: ScanResult) -> str:
    """The report as JUnit XML.

    A rule without findings is one passed test. What is undetermined or suppressed is skipped, input that could
    not be read is an error. Names hold no line numbers, so that a CI system can follow a test through time.
    """
    cases = _cases(result)
    root = ElementTree.Element("testsuites", {"name": "kilter"})
    for rule in result.rules.values():
        _suite(root, f"{rule.id} {rule.name}", cases.get(rule.id) or [_Case(_class(rule), rule.title)], result)
    if cases.get(INPUT):
        _suite(root, INPUT, cases[INPUT], result)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", "0")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _cases(result: ScanResult) -> dict[str, list[_Case]]:
    cases: defaultdict[str, list[_Case]] = defaultdict(list)
    for finding in result.findings:
        rule = result.rules[finding.rule]
        cases[rule.id].append(
            _Case(
                _class(rule),
                finding.resource.address,
                finding.location.span,
                "failure",
                finding.severity,
                finding.message,
                _body(result, finding),
            )
        )
    places = headers(result)
    for item in result.undetermined:
        reasons = "; ".join(dict.fromkeys(cause.reason for cause in item.causes)) or "an unknown value"
        classname = _class(result.rules[item.rule])
        span = places[item.resource]
        message = f"undetermined: {reasons}"
        cases[item.rule].append(_Case(classname, item.resource.address, span, "skipped", message=message))
    for silenced in result.suppressed:
        finding = silenced.finding
        message = f"suppressed: {silenced.reason or 'no reason given'}"
        classname = _class(result.rules[finding.rule])
        cases[finding.rule].append(
            _Case(classname, finding.resource.address, finding.location.span, "skipped", message=message)
        )
    for note in result.diagnostics:
        if note.level != "note":
            outcome = "error" if note.level == "error" else "skipped"
            name = f"{note.span.file} {note.code}"
            cases[INPUT].append(_Case(f"kilter.{INPUT}", name, note.span, outcome, note.code, note.message))
    return cases


def _class(rule: Rule) -> str:
    return f"kilter.{rule.category}.{rule.id}"


def _body(result: ScanResult, finding: Finding) -> str:
    rule = result.rules[finding.rule]
    span = finding.location.span
    lines = [f"{clean(repository_path(result, span))}:{span.start_line}:{span.start_column}"]
    lines += [
        f"{one_line(item.message)}: {clean(repository_path(result, item.span))}:{item.span.start_line}"
        for item in finding.location.related
    ]
    return "\n".join([*lines, f"What to do: {one_line(rule.remediation)}", *map(one_line, rule.references)])


def _suite(root: ElementTree.Element, name: str, cases: list[_Case], result: ScanResult) -> None:
    outcomes = Counter(case.outcome for case in cases)
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": clean(name),
            "tests": str(len(cases)),
            "failures": str(outcomes["failure"]),
            "errors": str(outcomes["error"]),
            "skipped": str(outcomes["skipped"]),
            "time": "0",
        },
    )
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.name] += 1
        repeat = f" ({seen[case.name]})" if seen[case.name] > 1 else ""
        attributes = {"classname": clean(case.classname), "name": one_line(case.name) + repeat, "time": "0"}
        if case.span is not None:
            attributes |= {"file": clean(repository_path(result, case.span)), "line": str(case.span.start_line)}
        test = ElementTree.SubElement(suite, "testcase", attributes)
        if case.outcome:
            detail = ElementTree.SubElement(test, case.outcome, {"message": one_line(case.message)})
            if case.kind:
                detail.set("type", case.kind)
            detail.text = case.body or None
