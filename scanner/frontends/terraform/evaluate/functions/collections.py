"""Functions over lists, sets, maps and types."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from scanner.core import Unknown, is_unknown
from scanner.frontends.terraform.evaluate import floats
from scanner.frontends.terraform.evaluate.expressions import Context, equal
from scanner.frontends.terraform.evaluate.functions.function import (
    ANY_LIST,
    ANY_MAP,
    ANY_SET,
    STRINGS,
    characters,
    function,
    whole,
)
from scanner.frontends.terraform.evaluate.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Type,
    convert,
    list_of,
    map_of,
    type_of,
    unify,
)
from scanner.frontends.terraform.evaluate.values import (
    MAX_ITEMS,
    EvaluationError,
    LimitError,
    ListValue,
    MapValue,
    SetValue,
    identity,
    to_number,
    type_name,
)

MAX_RANGE = 1024
"""What Terraform's range() gives at most."""


def _sequence(value: Any) -> list[Any]:
    if not isinstance(value, list) or isinstance(value, SetValue):
        raise EvaluationError(f"a list or tuple is required, found {type_name(value)}")
    return value


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise EvaluationError(f"a list, tuple or set is required, found {type_name(value)}")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EvaluationError(f"a map or object is required, found {type_name(value)}")
    return value


def _bounded(count: int) -> None:
    if count > MAX_ITEMS:
        raise LimitError(f"the result goes beyond the limit of {MAX_ITEMS} items")


def _alike(source: Any, items: Iterable[Any]) -> list[Any]:
    """Items of ``source`` as a list where it is a list or set, as a tuple where it is a tuple."""
    return ListValue(items, source.element) if isinstance(source, ListValue | SetValue) else list(items)


def _common(types: Iterable[Type]) -> Type:
    found = unify(types)
    if found is None:
        raise EvaluationError("the arguments have no type in common")
    return found


def length(value: Any) -> int:
    """Items of a collection, characters of a string."""
    if isinstance(value, str):
        return len(characters(value))
    if isinstance(value, list | dict):
        return len(value)
    raise EvaluationError(f"a string or collection is required, found {type_name(value)}")


def element(values: Any, index: Any) -> Any:
    """The item at ``index``, which wraps around."""
    items, number = _sequence(values), whole(index)
    if not items:
        raise EvaluationError("the list is empty")
    return items[number % len(items)]


def lookup(mapping: Any, key: Any, *default: Any) -> Any:
    """The value of ``key``, or the default."""
    if is_unknown(mapping) or is_unknown(key):
        return mapping if is_unknown(mapping) else key
    if key is None:
        raise EvaluationError("the key must not be null")
    values = _mapping(mapping)
    fallback = default[0] if default else None
    if isinstance(values, MapValue):
        fallback = convert(fallback, values.element)
    if key in values:
        return values[key]
    if default:
        return fallback
    raise EvaluationError(f"there is no key {key!r} and no default")


def merge(*maps: Any) -> Any:
    """One map of all, the last winning; an object unless all are maps of the same type."""
    result: dict[str, Any] = {}
    for value in maps:
        if is_unknown(value):
            return value
        if value is not None:
            result.update(_mapping(value))
    kinds = {value.element if isinstance(value, MapValue) else None for value in maps}
    only = kinds.pop() if len(kinds) == 1 else None
    return result if only is None else MapValue(result, only)


