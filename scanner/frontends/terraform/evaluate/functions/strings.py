"""Functions over strings."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from scanner.frontends.terraform.evaluate.functions.function import fixed
from scanner.frontends.terraform.evaluate.values import (
    MAX_ITEMS,
    MAX_STRING,
    EvaluationError,
    LimitError,
    is_number,
    number_text,
    to_bool,
    to_number,
    to_text,
)

MAX_PATTERN = 5_000
MAX_PRECISION = 1_000
REGEX_SECONDS = 0.25
"""A match on real input takes microseconds."""


def _text(value: Any) -> str:
    text = to_text(value)
    if not isinstance(text, str):
        raise EvaluationError("a string is required")
    return text


def _bounded(text: str) -> str:
    if len(text) > MAX_STRING:
        raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return text


def _pattern(pattern: Any) -> Any:
    """RE2 syntax to the ``regex`` package's, which can bound the time that a match takes."""
    import regex

    text = _text(pattern)
    if len(text) > MAX_PATTERN:
        raise EvaluationError(f"the pattern is longer than {MAX_PATTERN} characters")
    text = text.replace("(?U)", "").replace(r"\z", r"\Z")
    text = re.sub(r"\[\[:(\w+):\]\]", r"[[:\1:]]", text)
    try:
        return regex.compile(text, regex.V0 | regex.ASCII)
    except regex.error as error:
        raise EvaluationError(f"the pattern is not valid: {error}") from error


def _captures(match: Any) -> Any:
    names = match.re.groupindex
    if names and len(names) < match.re.groups:
        raise EvaluationError("named and unnamed capture groups cannot be mixed")
    if names:
        return {name: match.group(name) for name in sorted(names)}
    groups = match.groups()
    return list(groups) if groups else match.group()


def regex_(pattern: Any, text: Any) -> Any:
    """The first match, or its groups."""
    match = _pattern(pattern).search(_text(text), timeout=REGEX_SECONDS)
    if match is None:
        raise EvaluationError("the pattern did not match")
    return _captures(match)


def regexall(pattern: Any, text: Any) -> list[Any]:
    """All matches."""
    found: list[Any] = []
    for match in _pattern(pattern).finditer(_text(text), timeout=REGEX_SECONDS):
        found.append(_captures(match))
        if len(found) > MAX_ITEMS:
            raise LimitError(f"the pattern matches more than {MAX_ITEMS} times")
    return found


def replace(text: Any, old: Any, new: Any) -> str:
    """Replace a substring, or matches of ``/pattern/``."""
    source, pattern, by = _text(text), _text(old), _text(new)
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        by = re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda m: rf"\g<{m[1] or m[2]}>", by.replace("\\", "\\\\"))
        if len(source) * len(by) > 10 * MAX_STRING:
            raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
        return _bounded(str(_pattern(pattern[1:-1]).sub(by, source, timeout=REGEX_SECONDS)))
    if len(source) + source.count(pattern) * (len(by) - len(pattern)) > MAX_STRING:
        raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return _bounded(source.replace(pattern, by))


def join(separator: Any, *lists: Any) -> str:
    """The items with a separator between them."""
    by, texts = _text(separator), [_text(item) for items in lists for item in items]
    if len(by) * len(texts) + sum(map(len, texts)) > MAX_STRING:
        raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
    return by.join(texts)


def split(separator: Any, text: Any) -> list[str]:
    """The parts between separators."""
    by, source = _text(separator), _text(text)
    if (source.count(by) if by else len(source)) > MAX_ITEMS:
        raise LimitError(f"the list grows beyond the limit of {MAX_ITEMS} items")
    return source.split(by) if by else list(source)


def substr(text: Any, offset: Any, count: Any) -> str:
    """Characters from an offset; a negative offset counts from the end."""
    source, start, size = _text(text), int(to_number(offset)), int(to_number(count))
    if start < 0:
        start = max(len(source) + start, 0)
    return source[start:] if size < 0 else source[start : start + size]


def _mapped(text: str, change: Callable[[str], str]) -> str:
    """Letter by letter, as Go does: a letter that would become several stays as it is."""
    return change(text) if text.isascii() else "".join(new if len(new := change(char)) == 1 else char for char in text)


def title(text: Any) -> str:
    """Every word with a capital first letter."""
    return re.sub(r"(^|[^\w'])(\w)", lambda match: match[1] + match[2].upper(), _text(text))


def indent(count: Any, text: Any) -> str:
    """All lines but the first moved to the right."""
    size = int(to_number(count))
    if size > 1000:
        raise EvaluationError("the indentation goes beyond the limit of 1000 spaces")
    return replace(text, "\n", "\n" + " " * size)


_VERB = re.compile(r"%(?:%|(?:\[(\d+)\])?([-+ 0#]*)(\d+|\*)?(?:\.(\d+))?(?:\[(\d+)\])?([a-zA-Z]))")


def format_(pattern: Any, *arguments: Any) -> str:
    """``printf`` with Terraform's verbs."""
    position = used = length = 0

    def substitute(match: re.Match[str]) -> str:
        nonlocal position, used, length
        if match[0] == "%%":
            return "%"
        explicit = match[1] or match[5]
        place = int(explicit) - 1 if explicit else position
        if not 0 <= place < len(arguments):
            raise EvaluationError(f"not enough arguments for {match[0]!r}")
        position = place + 1
        used = max(used, position)
        width = min(int(match[3] or 0), 100_000) if match[3] != "*" else 0
        formatted = _formatted(match[6], match[2], width, match[4], arguments[place])
        length += len(formatted)
        if length > MAX_STRING:
            raise LimitError(f"the string grows beyond the limit of {MAX_STRING} characters")
        return formatted

    result = _VERB.sub(substitute, _text(pattern))
    if used < len(arguments):
        raise EvaluationError(f"too many arguments: {used} of {len(arguments)} are used")
    return _bounded(result)


