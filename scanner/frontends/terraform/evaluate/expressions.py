"""Expressions to values, as Terraform computes them, with unknowns carried through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from scanner.core import GAP, Unknown, UnknownText, is_unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate import floats
from scanner.frontends.terraform.evaluate.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Type,
    convert,
    sample_of,
    type_of,
    unify,
)
from scanner.frontends.terraform.evaluate.values import (
    CHARACTERS_A_STEP,
    MAX_ITEMS,
    MAX_STRING,
    Budget,
    EvaluationError,
    LimitError,
    ListValue,
    Reference,
    SetValue,
    TypedUnknown,
    bare,
    contains_unknown,
    first_unknown,
    identity,
    is_number,
    normalized,
    settled,
    to_bool,
    to_number,
    to_text,
    type_name,
    weigh,
)

Lookup = Callable[[tuple[str, ...]], tuple[Any, int]]
"""Resolves a traversal such as ``("local", "a", "b")`` to a value and the number of steps it used."""


class Context(Struct):
    """Where an expression is evaluated: names bound by ``for`` and the scope's own lookup of traversals."""

    lookup: Lookup
    files: Any = None
    """Reads files for ``file()`` and its kin; see ``functions.files.FileReader``."""
    bindings: Mapping[str, Any] = field(default_factory=dict)
    item: Any = None
    budget: Budget = field(default_factory=Budget)
    tolerant: bool = False
    """Whether a part that is in error is unknown instead: for a result whose type is asked for, not its value."""
    sensitive: Callable[[tuple[str, ...], int], bool] | None = None
    """Whether what a traversal stands for is sensitive; the number says how deep the question is nested."""

    def bind(self, names: Mapping[str, Any]) -> Context:
        """This context with further names."""
        return replace(self, bindings={**self.bindings, **names})

    def with_item(self, item: Any) -> Context:
        """This context with the current item of a splat."""
        return replace(self, item=item)

    def with_tolerance(self, tolerant: bool) -> Context:
        """This context with or without tolerance of errors."""
        return replace(self, tolerant=tolerant)


def evaluate(expression: ast.Expression | ast.TemplatePart, context: Context, *, settle: bool = True) -> Any:
    """The value of ``expression``. Raises ``EvaluationError`` with the offsets of the node at fault.

    Without ``settle``, a resource or module stays a ``Reference``, so that only the part that is asked for is computed.
    """
    tolerant = context.tolerant
    if tolerant and not isinstance(expression, _KEEPS_REST):
        context = context.with_tolerance(False)
    try:
        context.budget.spend()
        value = _EVALUATORS[type(expression)](expression, context)
        return settled(value) if settle and isinstance(value, Reference) else value
    except EvaluationError as error:
        if tolerant:
            kind = _TYPES_IN_ERROR.get(type(expression), ANY)
            return Unknown(error.message) if kind is ANY else TypedUnknown(Unknown(error.message), kind)
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
    text = normalized("".join(texts))
    return text if unknown is None else UnknownText(unknown.reason, unknown.source, text)


def _template_if(node: ast.TemplateIf, context: Context) -> Any:
    condition = to_bool(evaluate(node.condition, context))
    if is_unknown(condition):
        return bare(condition)
    return _joined(node.then if condition else node.otherwise, context)


def _template_for(node: ast.TemplateFor, context: Context) -> Any:
    collection = evaluate(node.collection, context)
    if is_unknown(collection):
        return bare(collection)
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


def traversal(node: ast.Node) -> tuple[str, ...] | None:
    """The constant steps of a traversal from a root name, such as var.a.b or module.m["k"].x."""
    steps: list[str] = []
    while isinstance(node, ast.GetAttribute):
        steps.append(node.name)
        node = node.object
    return (node.name, *reversed(steps)) if isinstance(node, ast.Variable) else None


def _get_attribute(node: ast.GetAttribute, context: Context) -> Any:
    steps = traversal(node)
    if steps is not None and steps[0] not in context.bindings:
        value, used = context.lookup(steps)
        for name in steps[used:]:
            value = attribute(value, name)
        return value
    return attribute(evaluate(node.object, context, settle=False), node.name)


def attribute(value: Any, name: str) -> Any:
    """``value.name``. Raises ``EvaluationError``."""
    if isinstance(value, Reference):
        return index(value, int(name)) if name.isdecimal() else value.attribute(name)
    if is_unknown(value):
        return _deeper(value, name)
    if isinstance(value, dict):
        if name in value:
            return value[name]
        raise EvaluationError(f'this object has no attribute named "{name}"')
    if isinstance(value, list) and name.isdecimal():
        return index(value, int(name))
    if value is None:
        raise EvaluationError(f'null has no attribute "{name}"')
    raise EvaluationError(f'a {type_name(value)} has no attribute "{name}"')


