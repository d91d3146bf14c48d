"""Expressions to values, as Terraform computes them, with unknowns carried through."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from scanner.core import GAP, Unknown, UnknownText, is_unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.values import (
    CHARACTERS_A_STEP,
    MAX_ITEMS,
    MAX_STRING,
    PRECISION,
    Budget,
    EvaluationError,
    LimitError,
    Reference,
    SetValue,
    contains_unknown,
    first_unknown,
    identity,
    is_number,
    normal,
    to_bool,
    to_number,
    to_text,
    type_name,
    weigh,
)

Lookup = Callable[[tuple[str, ...]], tuple[Any, int]]
"""Resolves a traversal such as ``("local", "a", "b")`` to a value and the number of steps it used."""


@dataclass(slots=True)
class Context:
    """Where an expression is evaluated: names bound by ``for`` and the scope's own lookup of traversals."""

    lookup: Lookup
    files: Any = None
    """Reads files for ``file()`` and its kin; see ``functions.files.FileReader``."""
    bindings: Mapping[str, Any] = field(default_factory=dict)
    item: Any = None
    budget: Budget = field(default_factory=Budget)

    def bind(self, names: Mapping[str, Any]) -> Context:
        """This context with further names."""
        return Context(self.lookup, self.files, {**self.bindings, **names}, self.item, self.budget)

    def with_item(self, item: Any) -> Context:
        """This context with the current item of a splat."""
        return Context(self.lookup, self.files, self.bindings, item, self.budget)


def evaluate(expression: ast.Expression | ast.TemplatePart, context: Context) -> Any:
    """The value of ``expression``. Raises ``EvaluationError`` with the offsets of the node at fault."""
    try:
        context.budget.spend()
        return _EVALUATORS[type(expression)](expression, context)
    except EvaluationError as error:
        if not error.end:
            error.start, error.end = expression.start, expression.end
        raise


def _literal(node: ast.Literal, context: Context) -> Any:
    return node.value


def _invalid(node: ast.Invalid, context: Context) -> Any:
    return Unknown(f"the expression cannot be read: {node.message}")


def _template(node: ast.Template, context: Context) -> Any:
    if len(node.parts) == 1 and not isinstance(node.parts[0], ast.TemplateIf | ast.TemplateFor):
        return evaluate(node.parts[0], context)
    return _joined(node.parts, context)


