"""Numbers as Terraform has them: binary floating point with 512 bits of precision.

A number is an ``int``, or a ``Decimal`` that is the shortest decimal which reads back as the same binary
number, so that equal numbers are equal in Python too and print as Terraform prints them. Negative zero is
``Decimal("-0")``. Source: go-cty's ``Number`` over Go's ``math/big.Float``.
"""

from __future__ import annotations

from decimal import Context, Decimal

from scanner.core.patterns import lazy_pattern

BITS = 512
MAX_EXPONENT = 1_200
"""Numbers with more digits than this before or after the point are not computed with.

Python writes whole numbers of at most 4,300 digits, and the exact digits of the least number here are three times as
many as its exponent.
"""
_MAX_BITS = 4_000
"""``MAX_EXPONENT`` digits in binary."""
MAX_DIGITS = 10_000
"""Texts longer than this are not read as numbers."""
MAX_WHOLE_DIGITS = 400
"""Whole numbers with more digits stay ``Decimal``."""
STEPS_OF_A_FRACTION = 50
_SAFE_DIGITS = 153
"""Decimals with no more digits are all different in ``BITS`` bits, so that each is the shortest for its own number."""

Number = int | Decimal
NEGATIVE_ZERO = Decimal("-0")
INFINITY = Decimal("Infinity")
_NUMBER = lazy_pattern(r"([-+]?)(\d+\.?\d*|\.\d+)(?:[eE]([-+]?\d+))?\Z")
_EXACT = Context(prec=MAX_DIGITS, Emax=10**6, Emin=-(10**6), traps=[])


def parse_number(text: str) -> Number:
    """The number that decimal text spells. Raises ``ValueError``, ``OverflowError`` beyond ``MAX_EXPONENT``."""
    match = _NUMBER.match(text) if text.isascii() else None
    if match is None or len(text) > MAX_DIGITS:
        raise ValueError(f"{text[:40]!r} is not a number")
    if len(text) < 100 and match[2].isdigit() and match[3] is None:
        return int(text) or (NEGATIVE_ZERO if match[1] == "-" else 0)
    if match[3] is not None and len(match[3]) > 6:
        raise OverflowError("the number goes beyond the limit")
    return from_decimal(_EXACT.create_decimal(text))


def from_decimal(value: Decimal) -> Number:
    """The number nearest to ``value``. Raises ``OverflowError``."""
    if not value:
        return NEGATIVE_ZERO if value.is_signed() else 0
    if not value.is_finite():
        return value
    if abs(value.adjusted()) > MAX_EXPONENT:
        raise OverflowError("the number goes beyond the limit")
    if len(value.as_tuple().digits) <= _SAFE_DIGITS:
        shortest = value.normalize(_EXACT)
        return int(shortest) if _is_plain_whole(shortest) else shortest
    return _nearest(*value.as_integer_ratio())


def steps(value: Number) -> int:
    """What arithmetic with a number costs, in steps of evaluation."""
    return 1 if isinstance(value, int) or not value.is_finite() else STEPS_OF_A_FRACTION + abs(value.adjusted())


def from_float(value: float) -> Number:
    """A number computed in double precision, by the shortest decimal that names it."""
    return from_decimal(Decimal(repr(value)))


def ratio(value: Number) -> tuple[int, int]:
    """The exact fraction (numerator, denominator) of the binary number."""
    if not value:
        return 0, 1
    if isinstance(value, int):
        if value.bit_length() <= BITS:
            return value, 1
        numerator, denominator = value, 1
    else:
        numerator, denominator = value.as_integer_ratio()
    mantissa, exponent = _rounded(abs(numerator), denominator)
    mantissa = -mantissa if numerator < 0 else mantissa
    return (mantissa << exponent, 1) if exponent >= 0 else (mantissa, 1 << -exponent)


def is_negative(value: Number) -> bool:
    """Whether the sign is minus, that of zero included."""
    return value < 0 if isinstance(value, int) else value.is_signed()


