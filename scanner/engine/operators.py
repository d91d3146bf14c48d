"""Operators of conditions on single values."""

from __future__ import annotations

import ipaddress
import operator
import re
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from msgspec import Struct

from scanner.concepts.quantities import quantity
from scanner.core import Unknown
from scanner.core.patterns import lazy_pattern
from scanner.engine.backtracking import effort
from scanner.engine.limits import PatternLimit, Stopwatch, shown_pattern

MAX_MATCHED_TEXT = 10_000
MATCH_SECONDS = 0.25
MAX_TRIALS = 10_000_000
"""Searches that may try more are made by the ``regex`` package, which can bound their time."""
MAX_QUICK_STEPS = 20_000
"""Searches that cannot take more steps need no watch."""
_DURATION = lazy_pattern(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}


def number(value: Any) -> Decimal | None:
    """``value`` as a number, if it is one."""
    if isinstance(value, bool):
        return None
    try:
        result = Decimal(str(value)) if isinstance(value, int | float | str | Decimal) else None
    except InvalidOperation:
        return None
    return None if result is None or result.is_nan() else result


def amount(value: Any, kind: str) -> Decimal | Unknown | None:
    """``value`` as a number of the declared kind (number, quantity, duration in seconds), if it is one.

    A quantity that is still to be filled in is unknown.
    """
    if kind == "quantity":
        result: Decimal | Unknown | None = quantity(value)
        return result
    if kind == "duration" and isinstance(value, str):
        parts = _DURATION.findall(value)
        if parts and "".join(size + unit for size, unit in parts) == value:
            return sum((Decimal(size) * _UNITS[unit] for size, unit in parts), Decimal(0))
    return number(value)


def equals(value: Any, wanted: Any) -> bool:
    """Equality that keeps booleans and numbers apart."""
    if type(value) is str:
        return bool(value == wanted)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def among(value: Any, items: Any) -> bool:
    """Whether a value equals one of the items; a loop, because most rules ask this of most subjects."""
    if type(value) is str and type(items) is list:
        return value in items
    for item in items:  # noqa: SIM110
        if equals(value, item):
            return True
    return False


def contains(value: Any, wanted: Any) -> bool:
    """Whether a list or map holds the item, or a string the substring."""
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    if isinstance(value, list):
        return any(equals(item, wanted) for item in value)
    return isinstance(value, dict) and wanted in value


def within(value: Any, ranges: Any) -> bool:
    """Whether an address or network lies inside one of the networks."""
    try:
        inner = ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return False
    for text in ranges if isinstance(ranges, list) else [ranges]:
        outer = ipaddress.ip_network(str(text), strict=False)
        if outer.version == inner.version and inner.subnet_of(outer):  # type: ignore[arg-type]
            return True
    return False


def refused(name: str, wanted: Any) -> str:
    """Why an operator cannot take an operand; empty if it can."""
    if name in ("matches", "starts_with", "ends_with") and not isinstance(wanted, str):
        return f"a text is required, found {wanted!r}"
    if name == "in" and not isinstance(wanted, list):
        return f"a list is required, found {wanted!r}"
    try:
        if name == "matches":
            re.compile(wanted)
        if name == "within":
            for text in wanted if isinstance(wanted, list) else [wanted]:
                ipaddress.ip_network(str(text), strict=False)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return f"{wanted!r} cannot be used: {error}"
    return ""


def matches(value: Any, pattern: Any, watch: Stopwatch) -> bool:
    """Whether a regular expression is found in the text. Raises ``PatternLimit``."""
    if not isinstance(value, str):
        return False
    prepared = _search(pattern)
    if len(value) <= prepared.quick:
        return prepared.search(value) is not None
    text = value[:MAX_MATCHED_TEXT]
    started = time.perf_counter()
    found = prepared.search(text) is not None if len(text) <= prepared.safe else _bounded(pattern, text)
    watch.add(time.perf_counter() - started, pattern)
    return found


class _Search(Struct, frozen=True):
    """A pattern, and up to which length of a text it needs no watch, and no bound on its time."""

    search: Callable[[str], re.Match[str] | None]
    quick: float
    safe: float


@lru_cache(maxsize=1_000)
def _search(pattern: str) -> _Search:
    search, needed = re.compile(pattern).search, effort(pattern)
    quick = min(needed.longest(MAX_QUICK_STEPS, steps=True), MAX_MATCHED_TEXT)
    return _Search(search, quick, safe=needed.longest(MAX_TRIALS))


def _bounded(pattern: str, text: str) -> bool:
    """The same by the package that can bound the time. Raises ``PatternLimit``."""
    import regex

    try:
        return regex.search(pattern, text, timeout=MATCH_SECONDS) is not None
    except TimeoutError as error:
        limit = f"takes longer than {MATCH_SECONDS} s on a text of {len(text)} characters"
        raise PatternLimit(f"the pattern {shown_pattern(pattern)} {limit}") from error


def compare(test: Callable[[Any, Any], bool], kind: str) -> Callable[[Any, Any], bool | Unknown]:
    """A numeric comparison; values that are no numbers compare as false, placeholders such as ``$SIZE`` as unknown."""

    def compared(value: Any, wanted: Any) -> bool | Unknown:
        if kind == "number" and type(value) is int and type(wanted) is int:
            return test(value, wanted)
        left, right = amount(value, kind), amount(wanted, kind)
        if isinstance(left, Unknown):
            return left
        if isinstance(right, Unknown):
            return right
        return left is not None and right is not None and test(left, right)

    return compared


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
SIMPLE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": equals,
    "in": among,
    "contains": contains,
    "starts_with": lambda value, wanted: isinstance(value, str) and value.startswith(wanted),
    "ends_with": lambda value, wanted: isinstance(value, str) and value.endswith(wanted),
    "within": within,
}
NEGATED = {"not_equals": "equals", "not_in": "in"}
"""Operators that are true for absent values: the negation of the other."""
