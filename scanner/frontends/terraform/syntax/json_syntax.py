"""Terraform's JSON syntax: the same tree as the native syntax, with the places of the JSON text.

The mapping is that of Terraform's language documentation ("JSON Configuration Syntax"). Which nested
objects are blocks and which are map attributes is the provider schema's secret: here an object is a block
unless its name is one that providers use for maps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scanner.core import Diagnostic, SourceFile
from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.floats import parse_number
from scanner.frontends.terraform.syntax.parse import ParsedFile, parse_expression, parse_template
from scanner.frontends.terraform.syntax.text import Text

MAX_DEPTH = 200
LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}
"""Top-level block types and how many labels they have; the others have none."""
META_BLOCKS = frozenset(("lifecycle", "connection", "provisioner", "dynamic", "validation"))
MAP_ATTRIBUTE = lazy_pattern(
    r"(^|_)(tags?|tags_all|labels|annotations|variables|parameters|metadata|selector|match_labels|triggers"
    r"|triggers_replace|keepers|headers|environment_variables|settings|options|config|configuration_settings|values"
    r"|input|inputs|data|string_data|node_selector|limits|requests|query|secrets|manifest|policy|default_tags)$"
)
_WHITESPACE = lazy_pattern(r"[ \t\r\n]*")
_SCALAR = lazy_pattern(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")


class _Refused(Exception):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


class _Value(Struct, frozen=True):
    """A JSON value with its place; ``data`` of an object is a list of (key, key start, value)."""

    start: int
    end: int
    data: Any


def parse_json(file: SourceFile) -> ParsedFile:
    """Read a ``.tf.json`` or ``.tofu.json`` file. A file that is not valid JSON gives a diagnostic and no blocks."""
    text = Text(file)
    source = file.text
    try:
        root, end = _value(source, _skip(source, 1 if source.startswith("\ufeff") else 0), 0)
        if _skip(source, end) != len(source):
            raise _Refused("something follows the end of the document", end)
        if not _is_object(root) and not (_is_array(root) and all(_is_object(item) for item in root.data)):
            raise _Refused("an object, or an array of objects, is required at the top", root.start)
    except _Refused as error:
        message = f"not valid Terraform JSON: {error.message}"
        place = text.span(error.at, min(error.at + 1, len(source)))
        diagnostic = Diagnostic("error", "terraform-syntax", message, place)
        return ParsedFile(file, text, ast.Body(0, len(source), (), ()), [diagnostic])
    members = [member for part in _bodies(root) for member in part.data]
    blocks = [block for key, at, value in members for block in _top_level(key, at, value)]
    return ParsedFile(file, text, ast.Body(0, len(source), (), tuple(blocks)), [])


def _skip(source: str, at: int) -> int:
    match = _WHITESPACE.match(source, at)
    return match.end() if match else at


def _value(source: str, at: int, depth: int) -> tuple[_Value, int]:
    if depth > MAX_DEPTH:
        raise _Refused(f"nested deeper than {MAX_DEPTH} levels", at)
    char = source[at : at + 1]
    if char == "{":
        return _object(source, at, depth)
    if char == "[":
        return _array(source, at, depth)
    if char == '"':
        text, end = _string(source, at)
        return _Value(at, end, text), end
    match = _SCALAR.match(source, at)
    if match is None:
        raise _Refused(f"{source[at : at + 20]!r} is no JSON value" if char else "the document ends too early", at)
    words = {"true": True, "false": False, "null": None}
    data = words[match[0]] if match[0] in words else _number(match[0])
    return _Value(at, match.end(), data), match.end()


def _number(text: str) -> int | Decimal | None:
    try:
        return parse_number(text)
    except (OverflowError, ValueError):
        return None


def _string(source: str, at: int) -> tuple[str, int]:
    try:
        text, end = json.JSONDecoder(strict=False).raw_decode(source, at)
        return str(text), end
    except ValueError as error:
        raise _Refused("this string is not complete", at) from error


def _object(source: str, at: int, depth: int) -> tuple[_Value, int]:
    start, members = at, []
    at = _skip(source, at + 1)
    while source[at : at + 1] != "}":
        if source[at : at + 1] != '"':
            raise _Refused("a property name in double quotes is required", at)
        place = at
        key, at = _string(source, at)
        at = _skip(source, at)
        if source[at : at + 1] != ":":
            raise _Refused("a colon is required after a property name", at)
        value, at = _value(source, _skip(source, at + 1), depth + 1)
        members.append((key, place, value))
        at = _separator(source, at, "}")
    return _Value(start, at + 1, members), at + 1


def _array(source: str, at: int, depth: int) -> tuple[_Value, int]:
    start, items = at, []
    at = _skip(source, at + 1)
    while source[at : at + 1] != "]":
        value, at = _value(source, at, depth + 1)
        items.append(value)
        at = _separator(source, at, "]")
    return _Value(start, at + 1, tuple(items)), at + 1


def _separator(source: str, at: int, closing: str) -> int:
    at = _skip(source, at)
    if source[at : at + 1] == ",":
        after = _skip(source, at + 1)
        if source[after : after + 1] == closing:
            raise _Refused("a comma stands before the end", at)
        return after
    if source[at : at + 1] != closing:
        raise _Refused(f"a comma or {closing!r} is required", at)
    return at


def _is_array(value: _Value) -> bool:
    return isinstance(value.data, tuple)


def _is_object(value: _Value) -> bool:
    return isinstance(value.data, list)


def _bodies(value: _Value) -> Iterator[_Value]:
    """The objects of a value that may be an object or an array of objects."""
    if _is_object(value):
        yield value
    elif _is_array(value):
        for item in value.data:
            yield from _bodies(item)


def _top_level(kind: str, at: int, value: _Value) -> Iterator[ast.Block]:
    if kind.startswith("//"):
        return
    for labels, place, body in _labelled(value, LABELS.get(kind, 0), at):
        yield ast.Block(place, body.end, kind, labels, _header_end(place, labels, kind), _body(kind, body, top=True))


def _header_end(place: int, labels: tuple[str, ...], kind: str) -> int:
    return place + len(labels[-1] if labels else kind) + 2


def _labelled(value: _Value, count: int, at: int) -> Iterator[tuple[tuple[str, ...], int, _Value]]:
    """(labels, place of the last label, body) for each block below ``value``."""
    for body in _bodies(value):
        if count == 0:
            yield (), at, body
            continue
        for key, place, inner in body.data:
            if not key.startswith("//"):
                for labels, last, found in _labelled(inner, count - 1, place):
                    yield (key, *labels), last, found


def _body(kind: str, value: _Value, *, top: bool = False) -> ast.Body:
    attributes: list[ast.Attribute] = []
    blocks: list[ast.Block] = []
    for key, at, inner in value.data:
        if key.startswith("//"):
            continue
        if key == "dynamic":
            blocks.extend(_dynamic(inner))
        elif _is_block(kind, key, inner, top=top):
            header = at + len(key) + 2
            blocks.extend(ast.Block(at, part.end, key, (), header, _body(key, part)) for part in _bodies(inner))
        else:
            name_end = at + len(key) + 2
            attributes.append(ast.Attribute(at, inner.end, key, name_end, _attribute_value(kind, key, inner)))
    return ast.Body(value.start, value.end, tuple(attributes), tuple(blocks))


def _is_block(kind: str, key: str, value: _Value, *, top: bool) -> bool:
    if kind in ("variable", "output", "locals", "module") and top:
        return key in META_BLOCKS
    if not (_is_object(value) or (_is_array(value) and value.data and all(_is_object(item) for item in value.data))):
        return False
    return key in META_BLOCKS or MAP_ATTRIBUTE.search(key) is None


def _dynamic(value: _Value) -> Iterator[ast.Block]:
    for (label,), place, body in _labelled(value, 1, value.start):
        attributes: list[ast.Attribute] = []
        blocks: list[ast.Block] = []
        for key, at, inner in body.data:
            if key == "content":
                blocks.extend(
                    ast.Block(at, part.end, "content", (), at + 9, _body("content", part)) for part in _bodies(inner)
                )
            elif key == "iterator" and isinstance(inner.data, str):
                name = ast.Variable(inner.start, inner.end, inner.data)
                attributes.append(ast.Attribute(at, inner.end, key, at + len(key) + 2, name))
            else:
                attributes.append(ast.Attribute(at, inner.end, key, at + len(key) + 2, _expression(inner)))
        yield ast.Block(
            place, body.end, "dynamic", (label,), place + len(label) + 2,
            ast.Body(body.start, body.end, tuple(attributes), tuple(blocks)),
        )  # fmt: skip


def _attribute_value(kind: str, key: str, value: _Value) -> ast.Expression:
    if kind == "variable" and key == "type" and isinstance(value.data, str):
        expression: ast.Expression = _rebased(parse_expression(value.data)[0], value)
        return expression
    if (kind == "variable" and key == "default") or (kind == "module" and key in ("source", "version")):
        return _expression(value, literal=True)
    return _expression(value)


def _expression(value: _Value, *, literal: bool = False) -> ast.Expression:
    data = value.data
    if isinstance(data, str):
        if literal or ("${" not in data and "%{" not in data):
            return ast.Literal(value.start, value.end, data)
        return _template(value)
    if _is_array(value):
        return ast.TupleExpression(value.start, value.end, tuple(_expression(item, literal=literal) for item in data))
    if _is_object(value):
        items = []
        for key, at, inner in data:
            name = _Value(at, at + len(key) + 2, key)
            items.append(ast.ObjectItem(at, inner.end, _expression(name, literal=literal),
                                        _expression(inner, literal=literal)))  # fmt: skip
        return ast.ObjectExpression(value.start, value.end, tuple(items))
    return ast.Literal(value.start, value.end, data)


def _template(value: _Value) -> ast.Expression:
    """A string as the template that it is."""
    placed: ast.Expression = _rebased(parse_template(value.data)[0], value)
    return placed


def _rebased(node: Any, value: _Value) -> Any:
    """The tree with every place set to that of the JSON string it was read from."""
    changes: dict[str, Any] = {"start": value.start, "end": value.end}
    for name in node.__struct_fields__:
        item = getattr(node, name)
        if isinstance(item, ast.Node):
            changes[name] = _rebased(item, value)
        elif isinstance(item, tuple) and item and isinstance(item[0], ast.Node):
            changes[name] = tuple(_rebased(part, value) for part in item)
    return replace(node, **changes)
