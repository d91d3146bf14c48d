"""Functions over numbers."""

from __future__ import annotations

import math
from typing import Any

from scanner.frontends.terraform.evaluate import floats
from scanner.frontends.terraform.evaluate.functions.function import function, whole
from scanner.frontends.terraform.evaluate.types import ANY, NUMBER
from scanner.frontends.terraform.evaluate.values import EvaluationError

MAX_DIGITS = 1_000


def _double(value: Any) -> float:
    return float(value)


def _from_double(result: float) -> Any:
    if math.isnan(result):
        raise EvaluationError("the result is not a number")
    return floats.from_float(result)


def log(value: Any, base: Any) -> Any:
    """Logarithm, computed in double precision as Terraform does."""
    number, root = _double(value), _double(base)
    if number < 0 or root < 0 or root == 1:
        raise EvaluationError("there is no such logarithm")
    if number == 0 or root == 0:
        return -floats.INFINITY if number == 0 and root else 0 if number else floats.INFINITY
    return _from_double(math.log(number) / math.log(root))


def pow_(value: Any, power: Any) -> Any:
    """Power, computed in double precision as Terraform does."""
    base, exponent = _double(value), _double(power)
    if base == 0 and exponent < 0:
        return floats.INFINITY
    return _from_double(math.pow(base, exponent))


def signum(value: Any) -> int:
    """-1, 0 or 1 for a whole number."""
    number = whole(value)
    return (number > 0) - (number < 0)


def ceil(value: Any) -> Any:
    """The least whole number that is not below."""
    return value if isinstance(value, int) else floats.negate(floats.floor(floats.negate(value)))


def parseint(text: Any, base: Any) -> int:
    """An integer in a base from 2 to 62."""
    radix = whole(base)
    if not isinstance(text, str) or not 2 <= radix <= 62:
        raise EvaluationError("a string and a base from 2 to 62 are required")
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    body = text[1:] if text[:1] in ("+", "-") else text
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
    "abs": function(lambda value: floats.negate(value) if floats.is_negative(value) else value, NUMBER),
    "ceil": function(ceil, NUMBER),
    "floor": function(floats.floor, NUMBER),
    "log": function(log, NUMBER, NUMBER),
    "max": function(lambda *values: max(values), NUMBER, rest=NUMBER),
    "min": function(lambda *values: min(values), NUMBER, rest=NUMBER),
    "parseint": function(parseint, ANY, NUMBER),
    "pow": function(pow_, NUMBER, NUMBER),
    "signum": function(signum, NUMBER),
}