def _joined(parts: tuple[ast.TemplatePart, ...], context: Context) -> Any:
    texts: list[str] = []
    size = 0
    unknown: Unknown | None = None
    for part in parts:
        value = to_text(evaluate(part, context))
        if isinstance(value, Unknown):
            unknown = value if unknown is None else unknown
            value = value.data if isinstance(value, UnknownText) and isinstance(value.data, str) else GAP
        if value is None:
            raise EvaluationError("null cannot be part of a string template", part.start, part.end)
        texts.append(value)
        size += len(value)
        if size > MAX_STRING:
            raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    context.budget.spend(size // CHARACTERS_A_STEP)
    text = "".join(texts)
    return text if unknown is None else UnknownText(unknown.reason, unknown.source, text)


def _template_if(node: ast.TemplateIf, context: Context) -> Any:
    condition = to_bool(evaluate(node.condition, context))
    if is_unknown(condition):
        return condition
    return _joined(node.then if condition else node.otherwise, context)


def _template_for(node: ast.TemplateFor, context: Context) -> Any:
    collection = settled(evaluate(node.collection, context))
    if is_unknown(collection):
        return collection
    texts: list[str] = []
    size = 0
    for key, value in _items(collection, node.collection):
        names = {node.value: value} | ({node.key: key} if node.key else {})
        text = _joined(node.body, context.bind(names))
        if is_unknown(text):
            return Unknown(text.reason, text.source)
        size += len(text)
        if size > MAX_STRING:
            raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
        texts.append(text)
    return "".join(texts)


def _items(collection: Any, node: ast.Expression) -> Iterator[tuple[Any, Any]]:
    if isinstance(collection, dict):
        return iter(sorted(collection.items()))
    if isinstance(collection, SetValue):
        return iter([(item, item) for item in collection])
    if isinstance(collection, list):
        return iter(enumerate(collection))
    what = "null" if collection is None else type_name(collection)
    raise EvaluationError(f"a collection is required to iterate over, found {what}", node.start, node.end)


def _variable(node: ast.Variable, context: Context) -> Any:
    if node.name in context.bindings:
        return context.bindings[node.name]
    return context.lookup((node.name,))[0]


def _traversal(node: ast.Expression) -> tuple[str, ...] | None:
    """The constant steps of a traversal from a root name, such as var.a.b or module.m["k"].x."""
    steps: list[str] = []
    while isinstance(node, ast.GetAttribute):
        steps.append(node.name)
        node = node.object
    return (node.name, *reversed(steps)) if isinstance(node, ast.Variable) else None


def _get_attribute(node: ast.GetAttribute, context: Context) -> Any:
    steps = _traversal(node)
    if steps is not None and steps[0] not in context.bindings:
        value, used = context.lookup(steps)
        for name in steps[used:]:
            value = attribute(value, name)
        return value
    return attribute(evaluate(node.object, context), node.name)


def attribute(value: Any, name: str) -> Any:
    """``value.name``. Raises ``EvaluationError``."""
    if isinstance(value, Reference):
        return index(value, int(name)) if name.isdigit() else value.attribute(name)
    if is_unknown(value):
        return _deeper(value, name)
    if isinstance(value, dict):
        if name in value:
            return value[name]
        raise EvaluationError(f'this object has no attribute named "{name}"')
    if isinstance(value, list) and name.isdigit():
        return index(value, int(name))
    if value is None:
        raise EvaluationError(f'null has no attribute "{name}"')
    raise EvaluationError(f'a {type_name(value)} has no attribute "{name}"')


def settled(value: Any) -> Any:
    """``value`` where it is used as a whole: a module is the object of its outputs, a resource is unknown."""
    if isinstance(value, Reference):
        return value.whole() if value.whole is not None else Unknown(value.reason, value.source)
    return value


def _deeper(value: Unknown, name: str) -> Unknown:
    return Unknown(value.reason, f"{value.source}.{name}") if value.source.startswith("data.") else value


def _index(node: ast.Index, context: Context) -> Any:
    return index(evaluate(node.object, context), evaluate(node.key, context))


def index(value: Any, key: Any) -> Any:
    """``value[key]``. Raises ``EvaluationError``."""
    if isinstance(value, Reference):
        return value.instance(key) if value.instance is not None and not is_unknown(key) else value
    if is_unknown(value):
        return value
    if is_unknown(key):
        return key
    if isinstance(value, dict):
        name = to_text(key)
        if name in value:
            return value[name]
        raise EvaluationError(f"the given key {name!r} does not identify an element")
    if isinstance(value, list) and not isinstance(value, SetValue):
        number = to_number(key)
        if isinstance(number, int) and 0 <= number < len(value):
            return value[number]
        raise EvaluationError("the given index is outside the list")
    raise EvaluationError(f"a {type_name(value)} cannot be indexed")


def _splat(node: ast.Splat, context: Context) -> Any:
    value = evaluate(node.object, context)
    if isinstance(value, Reference) and value.instance is None:
        value = [value]
    if is_unknown(value):
        return settled(value)
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [evaluate(node.each, context.with_item(item)) for item in items]


def _splat_item(node: ast.SplatItem, context: Context) -> Any:
    return context.item


def _call(node: ast.Call, context: Context) -> Any:
    from scanner.frontends.terraform.evaluate.functions import call

    return call(node, context)


def _parentheses(node: ast.Parentheses, context: Context) -> Any:
    return evaluate(node.inner, context)


def _unary(node: ast.Unary, context: Context) -> Any:
    value = evaluate(node.operand, context)
    if node.operator == "!":
        value = _required(to_bool(value))
        return value if is_unknown(value) else not value
    value = _required(to_number(value))
    return value if is_unknown(value) else normal(PRECISION.minus(Decimal(value)))


def _required(value: Any) -> Any:
    if value is None:
        raise EvaluationError("an operand must not be null")
    return value


def _binary(node: ast.Binary, context: Context) -> Any:
    if node.operator in ("&&", "||"):
        return _logic(node, context)
    left, right = evaluate(node.left, context), evaluate(node.right, context)
    if node.operator in ("==", "!="):
        context.budget.spend(weigh(left) + weigh(right))
        result = equal(left, right)
        return result if is_unknown(result) else result is (node.operator == "==")
    left, right = _required(to_number(left)), _required(to_number(right))
    unknown = left if is_unknown(left) else right if is_unknown(right) else None
    return unknown if unknown is not None else _arithmetic(node.operator, left, right)


def _logic(node: ast.Binary, context: Context) -> Any:
    left = _required(to_bool(evaluate(node.left, context)))
    deciding = node.operator == "||"
    if left is deciding and not isinstance(node.right, ast.Literal):
        return left
    right = _required(to_bool(evaluate(node.right, context)))
    if left is deciding:
        return left
    if right is deciding:
        return right
    return left if is_unknown(left) else right


def equal(left: Any, right: Any) -> Any:
    """``left == right``: ``True``, ``False`` or unknown. Values of different types are not equal."""
    if left is None or right is None:
        other = right if left is None else left
        return other if is_unknown(other) and not isinstance(other, Reference) else left is right
    if is_unknown(left) or is_unknown(right):
        return left if is_unknown(left) else right
    if contains_unknown(left) or contains_unknown(right):
        return _equal_with_unknowns(left, right)
    if isinstance(left, SetValue) or isinstance(right, SetValue):
        return isinstance(left, list) and isinstance(right, list) and identity(left) == identity(right)
    return identity(left) == identity(right)


def _equal_with_unknowns(left: Any, right: Any) -> Any:
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        results = [equal(left[key], right[key]) for key in left]
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        results = [equal(one, other) for one, other in zip(left, right, strict=True)]
    else:
        return False
    if any(result is False for result in results):
        return False
    return next((result for result in results if is_unknown(result)), True)


def _arithmetic(operator: str, left: Any, right: Any) -> Any:
    if operator in _COMPARISONS:
        return _COMPARISONS[operator](left, right)
    try:
        if isinstance(left, int) and isinstance(right, int) and operator in "+-*":
            result = {"+": left + right, "-": left - right, "*": left * right}[operator]
            return result if abs(result) < 2**512 else normal(PRECISION.create_decimal(result))
        if not right and operator in "/%":
            raise EvaluationError("division by zero")
        compute = {
            "+": PRECISION.add,
            "-": PRECISION.subtract,
            "*": PRECISION.multiply,
            "/": PRECISION.divide,
            "%": _remainder,
        }[operator]
        return normal(compute(Decimal(left), Decimal(right)))
    except decimal.DecimalException as error:
        raise EvaluationError("the result is not a number that can be represented") from error


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    whole = PRECISION.divide(left, right).to_integral_value(decimal.ROUND_DOWN)
    return PRECISION.subtract(left, PRECISION.multiply(whole, right))


def _conditional(node: ast.Conditional, context: Context) -> Any:
    condition = to_bool(evaluate(node.condition, context))
    if is_unknown(condition):
        return condition
    if condition is None:
        raise EvaluationError("the condition is null", node.condition.start, node.condition.end)
    chosen, other = (node.then, node.otherwise) if condition else (node.otherwise, node.then)
    value = evaluate(chosen, context)
    if value is None or isinstance(value, str | Unknown) or value in ([], {}):
        return value
    return _unified(value, other, context)


def _unified(value: Any, other: ast.Expression, context: Context) -> Any:
    """Both results of a conditional have one type: a number beside a string becomes a string."""
    from scanner.frontends.terraform.evaluate.types import convert, type_of, unify_types

    try:
        beside = evaluate(other, context)
    except EvaluationError:
        return value
    if beside is None or is_unknown(beside) or (is_number(value) and is_number(beside)):
        return value
    common = unify_types([type_of(value), type_of(beside)])
    return value if common is None else convert(value, common)


def _tuple(node: ast.TupleExpression, context: Context) -> Any:
    return [evaluate(item, context) for item in node.items]


def _object(node: ast.ObjectExpression, context: Context) -> Any:
    result: dict[str, Any] = {}
    for item in node.items:
        key = to_text(evaluate(item.key, context))
        if is_unknown(key):
            return key
        if key is None:
            raise EvaluationError("an object key must not be null", item.key.start, item.key.end)
        result[key] = evaluate(item.value, context)
    return result


def _for(node: ast.ForExpression, context: Context) -> Any:
    collection = settled(evaluate(node.collection, context))
    if is_unknown(collection):
        return collection
    results: list[tuple[Any, Any]] = []
    for number, (key, value) in enumerate(_items(collection, node.collection)):
        if number >= MAX_ITEMS:
            raise LimitError(f"the for expression goes beyond the limit of {MAX_ITEMS} items")
        inner = context.bind({node.value_name: value} | ({node.key_name: key} if node.key_name else {}))
        if node.condition is not None:
            keep = to_bool(evaluate(node.condition, inner))
            if is_unknown(keep):
                return keep
            if keep is None:
                raise EvaluationError("the condition is null", node.condition.start, node.condition.end)
            if not keep:
                continue
        result_key = to_text(evaluate(node.key, inner)) if node.key is not None else None
        if is_unknown(result_key):
            return result_key
        results.append((result_key, evaluate(node.value, inner)))
    if node.key is None:
        return [value for _, value in results]
    return _for_object(node, results)


def _for_object(node: ast.ForExpression, results: list[tuple[Any, Any]]) -> dict[str, Any]:
    grouped: dict[str, Any] = {}
    for key, value in results:
        if key is None:
            raise EvaluationError("an object key must not be null", node.start, node.end)
        if node.grouping:
            grouped.setdefault(key, []).append(value)
        elif key in grouped:
            raise EvaluationError(f"two items have the same key {key!r}; use ... to group them", node.start, node.end)
        else:
            grouped[key] = value
    return dict(sorted(grouped.items()))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}
_EVALUATORS: dict[type, Callable[[Any, Context], Any]] = {
    ast.Literal: _literal,
    ast.Invalid: _invalid,
    ast.Template: _template,
    ast.TemplateIf: _template_if,
    ast.TemplateFor: _template_for,
    ast.Variable: _variable,
    ast.GetAttribute: _get_attribute,
    ast.Index: _index,
    ast.Splat: _splat,
    ast.SplatItem: _splat_item,
    ast.Call: _call,
    ast.Parentheses: _parentheses,
    ast.Unary: _unary,
    ast.Binary: _binary,
    ast.Conditional: _conditional,
    ast.TupleExpression: _tuple,
    ast.ObjectExpression: _object,
    ast.ForExpression: _for,
}

__all__ = ["Context", "attribute", "equal", "evaluate", "first_unknown", "index", "is_number"]
