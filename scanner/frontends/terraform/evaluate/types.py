"""Terraform's types: of values, as constraints, the conversions between them, and the type that several share.

Source: go-cty's ``convert`` package and Terraform's ``typeexpr``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct, field

from scanner.core import Unknown, UnknownText, is_unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.values import (
    EvaluationError,
    LimitError,
    ListValue,
    MapValue,
    SetValue,
    TypedUnknown,
    to_bool,
    to_number,
    to_text,
    type_name,
)

MAX_DISTINCT_TYPES = 300
"""Different types in one collection for which a common one is sought; the search compares every pair."""

Defaults = Callable[[ast.Expression], Any]
"""Evaluates the default expression of an optional attribute."""


class Type(Struct, frozen=True, eq=False, dict=True):
    """``kind`` is string, number, bool, any, list, set, map, tuple or object.

    ``any`` as the type of a value says that it is not known: that of null and of unknown values.
    ``attributes`` are sorted by name; ``optional`` gives the default, if there is one, of those that may be absent,
    which makes it no other type.
    """

    kind: str
    element: Type | None = None
    attributes: tuple[tuple[str, Type], ...] = ()
    items: tuple[Type, ...] = ()
    optional: Mapping[str, ast.Expression | None] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Type]:
        """The attributes of an object type."""
        return dict(self.attributes)

    @cached_property
    def is_complete(self) -> bool:
        """Whether ``any`` is no part of the type."""
        return self.kind != "any" and all(inner.is_complete for inner in self.inner)

    @property
    def inner(self) -> tuple[Type, ...]:
        """The types directly inside this one."""
        if self.element is not None:
            return (self.element,)
        return self.items or tuple(kind for _, kind in self.attributes)

    @property
    def _compared(self) -> tuple[object, ...]:
        return self.kind, self.element, self.attributes, self.items

    @cached_property
    def _hash(self) -> int:
        return hash(self._compared)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and self._compared == other._compared


ANY = Type("any")
STRING = Type("string")
NUMBER = Type("number")
BOOL = Type("bool")
_PRIMITIVES = {"string": to_text, "number": to_number, "bool": to_bool}
_NAMED = {"string": STRING, "number": NUMBER, "bool": BOOL, "any": ANY}


def list_of(element: Type) -> Type:
    """``list(element)``."""
    return Type("list", element)


def set_of(element: Type) -> Type:
    """``set(element)``."""
    return Type("set", element)


def map_of(element: Type) -> Type:
    """``map(element)``."""
    return Type("map", element)


def object_of(attributes: Mapping[str, Type], optional: Mapping[str, ast.Expression | None] | None = None) -> Type:
    """``object({…})``."""
    return Type("object", attributes=tuple(sorted(attributes.items())), optional=optional or {})


def parse_type(expression: ast.Expression) -> Type:
    """The type constraint that ``expression`` spells. Raises ``EvaluationError``."""
    if isinstance(expression, ast.Literal) and isinstance(expression.value, str):
        return _legacy(expression)
    if isinstance(expression, ast.Variable):
        if expression.name in _NAMED:
            return _NAMED[expression.name]
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
    if expression.value in _NAMED:
        return _NAMED[str(expression.value)]
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
    return object_of(attributes, optional)


def type_of(value: Any) -> Type:
    """The type of a value; ``ANY`` for null and unknown."""
    if isinstance(value, TypedUnknown):
        return value.kind
    if isinstance(value, UnknownText):
        return STRING
    if value is None or is_unknown(value):
        return ANY
    if isinstance(value, ListValue):
        return Type("list", value.element)
    if isinstance(value, SetValue):
        return Type("set", value.element)
    if isinstance(value, MapValue):
        return Type("map", value.element)
    if isinstance(value, list):
        return Type("tuple", items=tuple(type_of(item) for item in value))
    if isinstance(value, dict):
        return object_of({key: type_of(item) for key, item in value.items()})
    return _NAMED[type_name(value)]


def sample_of(kind: Type) -> Any:
    """A value of the type, to find out what an operation on such values gives; unknown where that depends."""
    if kind.kind in _PRIMITIVES:
        return {"string": "", "number": 0, "bool": False}[kind.kind]
    if kind.kind == "object":
        return {name: sample_of(inner) for name, inner in kind.attributes}
    return [sample_of(inner) for inner in kind.items] if kind.kind == "tuple" else Unknown("there is no such value")


def convert(value: Any, wanted: Type, defaults: Defaults | None = None) -> Any:
    """``value`` as ``wanted``. Raises ``EvaluationError`` where Terraform would refuse the value."""
    kind = wanted.kind
    if value is None or kind == "any":
        return value
    if is_unknown(value):
        is_other = isinstance(value, TypedUnknown | UnknownText) and type_of(value) != wanted
        return TypedUnknown(value, wanted) if is_other else value
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind](value)
    if kind == "list" or kind == "set":
        if not isinstance(value, list):
            raise EvaluationError(f"{kind} required, found {type_name(value)}")
        items, element = _elements(value, wanted.element or ANY, defaults)
        return ListValue(items, element) if kind == "list" else SetValue(items, element)
    if kind == "tuple":
        if type(value) is not list or len(value) != len(wanted.items):
            raise EvaluationError(f"a tuple of {len(wanted.items)} items is required, found {type_name(value)}")
        return [convert(item, each, defaults) for item, each in zip(value, wanted.items, strict=True)]
    if not isinstance(value, dict):
        raise EvaluationError(f"{kind} required, found {type_name(value)}")
    if kind == "map":
        items, element = _elements(value, wanted.element or ANY, defaults)
        return MapValue(zip(value, items, strict=True), element)
    return _object(value, wanted, defaults)


def _elements(value: Any, element: Type, defaults: Defaults | None) -> tuple[list[Any], Type]:
    """The items of a collection as ``element``, and the type that they then have in common."""
    items = list(value.values()) if isinstance(value, dict) else list(value)
    if element.kind == "any" and isinstance(value, ListValue | SetValue | MapValue):
        return items, value.element
    if isinstance(value, ListValue | SetValue | MapValue) and not convertible(value.element, element):
        raise EvaluationError(f"elements of type {element.kind} are required, found {value.element.kind}")
    items = [convert(item, element, defaults) for item in items]
    if not items or element.is_complete:
        return items, element
    types = [type_of(item) for item in items]
    common = unify(types)
    if common is ANY and isinstance(value, dict):
        # a map of nulls and of one other type that is no primitive
        common = _only(types)
    if common is None or (common.kind == "any" and any(kind.kind != "any" for kind in types)):
        raise EvaluationError("all elements must have the same type")
    return [convert(item, common) for item in items], common


def _only(types: Iterable[Type]) -> Type | None:
    """The one type beside ``any``; ``None`` if there are several."""
    known = set(types) - {ANY}
    return known.pop() if len(known) == 1 else None if known else ANY


def _object(value: dict[str, Any], wanted: Type, defaults: Defaults | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, kind in wanted.attributes:
        default = wanted.optional.get(name)
        if default is not None and value.get(name) is None:
            result[name] = convert(defaults(default), kind, defaults) if defaults is not None else None
        elif name in value:
            try:
                result[name] = convert(value[name], kind, defaults)
            except EvaluationError as error:
                error.message = f'attribute "{name}": {error.message}'
                raise
        elif name in wanted.optional:
            result[name] = None
        else:
            raise EvaluationError(f'attribute "{name}" is required')
    return result


def convertible(given: Type, wanted: Type) -> bool:
    """Whether values of one type may convert to the other; whether one does depends on the value."""
    if wanted.kind == "any" or given.kind == "any" or given == wanted:
        return True
    if given.kind in _PRIMITIVES or wanted.kind in _PRIMITIVES:
        return {given.kind, wanted.kind} <= _PRIMITIVES.keys() and "string" in (given.kind, wanted.kind)
    if wanted.kind in ("list", "set", "map"):
        return _convertible_to_collection(given, wanted)
    if wanted.kind == "tuple":
        return (
            given.kind == "tuple"
            and len(given.items) == len(wanted.items)
            and all(convertible(one, other) for one, other in zip(given.items, wanted.items, strict=True))
        )
    if given.kind == "map":
        return all(name in wanted.optional or convertible(given.inner[0], kind) for name, kind in wanted.attributes)
    return given.kind == "object" and all(
        convertible(given.by_name[name], kind) if name in given.by_name else name in wanted.optional
        for name, kind in wanted.attributes
    )


def _convertible_to_collection(given: Type, wanted: Type) -> bool:
    sources = ("map", "object") if wanted.kind == "map" else ("list", "set", "tuple")
    if given.kind not in sources:
        return False
    element = wanted.element or ANY
    if element.kind == "any" and given.kind in ("tuple", "object"):
        common = unify(given.inner) if given.inner else ANY
        if common is None or common.kind != "any" or given.kind == "object":
            return common is not None
        return all(kind.kind == "any" for kind in given.inner)
    return all(convertible(kind, element) for kind in given.inner)


def unify(types: Iterable[Type]) -> Type | None:
    """The type that values of all these types convert to; ``None`` if there is none or no type is given.

    Raises ``LimitError`` for too many different types.
    """
    distinct = list(dict.fromkeys(types))
    if len(distinct) < 2:
        return distinct[0] if distinct else None
    has_any = ANY in distinct
    kinds = {kind.kind for kind in distinct} - {"any"}
    if len(kinds) == 1 and (one := next(iter(kinds))) not in _PRIMITIVES:
        if has_any:
            return ANY
        if one in ("list", "set", "map"):
            element = unify(kind.inner[0] for kind in distinct)
            return None if element is None else Type(one, element)
        return _unify_objects(distinct) if one == "object" else _unify_tuples(distinct)
    if kinds in ({"map", "object"}, {"list", "tuple"}):
        found = _unify_as_collections(distinct, "map" if "map" in kinds else "list")
        if found is not None:
            return found
    elif {"object", "tuple"} <= kinds:
        return None
    if len(distinct) > MAX_DISTINCT_TYPES:
        raise LimitError(f"more than the limit of {MAX_DISTINCT_TYPES} different types in one collection")
    for wanted in _by_preference(distinct):
        if all(convertible(kind, wanted) for kind in distinct):
            return wanted
    return None


def _unify_objects(types: list[Type]) -> Type | None:
    names = types[0].by_name.keys()
    if any(kind.by_name.keys() != names for kind in types):
        return _unify_to("map", types)
    attributes = {name: unify(kind.by_name[name] for kind in types) for name in names}
    if None in attributes.values():
        return None
    result = object_of({name: kind for name, kind in attributes.items() if kind is not None})
    return result if all(convertible(kind, result) for kind in types) else _unify_to("map", types)


def _unify_tuples(types: list[Type]) -> Type | None:
    if len({len(kind.items) for kind in types}) > 1:
        return _unify_to("list", types)
    items = [unify(across) for across in zip(*(kind.items for kind in types), strict=True)]
    if None in items:
        return None
    result = Type("tuple", items=tuple(kind for kind in items if kind is not None))
    return result if all(convertible(kind, result) for kind in types) else _unify_to("list", types)


def _unify_to(collection: str, types: list[Type]) -> Type | None:
    element = unify(inner for kind in types for inner in kind.inner)
    if element is None:
        return None
    result = Type(collection, element)
    return result if all(convertible(kind, result) for kind in types) else None


def _unify_as_collections(types: list[Type], collection: str) -> Type | None:
    """Tuples beside lists, and objects beside maps, are lists and maps in disguise."""
    structural = "object" if collection == "map" else "tuple"
    common = _unify_to(collection, [kind for kind in types if kind.kind == structural])
    if common is None:
        return None
    found = unify(common if kind.kind == structural else kind for kind in types)
    return found if found is not None and found.kind == collection else None


def _by_preference(types: list[Type]) -> Iterable[Type]:
    """The more general types first; those that cannot be compared in their order."""
    below: list[list[int]] = [[] for _ in types]
    above = [0] * len(types)
    for one, left in enumerate(types):
        for other in range(one + 1, len(types)):
            order = _compare(left, types[other])
            if order:
                higher, lower = (one, other) if order < 0 else (other, one)
                below[higher].append(lower)
                above[lower] += 1
    queue = [number for number, count in enumerate(above) if count == 0]
    for number in queue:
        yield types[number]
        for lower in below[number]:
            above[lower] -= 1
            if above[lower] == 0:
                queue.append(lower)


_GENERALITY = {"tuple": 1, "list": 0, "set": 2, "object": 1, "map": 0}


def _compare(one: Type, other: Type) -> int:
    """Negative if ``one`` is to be preferred as a common type, positive if ``other`` is."""
    if "any" in (one.kind, other.kind):
        return (one.kind == "any") - (other.kind == "any")
    if one.kind in _PRIMITIVES and other.kind in _PRIMITIVES:
        return (one.kind != "string" and other.kind == "string") - (one.kind == "string" and other.kind != "string")
    if one.kind == other.kind:
        if one.kind in ("object", "tuple"):
            return _compare_structures(one, other)
        return _compare(one.inner[0], other.inner[0]) if one.kind in ("list", "set", "map") else 0
    kinds = {one.kind, other.kind}
    if kinds <= {"tuple", "list", "set"} or kinds <= {"object", "map"}:
        return _GENERALITY[one.kind] - _GENERALITY[other.kind]
    return 0


def _compare_structures(one: Type, other: Type) -> int:
    if len(one.inner) != len(other.inner) or one.by_name.keys() != other.by_name.keys():
        return 0
    orders = [_compare(left, right) for left, right in zip(one.inner, other.inner, strict=True)]
    lower, higher = any(order < 0 for order in orders), any(order > 0 for order in orders)
    return (higher - lower) if lower != higher else 0
