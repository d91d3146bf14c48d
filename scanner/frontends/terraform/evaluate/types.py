"""Type constraints of variables, and conversion to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scanner.core import is_unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.values import (
    EvaluationError,
    SetValue,
    to_bool,
    to_number,
    to_text,
    type_name,
)


@dataclass(frozen=True)
class Type:
    """``kind`` is string, number, bool, any, list, set, map, tuple or object."""

    kind: str
    element: Type | None = None
    attributes: dict[str, Type] = field(default_factory=dict)
    optional: dict[str, ast.Expression | None] = field(default_factory=dict)
    items: tuple[Type, ...] = ()


ANY = Type("any")


def parse_type(expression: ast.Expression) -> Type:
    """The type constraint that ``expression`` spells. Raises ``EvaluationError``."""
    if isinstance(expression, ast.Literal) and isinstance(expression.value, str):
        return (
            Type(expression.value) if expression.value in ("string", "number", "bool", "any") else _legacy(expression)
        )
    if isinstance(expression, ast.Variable):
        if expression.name in ("string", "number", "bool", "any"):
            return Type(expression.name)
        if expression.name in ("list", "map", "set"):
            return Type(expression.name, ANY)
    if isinstance(expression, ast.Call) and len(expression.arguments) == 1:
        argument = expression.arguments[0]
        if expression.name in ("list", "set", "map"):
            return Type(expression.name, parse_type(argument))
        if expression.name == "tuple" and isinstance(argument, ast.TupleExpression):
            return Type("tuple", items=tuple(parse_type(item) for item in argument.items))
        if expression.name == "object" and isinstance(argument, ast.ObjectExpression):
            return _object_type(argument)
    raise EvaluationError("this is not a type constraint", expression.start, expression.end)


def _legacy(expression: ast.Literal) -> Type:
    if expression.value in ("list", "map"):
        return Type(str(expression.value), ANY)
    raise EvaluationError("this is not a type constraint", expression.start, expression.end)


def _object_type(expression: ast.ObjectExpression) -> Type:
    attributes: dict[str, Type] = {}
    optional: dict[str, ast.Expression | None] = {}
    for item in expression.items:
        name = str(item.key.value) if isinstance(item.key, ast.Literal) else ""
        value = item.value
        if isinstance(value, ast.Call) and value.name == "optional" and value.arguments:
            attributes[name] = parse_type(value.arguments[0])
            optional[name] = value.arguments[1] if len(value.arguments) > 1 else None
        else:
            attributes[name] = parse_type(value)
    return Type("object", attributes=attributes, optional=optional)


def convert(value: Any, wanted: Type, default: Any = None) -> Any:
    """``value`` as ``wanted``. ``default`` evaluates the default expressions of optional attributes.

    Raises ``EvaluationError`` where Terraform would refuse the value.
    """
    if value is None or is_unknown(value) or wanted.kind == "any":
        return value
    if wanted.kind in _PRIMITIVES:
        return _PRIMITIVES[wanted.kind](value)
    if wanted.kind in ("list", "set"):
        return _collection(value, wanted, default)
    if not isinstance(value, dict) and wanted.kind in ("map", "object"):
        raise EvaluationError(f"{wanted.kind} required, found {type_name(value)}")
    if wanted.kind == "map":
        element = wanted.element or ANY
        return unify_map({key: convert(item, element, default) for key, item in value.items()}, element)
    if wanted.kind == "tuple":
        if not isinstance(value, list) or len(value) != len(wanted.items):
            raise EvaluationError(f"a tuple of {len(wanted.items)} items is required")
        return [convert(item, kind, default) for item, kind in zip(value, wanted.items, strict=True)]
    return _object(value, wanted, default)


def _collection(value: Any, wanted: Type, default: Any) -> Any:
    if not isinstance(value, list):
        raise EvaluationError(f"{wanted.kind} required, found {type_name(value)}")
    element = wanted.element or ANY
    items = [convert(item, element, default) for item in value]
    if element.kind == "any":
        items = unify(items)
    return SetValue.of(items) if wanted.kind == "set" else list(items)


def unify_map(value: dict[str, Any], element: Type) -> dict[str, Any]:
    """A map whose values have one type, where they are primitives of several."""
    if element.kind != "any":
        return value
    return dict(zip(value, unify(list(value.values())), strict=True))


def unify(items: list[Any]) -> list[Any]:
    """Primitives of several types become strings, as a list of any does with them."""
    kinds = {type_name(item) for item in items if item is not None and not is_unknown(item)}
    if len(kinds) > 1 and kinds <= {"string", "number", "bool"} and "string" in kinds:
        return [to_text(item) for item in items]
    return items


def _object(value: dict[str, Any], wanted: Type, default: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, kind in wanted.attributes.items():
        if name in value and not (value[name] is None and wanted.optional.get(name) is not None):
            result[name] = convert(value[name], kind, default)
        elif name in wanted.optional:
            expression = wanted.optional[name]
            result[name] = convert(default(expression), kind, default) if expression is not None and default else None
        else:
            raise EvaluationError(f'attribute "{name}" is required')
    return result


def type_of(value: Any) -> Type:
    """The type of a value: lists are tuples and maps are objects; ``ANY`` for null and unknown."""
    if value is None or is_unknown(value):
        return ANY
    if isinstance(value, SetValue):
        element = unify_types([type_of(item) for item in value])
        return Type("set", ANY if element is None else element)
    if isinstance(value, list):
        return Type("tuple", items=tuple(type_of(item) for item in value))
    if isinstance(value, dict):
        return Type("object", attributes={key: type_of(item) for key, item in value.items()})
    return Type(type_name(value))


def unify_types(types: Iterable[Type]) -> Type | None:
    """The type that values of all these types convert to, ``None`` if there is none."""
    result: Type | None = ANY
    for kind in types:
        result = _unify_two(result, kind) if result is not None else None
    return result


def _unify_two(one: Type, other: Type) -> Type | None:
    if one.kind == "any" or other.kind == "any" or one == other:
        return other if one.kind == "any" else one
    kinds = {one.kind, other.kind}
    if kinds <= set(_PRIMITIVES):
        return Type("string") if "string" in kinds else None
    if kinds == {"tuple"} and len(one.items) == len(other.items):
        pairs = [_unify_two(left, right) for left, right in zip(one.items, other.items, strict=True)]
        return None if None in pairs else Type("tuple", items=tuple(pair for pair in pairs if pair is not None))
    if kinds <= {"tuple", "list"}:
        return _collection_of("list", [*_elements(one), *_elements(other)])
    if kinds <= {"tuple", "list", "set"}:
        return _collection_of("set", [*_elements(one), *_elements(other)])
    if kinds == {"object"} and one.attributes.keys() == other.attributes.keys():
        found = {key: _unify_two(kind, other.attributes[key]) for key, kind in one.attributes.items()}
        return None if None in found.values() else Type("object", attributes={k: v for k, v in found.items() if v})
    if kinds <= {"object", "map"}:
        return _collection_of("map", [*_elements(one), *_elements(other)])
    return None


def _elements(kind: Type) -> list[Type]:
    if kind.kind in ("tuple", "object"):
        return [*kind.items, *kind.attributes.values()]
    return [kind.element or ANY]


def _collection_of(kind: str, elements: list[Type]) -> Type | None:
    element = unify_types(elements)
    return None if element is None else Type(kind, element)


_PRIMITIVES = {"string": to_text, "number": to_number, "bool": to_bool}
