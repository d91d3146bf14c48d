"""Reading a file: tree-sitter-hcl first, python-hcl2's strict grammar as the arbiter of what is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from msgspec import Struct

from scanner.core import Diagnostic, SourceFile
from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.floats import parse_number
from scanner.frontends.terraform.evaluate.values import normalized
from scanner.frontends.terraform.syntax.strings import Piece, Tag, dedent, nested, trim, undouble, unescape
from scanner.frontends.terraform.syntax.text import Text

MAX_DEPTH = 150
MAX_EXPRESSIONS = 500_000
"""In a valid file, or in one block of a broken one: the memory of a tree grows with their number."""
MAX_BLOCKS = 2_000
MAX_STRICT_CHARACTERS = 200_000
"""The strict grammar reads about 100 KB/s; a longer text with an error is taken block by block at once."""
_TOP_LEVEL = lazy_pattern(
    r"^(?=(?:resource|data|module|variable|output|locals|provider|terraform|moved|import|check|removed)\b[^\n=]*\{)",
    re.MULTILINE,
)
_ESCAPED_OPENING = lazy_pattern(r"(\$\$|%%)\{")
_OPENING = lazy_pattern(r"[$%]\{")
_BAD_ESCAPE = lazy_pattern(r'(?<!\\)(?:\\\\)*\\(?!["nrt\\]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})')
MAX_BROKEN_BYTES = 400_000
MAX_DIAGNOSTICS = 50
"""Of syntax, in one file."""
_LINE = lazy_pattern(r"[^\n]*\n|[^\n]+")
_EXPONENT = lazy_pattern(r"(?<![\w.\"])(?<!\w-)\d+(?:\.\d+)?[eE][+-]?\d+(?!\w|\.(?!\.\.))")


class ParsedFile(Struct):
    """The tree of a file. Where the text is wrong the tree holds what could be recovered."""

    file: SourceFile
    text: Text
    body: ast.Body
    diagnostics: list[Diagnostic]


class _TooDeep(Exception):
    pass


class _TooMany(Exception):
    pass


def _too_many(text: Text, start: int) -> Diagnostic:
    message = f"more than the limit of {MAX_EXPRESSIONS} expressions; those from here on are skipped"
    return Diagnostic("error", "terraform-limit", message, text.span(start, start))


def parse(file: SourceFile, *, is_template: bool = False) -> ParsedFile:
    """Read Terraform's native syntax. Errors cost only the block or attribute that they stand in.

    ``is_template`` says that a heredoc in ``file`` holds the text of a template, and that the line end before its
    closing marker is no part of it.
    """
    text = Text(file)
    source = file.text.replace("\r\n", " \n")
    if source.startswith("\ufeff"):
        source = " " + source[1:]
    if any(source.count(mark) > MAX_EXPRESSIONS for mark in (",", "=", "${")):
        return ParsedFile(file, text, ast.Body(0, len(source), (), ()), [_too_many(text, 0)])
    converter = _Converter(source, 0, len(source), file.text, is_template)
    root = _parsed(converter.data)
    is_broken = root is None or root.has_error
    pieces = [(converter, root)] if root is not None else []
    diagnostics: list[Diagnostic] = []
    if is_broken and (len(source) > MAX_STRICT_CHARACTERS or not _accepted_by_strict_grammar(source)):
        pieces.clear()
        del root
        pieces, lost = _block_by_block(source, file.text)
        diagnostics = [
            Diagnostic("error", "terraform-syntax", message, text.span(start, end))
            for piece, tree in pieces
            for start, end, message in piece.errors(tree)
        ]
        if len(diagnostics) > MAX_DIAGNOSTICS:
            message = f"{len(diagnostics) - MAX_DIAGNOSTICS + 1} more blocks of this file are not valid Terraform"
            diagnostics[MAX_DIAGNOSTICS - 1 :] = [diagnostics[MAX_DIAGNOSTICS - 1]._replace(message=message)]
        message = f"what is broken here is longer than the limit of {MAX_BROKEN_BYTES} bytes; it is skipped"
        diagnostics.extend(Diagnostic("error", "terraform-limit", message, text.span(at, at)) for at in lost[:1])
    bodies: list[ast.Body] = []
    spent = 0
    for piece, tree in pieces:
        node = next((child for child in tree.children if child.type == "body"), None)
        piece.expressions = spent
        try:
            body = piece.body(node) if node is not None else ast.Body(piece.start, piece.start, (), ())
            bodies.append(_with_recovered(piece, tree, body) if tree.has_error else body)
        except _TooDeep:
            message = f"nested deeper than {MAX_DEPTH} levels; the block is skipped"
            diagnostics.append(Diagnostic("error", "terraform-limit", message, text.span(piece.start, piece.start)))
        except _TooMany:
            diagnostics.append(_too_many(text, piece.start))
            break
        spent = piece.expressions
    attributes = tuple(attribute for body in bodies for attribute in body.attributes)
    blocks = tuple(block for body in bodies for block in body.blocks)
    body = ast.Body(0, len(source), attributes, blocks)
    if is_broken and not diagnostics:
        # the strict grammar takes some templates that are none
        diagnostics = [
            Diagnostic("error", "terraform-syntax", node.message, text.span(node.start, node.end))
            for node in ast.descendants(body)
            if isinstance(node, ast.Invalid)
        ]
    if not diagnostics:
        diagnostics = [
            Diagnostic("error", "terraform-syntax", f'"{again.name}" is set twice in one block', text.span(*place))
            for again, place in _repeated(bodies)
        ]
    text.broken = bool(diagnostics)
    return ParsedFile(file, text, body, diagnostics)


def _bound_to_the_right(
    test: ast.Expression, then: ast.Expression, otherwise: ast.Expression, end: int
) -> ast.Conditional:
    """The conditional, where the grammar has bound a chain to the left and HCL binds it to the right.

    A conditional that is written in parentheses comes as ``ast.Parentheses`` and stays where it is.
    """
    if isinstance(test, ast.Conditional):
        rest = _bound_to_the_right(test.otherwise, then, otherwise, end)
        return ast.Conditional(test.start, end, test.condition, test.then, rest)
    return ast.Conditional(test.start, end, test, then, otherwise)


def _repeated(bodies: list[ast.Body]) -> Iterator[tuple[ast.Attribute, tuple[int, int]]]:
    """Attributes whose name an earlier attribute of the same block has, and the places of their names."""
    stack = list(bodies)
    while stack:
        body = stack.pop()
        stack.extend(block.body for block in body.blocks)
        if len(body.attributes) > 1:
            seen: set[str] = set()
            for attribute in body.attributes:
                if attribute.name in seen:
                    yield attribute, (attribute.start, attribute.name_end)
                seen.add(attribute.name)


def parse_template(text: str, file: str = "<template>") -> tuple[ast.Expression, list[Diagnostic]]:
    """Read text as a template: that of a template file, or of a string in JSON syntax."""
    marker = "EOT"
    while marker in text:
        marker += "T"
    parsed = parse(SourceFile(file, f"x = <<{marker}\n{text}\n{marker}\n"), is_template=True)
    if len(parsed.body.attributes) != 1 or parsed.body.blocks:
        return ast.Invalid(0, len(text), "the template cannot be read"), parsed.diagnostics
    return parsed.body.attributes[0].expression, parsed.diagnostics


def parse_expression(source: str, file: str = "<expression>") -> tuple[ast.Expression, list[Diagnostic]]:
    """Read one expression; offsets are those in ``source``'s own text plus the length of a short prefix."""
    parsed = parse(SourceFile(file, f"x = {source}\n"))
    if len(parsed.body.attributes) != 1 or parsed.body.blocks:
        end = len(source)
        if not parsed.diagnostics:
            parsed.diagnostics.append(
                Diagnostic("error", "terraform-syntax", "not a single expression", parsed.text.span(4, 4 + end))
            )
        return ast.Invalid(4, 4 + end, "not a single expression"), parsed.diagnostics
    return parsed.body.attributes[0].expression, parsed.diagnostics


