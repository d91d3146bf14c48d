"""Operators of conditions on single values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from scanner.concepts.quantities import quantity

MAX_MATCHED_TEXT = 10_000
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}


def number(value: Any, kind: str = "number") -> Decimal | None:
    """``value`` as a number of the declared kind (number, quantity, duration in seconds), if it is one."""
    if isinstance(value, bool) or value is None:
        return None
    if kind == "quantity":
        result: Decimal | None = quantity(value)
        return result
    if kind == "duration" and isinstance(value, str):
        parts = _DURATION.findall(value)
        if parts and "".join(amount + unit for amount, unit in parts) == value:
            return sum((Decimal(amount) * _UNITS[unit] for amount, unit in parts), Decimal(0))
    try:
        return Decimal(str(value)) if isinstance(value, int | float | str | Decimal) else None
    except InvalidOperation:
        return None


def equals(value: Any, wanted: Any) -> bool:
    """Equality that keeps booleans and numbers apart."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


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


def matches(value: Any, pattern: Any) -> bool:
    """Whether a regular expression is found in the text."""
    return isinstance(value, str) and re.search(pattern, value[:MAX_MATCHED_TEXT]) is not None


def compare(test: Callable[[Decimal, Decimal], bool], kind: str) -> Callable[[Any, Any], bool]:
    """A numeric comparison; values that are no numbers compare as false."""

    def compared(value: Any, wanted: Any) -> bool:
        left, right = number(value, kind), number(wanted, kind)
        return left is not None and right is not None and test(left, right)

    return compared


ORDER: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
}
SIMPLE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": equals,
    "in": lambda value, wanted: any(equals(value, item) for item in wanted),
    "contains": contains,
    "matches": matches,
    "starts_with": lambda value, wanted: isinstance(value, str) and value.startswith(wanted),
    "ends_with": lambda value, wanted: isinstance(value, str) and value.endswith(wanted),
    "within": within,
}
NEGATED = {"not_equals": "equals", "not_in": "in"}
"""Operators that are true for absent values: the negation of the other."""
