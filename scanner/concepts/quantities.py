"""Kubernetes quantities and counts."""

from __future__ import annotations

import math
from decimal import Decimal, DecimalException
from typing import Any

from scanner.core import Unknown, is_unknown
from scanner.core.patterns import lazy_pattern

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1), "k": Decimal(10**3),
    "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}  # fmt: skip
MAX_EXPONENT = 100
"""Of ten. Kubernetes goes up to 2**63; to write out a number such as 1e999999 would take the scan's time."""
_QUANTITY = lazy_pattern(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?\Z")


_PLACEHOLDER = lazy_pattern(
    r"\$\{?[A-Za-z_]|<[^<>]*>|\{\{|\A[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\Z|(?i:placeholder|\b(?:replaced?|changed?)[-_]?(?:me|with|by)\b|\byour[-_])"
)
"""What is left for envsubst, sed, a template engine or a person to fill in."""


def settled(value: Any) -> Any:
    """A text as it stands, or unknown where it is a placeholder such as ``$GPUS``, ``<account>`` or ``REPLACE_ME``."""
    if isinstance(value, str) and _PLACEHOLDER.search(value[:512]):
        return Unknown(f"{value[:64]} is filled in before this is applied", value[:64])
    return value


def quantity(value: Any) -> Any:
    """A Kubernetes quantity as ``Decimal``; ``None`` if it is none, unknown if it is unknown or a placeholder."""
    if is_unknown(value) or value is None or isinstance(value, bool):
        return value if is_unknown(value) else None
    match = _QUANTITY.match(str(value).strip()[:64])
    if match is None:
        left = settled(value)
        return left if is_unknown(left) else None
    try:
        number = Decimal(match[1]) * _SUFFIXES[match[2] or ""]
    except DecimalException:
        return None
    return number if abs(number.adjusted()) <= MAX_EXPONENT else None


def whole(value: Any) -> Any:
    """A count as ``int``; ``None`` if the value is no whole number, unknown if it is unknown."""
    number = quantity(value)
    if number is None or is_unknown(number):
        return number
    return int(number) if number == number.to_integral_value() and abs(number) < 10**12 else None


def share(value: Any, total: Any, *, up: bool) -> Any:
    """A count or percentage of ``total``, rounded as Kubernetes rounds surge (up) and unavailable (down)."""
    if is_unknown(value):
        return value
    if isinstance(value, str) and value.endswith("%"):
        if is_unknown(total) or total is None:
            return total if is_unknown(total) else None
        percent = quantity(value[:-1])
        if percent is None or isinstance(percent, Unknown):
            return percent
        exact = percent * total / 100
        return math.ceil(exact) if up else math.floor(exact)
    return whole(value)


def product(one: Any, other: Any) -> Any:
    """The product of two counts, unknown where one of them is."""
    return one if is_unknown(one) else other if is_unknown(other) else one * other


def total(counts: list[Any]) -> Any:
    """The sum of counts, unknown where one of them is."""
    unknown = next((count for count in counts if is_unknown(count)), None)
    return unknown if unknown is not None else sum(counts)