@cache
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_hcl

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))


def _accepted_by_strict_grammar(source: str) -> bool:
    import hcl2

    try:
        hcl2.loads(source if source.endswith("\n") else source + "\n")
    except Exception:
        return False
    return True


def _parsed(data: bytes) -> Any:
    """The root node; ``None`` for long text that is broken, for which the parser takes 640 bytes of memory a byte."""
    if len(data) <= MAX_BROKEN_BYTES:
        return _parser().parse(data).root_node
    try:
        tree = _parser().parse(
            lambda offset, point: data[offset : offset + MAX_BROKEN_BYTES],
            progress_callback=lambda offset, has_error: has_error and offset > MAX_BROKEN_BYTES,
        )
    except ValueError:
        _parser().reset()
        return None
    return tree.root_node


def _block_by_block(source: str, original: str) -> tuple[list[tuple[_Converter, Any]], list[int]]:
    """The blocks of a broken file, each parsed alone, so that an error costs only the block that it stands in.

    Also the places of blocks that are skipped, because there is more broken text than ``MAX_BROKEN_BYTES``.
    """
    starts = [match.start() for match in _TOP_LEVEL.finditer(source)][:MAX_BLOCKS]
    if not starts or starts[0] > 0:
        starts.insert(0, 0)
    pieces, lost, left = [], [], MAX_BROKEN_BYTES
    for start, end in pairwise([*starts, len(source)]):
        converter = _Converter(source, start, end, original)
        root = _parsed(converter.data)
        if root is None or root.has_error:
            left -= len(converter.data)
        if root is None or (root.has_error and left < 0):
            lost.append(start)
        else:
            pieces.append((converter, root))
    return pieces, lost