def add(left: Number, right: Number) -> Number:
    """``left + right``."""
    if isinstance(left, int) and isinstance(right, int):
        return _bounded(left + right)
    if not left and not right:
        return NEGATIVE_ZERO if is_negative(left) and is_negative(right) else 0
    if not left or not right:
        return left or right
    (a, b), (c, d) = ratio(left), ratio(right)
    return _nearest(a * d + c * b, b * d)


def subtract(left: Number, right: Number) -> Number:
    """``left - right``."""
    return add(left, negate(right))


def negate(value: Number) -> Number:
    """``-value``."""
    if not value:
        return 0 if is_negative(value) else NEGATIVE_ZERO
    return -value if isinstance(value, int) else value.copy_negate()


def multiply(left: Number, right: Number) -> Number:
    """``left * right``."""
    if not left or not right:
        return NEGATIVE_ZERO if is_negative(left) != is_negative(right) else 0
    if isinstance(left, int) and isinstance(right, int):
        return _bounded(left * right)
    (a, b), (c, d) = ratio(left), ratio(right)
    return _nearest(a * c, b * d)


def divide(left: Number, right: Number) -> Number:
    """``left / right``, infinite where only ``right`` is zero. Raises ``ZeroDivisionError`` where both are."""
    negative = is_negative(left) != is_negative(right)
    if not right:
        if not left:
            raise ZeroDivisionError
        return -INFINITY if negative else INFINITY
    if not left:
        return NEGATIVE_ZERO if negative else 0
    (a, b), (c, d) = ratio(left), ratio(right)
    return _nearest(a * d, b * c)


def remainder(left: Number, right: Number) -> Number:
    """``left % right``, with the sign of ``left``; ``left`` where ``right`` is zero, as in Terraform."""
    if not right:
        return left
    whole = truncate(divide(left, right))
    return subtract(left, multiply(right, whole))


def truncate(value: Number) -> int:
    """The whole part."""
    numerator, denominator = ratio(value)
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def floor(value: Number) -> int:
    """The greatest whole number that is not above ``value``."""
    numerator, denominator = ratio(value)
    return numerator // denominator


def number_text(value: Number) -> str:
    """A number as Terraform writes it in strings and JSON: no exponent."""
    if isinstance(value, int):
        return str(value)
    return format(value, "f") if value.is_finite() else "-Inf" if value < 0 else "+Inf"


def decimal_digits(value: Number) -> tuple[str, int]:
    """The digits of the shortest decimal without zeros at the end, and the power of ten of the first one."""
    if not value:
        return "0", 0
    number = value if isinstance(value, Decimal) else Decimal(value)
    digits = "".join(map(str, number.as_tuple().digits))
    return digits.rstrip("0") or "0", number.adjusted()


def rounded_digits(value: Number, places: int) -> tuple[str, int]:
    """The binary number rounded half to even at ``places`` after the point: its digits, and ``places``."""
    numerator, denominator = ratio(value)
    numerator = abs(numerator)
    if places >= 0:
        numerator *= 10**places
    else:
        denominator *= 10**-places
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient & 1):
        quotient += 1
    return str(quotient), places


def general_text(value: Number, precision: int | None = None, exponent_letter: str = "e") -> str:
    """``%g`` of Go's ``math/big.Float``: an exponent where it is below -4 or not below the precision.

    Without a precision the shortest form is written, and 6 stands for the precision in that decision.
    """
    sign = "-" if is_negative(value) else ""
    digits, exponent = decimal_digits(value)
    if precision is not None:
        precision = precision or 1
        if value:
            digits, _ = rounded_digits(value, precision - 1 - exponent)
            exponent += len(digits) - precision
            digits = digits[:precision].rstrip("0") or "0"
        limit = len(digits) if precision > len(digits) > exponent else precision
    else:
        limit = 6
    if exponent < -4 or exponent >= limit:
        mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{mantissa}{exponent_letter}{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}" + (f".{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else "")


