"""Operators: plain comparisons of one known value with one known operand, and conversions for them.

A comparison of things that cannot be compared is false and never raises.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

MATCH_LIMIT = 10_000
"""Characters of a value that ``matches`` looks at: patterns meet hostile input."""

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ]*)\s*")
_SUFFIXES = {"": 1, "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
_SUFFIXES |= {suffix: 1000 ** (i + 1) for i, suffix in enumerate("kMGTPE")}
_SUFFIXES |= {suffix + "i": 1024 ** (i + 1) for i, suffix in enumerate("KMGTPE")}
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_GO = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)")
_ISO = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_PLAIN = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*")


def number(value: Any) -> float | Fraction | None:
    """A number or a numeric string as a number; booleans and everything else are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Fraction):
        return value
    if isinstance(value, str) and len(value) < 64 and _PLAIN.fullmatch(value):
        return float(value)
    return None


def quantity(value: Any) -> float | Fraction | None:
    """A Kubernetes quantity (``500m``, ``1Gi``) in its base unit, exactly."""
    if not isinstance(value, str):
        return number(value)
    match = _QUANTITY.fullmatch(value) if len(value) < 64 else None
    if match is None or match[2] not in _SUFFIXES or _exponent(match[1]) > 30:
        return None
    return Fraction(match[1]) * _SUFFIXES[match[2]]


def _exponent(digits: str) -> int:
    _, _, exponent = digits.lower().partition("e")
    return abs(int(exponent)) if exponent else 0


def duration(value: Any) -> float | Fraction | None:
    """A duration in seconds: a number of seconds, ``1h30m``, or ISO 8601 ``PT5M``."""
    plain = number(value)
    if plain is not None or not isinstance(value, str) or len(value) > 64:
        return plain
    text = value.strip()
    iso = _ISO.fullmatch(text)
    if iso and any(iso.groups()) and not text.endswith("T"):
        return float(sum(float(part or 0) * unit for part, unit in zip(iso.groups(), (604800, 86400, 3600, 60, 1))))
    if text and _GO.sub("", text) == "":
        return float(sum(float(amount) * _UNITS[unit] for amount, unit in _GO.findall(text)))
    return None


CONVERSIONS: dict[str, Callable[[Any], Any]] = {"number": number, "quantity": quantity, "duration": duration}


def same(left: Any, right: Any) -> bool:
    """Equality without Python's ``True == 1``; 1 and 1.0 are equal, 1 and "1" are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def contains(value: Any, operand: Any) -> bool:
    """An item of a list, a key of a mapping, a part of a string."""
    if isinstance(value, list):
        return any(same(item, operand) for item in value)
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    return isinstance(value, dict) and isinstance(operand, str) and operand in value


def matches(value: Any, pattern: re.Pattern[str]) -> bool:
    """A regular-expression search; numbers are matched as they are written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return isinstance(value, str) and pattern.search(value[:MATCH_LIMIT]) is not None


def starts_with(value: Any, operand: Any) -> bool:
    """The string starts with the operand, or with any of a list of operands."""
    return isinstance(value, str) and value.startswith(_strings(operand))


def ends_with(value: Any, operand: Any) -> bool:
    """The string ends with the operand, or with any of a list of operands."""
    return isinstance(value, str) and value.endswith(_strings(operand))


def _strings(operand: Any) -> tuple[str, ...]:
    return tuple(item for item in (operand if isinstance(operand, list) else [operand]) if isinstance(item, str))


def within(value: Any, operand: Any) -> bool:
    """An address or CIDR block lies inside one of the blocks (same family only)."""
    network = _network(value) if isinstance(value, str) else None
    if network is None:
        return False
    for item in operand if isinstance(operand, list) else [operand]:
        block = _network(item) if isinstance(item, str) else None
        if block is not None and block.version == network.version and network.subnet_of(block):  # type: ignore[arg-type]
            return True
    return False


@lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def arithmetic(name: str, left: Any, right: Any) -> float | Fraction | None:
    """``multiply``, ``add`` or ``subtract`` of two numbers or quantities; none if either is not one."""
    a, b = quantity(left), quantity(right)
    if a is None or b is None:
        return None
    return a * b if name == "multiply" else a + b if name == "add" else a - b
