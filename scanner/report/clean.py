"""Making text of the input harmless. Every reporter passes what it did not write itself through this."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import msgspec

from scanner.core.patterns import lazy_pattern

_COMMAND = lazy_pattern(r"##(?=\w*\[)")
"""How a log line starts a command anywhere in it: ``##[x]``, ``##vso[x]``, ``##teamcity[x]``."""
_UNUSUAL = lazy_pattern(r"[^\x20-\x7e\n]")


def clean(text: str) -> str:
    """``text`` without characters that could steer a terminal or a CI log; tabs become four spaces.

    Spaces of other kinds become spaces, everything else that does not print becomes U+FFFD.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _replacement(char) for char in text)
    return _COMMAND.sub("#\ufffd", text) if "##" in text else text


def clean_lines(text: str) -> str:
    """``text`` cleaned line by line, none of which starts a workflow command."""
    lines = (clean(line) for line in text.split("\n"))
    return "\n".join(line.replace("::", ":\ufffd", 1) if line.lstrip().startswith("::") else line for line in lines)


def _replacement(char: str) -> str:
    if char == "\t":
        return "    "
    if unicodedata.category(char) == "Zs":
        return " " * char_width(char)
    return "\ufffd"


def one_line(text: str, limit: int = 0) -> str:
    """``text`` cleaned, with line ends and runs of white space as one space; cut at ``limit`` characters if given."""
    line = clean(" ".join(text.split()))
    return f"{line[: limit - 1]}…" if limit and len(line) > limit else line


def char_width(char: str) -> int:
    """The columns that a character takes on a terminal: 0 combining, 2 wide, else 1."""
    if char.isascii():
        return 1
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def text_width(text: str) -> int:
    """The columns that ``text`` takes on a terminal."""
    return len(text) if text.isascii() else sum(map(char_width, text))


def first_columns(text: str, columns: int) -> str:
    """The beginning of ``text`` that takes at most so many columns."""
    if text_width(text) <= columns:
        return text
    used = 0
    for number, char in enumerate(text):
        used += char_width(char)
        if used > columns:
            return text[:number]
    return text


def last_columns(text: str, columns: int) -> str:
    """The end of ``text`` that takes at most so many columns."""
    return first_columns(text[::-1], columns)[::-1]


def json_text(document: Any) -> str:
    """``document`` as JSON in which no character can steer a terminal or a CI log; the data stay what they are."""
    return json_escaped(indented_json(document)) + "\n"


def indented_json(document: Any) -> str:
    """``document`` as JSON with a line for each value: what ``json.dumps`` writes, in a seventh of its time."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, UnicodeEncodeError):
        # infinite numbers, halves of surrogate pairs
        return json.dumps(document, indent=2, ensure_ascii=False)


def json_escaped(text: str) -> str:
    """JSON in which every character that could steer a terminal or a CI log is an escape."""
    text = _UNUSUAL.sub(lambda match: _json_escape(match[0]), text)
    return _COMMAND.sub("#\\\\u0023", text)


def _json_escape(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
