"""Functions over strings."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform.evaluate import floats
from scanner.frontends.terraform.evaluate.functions.function import STRINGS, characters, function, integer, whole
from scanner.frontends.terraform.evaluate.functions.patterns import SECONDS, compile_pattern, expanded, matches
from scanner.frontends.terraform.evaluate.types import ANY, NUMBER, STRING, Type, object_of
from scanner.frontends.terraform.evaluate.values import (
    MAX_ITEMS,
    MAX_STRING,
    EvaluationError,
    LimitError,
    ListValue,
    first_unknown,
    is_number,
    to_bool,
    to_number,
    to_text,
)

MAX_PRECISION = 1_000
MAX_WIDTH = 100_000
MAX_INDENT = 1_000


def _bounded(text: str) -> str:
    if len(text) > MAX_STRING:
        raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return text


def _captures(match: Any) -> Any:
    names = match.re.groupindex
    if names and len(names) < match.re.groups:
        raise EvaluationError("named and unnamed capture groups cannot be mixed")
    if names:
        return {name: match.group(name) for name in sorted(names)}
    groups = match.groups()
    return list(groups) if groups else match.group()


def _capture_type(pattern: Any) -> Type:
    if pattern.groupindex:
        return object_of(dict.fromkeys(pattern.groupindex, STRING))
    return Type("tuple", items=(STRING,) * pattern.groups) if pattern.groups else STRING


def regex_(pattern: str, text: str) -> Any:
    """The first match, or its groups."""
    match = compile_pattern(pattern).search(text, timeout=SECONDS)
    if match is None:
        raise EvaluationError("the pattern did not match")
    return _captures(match)


def regexall(pattern: str, text: str) -> Any:
    """All matches."""
    compiled = compile_pattern(pattern)
    found: list[Any] = []
    for match in matches(compiled, text):
        found.append(_captures(match))
        if len(found) > MAX_ITEMS:
            raise LimitError(f"the pattern matches more than {MAX_ITEMS} times")
    return ListValue(found, _capture_type(compiled))


def replace(text: str, old: str, new: str) -> str:
    """Replace a substring, or matches of ``/pattern/``."""
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return _replace_matches(compile_pattern(old[1:-1]), text, new)
    if len(text) + text.count(old) * (len(new) - len(old)) > MAX_STRING:
        raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return _bounded(text.replace(old, new))


def _replace_matches(pattern: Any, text: str, new: str) -> str:
    parts: list[str] = []
    at = size = 0
    for match in matches(pattern, text):
        parts += [text[at : match.start()], expanded(new, match)]
        at = match.end()
        size += len(parts[-1])
        if size > MAX_STRING:
            raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return "".join([*parts, text[at:]])


def join(separator: str, *lists: Any) -> str:
    """The items with a separator between them."""
    if not lists:
        raise EvaluationError("at least one list is required")
    texts = [item for items in lists for item in items]
    if None in texts:
        raise EvaluationError("null cannot be joined")
    if len(separator) * len(texts) + sum(map(len, texts)) > MAX_STRING:
        raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return separator.join(texts)


def split(separator: str, text: str) -> list[str]:
    """The parts between separators."""
    if (text.count(separator) if separator else len(text)) > MAX_ITEMS:
        raise LimitError(f"the list grows beyond the limit of {MAX_ITEMS} items")
    return ListValue(text.split(separator) if separator else text, STRING)


def substr(text: str, offset: Any, count: Any) -> str:
    """Characters from an offset; a negative offset counts from the end.

    No characters from a negative offset are all of them, as in Terraform.
    """
    start, size = whole(offset), whole(count)
    if start >= 0 and size == 0:
        return ""
    source = characters(text)
    start = max(len(source) + start, 0) if start < 0 else start
    return "".join(source[start:] if size <= 0 else source[start : start + size])


def _mapped(text: str, change: Callable[[str], str]) -> str:
    """Letter by letter, as Go does: a letter that would become several stays as it is."""
    if text.isascii():
        return change(text)
    return "".join(_SIMPLE_CASE.get((change, char)) or _single(change(char), char) for char in text)


def _single(changed: str, char: str) -> str:
    return changed if len(changed) == 1 else char


_SIMPLE_CASE: dict[tuple[Callable[[str], str], str], str] = {(str.lower, "İ"): "i"}
"""Go's simple mappings where Python has only a full one of several letters."""


def title(text: str) -> str:
    """Every letter after something that is no letter, digit or underscore as a capital."""
    result, starts = [], True
    for char in text:
        result.append(_mapped(char, str.upper) if starts else char)
        starts = not (char.isalnum() or char == "_") if char.isascii() else char.isspace()
    return "".join(result)