def _deeper(value: Unknown, name: str) -> Unknown:
    if value.source.startswith("data."):
        return Unknown(value.reason, f"{value.source}.{name}")
    kind = value.kind.by_name.get(name) if isinstance(value, TypedUnknown) else None
    return _part_of(value) if kind is None else TypedUnknown(value, kind)


def _part_of(value: Unknown) -> Unknown:
    """An element of an unknown collection."""
    element = value.kind.element if isinstance(value, TypedUnknown) else None
    return bare(value) if element is None or element is ANY else TypedUnknown(value, element)


def _index(node: ast.Index, context: Context) -> Any:
    return index(evaluate(node.object, context, settle=False), evaluate(node.key, context))


def index(value: Any, key: Any) -> Any:
    """``value[key]``. Raises ``EvaluationError``."""
    if isinstance(value, Reference):
        return value.instance(key) if value.instance is not None and not is_unknown(key) else value
    if is_unknown(value):
        return _part_of(value)
    if is_unknown(key):
        return bare(key)
    if value is None or key is None:
        raise EvaluationError("null cannot be indexed" if value is None else "null cannot be an index")
    if isinstance(value, dict):
        name = to_text(key)
        if name in value:
            return value[name]
        raise EvaluationError(f"the given key {name!r} does not identify an element")
    if isinstance(value, list) and not isinstance(value, SetValue):
        number = to_number(key)
        if 0 <= number < len(value) and number == int(number):
            return value[int(number)]
        raise EvaluationError("the given index is outside the list")
    raise EvaluationError(f"a {type_name(value)} cannot be indexed")


def _splat(node: ast.Splat, context: Context) -> Any:
    value = evaluate(node.object, context, settle=False)
    if isinstance(value, Reference):
        known = value.instances() if value.instances is not None else None
        value = list(known.values()) if known is not None else [value] if value.instance is None else value
    if is_unknown(value):
        return bare(value)
    if value is None:
        return []
    if not isinstance(value, list):
        return [evaluate(node.each, context.with_item(value))]
    items = [evaluate(node.each, context.with_item(item)) for item in value]
    if not isinstance(value, ListValue | SetValue):
        return items
    if not items:
        # what no item has is refused even where there are no items
        return ListValue((), type_of(evaluate(node.each, context.with_item(sample_of(value.element)))))
    return ListValue(items, unify(type_of(item) for item in items) or ANY)


def _splat_item(node: ast.SplatItem, context: Context) -> Any:
    return context.item


def _call(node: ast.Call, context: Context) -> Any:
    from scanner.frontends.terraform.evaluate.functions import call

    return call(node, context)


def _parentheses(node: ast.Parentheses, context: Context) -> Any:
    return evaluate(node.inner, context, settle=False)


def _unary(node: ast.Unary, context: Context) -> Any:
    value = evaluate(node.operand, context)
    if node.operator == "!":
        value = _required(to_bool(value))
        return TypedUnknown(value, BOOL) if is_unknown(value) else not value
    value = _required(to_number(value))
    return TypedUnknown(value, NUMBER) if is_unknown(value) else floats.negate(value)


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
        return TypedUnknown(result, BOOL) if is_unknown(result) else result is (node.operator == "==")
    left, right = _required(to_number(left)), _required(to_number(right))
    unknown = left if is_unknown(left) else right if is_unknown(right) else None
    if unknown is not None:
        return TypedUnknown(unknown, BOOL if node.operator in _COMPARISONS else NUMBER)
    number = _arithmetic(node.operator, left, right)
    if isinstance(number, Decimal):
        context.budget.spend(floats.steps(number))
    return number


def _logic(node: ast.Binary, context: Context) -> Any:
    """Since Terraform 1.12, an operand that decides hides the errors of the other; both must still be bools."""
    (left, left_error), (right, right_error) = _operand(node.left, context), _operand(node.right, context)
    deciding = node.operator == "||"
    if left is deciding or right is deciding:
        return deciding
    error = left_error or right_error
    if error is not None:
        raise error
    undecided = left if is_unknown(left) else right
    return TypedUnknown(undecided, BOOL) if is_unknown(undecided) else undecided


def _operand(node: ast.Expression, context: Context) -> tuple[Any, EvaluationError | None]:
    try:
        value = evaluate(node, context)
    except LimitError:
        raise
    except EvaluationError as error:
        return Unknown(error.message), error
    return _required(to_bool(value)), None


