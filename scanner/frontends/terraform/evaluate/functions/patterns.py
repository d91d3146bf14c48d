"""Regular expressions as Go's RE2 understands them, run by the ``regex`` package, which can bound the time of a match.

Source: the syntax page of RE2 and Go's package ``regexp/syntax``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform.evaluate.values import EvaluationError

MAX_PATTERN = 5_000
MAX_REPETITION = 1_000
SECONDS = 0.25
"""A match on real input takes microseconds."""

_TOKEN = lazy_pattern(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|(?P<escape>\\(?:[pP](?:\{\^?\w+\}|\w)|x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{2,3}|.))"
    r"|(?P<class>\[\^?\]?(?:\[:\^?\w+:\]|\\x\{[0-9a-fA-F]+\}|\\.|[^\]\\])*\])"
    r"|(?P<group>\(\?(?:P?<\w+>|[imsU]*(?:-[imsU]+)?[:)])|\((?!\?))"
    r"|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\}))(?P<lazy>\??)|(?P<other>.)",
    re.DOTALL,
)
_CLASS_TOKEN = lazy_pattern(
    r"\[:\^?\w+:\]|\\(?:[pP](?:\{\^?\w+\}|\w)|x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{2,3}|.)|.", re.DOTALL
)
_PLAIN_ESCAPES = {"a": "\\x07", "f": "\\x0c", "t": "\\t", "n": "\\n", "r": "\\r", "v": "\\x0b"}
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_WORD = "[0-9A-Za-z_]"
_BOUNDARY = f"(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD})"
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\x0b\f\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


def compile_pattern(pattern: str) -> Any:
    """The compiled pattern. Raises ``EvaluationError`` for what RE2 refuses."""
    import regex

    if len(pattern) > MAX_PATTERN:
        raise EvaluationError(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        return regex.compile(_translated(pattern), regex.V0)
    except (regex.error, OverflowError) as error:
        raise EvaluationError(f"the pattern is not valid: {error}") from error


def matches(pattern: Any, text: str) -> Iterator[Any]:
    """All matches that do not overlap; an empty one that touches the match before it is left out, as in Go."""
    end = -1
    for match in pattern.finditer(text, timeout=SECONDS):
        if match.end() > match.start() or match.start() != end:
            yield match
        end = match.end()


def expanded(template: str, match: Any) -> str:
    """The replacement text with ``$1``, ``${name}`` and ``$$`` filled in; unknown names give nothing."""

    def group(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        name = reference[1] or reference[2]
        if name.isdigit():
            return (match.group(int(name)) or "") if int(name) <= match.re.groups else ""
        return (match.group(name) or "") if name in match.re.groupindex else ""

    return re.sub(r"\$\$|\$(\w+)|\$\{(\w+)\}", group, template)


class _Level(Struct):
    """What holds inside the current group: two flags, and the flag groups that were opened in it."""

    ungreedy: bool = False
    multiline: bool = False
    opened: list[str] = field(default_factory=list)


def _translated(pattern: str) -> str:
    levels = [_Level()]
    parts: list[str] = []
    repeated = False
    for token in _TOKEN.finditer(pattern):
        again, repeated = repeated, token["repeat"] is not None
        if token["quoted"] is not None:
            parts.append(re.escape(token["quoted"]))
        elif token["escape"]:
            parts.append(_escape(token["escape"]))
        elif token["class"]:
            parts.append(_class(token["class"]))
        elif token["group"]:
            parts.append(_group(token["group"], levels))
        elif token["repeat"]:
            if again:
                raise EvaluationError(f"the pattern is not valid: a repetition of a repetition, {token[0]!r}")
            parts.append(_repeat(token["repeat"], bool(token["lazy"]) != levels[-1].ungreedy))
        else:
            parts.append(_other(token["other"], levels))
    return "".join([*parts, ")" * len(levels[0].opened)])


def _other(char: str, levels: list[_Level]) -> str:
    level = levels[-1]
    if char == ")" and len(levels) > 1:
        levels.pop()
        return ")" * len(level.opened) + ")"
    if char == "|":
        return ")" * len(level.opened) + "|" + "".join(level.opened)
    if char == "$" and not level.multiline:
        return r"\Z"
    if char in "[(":
        raise EvaluationError("the pattern is not valid: a bracket is not closed, or this group is not supported")
    return "\\" + char if char in "{}]#&~" else char


def _group(text: str, levels: list[_Level]) -> str:
    flags = re.match(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])", text)
    if not text.endswith(")"):
        levels.append(_Level(levels[-1].ungreedy, levels[-1].multiline))
    if flags is None:
        return text.replace("(?<", "(?P<")
    on, off, end = flags[1], flags[2] or "", flags[3]
    level = levels[-1]
    level.ungreedy = "U" in on or (level.ungreedy and "U" not in off)
    level.multiline = "m" in on or (level.multiline and "m" not in off)
    on, off = on.replace("U", ""), off.replace("U", "")
    if not on and not off:
        return "(?:" if end == ":" else ""
    opening = f"(?{on}{f'-{off}' if off else ''}:"
    if end == ")":
        level.opened.append(opening)
    return opening


def _repeat(text: str, lazy: bool) -> str:
    if any(int(number) > MAX_REPETITION for number in re.findall(r"\d+", text)):
        raise EvaluationError(f"the pattern is not valid: more than {MAX_REPETITION} repetitions")
    return text + ("?" if lazy else "")


def _escape(text: str, inside: bool = False) -> str:
    """An escape as the ``regex`` package spells it. Raises ``EvaluationError`` for what RE2 does not know."""
    code = text[1:]
    if code[0] in "pP":
        name = code[1:].strip("{}")
        if not name:
            raise EvaluationError("the pattern is not valid: \\p needs a name")
        return f"\\{code[0]}{{{name}}}"
    if code.lower() in _CLASSES and len(code) == 1:
        members = _CLASSES[code.lower()]
        if inside and code.isupper():
            return _complement(members)
        return members if inside else f"[{'^' if code.isupper() else ''}{members}]"
    if code in ("b", "B", "A", "z") and not inside:
        return {"b": f"(?:{_BOUNDARY})", "B": f"(?!{_BOUNDARY})", "A": r"\A", "z": r"\Z"}[code]
    if code in _PLAIN_ESCAPES:
        return _PLAIN_ESCAPES[code]
    if code[0] == "x" and len(code) > 1:
        return f"\\U{int(code[1:].strip('{}'), 16):08x}"
    if code.isdigit() and (len(code) > 1 or code == "0"):
        return f"\\x{int(code, 8):02x}"
    if code.isalnum() and code.isascii():
        raise EvaluationError(f"the pattern is not valid: {text} is not supported")
    return re.escape(code)


def _class(text: str) -> str:
    negated = text.startswith("[^")
    body = text[2 if negated else 1 : -1]
    parts = []
    for token in _CLASS_TOKEN.finditer(body):
        piece = token[0]
        if piece.startswith("[:"):
            parts.append(_posix(piece.strip("[:]")))
        elif piece.startswith("\\"):
            parts.append(_escape(piece, inside=True))
        else:
            parts.append("\\" + piece if piece in "[]&|~^" else piece)
    return f"[{'^' if negated else ''}{''.join(parts)}]"


def _posix(name: str) -> str:
    """An ASCII class. Raises ``EvaluationError``."""
    members = _POSIX.get(name.removeprefix("^"))
    if members is None:
        raise EvaluationError(f"the pattern is not valid: there is no class [:{name}:]")
    return members if not name.startswith("^") else _complement(members)


def _complement(members: str) -> str:
    known = re.compile(f"[{members}]")
    inside = "".join(f"\\x{code:02x}" for code in range(128) if not known.match(chr(code)))
    return inside + "\\x80-\\U0010ffff"