def _bounded(value: int) -> Number:
    return value if value.bit_length() <= BITS else _nearest(value, 1)


def _nearest(numerator: int, denominator: int) -> Number:
    if not numerator:
        return 0
    if (numerator < 0) != (denominator < 0):
        return negate(_shortest(*_rounded(abs(numerator), abs(denominator))))
    return _shortest(*_rounded(abs(numerator), abs(denominator)))


def _rounded(numerator: int, denominator: int) -> tuple[int, int]:
    """(mantissa, exponent) of the nearest binary number of ``BITS`` bits, ties to even; both arguments positive."""
    shift = BITS + 1 - (numerator.bit_length() - denominator.bit_length())
    if shift >= 0:
        numerator <<= shift
    else:
        denominator <<= -shift
    quotient, rest = divmod(numerator, denominator)
    spare = quotient.bit_length() - BITS
    low = quotient & ((1 << spare) - 1)
    mantissa = quotient >> spare
    half = 1 << (spare - 1)
    if low > half or (low == half and (rest or mantissa & 1)):
        mantissa += 1
    zeros = (mantissa & -mantissa).bit_length() - 1
    return mantissa >> zeros, spare - shift + zeros


def _shortest(mantissa: int, exponent: int) -> Number:
    """The shortest decimal that is nearer to the binary number than to any other. Raises ``OverflowError``."""
    if not -_MAX_BITS - BITS <= exponent <= _MAX_BITS:
        raise OverflowError("the number goes beyond the limit")
    if exponent >= 0 and mantissa.bit_length() + exponent <= BITS:
        return mantissa << exponent
    spare = BITS - mantissa.bit_length()
    full, at = mantissa << spare, exponent - spare
    lower_gap = 1 if full == 1 << (BITS - 1) else 2
    exact, low, high = full << 2, (full << 2) - lower_gap, (full << 2) + 2
    at -= 2
    if at >= 0:
        exact, low, high, power = exact << at, low << at, high << at, 0
    else:
        five = 5**-at
        exact, low, high, power = exact * five, low * five, high * five, at
    digits, places = _fewest_digits(exact, low, high, inclusive=not full & 1)
    value = Decimal((0, tuple(map(int, str(digits))), places + power))
    return int(value) if _is_plain_whole(value) else value


def _is_plain_whole(value: Decimal) -> bool:
    return value.adjusted() < MAX_WHOLE_DIGITS and value.as_tuple().exponent >= 0  # type: ignore[operator]


def _fewest_digits(exact: int, low: int, high: int, *, inclusive: bool) -> tuple[int, int]:
    """(digits, power of ten) of the number with the fewest digits between the bounds, nearest to ``exact``."""
    size = len(str(exact))
    shortest, longest = 1, size
    while shortest < longest:
        length = (shortest + longest) // 2
        if _with_digits(exact, low, high, 10 ** (size - length), inclusive=inclusive) is None:
            shortest = length + 1
        else:
            longest = length
    chosen, places = _with_digits(exact, low, high, 10 ** (size - shortest), inclusive=inclusive), size - shortest
    if chosen is None:
        return exact, 0
    while chosen % 10 == 0:
        chosen //= 10
        places += 1
    return chosen, places


def _with_digits(exact: int, low: int, high: int, unit: int, *, inclusive: bool) -> int | None:
    """How many of ``unit`` are between the bounds and nearest to ``exact``; a tenth of a unit that does will do."""
    below = exact // unit
    above = below + 1
    may_be_below = below * unit > low or (inclusive and below * unit == low)
    may_be_above = above * unit < high or (inclusive and above * unit == high)
    if not may_be_below and not may_be_above:
        return None
    nearer_below = exact - below * unit <= above * unit - exact
    return below if may_be_below and (nearer_below or not may_be_above) else above