def equal(left: Any, right: Any) -> Any:
    """``left == right``: ``True``, ``False`` or unknown. Values of different types are not equal."""
    if left is None or right is None:
        other = right if left is None else left
        return other if is_unknown(other) and not isinstance(other, Reference) else left is right
    if is_unknown(left) or is_unknown(right):
        return left if is_unknown(left) else right
    if not isinstance(left, list | dict) or not isinstance(right, list | dict):
        return identity(left) == identity(right)
    if contains_unknown(left) or contains_unknown(right):
        return _equal_with_unknowns(left, right)
    return type_of(left) == type_of(right) and identity(left) == identity(right)


def _equal_with_unknowns(left: Any, right: Any) -> Any:
    if type(left) is not type(right):
        return False
    if isinstance(left, SetValue):
        return first_unknown(left) or first_unknown(right)
    if isinstance(left, dict) and left.keys() == right.keys():
        results = [equal(left[key], right[key]) for key in left]
    elif isinstance(left, list) and len(left) == len(right):
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
        return _ARITHMETIC[operator](left, right)
    except ZeroDivisionError as error:
        raise EvaluationError("zero cannot be divided by zero") from error
    except OverflowError as error:
        raise LimitError(str(error)) from error


def _conditional(node: ast.Conditional, context: Context) -> Any:
    condition = to_bool(evaluate(node.condition, context))
    if is_unknown(condition):
        return bare(condition)
    if condition is None:
        raise EvaluationError("the condition is null", node.condition.start, node.condition.end)
    chosen, other = (node.then, node.otherwise) if condition else (node.otherwise, node.then)
    value = evaluate(chosen, context)
    if value is None or isinstance(value, Unknown):
        return value
    beside = evaluate(other, context.with_tolerance(True))
    if beside is None or (is_number(value) and is_number(beside)) or type_of(beside) is ANY:
        return value
    if type(value) is type(beside) and isinstance(value, str | bool):
        return value
    context.budget.spend(weigh(value) + weigh(beside))
    common = unify(type_of(item) for item in ((value, beside) if condition else (beside, value)))
    if common is None:
        message = f"the two results have no type in common: {type_name(value)} and {type_name(beside)}"
        raise EvaluationError(message, node.then.start, node.otherwise.end)
    return convert(value, common)


def _tuple(node: ast.TupleExpression, context: Context) -> Any:
    return [evaluate(item, context) for item in node.items]


def _object(node: ast.ObjectExpression, context: Context) -> Any:
    result: dict[str, Any] = {}
    for item in node.items:
        key = to_text(evaluate(item.key, context))
        if is_unknown(key):
            return bare(key)
        if key is None:
            raise EvaluationError("an object key must not be null", item.key.start, item.key.end)
        result[key] = evaluate(item.value, context)
    return result


def _for(node: ast.ForExpression, context: Context) -> Any:
    collection = evaluate(node.collection, context)
    if is_unknown(collection):
        return bare(collection)
    results: list[tuple[Any, Any]] = []
    if node.condition is not None and not collection:
        _check_condition(node, context)
    for number, (key, value) in enumerate(_items(collection, node.collection)):
        if number >= MAX_ITEMS:
            raise LimitError(f"the for expression goes beyond the limit of {MAX_ITEMS} items")
        inner = context.bind({node.value_name: value} | ({node.key_name: key} if node.key_name else {}))
        if node.condition is not None:
            keep = to_bool(evaluate(node.condition, inner))
            if is_unknown(keep):
                return bare(keep)
            if keep is None:
                raise EvaluationError("the condition is null", node.condition.start, node.condition.end)
            if not keep:
                continue
        result_key = to_text(evaluate(node.key, inner)) if node.key is not None else None
        if is_unknown(result_key):
            return bare(result_key)
        results.append((result_key, evaluate(node.value, inner)))
    if node.key is None:
        return [value for _, value in results]
    return _for_object(node, results)


def _check_condition(node: ast.ForExpression, context: Context) -> None:
    """Refuse a condition that is no bool whatever the item is, as Terraform does even where there are no items."""
    unbound = Unknown("there is no item")
    inner = context.bind({node.value_name: unbound} | ({node.key_name: unbound} if node.key_name else {}))
    if node.condition is not None and to_bool(evaluate(node.condition, inner)) is None:
        raise EvaluationError("the condition is null", node.condition.start, node.condition.end)


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


_KEEPS_REST = (ast.TupleExpression, ast.ObjectExpression, ast.Parentheses, ast.Conditional)
"""What still has a type of its own where a part is in error; all else is then of no known type."""
_TYPES_IN_ERROR: dict[type, Type] = {ast.Template: STRING}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": floats.add,
    "-": floats.subtract,
    "*": floats.multiply,
    "/": floats.divide,
    "%": floats.remainder,
}
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
