"""Reading a file: tree-sitter-hcl first, python-hcl2's strict grammar as the arbiter of what is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from itertools import pairwise
from typing import Any

from scanner.core import Diagnostic, SourceFile
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.syntax.strings import Literals, Token, dedent, trim, undouble, unescape
from scanner.frontends.terraform.syntax.text import Text

MAX_DEPTH = 150
MAX_BLOCKS = 2_000
MAX_STRICT_CHARACTERS = 200_000
"""The strict grammar reads about 100 KB/s; a longer text with an error is taken block by block at once."""
PRECISION_OF_LITERALS = Context(prec=400, Emax=999_999, Emin=-999_999, traps=[])
_TOP_LEVEL = re.compile(
    r"^(?=(?:resource|data|module|variable|output|locals|provider|terraform|moved|import|check|removed)\b[^\n=]*\{)",
    re.MULTILINE,
)
_EXPONENT = re.compile(r"(?<![\w.\"-])\d+(?:\.\d+)?[eE][+-]?\d+(?![\w.])")


@dataclass(slots=True)
class ParsedFile:
    """The tree of a file. Where the text is wrong the tree holds what could be recovered."""

    file: SourceFile
    text: Text
    body: ast.Body
    diagnostics: list[Diagnostic]


class _TooDeep(Exception):
    pass


def parse(file: SourceFile) -> ParsedFile:
    """Read Terraform's native syntax. Errors cost only the block or attribute that they stand in."""
    text = Text(file)
    source = file.text.removeprefix("\ufeff").replace("\r\n", " \n") if "\r" in file.text else file.text
    if source.startswith("\ufeff"):
        source = " " + source[1:]
    elif file.text.startswith("\ufeff"):
        source = " " + source
    converter = _Converter(source, 0, len(source))
    root = _parser().parse(converter.data).root_node
    pieces = [(converter, root)]
    diagnostics: list[Diagnostic] = []
    if root.has_error and (len(source) > MAX_STRICT_CHARACTERS or not _accepted_by_strict_grammar(source)):
        pieces = _block_by_block(source)
        diagnostics = [
            Diagnostic("error", "terraform-syntax", message, text.span(start, end))
            for piece, tree in pieces
            for start, end, message in piece.errors(tree)
        ]
    bodies: list[ast.Body] = []
    for piece, tree in pieces:
        node = next((child for child in tree.children if child.type == "body"), None)
        try:
            body = piece.body(node) if node is not None else ast.Body(piece.start, piece.start, (), ())
            bodies.append(_with_recovered(piece, tree, body) if tree.has_error else body)
        except _TooDeep:
            message = f"nested deeper than {MAX_DEPTH} levels; the block is skipped"
            diagnostics.append(Diagnostic("error", "terraform-limit", message, text.span(piece.start, piece.start)))
    attributes = tuple(attribute for body in bodies for attribute in body.attributes)
    blocks = tuple(block for body in bodies for block in body.blocks)
    body = ast.Body(0, len(source), attributes, blocks)
    if not diagnostics:
        diagnostics = [
            Diagnostic("error", "terraform-syntax", f'"{again.name}" is set twice in one block', text.span(*place))
            for again, place in _repeated(bodies)
        ]
    return ParsedFile(file, text, body, diagnostics)


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


