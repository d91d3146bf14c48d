"""Terraform values in Python, and the conversions between them.

null is ``None``; numbers are ``int`` or ``decimal.Decimal`` (see ``floats``); tuples are ``list`` and objects
``dict``, whose items know their own types; ``ListValue``, ``SetValue`` and ``MapValue`` are collections of one
element type. ``Unknown`` stands for what cannot be known. Null and unknown have no type of their own.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from scanner.core import Unknown, is_unknown
from scanner.frontends.terraform.evaluate.floats import (
    MAX_WHOLE_DIGITS,
    from_float,
    general_text,
    number_text,
    parse_number,
)

if TYPE_CHECKING:
    from scanner.frontends.terraform.evaluate.types import Type

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


class UndeclaredError(EvaluationError):
    """A reference to a name that its module does not declare."""


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

    def renew(self) -> None:
        """Begin anew, for an expression that stands for itself."""
        self.__init__()  # type: ignore[misc]

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


class ListValue(list[Any]):
    """A list: all items have the type ``element``. A plain Python list is a tuple."""

    __slots__ = ("element",)

    def __init__(self, items: Iterable[Any], element: Type) -> None:
        super().__init__(items)
        self.element = element


class AttributeList(list[Any]):
    """What a resource's configuration gives an attribute as a tuple; the provider's schema may make a set of it."""

    __slots__ = ()


class MapValue(dict[str, Any]):
    """A map: all values have the type ``element``. A plain Python dictionary is an object."""

    __slots__ = ("element",)

    def __init__(self, items: Mapping[str, Any] | Iterable[tuple[str, Any]], element: Type) -> None:
        super().__init__(items)
        self.element = element


class SetValue(list[Any]):
    """A set: no two items are equal, and they stand in Terraform's order."""

    __slots__ = ("element",)

    def __init__(self, items: Iterable[Any], element: Type) -> None:
        unique: dict[Any, Any] = {}
        for item in items:
            unique.setdefault(identity(item), item)
        super().__init__(sorted(unique.values(), key=_order))
        self.element = element


class TypedUnknown(Unknown):
    """An unknown value whose type is known all the same."""

    __slots__ = ("kind",)

    def __init__(self, unknown: Unknown, kind: Type) -> None:
        super().__init__(unknown.reason, unknown.source)
        self.kind = kind


def bare(unknown: Unknown) -> Unknown:
    """The unknown that comes of ``unknown``: of the same cause, but of another type and with no parts of its own."""
    return unknown if type(unknown) is Unknown else Unknown(unknown.reason, unknown.source)


class Reference(Unknown):
    """A resource, data source or module as a whole: unknown in itself, known where its parts are.

    ``attribute`` gives the value of one of its attributes, ``instance`` the instance with a key, ``instances`` all of
    them where their number is known, and ``whole`` the tuple or object that it is where it is used as a value.
    """

    __slots__ = ("attribute", "instance", "instances", "whole")

    def __init__(
        self,
        source: str,
        attribute: Callable[[str], Any],
        instance: Callable[[Any], Any] | None = None,
        instances: Callable[[], dict[Any, Any] | None] | None = None,
        whole: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(f"{source} is known only after apply", source)
        self.attribute = attribute
        self.instance = instance
        self.instances = instances
        self.whole = whole


def settled(value: Any) -> Any:
    """The value itself, or what a ``Reference`` stands for where that is known."""
    if not isinstance(value, Reference):
        return value
    if value.whole is not None:
        return value.whole()
    known = value.instances() if value.instances is not None else None
    if known is None:
        return value
    if any(isinstance(key, str) for key in known):
        return {key: settled(item) for key, item in known.items()}
    return [settled(item) for item in known.values()]


def _order(value: Any) -> tuple[int, Any]:
    """Null last; strings, numbers and bools in their order, others by a text that tells them apart (as go-cty)."""
    if value is None:
        return 9, ""
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, int | Decimal):
        return 1, value
    if isinstance(value, str):
        return 2, value.encode("utf-8", "surrogatepass")
    return 3, _distinguishing(value).encode("utf-8", "surrogatepass")


def _distinguishing(value: Any) -> str:
    if value is None:
        return "~"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int | Decimal):
        return general_text(value, 10)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, MapValue):
        inner = "".join(f"{json.dumps(key)}:{_distinguishing(item)};" for key, item in sorted(value.items()))
        return f"{{{inner}}}"
    if isinstance(value, ListValue | SetValue):
        return f"[{''.join(_distinguishing(item) + ';' for item in value)}]"
    if isinstance(value, dict):
        return f"<{''.join(_distinguishing(item) + ';' for _, item in sorted(value.items()))}>"
    if isinstance(value, list):
        return f"<{''.join(_distinguishing(item) + ';' for item in value)}>"
    return "?"


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
    for kind, name in ((SetValue, "set"), (ListValue, "list"), (MapValue, "map"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "tuple"


def to_number(value: Any) -> Any:
    """Terraform's conversion to number. Raises ``EvaluationError``."""
    if value is None or is_unknown(value) or is_number(value):
        return value
    if isinstance(value, str):
        try:
            return parse_number(value)
        except OverflowError as error:
            raise LimitError(str(error)) from error
        except ValueError:
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


def normalized(text: str) -> str:
    """``text`` in Unicode's composed form, which every Terraform string has."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def has_infinity(value: Any) -> bool:
    """Whether any number in ``value`` is infinite, which Terraform can compute with but not write."""
    if isinstance(value, Decimal):
        return not value.is_finite()
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(has_infinity(part) for part in parts)


def to_plain(value: Any) -> Any:
    """The value as rules see it: numbers as ``int`` or ``float``, sets as sorted lists."""
    if isinstance(value, Decimal):
        number = float(value)
        if math.isfinite(number):
            return number
        return (
            int(value)
            if value.is_finite() and value.adjusted() < MAX_WHOLE_DIGITS
            else Unknown("the number is infinite")
        )
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return value


def from_plain(value: Any) -> Any:
    """A Terraform value from JSON or YAML data."""
    if isinstance(value, float):
        return from_float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): from_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [from_plain(item) for item in value]
    return value
