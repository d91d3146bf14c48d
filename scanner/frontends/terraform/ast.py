"""The syntax tree of the Terraform language. Both grammars produce it; every node knows its place.

Offsets (``start``, ``end``) are code-point offsets into the file's text, end exclusive; ``Text`` turns
them into spans. Nodes are immutable and shared between all instances of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal as OneOf
from typing import TypeAlias

from msgspec import Struct


class Node(Struct, frozen=True):
    """The place of a node in the text."""

    start: int
    end: int


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below ``node``."""
    for name in node.__struct_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def descendants(node: Node) -> Iterator[Node]:
    """The node and all nodes below it."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(children(current))


class Literal(Node, frozen=True):
    """A number, ``true``, ``false``, ``null``, or a string without interpolation (escapes resolved).

    Numbers are ``int`` where they are whole and ``decimal.Decimal`` otherwise, so that no digit is lost.
    """

    value: object


class Template(Node, frozen=True):
    """A quoted or heredoc string with interpolations: text, interpolations and directives in order.

    A template that is exactly one interpolation (``"${x}"``) keeps the value's own type.
    Trim markers are already applied to the neighbouring text.
    """

    parts: tuple[TemplatePart, ...]


class TemplateIf(Node, frozen=True):
    """``%{ if c }…%{ else }…%{ endif }``."""

    condition: Expression
    then: tuple[TemplatePart, ...]
    otherwise: tuple[TemplatePart, ...]


class TemplateFor(Node, frozen=True):
    """``%{ for k, v in c }…%{ endfor }``; ``key`` is empty where only a value is bound."""

    key: str
    value: str
    collection: Expression
    body: tuple[TemplatePart, ...]


class Variable(Node, frozen=True):
    """A root name: ``var``, ``local``, ``each``, ``aws_instance``, a ``for`` variable …"""

    name: str


class GetAttribute(Node, frozen=True):
    """``object.name`` (and the legacy ``object.0``, whose name is then digits)."""

    object: Expression
    name: str


class Index(Node, frozen=True):
    """``object[key]``."""

    object: Expression
    key: Expression


class Splat(Node, frozen=True):
    """``object[*].a[0]`` (full) or ``object.*.a`` (attribute-only): ``each`` is applied to every item and
    refers to it by ``SplatItem``."""

    object: Expression
    each: Expression
    full: bool


class SplatItem(Node, frozen=True):
    """The current item of the nearest enclosing splat."""


class Call(Node, frozen=True):
    """``name(arguments…)``; ``expand`` for a final ``...``. ``name`` may be ``provider::x::f``."""

    name: str
    arguments: tuple[Expression, ...]
    expand: bool


class Unary(Node, frozen=True):
    """``-x`` or ``!x``."""

    operator: OneOf["-", "!"]
    operand: Expression


class Binary(Node, frozen=True):
    """Arithmetic, comparison and logic, with HCL's precedence resolved."""

    operator: str
    left: Expression
    right: Expression


class Conditional(Node, frozen=True):
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression


class TupleExpression(Node, frozen=True):
    """``[a, b]``."""

    items: tuple[Expression, ...]


class ObjectItem(Node, frozen=True):
    """``key = value`` in an object; a bare-word key is a string ``Literal``, ``(key)`` an expression."""

    key: Expression
    value: Expression


class ObjectExpression(Node, frozen=True):
    """``{ key = value }``."""

    items: tuple[ObjectItem, ...]


class ForExpression(Node, frozen=True):
    """``[for k, v in c : value if condition]`` or ``{for … : key => value... if …}``.

    ``key`` (the result's key) is ``None`` for the list form; ``grouping`` for ``...``.
    """

    key_name: str
    value_name: str
    collection: Expression
    key: Expression | None
    value: Expression
    condition: Expression | None
    grouping: bool


class Parentheses(Node, frozen=True):
    """``(inner)``, kept because it changes what an object key means."""

    inner: Expression


class Invalid(Node, frozen=True):
    """An expression that could not be read; it evaluates to unknown."""

    message: str


Expression: TypeAlias = (
    Literal
    | Template
    | Variable
    | GetAttribute
    | Index
    | Splat
    | SplatItem
    | Call
    | Unary
    | Binary
    | Conditional
    | TupleExpression
    | ObjectExpression
    | ForExpression
    | Parentheses
    | Invalid
)
TemplatePart: TypeAlias = Literal | Expression | TemplateIf | TemplateFor


class Attribute(Node, frozen=True):
    """``name = expression``; the name is at ``start`` .. ``name_end``."""

    name: str
    name_end: int
    expression: Expression


class Block(Node, frozen=True):
    """``type "label" … { body }``; ``header_end`` is the end of the last label, before the brace."""

    type: str
    labels: tuple[str, ...]
    header_end: int
    body: Body


class Body(Node, frozen=True):
    """Attributes and blocks in the order in which they are written."""

    attributes: tuple[Attribute, ...]
    blocks: tuple[Block, ...]
