"""Changes of values written into YAML, block and flow style, without touching anything else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from scanner.core import Change, Path, Value
from scanner.core.edits import changed, same
from scanner.core.patterns import lazy_pattern
from scanner.frontends.kubernetes.nodes import LimitExceeded, compose_alone, plain, value_alone

_PLAIN = lazy_pattern(r"(?!-+(?: |\Z)|\.\.\.)[A-Za-z0-9_./-][A-Za-z0-9_./%+@=-]*( [A-Za-z0-9_./%+@=-]+)*\Z")
_OTHER_LINE_ENDS = lazy_pattern("[\x85\u2028\u2029]|\r(?!\n|\\Z)")
"""What ends a line for YAML but is no line end to count lines by."""
_NOT_LITERAL = lazy_pattern(r"\{\{|\$\{|\$\(")
DEFAULT_INDENT = 2
MAX_INDENT = 8
"""A list further to the right is an alias for one that stands elsewhere."""


class Refused(Exception):
    """A change that cannot be written down without touching something else."""


class _Style(Struct, frozen=True):
    """How a document is laid out: line end, step of indentation, columns from a key to its list's dashes."""

    line_end: str
    indent: int
    dash: int
    json: bool


class _Replacement(Struct, frozen=True):
    start: int
    end: int
    text: str


def changed_document(text: str, changes: Iterable[Change]) -> str:
    """The text of one document with the changes made in it. Raises ``Refused``.

    The result is read again: its value is that of ``text`` with the changes, and nothing else.
    """
    if "{{" in text or _OTHER_LINE_ENDS.search(text):
        raise Refused("the document is not plain YAML")
    try:
        wanted, result = value_alone(text), text
        for change in changes:
            before, wanted = wanted, changed(wanted, change)
            if not same(before, wanted):
                result = _written(result, change)
        written = result is text or same(value_alone(result), wanted)
    except (LimitExceeded, LookupError, ValueError) as error:
        raise Refused(str(error)) from error
    if not written:
        raise Refused("the value stands in a form that cannot be changed by itself")
    return result


def _written(text: str, change: Change) -> str:
    root = compose_alone(text)
    if root is None:
        raise Refused("the document is not plain YAML")
    place = _Writer(text, root).replacement(change)
    return text[: place.start] + place.text + text[place.end :]