def indent(count: Any, text: str) -> str:
    """All lines but the first moved to the right."""
    size = whole(count)
    if not 0 <= size <= MAX_INDENT:
        raise EvaluationError(f"the indentation must be from 0 to {MAX_INDENT} spaces")
    return replace(text, "\n", "\n" + " " * size)


_VERB = lazy_pattern(r"%(?:(%)|([-+ 0#]*)(\d*)(\.\d+)?(?:\[(\d+)\])?(.)|)", re.DOTALL)


def format_(pattern: str, *arguments: Any) -> str:
    """``printf`` with Terraform's verbs."""
    position = used = length = 0

    def substitute(match: re.Match[str]) -> str:
        nonlocal position, used, length
        if match[1]:
            return "%"
        if match[6] is None or match[6] not in "vtbdoxXeEfgGsq":
            raise EvaluationError(f"unsupported verb {match[0]!r}")
        place = int(match[5]) - 1 if match[5] else position
        if not 0 <= place < len(arguments):
            raise EvaluationError(f"not enough arguments for {match[0]!r}")
        position = place + 1
        used = max(used, position)
        width = min(int(match[3] or 0), MAX_WIDTH)
        precision = min(int(match[4][1:]), MAX_PRECISION) if match[4] else None
        formatted = _formatted(match[6], match[2], width, precision, arguments[place])
        length += len(formatted)
        if length > MAX_STRING:
            raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
        return formatted

    result = _VERB.sub(substitute, pattern)
    if used < len(arguments):
        raise EvaluationError(f"too many arguments: {used} of {len(arguments)} are used")
    return _bounded(result)


def _formatted(verb: str, flags: str, width: int, precision: int | None, value: Any) -> str:
    from scanner.frontends.terraform.evaluate.functions.encoding import jsonencode

    if value is None and verb != "v":
        raise EvaluationError(f"null cannot be formatted with %{verb}")
    if verb == "v":
        if "#" not in flags and isinstance(value, str):
            return _padded(value, flags, width)
        if "#" not in flags and is_number(value):
            return _padded(floats.general_text(value), flags, width)
        return _padded(jsonencode(value), flags, width)
    if verb == "t":
        return "true" if to_bool(value) else "false"
    if verb in "sq":
        text = to_text(value)
        text = "".join(characters(text)[:precision]) if precision else text
        return _padded(jsonencode(text) if verb == "q" else text, flags, width)
    return _formatted_number(verb, flags, width, precision, to_number(value))


def _padded(text: str, flags: str, width: int) -> str:
    missing = width - len(characters(text))
    if missing <= 0:
        return text
    padding = ("0" if "0" in flags else " ") * missing
    return text + padding if "-" in flags else padding + text


def _formatted_number(verb: str, flags: str, width: int, precision: int | None, value: floats.Number) -> str:
    """As Go's ``fmt`` writes whole numbers and ``math/big`` writes others."""
    sign = "-" if floats.is_negative(value) else "+" if "+" in flags else " " if " " in flags else ""
    value = floats.negate(value) if sign == "-" else value
    zeros = "0" in flags and "-" not in flags
    if verb in "bdoxX":
        digits = format(integer(value), verb)
        digits = digits.rjust(precision, "0") if precision is not None else digits
        zeros = zeros and precision is None
        prefix = {"x": "0x", "X": "0X", "b": "0b"}.get(verb, "") if "#" in flags else ""
        digits = f"0{digits}" if verb == "o" and "#" in flags and not digits.startswith("0") else digits
        sign += prefix
    elif verb in "gG":
        digits = floats.general_text(value, precision, "e" if verb == "g" else "E")
    else:
        places = 6 if precision is None else precision
        digits = _fixed_point(value, places) if verb == "f" else _scientific(value, places, verb)
    missing = max(width - len(sign) - len(digits), 0)
    if zeros:
        return sign + "0" * missing + digits
    return sign + digits + " " * missing if "-" in flags else " " * missing + sign + digits


def _fixed_point(value: floats.Number, places: int) -> str:
    digits, _ = floats.rounded_digits(value, places)
    digits = digits.rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def _scientific(value: floats.Number, places: int, letter: str) -> str:
    _, exponent = floats.decimal_digits(value)
    digits, _ = floats.rounded_digits(value, places - exponent)
    if len(digits) > places + 1:
        exponent += 1
    digits = digits[: places + 1].ljust(places + 1, "0")
    fraction = f".{digits[1:]}" if places else ""
    return f"{digits[0]}{fraction}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def formatlist(pattern: str, *arguments: Any) -> list[Any]:
    """``format`` for every item of the list arguments."""
    sizes = {len(argument) for argument in arguments if isinstance(argument, list)}
    if len(sizes) > 1:
        raise EvaluationError("the lists have different lengths")
    result: list[Any] = []
    length = 0
    for number in range(sizes.pop() if sizes else 1):
        items = [item[number] if isinstance(item, list) else item for item in arguments]
        unknown = first_unknown(items)
        result.append(format_(pattern, *items) if unknown is None else unknown)
        length += len(result[-1]) if unknown is None else 0
        if length > MAX_STRING:
            raise LimitError(f"the strings grow beyond the limit of {MAX_STRING} characters")
    return ListValue(result, STRING)


