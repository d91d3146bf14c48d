"""Terraform values in Python, and the conversions between them.

null is ``None``; numbers are ``int`` or ``decimal.Decimal`` with the precision that Terraform has
(512 bits); lists and tuples are ``list``; maps and objects are ``dict``; sets are ``SetValue``, a list
without repetition in Terraform's order. ``Unknown`` stands for what cannot be known.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from scanner.core import Unknown, is_unknown

PRECISION = decimal.Context(prec=154, Emax=999_999, Emin=-999_999, traps=[decimal.InvalidOperation])
MAX_STRING = 8 * 1024 * 1024
MAX_ITEMS = 100_000
MAX_VALUES = 200_000
"""Values in one collection with what it holds written out: references to the same list can double without bound."""
MAX_STEPS = 4_000_000
"""Steps of evaluation for one root module, about five seconds; 10,000 instances of 50 attributes take a tenth."""
MAX_EXPRESSION_STEPS = 1_000_000
"""Steps for one expression with all that it refers to, so that a hostile one leaves something for the others."""
CHARACTERS_A_STEP = 100


class EvaluationError(Exception):
    """An expression that Terraform would refuse. Offsets are those of the node at fault."""

    def __init__(self, message: str, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class LimitError(EvaluationError):
    """An expression that is not computed further because it goes beyond a bound; its value is unknown."""


class Budget:
    """The work that is left: for the whole root module, and for the expression that is being computed."""

    __slots__ = ("_depth", "_left", "_total", "reported")

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._total = steps
        self._left = min(steps, MAX_EXPRESSION_STEPS)
        self._depth = 0
        self.reported = False
        """Whether the limit was already reported for the current expression, or for good."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left for the root module."""
        return self._total < 0

    def enter(self) -> None:
        """Begin an expression; those that it refers to share what it may spend."""
        if self._depth == 0:
            self._left = min(self._total, MAX_EXPRESSION_STEPS)
            self.reported = self.reported and self.exhausted
        self._depth += 1

    def leave(self) -> None:
        """End an expression."""
        self._depth -= 1

    def spend(self, steps: int = 1) -> None:
        """Raises ``LimitError`` when the work is used up."""
        self._total -= steps
        self._left -= steps
        if self._left < 0:
            raise LimitError(f"the expression takes more than the limit of {MAX_EXPRESSION_STEPS} steps")


def weigh(value: Any) -> int:
    """The number of values in ``value`` written out, long strings counted by length. Raises ``LimitError``."""
    if isinstance(value, list | dict):
        weight = _weigh(value, {})
        if weight > MAX_VALUES:
            raise LimitError(f"the value grows beyond the limit of {MAX_VALUES} parts")
        return weight
    return 1 + len(value) // CHARACTERS_A_STEP if isinstance(value, str) else 1


def _weigh(value: Any, known: dict[int, int]) -> int:
    place = id(value)
    if place in known:
        return known[place]
    total = 1
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, str):
            total += 1 + len(item) // CHARACTERS_A_STEP
        else:
            total += _weigh(item, known) if isinstance(item, list | dict) else 1
    known[place] = total
    return total


class SetValue(list[Any]):
    """A set: no two items are equal, strings and numbers are sorted."""

    @classmethod
    def of(cls, items: Iterable[Any]) -> SetValue:
        """The set of ``items``."""
        unique: dict[Any, Any] = {}
        for item in items:
            unique.setdefault(identity(item), item)
        return cls(sorted(unique.values(), key=_order))


class Reference(Unknown):
    """One instance of a resource, data source or module: unknown in itself, known where its parts are.

    ``attribute`` gives the value of one of its attributes, ``whole`` all of them where they are known by name.
    ``instance`` gives the instance with a key where it is not known which instances there are.
    """

    __slots__ = ("attribute", "instance", "whole")

    def __init__(
        self,
        source: str,
        attribute: Callable[[str], Any],
        instance: Callable[[Any], Any] | None = None,
        whole: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(f"{source} is known only after apply", source)
        self.attribute = attribute
        self.instance = instance
        self.whole = whole


def _order(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, int | Decimal):
        return 1, value
    if isinstance(value, str):
        return 2, value
    return 3, repr(identity(value))


def identity(value: Any) -> Any:
    """A hashable key that is equal for equal values of equal type."""
    if isinstance(value, bool):
        return "b", value
    if isinstance(value, dict):
        return "m", tuple(sorted((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return "l", tuple(identity(item) for item in value)
    if isinstance(value, int | Decimal):
        return "n", value
    if isinstance(value, Unknown):
        return "u", id(value)
    return type(value).__name__, value


def contains_unknown(value: Any) -> bool:
    """Whether any part of ``value`` is unknown."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Unknown):
            return True
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def first_unknown(value: Any) -> Unknown | None:
    """The first unknown part of ``value``, if there is one."""
    if isinstance(value, Unknown):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        found = first_unknown(part)
        if found is not None:
            return found
    return None


def is_number(value: Any) -> bool:
    """Whether ``value`` is a number (a bool is not)."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def type_name(value: Any) -> str:
    """The name that Terraform gives to the value's type in its messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, SetValue):
        return "set"
    return "object" if isinstance(value, dict) else "tuple"


def normal(value: Decimal) -> int | Decimal:
    """A number with whole values as ``int``."""
    if value.is_finite() and value == value.to_integral_value() and value.adjusted() < 400:
        return int(value)
    return value


def to_number(value: Any) -> Any:
    """Terraform's conversion to number. Raises ``EvaluationError``."""
    if value is None or is_unknown(value) or is_number(value):
        return value
    if isinstance(value, str):
        text = value
        try:
            if text and text[0] in "0123456789-+." and not text[-1].isspace() and "_" not in text and len(text) < 1000:
                return normal(PRECISION.create_decimal(text))
        except (decimal.InvalidOperation, ValueError):
            pass
    raise EvaluationError("a number is required")


def to_bool(value: Any) -> Any:
    """Terraform's conversion to bool. Raises ``EvaluationError``."""
    if value is None or is_unknown(value) or isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false", "1", "0"):
        return value in ("true", "1")
    raise EvaluationError("a bool is required")


def to_text(value: Any) -> Any:
    """Terraform's conversion to string. Raises ``EvaluationError``."""
    if value is None or is_unknown(value) or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return number_text(value)
    raise EvaluationError("a string is required")


def number_text(value: int | Decimal) -> str:
    """A number as Terraform prints it: never with an exponent."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**4000 else f"{Decimal(value):e}"
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
        whole, _, fraction = text.partition(".")
        if len(whole.lstrip("-")) + len(fraction) > 150:
            digits = 149 - len(whole.lstrip("-0"))
            text = format(value.quantize(Decimal(1).scaleb(-digits), context=PRECISION), "f").rstrip("0").rstrip(".")
    return text


def to_plain(value: Any) -> Any:
    """The value as rules see it: numbers as ``int`` or ``float``, sets as sorted lists."""
    if isinstance(value, Decimal):
        number = float(value)
        return number if math.isfinite(number) else number_text(value)
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return value


def from_plain(value: Any) -> Any:
    """A Terraform value from JSON or YAML data."""
    if isinstance(value, float):
        return normal(Decimal(repr(value))) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): from_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [from_plain(item) for item in value]
    return value
