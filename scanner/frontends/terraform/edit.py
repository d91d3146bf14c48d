"""Changes of attributes and blocks written into Terraform's native syntax, without touching anything else.

New lines are laid out as ``terraform fmt`` would: equals signs in line with their neighbours where the name fits,
else a paragraph of its own, so that no other line has to move.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from scanner.core import Change, Path, SourceFile, Value
from scanner.core.edits import changed, same
from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.configuration import attribute_of
from scanner.frontends.terraform.syntax import parse

INDENT = "  "
_IDENTIFIER = lazy_pattern(r"[A-Za-z_][\w-]*\Z")
_REST_OF_LINE = lazy_pattern(r"[ \t]*(?:#.*|//.*|/\*.*\*/[ \t]*)?\r?\Z")


class Refused(Exception):
    """A change that cannot be written down without touching something else."""


class _Opaque(Struct, frozen=True):
    """What is not literal, by its text."""

    text: str


class _Replacement(Struct, frozen=True):
    start: int
    end: int
    text: str


def changed_lines(source: SourceFile, start: int, changes: Iterable[Change]) -> str | None:
    """The lines of a block, which starts at offset ``start`` of them, with the changes; ``None`` if that cannot be."""
    try:
        block = _block_at(source, start)
        for change in changes:
            text, block = _changed_block(source, block, change)
            source = SourceFile(source.path, text)
    except Refused:
        return None
    return source.text


def _changed_block(source: SourceFile, block: ast.Block, change: Change) -> tuple[str, ast.Block]:
    """The text with the change made in one of its top-level blocks, and that block as it then is. Raises ``Refused``.

    The result is read again: the block's values are those before with the change, and nothing else.
    """
    before = _outline(source.text, block.body)
    try:
        wanted = changed(before, change)
    except LookupError as error:
        raise Refused(str(error)) from error
    if same(before, wanted):
        return source.text, block
    place = _Writer(source.text, block).replacement(change)
    text = source.text[: place.start] + place.text + source.text[place.end :]
    after = _block_at(SourceFile(source.path, text), block.start)
    grown = len(text) - len(source.text)
    if after.end != block.end + grown or not _alike(_outline(text, after.body), wanted):
        raise Refused("the value stands in a form that cannot be changed by itself")
    return text, after


def _alike(one: Value, other: Value) -> bool:
    """Whether outlines are the same; no block of a type is the same as an empty list of them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_alike(one.get(name, []), other.get(name, [])) for name in {*one, *other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return same(one, other)


def _block_at(source: SourceFile, start: int) -> ast.Block:
    parsed = parse(source)
    block = next((block for block in parsed.body.blocks if block.start == start), None)
    if block is None or parsed.diagnostics:
        raise Refused("the file is not valid Terraform")
    return block


def _outline(text: str, body: ast.Body) -> dict[str, Any]:
    """The attributes and blocks as plain data, expressions as their text."""
    result: dict[str, Any] = {item.name: _plain(text, item.expression) for item in body.attributes}
    for block in body.blocks:
        name = block.type if not block.labels else f"{block.type} {' '.join(block.labels)}"
        result.setdefault(name, []).append(_outline(text, block.body))
    return result


def _plain(text: str, node: ast.Expression) -> Value:
    if isinstance(node, ast.Literal):
        return node.value
    if isinstance(node, ast.TupleExpression):
        return [_plain(text, item) for item in node.items]
    if isinstance(node, ast.ObjectExpression) and all(isinstance(item.key, ast.Literal) for item in node.items):
        return {_key(item): _plain(text, item.value) for item in node.items}
    return _Opaque(text[node.start : node.end])


def _key(item: ast.ObjectItem) -> str:
    return str(item.key.value) if isinstance(item.key, ast.Literal) else ""


class _Writer:
    """Where and what to write in one block."""

    def __init__(self, text: str, block: ast.Block) -> None:
        self._text = text
        self._block = block
        self._line_end = "\r\n" if "\r\n" in text else "\n"

    def replacement(self, change: Change) -> _Replacement:
        """The text that takes another's place. Raises ``Refused``."""
        return self._in_block(self._block, change.path, change)

    def _in_block(self, block: ast.Block, path: Path, change: Change) -> _Replacement:
        name, rest = path[0], path[1:]
        attribute = attribute_of(block.body, str(name))
        if attribute is not None:
            if change.kind == "remove" and not rest:
                return self._without(attribute)
            return self._in_expression(attribute.expression, rest, change)
        if any(inner.type == "dynamic" and inner.labels == (name,) for inner in block.body.blocks):
            raise Refused("the blocks are dynamic")
        blocks = [inner for inner in block.body.blocks if inner.type == name]
        index = rest[0] if rest else len(blocks)
        if blocks and not (isinstance(index, int) and index <= len(blocks)):
            raise Refused("a block is no mapping")
        if isinstance(index, int) and index < len(blocks):
            if len(rest) > 1:
                return self._in_block(blocks[index], rest[1:], change)
            if change.kind == "remove":
                return self._without(blocks[index])
            raise Refused("only a literal value can be replaced")
        if change.kind == "remove":
            raise Refused("there is nothing to remove")
        return self._create(block, str(name), rest, change)

    def _create(self, block: ast.Block, name: str, rest: Path, change: Change) -> _Replacement:
        value = _nested(rest, [change.value] if change.kind == "add" else change.value)
        is_block = _is_blocks(value) and (change.kind == "add" or bool(rest))
        if is_block and self._block.type == "module":
            raise Refused("a module has no blocks")
        if is_block:
            return self._insert(block, [*self._new_blocks(name, value)], paragraph=True)
        return self._new_attribute(block, name, self._expression(value))

    def _in_expression(self, node: ast.Expression, path: Path, change: Change) -> _Replacement:
        if path and isinstance(node, ast.ObjectExpression):
            item = next((item for item in node.items if _key(item) == path[0]), None)
            if item is not None:
                return self._in_expression(item.value, path[1:], change)
            if change.kind != "remove" and all(isinstance(item.key, ast.Literal) for item in node.items):
                last = [change.value] if change.kind == "add" else change.value
                return self._new_item(node, str(path[0]), self._expression(_nested(path[1:], last)))
        if path and isinstance(node, ast.TupleExpression) and isinstance(path[0], int) and path[0] < len(node.items):
            return self._in_expression(node.items[path[0]], path[1:], change)
        if not path and change.kind == "add" and isinstance(node, ast.TupleExpression):
            return self._new_element(node, self._expression(change.value))
        literal = isinstance(node, ast.Literal) and not self._text.startswith("<<", node.start)
        if path or change.kind != "set" or not literal or isinstance(change.value, dict | list):
            raise Refused("only a literal value can be replaced")
        return _Replacement(node.start, node.end, self._expression(change.value))

    def _new_attribute(self, block: ast.Block, name: str, value: str) -> _Replacement:
        """An attribute in line with others, or in a paragraph of its own."""
        open_brace, close_brace = self._braces(block)
        if "\n" not in self._text[open_brace:close_brace]:
            return self._unfolded(block, name, value)
        runs = [run for run in self._runs(block.body.attributes) if _fits(name, *self._equals(run))]
        if not runs:
            return self._insert(
                block, [f"{name} = {value}"], paragraph=bool(block.body.attributes or block.body.blocks)
            )
        run = max(runs, key=len)
        width, _ = self._equals(run)
        at = self._end_of_line(run[-1].end)
        return _Replacement(at, at, f"{self._line_end}{self._indent_at(run[-1].start)}{name:<{width}} = {value}")

    def _unfolded(self, block: ast.Block, name: str, value: str) -> _Replacement:
        """A block of one line, with the attribute, on several lines."""
        open_brace, close_brace = self._braces(block)
        inner = self._text[open_brace + 1 : close_brace].strip()
        lines = [f"{name} = {value}"]
        if inner:
            only = block.body.attributes[0] if len(block.body.attributes) == 1 else None
            if only is None or inner != self._text[only.start : only.end]:
                raise Refused("a comment stands in the block")
            width = max(len(name), len(only.name))
            old = self._text[only.expression.start : only.expression.end]
            lines = [f"{only.name:<{width}} = {old}", f"{name:<{width}} = {value}"]
        return self._open(block, lines)

    def _open(self, block: ast.Block, lines: list[str]) -> _Replacement:
        """Give a block of one line these lines as its content."""
        open_brace, close_brace = self._braces(block)
        outer = self._indent_at(block.start)
        text = "".join(f"{self._line_end}{outer}{INDENT}{line}" for line in lines)
        return _Replacement(open_brace + 1, close_brace, f"{text}{self._line_end}{outer}")

    def _insert(self, block: ast.Block, lines: list[str], *, paragraph: bool) -> _Replacement:
        """Write lines at the end of a block: after the last attribute for attributes, after everything for blocks."""
        open_brace, close_brace = self._braces(block)
        if "\n" not in self._text[open_brace:close_brace]:
            if self._text[open_brace + 1 : close_brace].strip():
                raise Refused("the block stands on one line")
            return self._open(block, lines)
        nodes: list[ast.Attribute | ast.Block] = [*block.body.attributes, *block.body.blocks]
        if not lines[0].endswith("{"):
            nodes = list(block.body.attributes)
        last = max(nodes, key=lambda node: node.end) if nodes else None
        at = self._end_of_line(last.end if last is not None else open_brace + 1)
        indent = self._indent_at(last.start) if last is not None else self._indent_at(block.start) + INDENT
        text = "".join(f"{self._line_end}{indent}{line}" if line else self._line_end for line in lines)
        before = self._line_end if paragraph and last is not None else ""
        following = self._text[at:].lstrip("\r")[1:].split("\n", 1)[0].strip()
        after = self._line_end if paragraph and following and following != "}" else ""
        return _Replacement(at, at, before + text + after)

    def _new_item(self, node: ast.ObjectExpression, name: str, value: str) -> _Replacement:
        quoted = bool(node.items) and all(self._text[item.key.start] == '"' for item in node.items)
        key = name if _IDENTIFIER.match(name) and not quoted else _quoted(name)
        if not node.items:
            if self._text[node.start + 1 : node.end - 1].strip():
                raise Refused("a comment stands in the object")
            return _Replacement(node.start, node.end, f"{{ {key} = {value} }}")
        last = node.items[-1]
        between = self._text[last.key.end : last.value.start]
        if ":" in between:
            return self._after(node, last.value, f"{key}{between}{value}")
        width = len(between.partition("=")[0]) + last.key.end - last.key.start - 1
        single = self._line(node.start) == self._line(last.start)
        text = f"{key} = {value}" if single or len(key) > width else f"{key:<{width}} = {value}"
        return self._after(node, last.value, text, blank=not single and len(key) > width)

    def _new_element(self, node: ast.TupleExpression, value: str) -> _Replacement:
        if not node.items:
            if self._text[node.start + 1 : node.end - 1].strip():
                raise Refused("a comment stands in the list")
            return _Replacement(node.start, node.end, f"[{value}]")
        return self._after(node, node.items[-1], value)

    def _after(self, node: ast.Node, last: ast.Expression, text: str, *, blank: bool = False) -> _Replacement:
        """Write an item behind the last one of a list or an object, on a line of its own if that has one."""
        if self._line(node.start) == self._line(last.start):
            return _Replacement(last.end, last.end, f", {text}")
        stop = self._text.find("\n", last.end)
        tail = self._text[last.end : stop].rstrip("\r")
        comma = tail.startswith(",")
        if not _REST_OF_LINE.match(tail[comma:]):
            raise Refused("the list ends on the same line")
        gap = self._line_end if blank else ""
        line = f"{gap}{self._line_end}{self._indent_at(last.start)}{text}"
        needed = isinstance(node, ast.TupleExpression) and not comma
        end = last.end + len(tail)
        return _Replacement(last.end, end, f"{',' if needed else ''}{tail}{line}{',' if comma else ''}")

    def _without(self, node: ast.Attribute | ast.Block) -> _Replacement:
        start = self._text.rfind("\n", 0, node.start) + 1
        end = self._end_of_line(node.end)
        if self._text[start : node.start].strip() or not self._text.startswith(("\n", "\r\n"), end):
            raise Refused("something else stands on the line")
        end = self._text.index("\n", end) + 1
        above = self._text[:start].rstrip(" \t\r").removesuffix("\n").rsplit("\n", 1)[-1].strip()
        below = self._text[end:].split("\n", 1)[0].strip()
        if isinstance(node, ast.Block) and not above and below in ("", "}"):
            start = self._text.rfind("\n", 0, start - 1) + 1
        return _Replacement(start, end, "")

    def _braces(self, block: ast.Block) -> tuple[int, int]:
        """The offsets of the opening and the closing brace."""
        opening, closing = self._text.find("{", block.header_end, block.end), block.end - 1
        if opening < 0 or self._text[closing] != "}" or self._text[block.header_end : opening].strip(' \t"'):
            raise Refused("the block's braces are not where they should be")
        return opening, closing

    def _runs(self, attributes: tuple[ast.Attribute, ...]) -> Iterator[list[ast.Attribute]]:
        """Attributes of one line each on consecutive lines."""
        run: list[ast.Attribute] = []
        for attribute in sorted(attributes, key=lambda item: item.start):
            if self._line(attribute.start) != self._line(attribute.end):
                continue
            if run and self._line(attribute.start) != self._line(run[-1].start) + 1:
                yield run
                run = []
            run.append(attribute)
        if run:
            yield run

    def _equals(self, run: list[ast.Attribute]) -> tuple[int, bool]:
        """(width of the names before the equals sign, whether all attributes of the run agree on it)."""
        widths = {self._text.index("=", item.name_end) - item.start - 1 for item in run}
        return max(widths), len(widths) == 1

    def _end_of_line(self, offset: int) -> int:
        """The end of the line, before its line end, if nothing but a comment follows. Raises ``Refused``."""
        stop = self._text.find("\n", offset)
        rest = self._text[offset : stop if stop >= 0 else len(self._text)]
        if not _REST_OF_LINE.match(rest):
            raise Refused("something else stands on the line")
        return offset + len(rest.rstrip("\r"))

    def _line(self, offset: int) -> int:
        return self._text.count("\n", 0, offset)

    def _indent_at(self, offset: int) -> str:
        line = self._text[self._text.rfind("\n", 0, offset) + 1 : offset]
        return line[: len(line) - len(line.lstrip())]

    def _expression(self, value: Value) -> str:
        if isinstance(value, dict):
            items = [f"{k if _IDENTIFIER.match(k) else _quoted(k)} = {self._expression(v)}" for k, v in value.items()]
            return f"{{ {', '.join(items)} }}" if items else "{}"
        if isinstance(value, list):
            return f"[{', '.join(map(self._expression, value))}]"
        if isinstance(value, str):
            return _quoted(value)
        return str(value) if isinstance(value, Decimal) else json.dumps(value)

    def _new_blocks(self, name: str, values: list[dict[str, Value]]) -> Iterator[str]:
        """The lines of blocks; a list of mappings in one is a list of blocks again."""
        for value in values:
            yield f"{name} {{"
            plain = {key: item for key, item in value.items() if not _is_blocks(item)}
            width = max(map(len, plain), default=0)
            yield from (f"{INDENT}{key:<{width}} = {self._expression(item)}" for key, item in plain.items())
            for key, item in value.items():
                if key not in plain:
                    yield from [""] if plain else []
                    yield from (INDENT + line if line else "" for line in self._new_blocks(key, item))
            yield "}"


def _fits(name: str, width: int, agreed: bool) -> bool:
    return agreed and len(name) <= width


def _nested(path: Path, value: Value) -> Value:
    for step in reversed(path):
        value = {step: value} if isinstance(step, str) else [value]
    return value


def _is_blocks(value: Value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _quoted(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False).replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    return escaped.replace("${", "$${").replace("%{", "%%{")