_DURATION = lazy_pattern(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _time(text: Any) -> datetime.datetime:
    source = text
    if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)\Z", source):
        raise EvaluationError(f"{source!r} is not an RFC 3339 timestamp")
    return datetime.datetime.fromisoformat(source)


def timeadd(time: Any, duration: Any) -> str:
    """A timestamp moved by a duration."""
    text = duration
    body = text.lstrip("+-")
    if not body or _DURATION.sub("", body) not in ("", "0"):
        raise EvaluationError(f"{text!r} is not a duration")
    seconds = sum(float(match[1]) * _UNITS[match[2]] for match in _DURATION.finditer(body))
    moved = _time(time) + datetime.timedelta(seconds=-seconds if text.startswith("-") else seconds)
    return moved.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def timecmp(first: Any, second: Any) -> int:
    """-1, 0 or 1."""
    one, other = _time(first), _time(second)
    return (one > other) - (one < other)


_DATE = lazy_pattern(r"'((?:[^']|'')*)'|([a-zA-Z])\2*|'")


def formatdate(pattern: Any, time: Any) -> str:
    """A timestamp in a format of letters such as ``YYYY-MM-DD``."""
    at = _time(time)
    zone = at.strftime("%z")
    colon = f"{zone[:3]}:{zone[3:5]}"
    utc = zone == "+0000"
    words = {
        "YYYY": f"{at.year:04}", "YY": f"{at.year % 100:02}", "MMMM": at.strftime("%B"), "MMM": at.strftime("%b"),
        "MM": f"{at.month:02}", "M": str(at.month), "DD": f"{at.day:02}", "D": str(at.day),
        "EEEE": at.strftime("%A"), "EEE": at.strftime("%a"), "hh": f"{at.hour:02}", "h": str(at.hour),
        "HH": f"{(at.hour + 11) % 12 + 1:02}", "H": str((at.hour + 11) % 12 + 1), "AA": "AM" if at.hour < 12 else "PM",
        "aa": "am" if at.hour < 12 else "pm", "mm": f"{at.minute:02}", "m": str(at.minute), "ss": f"{at.second:02}",
        "s": str(at.second), "ZZZZZ": colon, "ZZZZ": zone, "ZZZ": "UTC" if utc else zone, "Z": "Z" if utc else colon,
    }  # fmt: skip

    def substitute(match: re.Match[str]) -> str:
        if match[0] == "'":
            raise EvaluationError("a quote is not closed")
        if match[1] is not None:
            return match[1].replace("''", "'") or "'"
        if match[0] not in words:
            raise EvaluationError(f"{match[0]!r} is not a verb of a date format")
        return words[match[0]]

    return _DATE.sub(substitute, pattern)


_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What Unicode calls white space; Python's ``strip`` removes control characters besides."""
FUNCTIONS = {
    "chomp": function(lambda text: text.rstrip("\r\n"), STRING),
    "endswith": function(str.endswith, STRING, STRING),
    "format": function(format_, STRING, rest=ANY),
    "formatdate": function(formatdate, STRING, STRING),
    "formatlist": function(formatlist, STRING, rest=ANY, takes_partial=True),
    "indent": function(indent, NUMBER, STRING),
    "join": function(join, STRING, rest=STRINGS),
    "lower": function(lambda text: _mapped(text, str.lower), STRING),
    "regex": function(regex_, STRING, STRING),
    "regexall": function(regexall, STRING, STRING),
    "replace": function(replace, STRING, STRING, STRING),
    "split": function(split, STRING, STRING),
    "startswith": function(str.startswith, STRING, STRING),
    "strcontains": function(str.__contains__, STRING, STRING),
    "strrev": function(lambda text: "".join(reversed(characters(text))), STRING),
    "substr": function(substr, STRING, NUMBER, NUMBER),
    "timeadd": function(timeadd, STRING, STRING),
    "timecmp": function(timecmp, STRING, STRING),
    "title": function(title, STRING),
    "trim": function(lambda text, chars: text.strip(chars) if chars else text, STRING, STRING),
    "trimprefix": function(str.removeprefix, STRING, STRING),
    "trimspace": function(lambda text: text.strip(_SPACES), STRING),
    "trimsuffix": function(str.removesuffix, STRING, STRING),
    "upper": function(lambda text: _mapped(text, str.upper), STRING),
}
