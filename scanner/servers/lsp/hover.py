"""What a hover says: the findings at a place, and what the expression there comes to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from posixpath import dirname
from typing import Any

from lsprotocol import types
from pygls.workspace import PositionCodec

from scanner.core import Finding, Unknown
from scanner.engine.rules import Rule
from scanner.frontends.terraform import TerraformOptions
from scanner.frontends.terraform.inspect import ValueAt, values_at
from scanner.report.clean import one_line
from scanner.report.markdown import code, escape
from scanner.servers.lsp.check import Checked
from scanner.servers.lsp.positions import holds, place_of, range_of

MAX_VALUE = 2_000
MAX_ROOTS = 3
"""A module that many roots call is looked at in the first ones only."""
TERRAFORM = (".tf", ".tofu")


def hover_at(checked: Checked, file: str, position: types.Position, codec: PositionCodec) -> types.Hover | None:
    """The findings at a position, worst first, and the value of the Terraform expression there."""
    line, column = place_of(position, checked.lines(file), codec)
    found = [item for item in checked.findings.get(file, ()) if holds(item.location.span, line, column)]
    values = _values(checked, file, line, column) if file.endswith(TERRAFORM) else []
    sections = [_finding(item, checked.result.rules[item.rule]) for item in found]
    sections += [_value(values)] if values else []
    if not sections:
        return None
    span = found[0].location.span if found else values[0].span
    text = types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(sections))
    return types.Hover(text, range_of(span, checked.lines(file), codec))


def _finding(finding: Finding, rule: Rule) -> str:
    parts = [
        f"**{rule.id}** {escape(rule.name)} · {finding.severity}",
        escape(finding.message),
        escape(" ".join(rule.description.split())),
        f"**What to do:** {escape(' '.join(rule.remediation.split()))}",
        "\n".join(f"- <{link}>" for link in rule.references),
        f"In {code(finding.resource.address)}",
    ]
    return "\n\n".join(part for part in parts if part)


def _values(checked: Checked, file: str, line: int, column: int) -> list[ValueAt]:
    options = checked.options
    terraform = TerraformOptions(options.var_files, options.variables, options.workspace, options.environment)
    roots = list(_roots(checked, dirname(file)))[:MAX_ROOTS]
    return values_at(checked.result.tree, roots, terraform, file, line, column)


def _roots(checked: Checked, directory: str) -> Iterable[str]:
    """The root modules whose resources stand in the directory; itself if there is none."""
    units = [unit for unit, directories in checked.result.units.items() if directory in directories]
    return units or (directory,)


def _value(values: Iterable[ValueAt]) -> str:
    return "\n\n".join(part for value in values for part in _parts(value))


def _parts(value: ValueAt) -> Iterator[str]:
    within = f" in {code(value.within)}" if value.within else ""
    if isinstance(value.value, Unknown):
        yield f"{code(value.expression)}{within} is not known: {escape(value.value.reason)}"
    else:
        yield f"{code(value.expression)}{within}"
        yield _fenced(json.dumps(_plain(value.value), indent=2, ensure_ascii=False, default=str))


def _plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return f"(unknown: {value.reason})"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _fenced(text: str) -> str:
    """JSON as a code block; its lines cannot end the block because none of them starts with a backtick."""
    lines = [line if line.isprintable() else _shown(line) for line in text[:MAX_VALUE].split("\n")]
    return "\n".join(["```json", *lines, *(["…"] if len(text) > MAX_VALUE else []), "```"])


def _shown(line: str) -> str:
    return " " * (len(line) - len(line.lstrip())) + one_line(line)
