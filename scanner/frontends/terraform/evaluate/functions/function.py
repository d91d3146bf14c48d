"""What the function tables hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from scanner.frontends.terraform.evaluate.types import ANY, STRING, Type, list_of, map_of, set_of
from scanner.frontends.terraform.evaluate.values import EvaluationError

STRINGS = list_of(STRING)
ANY_LIST = list_of(ANY)
ANY_SET = set_of(ANY)
ANY_MAP = map_of(ANY)


class Function(Struct, frozen=True):
    """A function and what it accepts: arguments are converted to the types of its parameters.

    The last ``optional`` of ``parameters`` may be left out; ``rest`` is the type of any number of further arguments.
    """

    call: Callable[..., Any]
    parameters: tuple[Type, ...]
    optional: int = 0
    rest: Type | None = None
    takes_unknown: bool = False
    """Sees unknown arguments itself."""
    takes_partial: bool = False
    """Sees known collections that have unknown parts."""
    takes_null: bool = False
    needs_context: bool = False

    @property
    def arity(self) -> tuple[int, int | None]:
        """(least, most) arguments; ``None`` for any number."""
        count = len(self.parameters)
        return count - self.optional, None if self.rest is not None else count

    def parameter(self, number: int) -> Type:
        """The type of the argument at ``number``, from 0."""
        return self.parameters[number] if number < len(self.parameters) else self.rest or ANY


def whole(value: Any) -> int:
    """A number as a whole number of 64 bits. Raises ``EvaluationError``."""
    number = integer(value)
    if not -(2**63) <= number < 2**63:
        raise EvaluationError("the number is too large")
    return number


def integer(value: Any) -> int:
    """A number as a whole number of any size. Raises ``EvaluationError``."""
    if isinstance(value, int):
        return value
    if not value.is_finite() or value != value.to_integral_value():
        raise EvaluationError("a whole number is required")
    return int(value)


def characters(text: str) -> list[str]:
    """The characters as readers see them: Unicode's extended grapheme clusters."""
    if text.isascii() and "\r" not in text:
        return list(text)
    import regex

    found: list[str] = regex.findall(r"\X", text)
    return found


def function(call: Callable[..., Any], *parameters: Type, **options: Any) -> Function:
    """A function with these parameters; ``options`` are the other fields of ``Function``."""
    return Function(call, parameters, **options)