def _formatted(verb: str, flags: str, width: int, precision: str | None, value: Any) -> str:
    from scanner.frontends.terraform.evaluate.functions.encoding import jsonencode

    if value is None and verb != "v":
        raise EvaluationError(f"null cannot be formatted with %{verb}")
    if verb in "sq":
        text = _text(value)
        text = text[: int(precision)] if precision is not None else text
        text = jsonencode(text) if verb == "q" else text
        return text.ljust(width) if "-" in flags else text.rjust(width, "0" if "0" in flags else " ")
    if verb == "v":
        text = jsonencode(value) if value is None or isinstance(value, dict | list) else _text(value)
        return text.ljust(width) if "-" in flags else text.rjust(width)
    if verb == "t":
        return ("true" if to_bool(value) else "false").rjust(width)
    number = to_number(value)
    if not is_number(number):
        raise EvaluationError("a number is required")
    if verb in "dbox" or verb == "X":
        spec = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X"}[verb]
        if int(number) != number:
            raise EvaluationError(f"%{verb} needs a whole number")
        return format(int(number), _spec(flags, width) + spec)
    if verb in "eEfFgG":
        if verb in "gG" and precision is None:
            return format(_shortest(Decimal(number)), _spec(flags.replace("0", ""), width).replace("+", ""))
        return format(float(number), f"{_spec(flags, width)}.{min(int(precision or 6), MAX_PRECISION)}{verb}")
    raise EvaluationError(f"unsupported verb %{verb}")


def _shortest(value: Decimal) -> str:
    """``%g`` of Go: an exponent below -4 and from as many digits as the number has, at least 6."""
    digits = value.normalize().as_tuple().digits
    exponent = value.adjusted()
    if value and not -4 <= exponent < max(len(digits), 21):
        mantissa = number_text(value.scaleb(-exponent))
        return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    return number_text(value)


def _spec(flags: str, width: int) -> str:
    align = "<" if "-" in flags else ">" if "0" not in flags else ""
    sign = "+" if "+" in flags else " " if " " in flags else ""
    zero = "0" if "0" in flags and "-" not in flags else ""
    return f"{align}{sign}{zero}{width or ''}"


def formatlist(pattern: Any, *arguments: Any) -> list[str]:
    """``format`` for every item of the list arguments."""
    lists = [argument for argument in arguments if isinstance(argument, list)]
    sizes = {len(argument) for argument in lists}
    if len(sizes) > 1:
        raise EvaluationError("the lists have different lengths")
    count = sizes.pop() if sizes else 1
    result: list[str] = []
    length = 0
    for number in range(count):
        result.append(format_(pattern, *(item[number] if isinstance(item, list) else item for item in arguments)))
        length += len(result[-1])
        if length > MAX_STRING:
            raise LimitError(f"the strings grow beyond the limit of {MAX_STRING} characters")
    return result


_DURATION = re.compile(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _time(text: Any) -> datetime.datetime:
    source = _text(text)
    if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)\Z", source):
        raise EvaluationError(f"{source!r} is not an RFC 3339 timestamp")
    return datetime.datetime.fromisoformat(source)


def timeadd(time: Any, duration: Any) -> str:
    """A timestamp moved by a duration."""
    text = _text(duration)
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


_DATE = re.compile(
    r"'((?:[^']|'')*)'|(YYYY|YY|MMMM|MMM|MM|M|DD|D|EEEE|EEE|hh|h|HH|H|AA|aa|mm|m|ss|s|ZZZZZ|ZZZZ|ZZZ|Z)|([a-zA-Z]+)"
)


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
        if match[3]:
            raise EvaluationError(f"{match[3]!r} is not a verb of a date format")
        return match[1].replace("''", "'") if match[1] is not None else words[match[2]]

    return _DATE.sub(substitute, _text(pattern))


FUNCTIONS = {
    "chomp": fixed(lambda text: re.sub(r"[\r\n]+\Z", "", _text(text)), 1),
    "endswith": fixed(lambda text, end: _text(text).endswith(_text(end)), 2),
    "format": fixed(format_, 1, None, takes_null=True),
    "formatdate": fixed(formatdate, 2),
    "formatlist": fixed(formatlist, 1, None, takes_null=True),
    "indent": fixed(indent, 2),
    "join": fixed(join, 2, None),
    "lower": fixed(lambda text: _mapped(_text(text), str.lower), 1),
    "regex": fixed(regex_, 2),
    "regexall": fixed(regexall, 2),
    "replace": fixed(replace, 3),
    "split": fixed(split, 2),
    "startswith": fixed(lambda text, start: _text(text).startswith(_text(start)), 2),
    "strcontains": fixed(lambda text, part: _text(part) in _text(text), 2),
    "strrev": fixed(lambda text: _text(text)[::-1], 1),
    "substr": fixed(substr, 3),
    "timeadd": fixed(timeadd, 2),
    "timecmp": fixed(timecmp, 2),
    "title": fixed(title, 1),
    "trim": fixed(lambda text, chars: _text(text).strip(_text(chars)) if chars else _text(text), 2),
    "trimprefix": fixed(lambda text, part: _text(text).removeprefix(_text(part)), 2),
    "trimspace": fixed(lambda text: _text(text).strip(), 1),
    "trimsuffix": fixed(lambda text, part: _text(text).removesuffix(_text(part)), 2),
    "upper": fixed(lambda text: _mapped(_text(text), str.upper), 1),
}