class _Writer:
    """Where and what to write in one document."""

    def __init__(self, text: str, root: Any) -> None:
        self._text = text
        self._root = root
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._style = _Style(
            "\r\n" if "\r\n" in text else "\n",
            next(_steps(root), DEFAULT_INDENT),
            next(_dashes(root), DEFAULT_INDENT),
            _is_json(root),
        )

    def replacement(self, change: Change) -> _Replacement:
        """The text that takes another's place. Raises ``Refused``."""
        node, key, parents = self._root, None, []
        for number, step in enumerate(change.path):
            found = child(node, step)
            if found is None:
                if change.kind == "remove":
                    raise Refused("there is nothing to remove")
                last = [change.value] if change.kind == "add" else change.value
                return self._create(node, key, _nested(change.path[number:], last))
            parents.append((node, step))
            key, node = found
            if not _empty(node) and self._text[self._offset(node.start_mark)] in "&*!":
                raise Refused("the value has an anchor or a tag")
        if change.kind == "remove":
            return self._remove(*parents[-1])
        if change.kind == "add":
            return self._append(node, key, change.value)
        return self._replace(node, key, change.value)

    def _offset(self, mark: Any) -> int:
        return min(self._starts[min(int(mark.line), len(self._starts) - 1)] + int(mark.column), len(self._text))

    def _replace(self, node: Any, key: Any, value: Value) -> _Replacement:
        if node.id != "scalar" or isinstance(value, dict | list):
            raise Refused("only a scalar can be replaced")
        if node.style in ("|", ">") or _NOT_LITERAL.search(node.value):
            raise Refused("the value is a block of text or a placeholder")
        if _empty(node):
            return self._fill(node, f" {self._scalar(value)}")
        return _Replacement(
            self._offset(node.start_mark), self._offset(node.end_mark), self._scalar(value, node.style or "")
        )

    def _fill(self, node: Any, text: str) -> _Replacement:
        """Write behind the colon or dash that has nothing behind it."""
        at = self._offset(node.start_mark)
        if at == 0 or self._text[at - 1] not in ":-":
            raise Refused("there is no value to replace")
        return _Replacement(at, at, text)

    def _create(self, node: Any, key: Any, value: Value) -> _Replacement:
        """Write a value that has no place yet below ``node``."""
        if node.id == "mapping" and isinstance(value, dict):
            return self._new_key(node, *next(iter(value.items())))
        if node.id == "sequence" and isinstance(value, list):
            return self._append(node, key, value[0])
        if node.id == "scalar" and _empty(node) and key is not None:
            at = self._line_end(node.start_mark.line)
            column = key.start_mark.column + (self._style.indent if isinstance(value, dict) else self._style.dash)
            return _Replacement(at, at, self._style.line_end + self._block(value, column))
        raise Refused("nothing can be created there")

    def _new_key(self, mapping: Any, name: str, value: Value) -> _Replacement:
        if mapping.flow_style:
            entry = f"{self._scalar(name)}: {self._flow(value)}"
            return self._into_flow(mapping, entry, mapping.value[-1][1] if mapping.value else None)
        first = mapping.value[0][0]
        at = self._line_end(self._last_line(mapping))
        return _Replacement(at, at, self._style.line_end + self._block({name: value}, first.start_mark.column))

    def _append(self, node: Any, key: Any, value: Value) -> _Replacement:
        if node.id == "scalar":
            return self._create(node, key, [value])
        if node.id != "sequence":
            raise Refused("only a list can be added to")
        if node.flow_style:
            return self._into_flow(node, self._flow(value), node.value[-1] if node.value else None)
        at = self._line_end(self._last_line(node))
        return _Replacement(at, at, self._style.line_end + self._block([value], node.start_mark.column))

    def _into_flow(self, node: Any, entry: str, last: Any) -> _Replacement:
        if last is None:
            start, end = self._offset(node.start_mark), self._offset(node.end_mark)
            opening, closing = self._text[start], self._text[end - 1]
            return _Replacement(start, end, f"{opening}{entry}{closing}")
        at = self._offset(last.end_mark)
        if last.start_mark.line == node.start_mark.line:
            return _Replacement(at, at, f", {entry}")
        entries = node.value
        head = entries[-1][0] if node.id == "mapping" else entries[-1]
        return _Replacement(at, at, f",{self._style.line_end}{' ' * head.start_mark.column}{entry}")

    def _remove(self, parent: Any, step: str | int) -> _Replacement:
        entries = [(k, v) for k, v in parent.value] if parent.id == "mapping" else [(v, v) for v in parent.value]
        number = next(
            (n for n, (k, _) in enumerate(entries) if step in (n if parent.id == "sequence" else k.value,)), -1
        )
        if number < 0 or len(entries) == 1:
            raise Refused("the only entry cannot be removed by itself")
        head, value = entries[number]
        if parent.flow_style:
            if number:
                return _Replacement(self._offset(entries[number - 1][1].end_mark), self._offset(value.end_mark), "")
            return _Replacement(self._offset(head.start_mark), self._offset(entries[1][0].start_mark), "")
        line, last = head.start_mark.line, self._last_line(value, head)
        before = self._lines[line][: head.start_mark.column]
        if before.strip(" " if parent.id == "mapping" else " -"):
            if number or self._starts[last + 1] < self._starts[entries[1][0].start_mark.line]:
                raise Refused("a comment stands between the entries")
            return _Replacement(self._offset(head.start_mark), self._offset(entries[1][0].start_mark), "")
        if last + 1 < len(self._lines):
            return _Replacement(self._starts[line], self._starts[last + 1], "")
        return _Replacement(self._line_end(line - 1), self._line_end(last), "")

    def _line_end(self, line: int) -> int:
        """The offset of a line's end, before its carriage return."""
        return self._starts[line] + len(self._lines[line].rstrip("\r"))

    def _last_line(self, node: Any, key: Any = None) -> int:
        """The index of the line on which a node's text ends."""
        if key is not None and node.start_mark.line < key.start_mark.line:
            return int(key.end_mark.line)
        if node.id == "scalar" and node.style in ("|", ">"):
            line = min(node.end_mark.line - (node.end_mark.column == 0), len(self._lines) - 1)
            while line > node.start_mark.line and not self._lines[line].strip():
                line -= 1
            return int(line)
        if node.id == "scalar" or node.flow_style:
            return int(node.end_mark.line)
        if node.id == "mapping":
            name, value = node.value[-1]
            return self._last_line(value, name)
        return self._last_line(node.value[-1])

    def _scalar(self, value: Value, quote: str = "") -> str:
        if isinstance(value, str):
            if quote == "'" and value.isprintable():
                return "'" + value.replace("'", "''") + "'"
            bare = quote == "" and not self._style.json and _PLAIN.match(value) and plain(value) == value
            return value if bare and value not in ("y", "n", "Y", "N") else json.dumps(value, ensure_ascii=False)
        return json.dumps(value)

    def _flow(self, value: Value) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._scalar(key)}: {self._flow(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._flow, value)) + "]"
        return self._scalar(value)

    def _block(self, value: Value, column: int) -> str:
        """A mapping or list in block style whose lines start in ``column``."""
        lines = self._mapping(value) if isinstance(value, dict) else self._list(value)
        return self._style.line_end.join(" " * column + line for line in lines)

    def _mapping(self, value: dict[str, Value]) -> Iterator[str]:
        for key, item in value.items():
            name = self._scalar(key)
            if not isinstance(item, dict | list) or not item:
                yield f"{name}: {self._flow(item)}"
                continue
            yield f"{name}:"
            inner, step = (self._mapping(item), self._style.indent) if isinstance(item, dict) else (
                self._list(item), self._style.dash)  # fmt: skip
            yield from (" " * step + line for line in inner)

    def _list(self, value: list[Value]) -> Iterator[str]:
        for item in value:
            lines = self._mapping(item) if isinstance(item, dict) and item else iter([self._flow(item)])
            yield f"- {next(lines)}"
            yield from (f"  {line}" for line in lines)