def concat(*lists: Any) -> Any:
    """One list of all: a list where all are lists, else a tuple."""
    unknown = next((value for value in lists if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    if not lists or None in lists:
        raise EvaluationError("at least one list is required, and none may be null")
    items = [item for value in lists for item in _sequence(value)]
    if all(isinstance(value, ListValue) for value in lists):
        common = unify(value.element for value in lists)
        if common is not None:
            return ListValue((convert(item, common) for item in items), common)
    return items


def flatten(value: Any) -> Any:
    """Nested sequences as one tuple; unknown where a part that could be a sequence is unknown."""
    result: list[Any] = []
    for item in _items(value):
        if isinstance(item, list):
            inner = flatten(item)
            if is_unknown(inner):
                return inner
            result.extend(inner)
        elif isinstance(item, Unknown):
            return item
        else:
            result.append(item)
    _bounded(len(result))
    return result


def contains(values: Any, wanted: Any) -> Any:
    """Whether the list holds the value."""
    results = [equal(item, wanted) for item in _items(values)]
    if any(result is True for result in results):
        return True
    return next((result for result in results if is_unknown(result)), False)


def distinct(values: Any) -> Any:
    """The list without repetitions."""
    seen: dict[Any, Any] = {}
    for item in values:
        if is_unknown(item):
            return item
        seen.setdefault(identity(item), item)
    return ListValue(seen.values(), values.element)


def compact(values: Any) -> list[Any]:
    """The list without nulls and empty strings."""
    return ListValue((item for item in values if item is not None and item != ""), STRING)


def chunklist(values: Any, size: Any) -> list[Any]:
    """Lists of at most ``size`` items."""
    step, kind = whole(size), list_of(values.element)
    if step < 0:
        raise EvaluationError("the size must not be negative")
    step = step or max(len(values), 1)
    chunks = (ListValue(values[at : at + step], values.element) for at in range(0, len(values), step))
    return ListValue(chunks, kind)


def coalesce(*values: Any) -> Any:
    """The first value that is neither null nor an empty string, in the type that all have in common."""
    common = _common(type_of(value) for value in values)
    for value in values:
        converted = convert(value, common)
        if is_unknown(converted) or (converted is not None and converted != ""):
            return converted
    raise EvaluationError("no argument is neither null nor empty")


def coalescelist(*values: Any) -> Any:
    """The first list that is not empty."""
    for value in values:
        if is_unknown(value):
            break
        _sequence(value)
    for value in values:
        if is_unknown(value) or len(value):
            return value
    raise EvaluationError("no argument is a list with items")


def index(values: Any, wanted: Any) -> int:
    """The position of the value."""
    for number, item in enumerate(_sequence(values)):
        if equal(item, wanted) is True:
            return number
    raise EvaluationError("the item is not in the list")


def keys(value: Any) -> Any:
    """The sorted keys."""
    names = sorted(_mapping(value))
    return ListValue(names, STRING) if isinstance(value, MapValue) else names


def values(value: Any) -> Any:
    """The values in the order of their sorted keys."""
    items = [item for _, item in sorted(_mapping(value).items())]
    return ListValue(items, value.element) if isinstance(value, MapValue) else items


def zipmap(names: Any, items: Any) -> Any:
    """A map of the two lists."""
    for value in (names, items):
        if is_unknown(value):
            return value
    unknown = next((name for name in names if is_unknown(name)), None)
    if unknown is not None:
        return unknown
    if len(names) != len(_sequence(items)):
        raise EvaluationError("the lists have different lengths")
    if None in names:
        raise EvaluationError("a key must not be null")
    pairs = dict(zip(names, items, strict=True))
    return MapValue(pairs, items.element) if isinstance(items, ListValue) else pairs


def one(value: Any) -> Any:
    """The only item, null for none."""
    items = _items(value)
    if len(items) > 1:
        raise EvaluationError("the list has more than one item")
    return items[0] if items else None


def range_(context: Context, *bounds: Any) -> list[Any]:
    """Numbers from start up to but without limit."""
    start, limit = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else 1 if start <= limit else -1
    if step == 0:
        raise EvaluationError("the step must not be zero")
    if (limit > start) != (step > 0) and limit != start:
        raise EvaluationError("the step leads away from the limit")
    count = abs(floats.truncate(floats.divide(floats.subtract(limit, start), step)))
    context.budget.spend(min(count, MAX_RANGE) * max(map(floats.steps, (start, limit, step))))
    result: list[Any] = []
    current = start
    while (current < limit) if step > 0 else (current > limit):
        if len(result) == MAX_RANGE:
            raise EvaluationError(f"there are more than {MAX_RANGE} numbers")
        result.append(current)
        current = floats.add(current, step)
        if current == result[-1]:
            raise EvaluationError("the step is lost in rounding")
    return ListValue(result, NUMBER)


def reverse(value: Any) -> list[Any]:
    """The list backwards."""
    return _alike(value, reversed(_items(value)))


def setproduct(*sets: Any) -> Any:
    """All combinations: a set where one argument is a set, else a list."""
    if len(sets) < 2:
        raise EvaluationError("at least two sets are required")
    total, elements = 1, []
    for value in sets:
        total *= len(_items(value))
        _bounded(total)
        has_type = isinstance(value, ListValue | SetValue)
        elements.append(value.element if has_type else _common(map(type_of, value)) if value else ANY)
    columns = [[convert(item, kind) for item in value] for value, kind in zip(sets, elements, strict=True)]
    combinations = (list(items) for items in itertools.product(*columns))
    kind = Type("tuple", items=tuple(elements))
    if any(isinstance(value, SetValue) for value in sets):
        return SetValue(combinations, kind)
    return ListValue(combinations, kind)


def slice_(values: Any, start: Any, end: Any) -> list[Any]:
    """Items from start up to but without end."""
    items, first, last = _sequence(values), whole(start), whole(end)
    if not 0 <= first <= last <= len(items):
        raise EvaluationError("the range is outside the list")
    return _alike(values, items[first:last])


def sort(values: Any) -> list[Any]:
    """The strings in order."""
    if None in values:
        raise EvaluationError("null cannot be sorted")
    return ListValue(sorted(values, key=lambda text: text.encode("utf-8", "surrogatepass")), STRING)


def sum_(context: Context, values: Any) -> Any:
    """The total."""
    if not _items(values):
        raise EvaluationError("the list is empty")
    context.budget.spend(sum(floats.steps(item) for item in values if isinstance(item, Decimal)))
    total: floats.Number = 0
    for item in values:
        if item is None:
            raise EvaluationError("null cannot be added")
        total = floats.add(total, to_number(item))
    return total


def transpose(value: Any) -> Any:
    """Map of lists turned around."""
    result: dict[str, list[str]] = {}
    for key, items in sorted(value.items()):
        for item in items:
            if item is None:
                raise EvaluationError("null cannot be a key")
            result.setdefault(item, []).append(key)
    return MapValue(((key, ListValue(result[key], STRING)) for key in sorted(result)), STRINGS)


def alltrue(values: Any) -> Any:
    """Whether all are true."""
    if any(item is False or item is None for item in values):
        return False
    return next((item for item in values if is_unknown(item)), True)


def anytrue(values: Any) -> Any:
    """Whether any is true."""
    if any(item is True for item in values):
        return True
    return next((item for item in values if is_unknown(item)), False)


def matchkeys(items: Any, names: Any, wanted: Any) -> list[Any]:
    """Items whose counterpart in ``names`` is in ``wanted``."""
    if len(items) != len(names):
        raise EvaluationError("the lists have different lengths")
    common = _common([names.element, wanted.element])
    known = {identity(convert(item, common)) for item in wanted}
    chosen = [item for item, name in zip(items, names, strict=True) if identity(convert(name, common)) in known]
    return ListValue(chosen, items.element)


def _same_sets(*sets: Any) -> tuple[list[list[Any]], Type]:
    """The items of the sets in the type that they have in common."""
    elements = [value.element for value in sets if value or value.element.kind != "any"]
    common = _common(elements) if elements else ANY
    return [[convert(item, common) for item in value] for value in sets], common


def setunion(*sets: Any) -> SetValue:
    """Items of any set."""
    columns, common = _same_sets(*sets)
    return SetValue(itertools.chain(*columns), common)


def setintersection(*sets: Any) -> SetValue:
    """Items of all sets."""
    (first, *others), common = _same_sets(*sets)
    known = [{identity(item) for item in value} for value in others]
    return SetValue((item for item in first if all(identity(item) in other for other in known)), common)


def setsubtract(minuend: Any, subtrahend: Any) -> SetValue:
    """Items of the first set that are not in the second."""
    (first, second), common = _same_sets(minuend, subtrahend)
    known = {identity(item) for item in second}
    return SetValue((item for item in first if identity(item) not in known), common)


def _toset(value: Any) -> Any:
    if is_unknown(value) or value is None:
        return value
    unknown = next((item for item in _items(value) if is_unknown(item)), None)
    return unknown if unknown is not None else convert(value, ANY_SET)


def _same(value: Any) -> Any:
    return value


_LOOSE = {"takes_unknown": True, "takes_null": True}
FUNCTIONS = {
    "alltrue": function(alltrue, list_of(BOOL), takes_partial=True),
    "anytrue": function(anytrue, list_of(BOOL), takes_partial=True),
    "chunklist": function(chunklist, ANY_LIST, NUMBER, takes_partial=True),
    "coalesce": function(coalesce, rest=ANY, **_LOOSE),
    "coalescelist": function(coalescelist, rest=ANY, **_LOOSE),
    "compact": function(compact, STRINGS),
    "concat": function(concat, rest=ANY, **_LOOSE),
    "contains": function(contains, ANY, ANY, takes_partial=True),
    "distinct": function(distinct, ANY_LIST, takes_partial=True),
    "element": function(element, ANY, NUMBER, takes_partial=True),
    "ephemeralasnull": function(_same, ANY, **_LOOSE),
    "flatten": function(flatten, ANY, takes_partial=True),
    "index": function(index, ANY, ANY),
    "keys": function(keys, ANY, takes_partial=True),
    "length": function(length, ANY, takes_partial=True),
    "lookup": function(lookup, ANY, STRING, ANY, optional=1, **_LOOSE),
    "matchkeys": function(matchkeys, ANY_LIST, ANY_LIST, ANY_LIST),
    "merge": function(merge, rest=ANY, **_LOOSE),
    "nonsensitive": function(_same, ANY, **_LOOSE),
    "one": function(one, ANY, takes_partial=True),
    "range": function(range_, NUMBER, NUMBER, NUMBER, optional=2, needs_context=True),
    "reverse": function(reverse, ANY, takes_partial=True),
    "sensitive": function(_same, ANY, **_LOOSE),
    "setintersection": function(setintersection, ANY_SET, rest=ANY_SET),
    "setproduct": function(setproduct, rest=ANY, takes_partial=True),
    "setsubtract": function(setsubtract, ANY_SET, ANY_SET),
    "setunion": function(setunion, ANY_SET, rest=ANY_SET),
    "slice": function(slice_, ANY, NUMBER, NUMBER, takes_partial=True),
    "sort": function(sort, STRINGS),
    "sum": function(sum_, ANY, needs_context=True),
    "tobool": function(_same, BOOL, takes_null=True),
    "tolist": function(_same, ANY_LIST, takes_partial=True, takes_null=True),
    "tomap": function(_same, ANY_MAP, takes_partial=True, takes_null=True),
    "tonumber": function(_same, NUMBER, takes_null=True),
    "toset": function(_toset, ANY, takes_partial=True, takes_null=True),
    "tostring": function(_same, STRING, takes_null=True),
    "transpose": function(transpose, map_of(STRINGS)),
    "values": function(values, ANY, takes_partial=True),
    "zipmap": function(zipmap, STRINGS, ANY, takes_unknown=True),
}
