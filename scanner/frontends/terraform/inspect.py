"""What the expression at a place in a file comes to, in each module instance that the file is part of."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct

from scanner.core import Span, Unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate import EvaluationError, evaluate
from scanner.frontends.terraform.evaluate.functions.sensitivity import is_sensitive
from scanner.frontends.terraform.evaluate.values import to_plain
from scanner.frontends.terraform.roots import TerraformOptions, open_root
from scanner.frontends.terraform.scopes import Scope, key_text
from scanner.frontends.terraform.syntax import Text
from scanner.project.tree import Tree

MAX_SCOPES = 200
SENSITIVE = "(sensitive value)"
"""What Terraform shows instead of values that it hides."""
_SAY_NOTHING = (ast.Literal, ast.Variable, ast.SplatItem, ast.ObjectItem, ast.TemplateIf, ast.TemplateFor, ast.Invalid)
"""Nodes that are no expression of their own, or whose value is what is written."""


class ValueAt(Struct, frozen=True):
    """An expression, where it stands, and its value in one instance; ``within`` is the instance's address."""

    expression: str
    span: Span
    within: str
    value: Any


class _Place(Struct, frozen=True):
    """The nodes around an offset, innermost first, and what the block around them binds in each instance."""

    nodes: tuple[ast.Node, ...]
    text: Text
    instances: tuple[tuple[str, Mapping[str, Any]], ...]


def values_at(
    tree: Tree, roots: Iterable[str], options: TerraformOptions, path: str, line: int, column: int, limit: int = 3
) -> list[ValueAt]:
    """The values of the innermost expression at a 1-based line and column, at most ``limit`` of them.

    ``roots`` are the root modules to look for the file in. Plain literals have nothing to tell and give none.
    """
    directory = posixpath.dirname(path)
    found = (
        value
        for root in roots
        for scope in islice(_scopes(open_root(tree, root, options)), MAX_SCOPES)
        if scope.configuration.directory == directory
        for value in _in_scope(scope, path, line, column)
    )
    return list(islice(found, limit))


def _scopes(scope: Scope) -> Iterator[Scope]:
    yield scope
    for name in scope.configuration.modules:
        instances = scope.children(name)
        for _, child in instances if isinstance(instances, list) else ():
            yield from _scopes(child)


def _in_scope(scope: Scope, path: str, line: int, column: int) -> Iterator[ValueAt]:
    for parsed in scope.configuration.files:
        if parsed.text.file.path == path:
            offset = _offset(parsed.text, line, column)
            yield from _variable(scope, parsed.body, parsed.text, offset)
            for place in _places(scope, parsed.body, parsed.text, offset):
                for address, bound in place.instances:
                    value = _value(scope, place, address, bound)
                    if value is not None:
                        yield value


def _variable(scope: Scope, body: ast.Body, text: Text, offset: int) -> Iterator[ValueAt]:
    """A variable's declaration stands for the value that the variable has."""
    for block in body.blocks:
        if block.type == "variable" and len(block.labels) == 1 and block.start <= offset < block.end:
            name = block.labels[0]
            value = SENSITIVE if scope.is_sensitive(("var", name), 0) else to_plain(scope.variable(name))
            yield ValueAt(f"var.{name}", text.span(block.start, block.header_end), scope.prefix.rstrip("."), value)


def _offset(text: Text, line: int, column: int) -> int:
    lines = text.file.lines
    return sum(len(item) + 1 for item in lines[: line - 1]) + column - 1


def _places(scope: Scope, body: ast.Body, text: Text, offset: int) -> Iterator[_Place]:
    for block in body.blocks:
        if block.start <= offset < block.end and block.type != "variable":
            nodes = tuple(_around(block.body, offset))
            if nodes:
                yield _Place(nodes, text, _instances(scope, block))


def _around(node: ast.Node, offset: int) -> Iterator[ast.Node]:
    """The expressions around an offset, innermost first; a name stands for what is assigned to it."""
    if isinstance(node, ast.Attribute):
        inner = node.expression
        yield from _around(inner, offset) if offset >= inner.start else iter((inner,))
        return
    for child in ast.children(node):
        if child.start <= offset < child.end or (offset == child.end and not isinstance(child, ast.Block)):
            yield from _around(child, offset)
            break
    if not isinstance(node, ast.Body | ast.Block):
        yield node


def _instances(scope: Scope, block: ast.Block) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The address and the bindings of each instance of a top-level block."""
    configuration = scope.configuration
    address, written = ".".join(block.labels), None
    if block.type in ("resource", "data") and len(block.labels) == 2:
        written = configuration.resources.get((block.type, *block.labels))
        address = f"data.{address}" if block.type == "data" else address
    elif block.type == "module" and block.labels:
        written, address = configuration.modules.get(block.labels[0]), f"module.{address}"
    if written is None:
        return ((scope.prefix.rstrip("."), {}),)
    found = scope.expand(written)
    instances = [(None, {})] if isinstance(found, Unknown) else found
    return tuple((f"{scope.prefix}{address}{key_text(key)}", bound) for key, bound in instances)


def _value(scope: Scope, place: _Place, address: str, bound: Mapping[str, Any]) -> ValueAt | None:
    """The value of the innermost node that has one here; names that only ``for`` binds have none."""
    context = scope.context.bind(bound)
    for node in place.nodes:
        if isinstance(node, _SAY_NOTHING) or _only_written(node):
            continue
        scope.session.budget.enter()
        try:
            value = to_plain(evaluate(node, context))  # type: ignore[arg-type]
            value = SENSITIVE if is_sensitive(node, context) else value
        except (EvaluationError, RecursionError):
            continue
        finally:
            scope.session.budget.leave()
        source = place.text.file.text[node.start : node.end]
        return ValueAt(source, place.text.span(node.start, node.end), address, value)
    return None


def _only_written(node: ast.Node) -> bool:
    """Whether the value of a collection or template can be read off the source."""
    if isinstance(node, ast.Literal):
        return True
    if isinstance(node, ast.TupleExpression | ast.ObjectExpression | ast.ObjectItem | ast.Template | ast.Parentheses):
        return all(_only_written(child) for child in ast.children(node))
    return False