def _with_recovered(converter: _Converter, root: Any, body: ast.Body) -> ast.Body:
    """Add the blocks that the parser put beside the body, or below an error node."""
    blocks = list(body.blocks)
    known = {block.start for block in blocks}
    stack = [child for child in root.children if child.type == "ERROR" or child.has_error]
    while stack:
        node = stack.pop()
        for child in node.children:
            if child.type == "block" and converter.at(child.start_byte) not in known and node.type == "ERROR":
                blocks.append(converter.block(child))
            elif child.type == "ERROR" or (child.has_error and child.type == "body"):
                stack.append(child)
    blocks.sort(key=lambda block: block.start)
    return ast.Body(body.start, body.end, body.attributes, tuple(blocks))


class _Converter:
    """Turns one tree-sitter tree into the syntax tree."""

    def __init__(self, source: str, start: int, end: int, original: str, is_template: bool = False) -> None:
        self.source = source
        self.original = original
        self.is_template = is_template
        self.start = start
        source = source[start:end]
        # the grammar does not know exponents: digits of the same length stand in, the text is read from source
        masked = _EXPONENT.sub(lambda match: "9" * len(match[0]), source) if _EXPONENT.search(source) else source
        self.data = masked.encode("utf-8", "surrogatepass")
        self._ascii = len(self.data) == len(source)
        self._offsets: list[int] = []
        self._depth = 0
        self.expressions = 0
        if not self._ascii:
            for index, char in enumerate(source, start):
                self._offsets.extend([index] * len(char.encode("utf-8", "surrogatepass")))
            self._offsets.append(end)

    def at(self, byte: int) -> int:
        """The code-point offset of a byte offset."""
        return self.start + byte if self._ascii else self._offsets[byte]

    def text(self, node: Any) -> str:
        return self.source[self.at(node.start_byte) : self.at(node.end_byte)]

    def place(self, node: Any) -> tuple[int, int]:
        return self.at(node.start_byte), self.at(node.end_byte)

    def errors(self, root: Any) -> list[tuple[int, int, str]]:
        """(start, end, message) of the first place that cannot be read; what follows it is a consequence."""
        stack = [root]
        while stack:
            node = stack.pop()
            if node.is_missing or node.type == "ERROR":
                start, end = self.place(node)
                seen = self.source[start : max(end, start + 1) + 30].split("\n")[0].rstrip()
                what = f"{seen!r} was not expected here" if seen else "this block is not complete"
                return [(start, start + max(len(seen), 1), f"not valid Terraform: {what}; its value is not known")]
            if node.has_error:
                stack.extend(reversed(node.children))
        return []

    def body(self, node: Any) -> ast.Body:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep
        attributes: list[ast.Attribute | None] = []
        blocks: list[ast.Block] = []
        row = -1
        for child in node.named_children:
            if child.type == "attribute":
                attributes.append(self.attribute(child))
                row = child.end_point[0]
            elif child.type == "block":
                blocks.append(self.block(child))
            elif child.type == "ERROR" and child.start_point[0] == row and attributes[-1] is not None:
                attributes[-1] = _unreadable(attributes[-1], self.at(child.end_byte))
        self._depth -= 1
        return ast.Body(*self.place(node), tuple(a for a in attributes if a is not None), tuple(blocks))

    def attribute(self, node: Any) -> ast.Attribute | None:
        name = node.children[0]
        value = next((child for child in node.named_children if child.type == "expression"), None)
        if name.type != "identifier":
            return None
        start, end = self.place(node)
        broken = value is None or any(child.type == "ERROR" for child in node.children)
        expression = ast.Invalid(start, end, "it cannot be read") if broken else self.expression(value)
        return ast.Attribute(start, end, self.text(name), self.at(name.end_byte), expression)

    def block(self, node: Any) -> ast.Block:
        kind, labels, body, header_end = "", [], None, node.start_byte
        for child in node.named_children:
            if child.type == "identifier":
                if kind:
                    labels.append(self.text(child))
                else:
                    kind = self.text(child)
                header_end = child.end_byte
            elif child.type == "string_lit":
                labels.append(unescape(self.text(child)[1:-1]))
                header_end = child.end_byte
            elif child.type == "body":
                body = self.body(child)
        start, end = self.place(node)
        return ast.Block(start, end, kind, tuple(labels), self.at(header_end), body or ast.Body(end, end, (), ()))

    def expression(self, node: Any) -> ast.Expression:
        self._depth += 1
        self.expressions += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep
        if self.expressions > MAX_EXPRESSIONS:
            raise _TooMany
        try:
            return self._expression(node)
        finally:
            self._depth -= 1

    def _expression(self, node: Any) -> ast.Expression:
        start, end = self.place(node)
        if node.type == "expression":
            children = [child for child in node.children if child.type != "comment"]
            if not children or any(child.type == "ERROR" for child in children):
                return ast.Invalid(start, end, "this expression cannot be read")
            return self._operand(children, start, end)
        method = _METHODS.get(node.type)
        if method is None:
            return ast.Invalid(start, end, f"unexpected {node.type}")
        result: ast.Expression = method(self, node, start, end)
        return result

    def _operand(self, children: list[Any], start: int, end: int) -> ast.Expression:
        if children[0].type == "(":
            inner = next((child for child in children[1:] if child.is_named), None)
            close = next((index for index, child in enumerate(children) if child.type == ")"), len(children) - 1)
            if inner is None:
                return ast.Invalid(start, end, "empty parentheses")
            head: ast.Expression = ast.Parentheses(
                self.at(children[0].start_byte), self.at(children[close].end_byte), self.expression(inner)
            )
            rest = children[close + 1 :]
        else:
            head, rest = self.expression(children[0]), children[1:]
        return self._traverse(head, rest)

    def _traverse(self, head: ast.Expression, steps: list[Any]) -> ast.Expression:
        """Apply accessors; everything after a splat belongs to the splat's ``each``."""
        for number, step in enumerate(steps):
            end = self.at(step.end_byte)
            if step.type == "get_attr":
                head = ast.GetAttribute(head.start, end, head, self.text(step.named_children[-1]))
            elif step.type == "index":
                head = self._index(head, step.named_children[0], end)
            elif step.type == "splat":
                return self._splat(head, step.named_children[0], steps[number + 1 :])
            elif step.is_named:
                return ast.Invalid(head.start, end, f"unexpected {step.type}")
        return head

    def _index(self, head: ast.Expression, node: Any, end: int) -> ast.Expression:
        if node.type == "legacy_index":
            return ast.GetAttribute(head.start, end, head, self.text(node).lstrip(". "))
        key = next((child for child in node.named_children if child.type != "comment"), None)
        if key is None:
            return ast.Invalid(head.start, end, "empty index")
        return ast.Index(head.start, end, head, self.expression(key))

    def _splat(self, head: ast.Expression, node: Any, following: list[Any]) -> ast.Expression:
        full = node.type == "full_splat"
        inner = list(node.named_children)
        item: ast.Expression = ast.SplatItem(self.at(node.start_byte), self.at(node.start_byte))
        if full:
            each = self._traverse(item, inner + following)
            return ast.Splat(head.start, each.end, head, each, True)
        steps = inner + following
        stop = next((i for i, step in enumerate(steps) if step.type != "get_attr"), len(steps))
        each = self._traverse(item, steps[:stop])
        marker = self.at(node.children[0].end_byte)
        return self._traverse(ast.Splat(head.start, max(each.end, marker), head, each, False), steps[stop:])

    def _literal(self, node: Any, start: int, end: int) -> ast.Expression:
        child = node.children[0]
        if child.type == "numeric_lit":
            try:
                return ast.Literal(start, end, parse_number(self.text(child)))
            except (ValueError, OverflowError) as error:
                return ast.Invalid(start, end, str(error))
        if child.type == "string_lit":
            (piece,) = self._literals(start + 1, end - 1, _quoted) or [Piece(start, end, text="")]
            return piece.node or ast.Literal(start, end, piece.text)
        if child.type == "bool_lit":
            return ast.Literal(start, end, self.text(child) == "true")
        return ast.Literal(start, end, None)

    def _variable(self, node: Any, start: int, end: int) -> ast.Expression:
        return ast.Variable(start, end, self.text(node))

    def _call(self, node: Any, start: int, end: int) -> ast.Expression:
        arguments, expand, name = [], False, ""
        for child in node.named_children:
            if child.type == "identifier":
                name = f"{name}::{self.text(child)}" if name else self.text(child)
            elif child.type == "function_arguments":
                expand = any(grand.type == "ellipsis" for grand in child.children)
                arguments = [self.expression(grand) for grand in child.named_children if grand.type == "expression"]
        return ast.Call(start, end, name, tuple(arguments), expand)

    def _conditional(self, node: Any, start: int, end: int) -> ast.Expression:
        parts = [self.expression(child) for child in node.named_children if child.type not in ("comment", "ERROR")]
        if len(parts) != 3:
            return ast.Invalid(start, end, "a conditional needs three parts")
        return _bound_to_the_right(parts[0], parts[1], parts[2], end)

    def _operation(self, node: Any, start: int, end: int) -> ast.Expression:
        inner = node.named_children[0]
        children = [child for child in inner.children if child.type != "comment"]
        if inner.type == "unary_operation":
            operand = self._operand(children[1:], start, end)
            return ast.Unary(start, end, "-" if children[0].type == "-" else "!", operand)
        position = next((i for i, child in enumerate(children) if not child.is_named and child.type in _OPERATORS), 0)
        left = self._operand(children[:position], start, self.at(children[position].start_byte))
        right = self._operand(children[position + 1 :], self.at(children[position].end_byte), end)
        return ast.Binary(start, end, children[position].type, left, right)

    def _collection(self, node: Any, start: int, end: int) -> ast.Expression:
        inner = node.named_children[0]
        if inner.type == "tuple":
            items = tuple(self.expression(c) for c in inner.named_children if c.type == "expression")
            return ast.TupleExpression(start, end, items)
        elements = [self._object_item(child) for child in inner.named_children if child.type == "object_elem"]
        return ast.ObjectExpression(start, end, tuple(e for e in elements if e is not None))

    def _object_item(self, node: Any) -> ast.ObjectItem | None:
        expressions = [child for child in node.named_children if child.type == "expression"]
        if len(expressions) != 2:
            return None
        key, value = (self.expression(child) for child in expressions)
        if isinstance(key, ast.Variable):
            key = ast.Literal(key.start, key.end, key.name)
        return ast.ObjectItem(*self.place(node), key, value)

    def _for(self, node: Any, start: int, end: int) -> ast.Expression:
        inner = node.named_children[0]
        intro = next(child for child in inner.named_children if child.type == "for_intro")
        names = [self.text(child) for child in intro.named_children if child.type == "identifier"]
        collection = next((child for child in intro.named_children if child.type == "expression"), None)
        results = [self.expression(child) for child in inner.named_children if child.type == "expression"]
        condition = next((child for child in inner.named_children if child.type == "for_cond"), None)
        wanted = 2 if inner.type == "for_object_expr" else 1
        if collection is None or len(results) != wanted or not names:
            return ast.Invalid(start, end, "this for expression cannot be read")
        return ast.ForExpression(
            start,
            end,
            names[0] if len(names) > 1 else "",
            names[-1],
            self.expression(collection),
            results[0] if wanted == 2 else None,
            results[-1],
            self.expression(condition.named_children[-1]) if condition is not None else None,
            any(child.type == "ellipsis" for child in inner.children),
        )

    def _template(self, node: Any, start: int, end: int) -> ast.Expression:
        inner = node.named_children[0]
        if inner.type == "heredoc_template":
            return self._heredoc(inner, start, end)
        pieces: list[Piece] = []
        self._flatten(inner.named_children[1:-1], start + 1, end - 1, _quoted, pieces)
        return self._finish(pieces, start, end)

    def _heredoc(self, node: Any, start: int, end: int) -> ast.Expression:
        children = node.named_children
        first = self.source.find("\n", self.at(children[1].end_byte)) + 1
        closing = self.at(children[-1].start_byte)
        last = max(self.source.rfind("\n", 0, closing) + (0 if self.is_template else 1), first)
        pieces: list[Piece] = []
        self._flatten(children[2:-1], first, last, _lines, pieces)
        return self._finish(pieces, start, end, flush=self.source.startswith("<<-", start))

    def _flatten(self, nodes: list[Any], start: int, end: int, literal: Literals, pieces: list[Piece]) -> None:
        """Append the nodes as pieces, the text between them filled in from the source."""
        at = start
        for node in nodes:
            if node.type not in ("template_interpolation", "template_directive"):
                continue
            node_start, node_end = self.place(node)
            pieces.extend(self._literals(at, node_start, literal))
            if node.type == "template_directive":
                self._flatten_directive(node.named_children[0], literal, pieces)
            else:
                inner = next((child for child in node.named_children if child.type == "expression"), None)
                empty = ast.Invalid(node_start, node_end, "empty interpolation")
                before, after = _markers(node)
                value = self.expression(inner) if inner is not None else empty
                pieces.append(Piece(node_start, node_end, node=value, trim_before=before, trim_after=after))
            at = node_end
        pieces.extend(self._literals(at, end, literal))

    def _literals(self, start: int, end: int, literal: Literals) -> list[Piece]:
        text = self.original[start:end]
        if ("${" in text or "%{" in text) and _OPENING.search(_ESCAPED_OPENING.sub("", text)):
            return [Piece(start, end, node=ast.Invalid(start, end, "a template sequence stands where none may"))]
        if literal is _quoted and "\\" in text and _BAD_ESCAPE.search(text):
            return [Piece(start, end, node=ast.Invalid(start, end, "there is no such escape sequence"))]
        return list(literal(start, text))

    def _flatten_directive(self, node: Any, literal: Literals, pieces: list[Piece]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep
        tags = [child for child in node.named_children if child.type.endswith(("_intro", "_start", "_end"))]
        for number, tag in enumerate(tags):
            before, after = _markers(tag)
            pieces.append(Piece(*self.place(tag), tag=self._tag(tag), trim_before=before, trim_after=after))
            if number + 1 < len(tags):
                closing = tags[number + 1]
                inside = [c for c in node.named_children if tag.end_byte <= c.start_byte < closing.start_byte]
                self._flatten(inside, self.at(tag.end_byte), self.at(closing.start_byte), literal, pieces)
        self._depth -= 1

    def _tag(self, node: Any) -> Tag:
        kind = next((c.type for c in node.children if c.type in ("if", "for", "else")), "end")
        expression = next((child for child in node.named_children if child.type == "expression"), None)
        subject = self.expression(expression) if expression is not None else None
        names = [self.text(child) for child in node.named_children if child.type == "identifier"] or [""]
        return Tag(kind, subject, names[0] if len(names) > 1 else "", names[-1])

    def _finish(self, pieces: list[Piece], start: int, end: int, *, flush: bool = False) -> ast.Expression:
        trim(pieces)
        if flush:
            dedent(pieces)
        if all(piece.text is not None for piece in pieces):
            return ast.Literal(start, end, normalized("".join(piece.text or "" for piece in pieces)))
        return ast.Template(start, end, nested(pieces))


Literals = Callable[[int, str], Iterable[Piece]]
"""Turns text at a place into pieces."""


def _lines(start: int, text: str) -> Iterator[Piece]:
    """The text of a heredoc or template file, each line of it."""
    for line in _LINE.findall(text):
        yield Piece(start, start + len(line), text=undouble(line))
        start += len(line)


def _quoted(start: int, text: str) -> Iterable[Piece]:
    return [Piece(start, start + len(text), text=unescape(text))] if text else []


def _unreadable(attribute: ast.Attribute, end: int) -> ast.Attribute:
    """The attribute with an unknown value: what follows it on its line could not be read."""
    invalid = ast.Invalid(attribute.expression.start, end, "it cannot be read")
    return ast.Attribute(attribute.start, end, attribute.name, attribute.name_end, invalid)


def _markers(node: Any) -> tuple[bool, bool]:
    """Whether a ``~`` stands just inside the opening and the closing of an interpolation or directive."""
    children = node.children
    before = len(children) > 1 and children[1].type == "strip_marker"
    after = len(children) > 1 and children[-2].type == "strip_marker"
    return before, after


_OPERATORS = frozenset(("+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "&&", "||"))
_METHODS = {
    "literal_value": _Converter._literal,
    "variable_expr": _Converter._variable,
    "function_call": _Converter._call,
    "conditional": _Converter._conditional,
    "operation": _Converter._operation,
    "collection_value": _Converter._collection,
    "for_expr": _Converter._for,
    "template_expr": _Converter._template,
}