def child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """(key, value) or (``None``, item) directly below a node; merged keys are not looked for."""
    if node.id == "mapping" and isinstance(step, str):
        return next(((k, v) for k, v in reversed(node.value) if k.id == "scalar" and k.value == step), None)
    if node.id == "sequence" and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    return None


def _nested(path: Path, value: Value) -> Value:
    for step in reversed(path):
        value = {step: value} if isinstance(step, str) else [value]
    return value


def _empty(node: Any) -> bool:
    return node.id == "scalar" and not node.style and node.value == ""


def _dashes(node: Any) -> Iterator[int]:
    """How far the dashes of lists are indented from their keys."""
    if node.flow_style or node.id == "scalar":
        return
    for item in node.value:
        key, value = item if node.id == "mapping" else (None, item)
        step = value.start_mark.column - key.start_mark.column if key is not None else -1
        if value.id == "sequence" and not value.flow_style and 0 <= step <= MAX_INDENT:
            yield step
        if value.id != "scalar" and value.start_mark.line >= node.start_mark.line:
            yield from _dashes(value)


def _steps(node: Any) -> Iterator[int]:
    """How far block mappings are indented from the mappings that they stand in."""
    for _, value in node.value if node.id == "mapping" and not node.flow_style else ():
        if value.id == "mapping" and not value.flow_style and value.value:
            step = value.value[0][0].start_mark.column - node.value[0][0].start_mark.column
            if 0 < step <= MAX_INDENT:
                yield step
            yield from _steps(value)


def _is_json(root: Any) -> bool:
    return bool(root.id == "mapping" and root.flow_style and root.value and root.value[0][0].style == '"')
