"""Functions over lists, sets, maps and types."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from scanner.core import Unknown, is_unknown
from scanner.frontends.terraform.evaluate.expressions import equal
from scanner.frontends.terraform.evaluate.functions.function import fixed
from scanner.frontends.terraform.evaluate.types import ANY, Type, convert, unify
from scanner.frontends.terraform.evaluate.values import (
    MAX_ITEMS,
    PRECISION,
    EvaluationError,
    LimitError,
    SetValue,
    identity,
    normal,
    to_bool,
    to_number,
    to_text,
    type_name,
)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise EvaluationError(f"a list is required, found {type_name(value)}")
    return value


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EvaluationError(f"a map is required, found {type_name(value)}")
    return value


def _bounded(count: int) -> None:
    if count > MAX_ITEMS:
        raise LimitError(f"the result goes beyond the limit of {MAX_ITEMS} items")


def length(value: Any) -> int:
    """Items of a collection, characters of a string."""
    if isinstance(value, str | list | dict):
        return len(value)
    raise EvaluationError(f"a string or collection is required, found {type_name(value)}")


def element(values: Any, index: Any) -> Any:
    """The item at ``index``, which wraps around."""
    items, number = _list(values), to_number(index)
    if not items:
        raise EvaluationError("the list is empty")
    return items[int(number) % len(items)]


def lookup(mapping: Any, key: Any, *default: Any) -> Any:
    """The value of ``key``, or the default."""
    if is_unknown(mapping) or is_unknown(key):
        return mapping if is_unknown(mapping) else key
    name = to_text(key)
    if name in _map(mapping):
        return mapping[name]
    if default:
        return default[0]
    raise EvaluationError(f"there is no key {name!r} and no default")


def merge(*maps: Any) -> Any:
    """One map of all, the last winning."""
    result: dict[str, Any] = {}
    for value in maps:
        if is_unknown(value):
            return value
        if value is not None:
            result.update(_map(value))
    return result


def concat(*lists: Any) -> Any:
    """One list of all."""
    unknown = next((value for value in lists if is_unknown(value)), None)
    return unknown if unknown is not None else [item for value in lists for item in _list(value)]


def flatten(value: Any) -> Any:
    """Nested lists as one; unknown where a part that could be a list is unknown."""
    result: list[Any] = []
    for item in _list(value):
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
    results = [equal(item, wanted) for item in _list(values)]
    if any(result is True for result in results):
        return True
    return next((result for result in results if is_unknown(result)), False)


def distinct(values: Any) -> Any:
    """The list without repetitions."""
    seen: dict[Any, Any] = {}
    for item in _list(values):
        if is_unknown(item):
            return item
        seen.setdefault(identity(item), item)
    return list(seen.values())


def compact(values: Any) -> list[Any]:
    """The list without nulls and empty strings."""
    return [to_text(item) for item in _list(values) if item is not None and item != ""]


def chunklist(values: Any, size: Any) -> list[Any]:
    """Lists of at most ``size`` items."""
    items, step = _list(values), int(to_number(size))
    if step < 0:
        raise EvaluationError("the size must not be negative")
    return [items[at : at + step] for at in range(0, len(items), step)] if step else [list(items)] if items else []


def coalesce(*values: Any) -> Any:
    """The first value that is neither null nor an empty string."""
    for value in unify(list(values)):
        if is_unknown(value) or (value is not None and value != ""):
            return value
    raise EvaluationError("no argument is neither null nor empty")


def coalescelist(*values: Any) -> Any:
    """The first list that is not empty."""
    for value in values:
        if is_unknown(value) or (value is not None and len(_list(value))):
            return value
    raise EvaluationError("no argument is a list with items")


def index(values: Any, wanted: Any) -> int:
    """The position of the value."""
    for number, item in enumerate(_list(values)):
        if equal(item, wanted) is True:
            return number
    raise EvaluationError("the item is not in the list")


def keys(value: Any) -> Any:
    """The sorted keys."""
    return value if is_unknown(value) else sorted(_map(value))


def values(value: Any) -> Any:
    """The values in the order of their sorted keys."""
    return value if is_unknown(value) else [item for _, item in sorted(_map(value).items())]


def zipmap(names: Any, items: Any) -> Any:
    """A map of the two lists."""
    for value in (names, items):
        if is_unknown(value):
            return value
    for name in _list(names):
        if is_unknown(name):
            return name
    if len(names) != len(_list(items)):
        raise EvaluationError("the lists have different lengths")
    return {to_text(name): item for name, item in zip(names, items, strict=True)}


def one(value: Any) -> Any:
    """The only item, null for none."""
    items = _list(value)
    if len(items) > 1:
        raise EvaluationError("the list has more than one item")
    return items[0] if items else None


def range_(*bounds: Any) -> list[Any]:
    """Numbers from start up to but without limit."""
    numbers = [to_number(bound) for bound in bounds]
    start, limit = (0, numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2] if len(numbers) == 3 else 1 if start <= limit else -1
    if step == 0:
        raise EvaluationError("the step must not be zero")
    if (limit > start) != (step > 0) and limit != start:
        raise EvaluationError("the step leads away from the limit")
    _bounded(abs(int((Decimal(limit) - Decimal(start)) / Decimal(step))))
    result, current = [], start
    while (current < limit) if step > 0 else (current > limit):
        result.append(current)
        current = normal(Decimal(current) + Decimal(step))
    return result


def reverse(value: Any) -> list[Any]:
    """The list backwards."""
    return list(reversed(_list(value)))


def setproduct(*sets: Any) -> Any:
    """All combinations."""
    total = 1
    for value in sets:
        total *= len(_list(value))
    _bounded(total)
    combinations = [list(items) for items in itertools.product(*sets)]
    return SetValue.of(combinations) if all(isinstance(value, SetValue) for value in sets) else combinations


def slice_(values: Any, start: Any, end: Any) -> list[Any]:
    """Items from start up to but without end."""
    items, first, last = _list(values), int(to_number(start)), int(to_number(end))
    if not 0 <= first <= last <= len(items):
        raise EvaluationError("the range is outside the list")
    return items[first:last]


def sort(values: Any) -> list[Any]:
    """The strings in order."""
    return sorted(to_text(item) for item in _list(values))


def sum_(values: Any) -> Any:
    """The total."""
    if not _list(values):
        raise EvaluationError("the list is empty")
    total = Decimal(0)
    for item in values:
        total = PRECISION.add(total, Decimal(to_number(item)))
    return normal(total)


def transpose(value: Any) -> dict[str, Any]:
    """Map of lists turned around."""
    result: dict[str, list[str]] = {}
    for key, items in sorted(_map(value).items()):
        for item in _list(items):
            result.setdefault(to_text(item), []).append(key)
    return dict(sorted(result.items()))


def alltrue(values: Any) -> Any:
    """Whether all are true."""
    items = [to_bool(item) for item in _list(values)]
    if any(item is False or item is None for item in items):
        return False
    return next((item for item in items if is_unknown(item)), True)


def anytrue(values: Any) -> Any:
    """Whether any is true."""
    items = [to_bool(item) for item in _list(values)]
    if any(item is True for item in items):
        return True
    return next((item for item in items if is_unknown(item)), False)


def matchkeys(items: Any, names: Any, wanted: Any) -> list[Any]:
    """Items whose counterpart in ``names`` is in ``wanted``."""
    if len(_list(items)) != len(_list(names)):
        raise EvaluationError("the lists have different lengths")
    known = {identity(item) for item in _list(wanted)}
    return [item for item, name in zip(items, names, strict=True) if identity(name) in known]


def _sets(*sets: Any) -> list[SetValue]:
    return [SetValue.of(_list(value)) for value in sets]


def setunion(*sets: Any) -> SetValue:
    """Items of any set."""
    return SetValue.of(item for value in _sets(*sets) for item in value)


def setintersection(first: Any, *others: Any) -> SetValue:
    """Items of all sets."""
    known = [{identity(item) for item in value} for value in _sets(*others)]
    return SetValue.of(item for item in SetValue.of(_list(first)) if all(identity(item) in other for other in known))


def setsubtract(first: Any, second: Any) -> SetValue:
    """Items of the first set that are not in the second."""
    known = {identity(item) for item in _list(second)}
    return SetValue.of(item for item in SetValue.of(_list(first)) if identity(item) not in known)


def setsymmetricdifference(first: Any, second: Any) -> SetValue:
    """Items of one set only."""
    return setunion(setsubtract(first, second), setsubtract(second, first))


def _toset(value: Any) -> Any:
    if is_unknown(value) or value is None:
        return value
    unknown = next((item for item in _list(value) if is_unknown(item)), None)
    return unknown if unknown is not None else SetValue.of(unify(list(value)))


def _tolist(value: Any) -> Any:
    return value if is_unknown(value) or value is None else convert(value, Type("list", ANY))


def _tomap(value: Any) -> Any:
    return convert(value, Type("map", ANY))


def _same(value: Any) -> Any:
    return value


_LOOSE = {"takes_unknown": True, "takes_null": True}
FUNCTIONS = {
    "alltrue": fixed(alltrue, 1, takes_partial=True),
    "anytrue": fixed(anytrue, 1, takes_partial=True),
    "chunklist": fixed(chunklist, 2, takes_partial=True),
    "coalesce": fixed(coalesce, 1, None, **_LOOSE),
    "coalescelist": fixed(coalescelist, 1, None, **_LOOSE),
    "compact": fixed(compact, 1),
    "concat": fixed(concat, 1, None, takes_unknown=True),
    "contains": fixed(contains, 2, takes_partial=True, takes_null=True),
    "distinct": fixed(distinct, 1, takes_partial=True),
    "element": fixed(element, 2, takes_partial=True),
    "ephemeralasnull": fixed(_same, 1, **_LOOSE),
    "flatten": fixed(flatten, 1, takes_partial=True),
    "index": fixed(index, 2),
    "issensitive": fixed(lambda value: False, 1, **_LOOSE),
    "keys": fixed(keys, 1, takes_partial=True),
    "length": fixed(length, 1, takes_partial=True),
    "lookup": fixed(lookup, 2, 3, **_LOOSE),
    "matchkeys": fixed(matchkeys, 3),
    "merge": fixed(merge, 0, None, **_LOOSE),
    "nonsensitive": fixed(_same, 1, **_LOOSE),
    "one": fixed(one, 1, takes_partial=True),
    "range": fixed(range_, 1, 3),
    "reverse": fixed(reverse, 1, takes_partial=True),
    "sensitive": fixed(_same, 1, **_LOOSE),
    "setintersection": fixed(setintersection, 1, None),
    "setproduct": fixed(setproduct, 2, None, takes_partial=True),
    "setsubtract": fixed(setsubtract, 2),
    "setsymmetricdifference": fixed(setsymmetricdifference, 2),
    "setunion": fixed(setunion, 1, None),
    "slice": fixed(slice_, 3, takes_partial=True),
    "sort": fixed(sort, 1),
    "sum": fixed(sum_, 1),
    "tobool": fixed(to_bool, 1, takes_null=True),
    "tolist": fixed(_tolist, 1, takes_partial=True, takes_null=True),
    "tomap": fixed(_tomap, 1, takes_partial=True, takes_null=True),
    "tonumber": fixed(to_number, 1, takes_null=True),
    "toset": fixed(_toset, 1, takes_partial=True, takes_null=True),
    "tostring": fixed(to_text, 1, takes_null=True),
    "transpose": fixed(transpose, 1),
    "values": fixed(values, 1, takes_partial=True),
    "zipmap": fixed(zipmap, 2, takes_unknown=True),
}
