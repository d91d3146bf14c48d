"""Both syntaxes against HashiCorp's own parser and against python-hcl2's strict grammar."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import hcl2
import pygohcl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core import SourceFile
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.syntax import parse, parse_json

REPOSITORY = Path(__file__).parents[3]
FILES = sorted((REPOSITORY / "fixtures").rglob("*.tf"))
PIECES = [
    'a = 1.5e3\n', 'b = "x${var.a}y"\n', "c = [for k, v in var.m : v if k != null]\n", "# comment\n", "// other\n",
    "/* block\n comment */\n", 'd = <<-EOT\n    text ${upper("x")}\n      more\n  EOT\n', "e = a ? b : c\n",
    'f = { (var.k) = 1, "q" : 2, g = 3 }\n', "h = var.list[*].id\n", "i = var.list.0.id\n", "j = !true && false\n",
    'k "l" m {\n  n = 1\n}\n', "o = \"%{ if true ~}\n yes %{ else }no%{ endif }\"\n", "p = -(1 + 2) * 3\n",
    "q = provider::x::f(1, [2]...)\n", "\ufeff", "r = {}\n", "s = [\n  1,\n  2,\n]\n", "t {}\n", "u = ", "}\n", "{\n",
    '"', "\r\n", "v = null\n", "w = \"\\u00e9\\n$${x}\"\n", "x = 1 +\n 2\n",
]  # fmt: skip


def invalid_nodes(node: ast.Node) -> list[ast.Invalid]:
    found = [node] if isinstance(node, ast.Invalid) else []
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for item in value if isinstance(value, tuple) else [value]:
            if isinstance(item, ast.Node):
                found.extend(invalid_nodes(item))
    return found


def accepted_by_hashicorp(text: str) -> bool:
    try:
        pygohcl.loads(text)
    except (pygohcl.HCLParseError, ValueError):
        return False
    return True


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_whatever_hashicorps_parser_accepts_is_accepted(pieces: list[str]) -> None:
    text = "".join(pieces)
    parsed = parse(SourceFile("main.tf", text))
    if accepted_by_hashicorp(text):
        assert not parsed.diagnostics
        assert not invalid_nodes(parsed.body)


def test_every_file_of_a_corpus_that_hashicorps_parser_accepts_is_accepted() -> None:
    """The fixtures, and the directory that KILTER_CORPUS names, if it is set."""
    corpus = os.environ.get("KILTER_CORPUS")
    for path in [*FILES, *(sorted(Path(corpus).rglob("*.tf")) if corpus else ())]:
        text = path.read_text("utf-8")
        parsed = parse(SourceFile(str(path), text))
        if accepted_by_hashicorp(text):
            assert not parsed.diagnostics, path
            assert not invalid_nodes(parsed.body), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_both_grammars_agree_on_blocks_attributes_and_literals(path: Path) -> None:
    text = path.read_text("utf-8")
    body = parse(SourceFile(path.name, text)).body
    other = hcl2.loads(text)
    assert _outline(body) == _outline_of_other(other, body)


def _outline(body: ast.Body) -> dict[str, Any]:
    result: dict[str, Any] = {attribute.name: _literal(attribute.expression) for attribute in body.attributes}
    for block in body.blocks:
        inner: Any = _outline(block.body)
        for label in reversed(block.labels):
            inner = {label: inner}
        result.setdefault(block.type, []).append(inner)
    return result


def _literal(expression: ast.Expression) -> Any:
    if isinstance(expression, ast.Literal) and not isinstance(expression.value, str):
        # decimal here, binary there: 0.1 is not the same number in both
        return float(expression.value) if isinstance(expression.value, Decimal) else expression.value
    return "…"


def _outline_of_other(data: dict[str, Any], body: ast.Body) -> dict[str, Any]:
    """python-hcl2's data reduced to what ``_outline`` keeps: names, nesting, and literals other than strings."""
    result: dict[str, Any] = {}
    for attribute in body.attributes:
        value = data[attribute.name]
        is_literal = isinstance(attribute.expression, ast.Literal) and not isinstance(attribute.expression.value, str)
        result[attribute.name] = value if is_literal else "…"
    counts: dict[str, int] = {}
    for block in body.blocks:
        number = counts.get(block.type, 0)
        counts[block.type] = number + 1
        inner = data[block.type][number]
        for label in block.labels:
            inner = inner[next(key for key in inner if key.strip('"') == label)]
        outline: Any = _outline_of_other(inner, block.body)
        for label in reversed(block.labels):
            outline = {label: outline}
        result.setdefault(block.type, []).append(outline)
    return result


def test_an_attribute_that_is_set_twice_is_reported_at_the_second_place() -> None:
    parsed = parse(SourceFile("main.tf", 'resource "a" "b" {\n  ami = 1\n  ami = 2\n}\n'))
    assert [(d.message, d.span.start_line) for d in parsed.diagnostics] == [('"ami" is set twice in one block', 3)]


def test_json_syntax_reads_templates_blocks_labels_and_comments() -> None:
    text = (
        '{"//": "why", "resource": {"aws_x": {"a": {"name": "n-${var.n}", "tags": {"k": "v"},\n'
        ' "block": [{"x": 1}, {"x": 2.5}]}}}, "locals": {"s": "${upper(\\"a\\")}", "t": "$${plain}"}}'
    )
    parsed = parse_json(SourceFile("main.tf.json", text))
    assert parsed.diagnostics == []
    resource = next(block for block in parsed.body.blocks if block.type == "resource")
    assert resource.labels == ("aws_x", "a")
    assert [attribute.name for attribute in resource.body.attributes] == ["name", "tags"]
    assert [block.type for block in resource.body.blocks] == ["block", "block"]
    assert parsed.text.span(resource.body.blocks[0].start, resource.body.blocks[0].header_end).start_line == 2
    local = next(block for block in parsed.body.blocks if block.type == "locals").body.attributes
    assert isinstance(local[0].expression, ast.Template)
    assert isinstance(local[0].expression.parts[0], ast.Call)
    assert isinstance(local[1].expression, ast.Literal)
    assert local[1].expression.value == "${plain}"


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a"}', '{"a": 1,}', '{"a": tru}', "{} x", '{"a": "', "[" * 5000])
def test_broken_json_is_a_diagnostic_with_its_place(text: str) -> None:
    parsed = parse_json(SourceFile("main.tf.json", text))
    assert [item.code for item in parsed.diagnostics] == ["terraform-syntax"]
    assert parsed.body.blocks == ()


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_parses_without_an_exception(text: str) -> None:
    parse(SourceFile("main.tf", text))
    parse_json(SourceFile("main.tf.json", text))
