"""Functions over numbers."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Any

from scanner.frontends.terraform.evaluate.functions.function import fixed
from scanner.frontends.terraform.evaluate.values import EvaluationError, normal, to_number

MAX_DIGITS = 1_000


def _rounded(value: Any, mode: str) -> int | Decimal:
    return normal(Decimal(to_number(value)).to_integral_value(mode))


def log(value: Any, base: Any) -> Any:
    """Logarithm, computed in double precision as Terraform does."""
    return normal(Decimal(repr(math.log(float(to_number(value))) / math.log(float(to_number(base))))))


def pow_(value: Any, power: Any) -> Any:
    """Power, computed in double precision as Terraform does."""
    result = math.pow(float(to_number(value)), float(to_number(power)))
    return normal(Decimal(repr(result)))


def parseint(text: Any, base: Any) -> int:
    """An integer in a base from 2 to 62."""
    radix = int(to_number(base))
    if not isinstance(text, str) or not 2 <= radix <= 62:
        raise EvaluationError("a string and a base from 2 to 62 are required")
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    body = text.lstrip("+-") if text[:1] in "+-" else text
    body = body.lower() if radix <= 36 else body
    if len(body) > MAX_DIGITS:
        raise EvaluationError(f"the number has more than {MAX_DIGITS} digits")
    total = 0
    for char in body or "?":
        place = digits.find(char)
        if not 0 <= place < radix:
            raise EvaluationError(f"{text!r} is not a number in base {radix}")
        total = total * radix + place
    return -total if text.startswith("-") else total


FUNCTIONS = {
    "abs": fixed(lambda value: abs(to_number(value)), 1),
    "ceil": fixed(lambda value: _rounded(value, ROUND_CEILING), 1),
    "floor": fixed(lambda value: _rounded(value, ROUND_FLOOR), 1),
    "log": fixed(log, 2),
    "max": fixed(lambda *values: max(to_number(value) for value in values), 1, None),
    "min": fixed(lambda *values: min(to_number(value) for value in values), 1, None),
    "parseint": fixed(parseint, 2),
    "pow": fixed(pow_, 2),
    "signum": fixed(lambda value: (lambda n: (n > 0) - (n < 0))(_rounded(value, ROUND_DOWN)), 1),
}
