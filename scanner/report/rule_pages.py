"""What is said about a rule: on a terminal, as data, as a page, and in the index of all pages."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scanner.core.findings import SEVERITIES
from scanner.engine.examples import Example
from scanner.engine.rules import Rule
from scanner.report.markdown import code as code_span
from scanner.report.markdown import escape

LANGUAGES = {
    "tf": "terraform",
    "tofu": "terraform",
    "tfvars": "terraform",
    "yaml": "yaml",
    "yml": "yaml",
    "json": "json",
}
CATEGORIES = {
    "gpu": "GPU",
    "rollout": "Rollout",
    "registry": "Registry and access",
    "network": "Network",
    "cost": "Cost",
    "storage": "Storage",
    "observability": "Observability",
    "integrity": "Integrity",
    "data": "Data",
    "training": "Training",
}
Examples = tuple[Example | None, Example | None]
"""What the rule reports, and what it accepts."""


def explain_text(rule: Rule, examples: Examples) -> str:
    """Everything about a rule, for a terminal."""
    lines = [f"{rule.id} {rule.name}", rule.title, "", f"severity {rule.severity}, precision {rule.precision}"]
    for text in (rule.description, f"What to do: {rule.remediation}"):
        if text:
            lines += ["", textwrap.fill(" ".join(text.split()), 88)]
    lines += ["", f"Fixable with kilter scan --fix: {rule.fix['title']}"] if rule.fix is not None else []
    for name, declared in rule.params.items():
        lines += ["", f"Parameter {name} (default {declared.get('default')}): {declared.get('description', '')}"]
    for title, example in zip(("Reported", "Accepted"), examples, strict=True):
        for name, text in _annotated(rule, example):
            lines += ["", f"{title}, {name}:", textwrap.indent(text.rstrip(), "    ", lambda line: True)]
    lines += [f"\nFrameworks: {_frameworks(rule)}"] if rule.frameworks else []
    lines += ["", "References:", *(f"  {link}" for link in rule.references)] if rule.references else []
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n")) + "\n"


def explain_data(rule: Rule, examples: Examples) -> dict[str, Any]:
    """Everything about a rule as plain data, for ``--format json`` and for assistants."""
    keys = ("id", "name", "title", "category", "severity", "precision", "description", "remediation")
    bad, good = examples
    return {
        **{key: getattr(rule, key) for key in keys},
        "fix": None if rule.fix is None else rule.fix["title"],
        "select": list(rule.select),
        "parameters": {name: dict(declared) for name, declared in rule.params.items()},
        "references": list(rule.references),
        "frameworks": {name: list(items) for name, items in rule.frameworks.items()},
        "reported": None if bad is None else {"files": bad.files, "lines": [list(place) for place in bad.marked]},
        "accepted": None if good is None else {"files": good.files},
    }


def rule_page(rule: Rule, examples: Examples, systems: Iterable[str] = ()) -> str:
    """A rule's page in Markdown. ``systems`` are those that its fixtures show it on."""
    parts = [
        f"# {rule.id} {rule.name}",
        " · ".join(
            [
                f"**{escape(rule.title)}**",
                CATEGORIES.get(rule.category, rule.category),
                f"severity {rule.severity}",
                f"precision {rule.precision}",
            ]
        ),
    ]
    if rule.precision == "low":
        parts.append("Off by default; `--pedantic` or naming it switches it on.")
    parts += [escape(" ".join(rule.description.split()))] if rule.description else []
    parts += ["## What to do", escape(" ".join(rule.remediation.split()))]
    if rule.fix is not None:
        parts.append(
            f"`kilter scan --fix` can write it where the values stand in the file: {escape(rule.fix['title'])}."
        )
    if rule.params:
        rows = [_parameter(name, declared) for name, declared in rule.params.items()]
        parts += ["## Parameters", "\n".join(["| Name | Type | Default | Meaning |", "|---|---|---|---|", *rows])]
    for title, example in zip(("Reported", "Accepted"), examples, strict=True):
        if example is not None:
            parts += [f"## {title}", *(_fenced(name, text) for name, text in _annotated(rule, example))]
    shown = sorted(systems)
    parts += [f"Shown on: {', '.join(shown)}."] if shown else []
    parts += [f"Frameworks: {escape(_frameworks(rule))}."] if rule.frameworks else []
    parts += ["## References", "\n".join(f"- <{link}>" for link in rule.references)] if rule.references else []
    return "\n\n".join(parts) + "\n"


def index_page(rules: Sequence[Rule], systems: Mapping[str, Iterable[str]]) -> str:
    """The index of all pages, by category and by system. ``systems`` are by code."""
    parts = [
        "# Rules",
        f"{len(rules)} rules. `kilter explain CODE` shows the same pages on a terminal.",
        "## By category",
    ]
    for category, title in CATEGORIES.items():
        chosen = [rule for rule in rules if rule.category == category]
        if chosen:
            rows = [f"| {_link(rule)} | {rule.severity} | {escape(rule.title)} |" for rule in chosen]
            parts += [f"### {title}", "\n".join(["| Rule | Severity | |", "|---|---|---|", *rows])]
    parts.append("## By system")
    by_system: dict[str, list[Rule]] = {}
    for rule in sorted(rules, key=lambda rule: (SEVERITIES.index(rule.severity), rule.id)):
        for system in systems.get(rule.id, ()):
            by_system.setdefault(system, []).append(rule)
    rows = [f"| {name} | {', '.join(map(_link, by_system[name]))} |" for name in sorted(by_system, key=str.casefold)]
    parts += ["\n".join(["| System | Rules, the most severe first |", "|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _annotated(rule: Rule, example: Example | None) -> list[tuple[str, str]]:
    """The files of an example, with the rule's code behind the lines that it reports."""
    if example is None:
        return []
    result = []
    for name, text in example.files.items():
        lines = text.split("\n")
        for file, number in example.marked:
            if file == name and number <= len(lines):
                lines[number - 1] += f"  # <- {rule.id}"
        result.append((name, "\n".join(lines)))
    return result


def _parameter(name: str, declared: Mapping[str, Any]) -> str:
    default, meaning = code_span(_shown(declared["default"])), escape(declared["description"])
    return f"| `{name}` | {declared['type']} | {default} | {meaning} |"


def _fenced(name: str, text: str) -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{code_span(name)}\n\n{fence}{LANGUAGES.get(name.rpartition('.')[2], '')}\n{text.rstrip()}\n{fence}"


def _frameworks(rule: Rule) -> str:
    return "; ".join(f"{name}: {', '.join(map(str, items))}" for name, items in rule.frameworks.items())


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _link(rule: Rule) -> str:
    return f"[{rule.id}]({rule.id}.md) {rule.name}"