def _block_by_block(source: str) -> list[tuple[_Converter, Any]]:
    """The blocks of a broken file, each parsed alone, so that an error costs only the block that it stands in."""
    starts = [match.start() for match in _TOP_LEVEL.finditer(source)][:MAX_BLOCKS]
    if not starts or starts[0] > 0:
        starts.insert(0, 0)
    pieces = []
    for start, end in pairwise([*starts, len(source)]):
        converter = _Converter(source, start, end)
        pieces.append((converter, _parser().parse(converter.data).root_node))
    return pieces


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

    def __init__(self, source: str, start: int, end: int) -> None:
        self.source = source
        self.start = start
        source = source[start:end]
        # the grammar does not know exponents: digits of the same length stand in, the text is read from source
        masked = _EXPONENT.sub(lambda match: "9" * len(match[0]), source) if _EXPONENT.search(source) else source
        self.data = masked.encode("utf-8", "surrogatepass")
        self._ascii = len(self.data) == len(source)
        self._offsets: list[int] = []
        self._depth = 0
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
        if self._depth > MAX_DEPTH:
            raise _TooDeep
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
        stop = next((i for i, step in enumerate(following) if step.type != "get_attr"), len(following))
        each = self._traverse(item, inner + following[:stop])
        splat = ast.Splat(head.start, max(each.end, self.at(node.end_byte)), head, each, False)
        return self._traverse(splat, following[stop:])

    def _literal(self, node: Any, start: int, end: int) -> ast.Expression:
        child = node.children[0]
        if child.type == "numeric_lit":
            return ast.Literal(start, end, number(self.text(child)))
        if child.type == "string_lit":
            return ast.Literal(start, end, unescape(self.source[start + 1 : end - 1]))
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
        return ast.Conditional(start, end, *parts)

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
        nodes = inner.named_children[1:-1]
        tokens = list(self._tokens(nodes, start + 1, end - 1))
        for token in tokens:
            token.text = unescape(token.text) if token.text is not None else None
        return self._assemble(nodes, start, end, tokens)

    def _heredoc(self, node: Any, start: int, end: int) -> ast.Expression:
        children = node.named_children
        first = self.source.find("\n", self.at(children[1].end_byte)) + 1
        closing = self.at(children[-1].start_byte)
        last = max(self.source.rfind("\n", 0, closing) + 1, first)
        tokens = list(self._tokens(children[2:-1], first, last))
        for token in tokens:
            if token.text is not None:
                text = token.text.replace(" \n", "\n") if "\r\n" in self.source else token.text
                token.text = undouble(text)
        return self._assemble(children[2:-1], start, end, tokens, flush=self.source.startswith("<<-", start))

    def _tokens(self, nodes: list[Any], start: int, end: int) -> Iterator[Token]:
        """The literal lines, interpolations and directive tags of a template, in the order of the source."""
        at = start
        for sequence in self._sequences(nodes, self._depth):
            yield from self._lines(at, sequence.start)
            yield sequence
            at = sequence.end
        yield from self._lines(at, end)

    def _lines(self, start: int, end: int) -> Iterator[Token]:
        while start < end:
            newline = self.source.find("\n", start, end)
            stop = newline + 1 if newline >= 0 else end
            yield Token(start, stop, text=self.source[start:stop])
            start = stop

    def _sequences(self, nodes: list[Any], depth: int) -> Iterator[Token]:
        if depth > MAX_DEPTH:
            raise _TooDeep
        for node in nodes:
            if node.type == "template_directive":
                yield from self._sequences(node.named_children[0].named_children, depth + 1)
            elif node.type == "template_interpolation" or node.type.endswith(_TAGS):
                before, after = _markers(node)
                yield Token(*self.place(node), trim_before=before, trim_after=after)

    def _assemble(
        self, nodes: list[Any], start: int, end: int, tokens: list[Token], *, flush: bool = False
    ) -> ast.Expression:
        trim(tokens)
        if flush:
            dedent(tokens)
        literals = Literals(tokens)
        if len(literals) == len(tokens):
            return ast.Literal(start, end, literals.text(start, end) or "")
        return ast.Template(start, end, tuple(self._parts(nodes, start, end, literals)))

    def _parts(self, nodes: list[Any], start: int, end: int, literals: Literals) -> Iterator[ast.TemplatePart]:
        at = start
        for node in nodes:
            if node.type not in ("template_interpolation", "template_directive"):
                continue
            node_start, node_end = self.place(node)
            text = literals.text(at, node_start)
            if text is not None:
                yield ast.Literal(at, node_start, text)
            yield self._sequence(node, node_start, node_end, literals)
            at = node_end
        text = literals.text(at, end)
        if text is not None:
            yield ast.Literal(at, end, text)

    def _sequence(self, node: Any, start: int, end: int, literals: Literals) -> ast.TemplatePart:
        if node.type == "template_directive":
            self._depth += 1
            part = self._directive(node.named_children[0], start, end, literals)
            self._depth -= 1
            return part
        inner = next((child for child in node.named_children if child.type == "expression"), None)
        return self.expression(inner) if inner is not None else ast.Invalid(start, end, "empty interpolation")

    def _directive(self, node: Any, start: int, end: int, literals: Literals) -> ast.TemplatePart:
        tags = [child for child in node.named_children if child.type.endswith(_TAGS)]
        intro = tags[0]
        sections: list[tuple[ast.TemplatePart, ...]] = []
        for opening, closing in pairwise(tags):
            inside = [c for c in node.named_children if opening.end_byte <= c.start_byte < closing.start_byte]
            sections.append(
                tuple(self._parts(inside, self.at(opening.end_byte), self.at(closing.start_byte), literals))
            )
        expression = next((c for c in intro.named_children if c.type == "expression"), None)
        subject = self.expression(expression) if expression is not None else ast.Invalid(start, end, "no condition")
        if node.type == "template_for":
            names = [self.text(c) for c in intro.named_children if c.type == "identifier"] or [""]
            key = names[0] if len(names) > 1 else ""
            return ast.TemplateFor(start, end, key, names[-1], subject, sections[0] if sections else ())
        then = sections[0] if sections else ()
        return ast.TemplateIf(start, end, subject, then, sections[1] if len(sections) > 1 else ())


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


def number(text: str) -> int | Decimal:
    """A number literal without loss of digits; whole numbers are ``int``."""
    if text.isdigit() and len(text) < 1_000:
        return int(text)
    value = PRECISION_OF_LITERALS.create_decimal(text)
    if value.adjusted() < 200 and value == value.to_integral_value():
        return int(value)
    return value


_TAGS = ("_intro", "_start", "_end")
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
