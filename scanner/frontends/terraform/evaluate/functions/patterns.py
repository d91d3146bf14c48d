"""Regular expressions as Go's RE2 understands them, run by the ``regex`` package, which can bound the time of a match.

Source: the syntax page of RE2 and Go's package ``regexp/syntax``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.frontends.terraform.evaluate.values import EvaluationError

MAX_PATTERN = 5_000
MAX_REPETITION = 1_000
SECONDS = 0.25
"""A match on real input takes microseconds."""

_TOKEN = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|(?P<escape>\\(?:p\{\^?\w+\}|P\{\^?\w+\}|x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{2,3}|.))"
    r"|(?P<class>\[\^?\]?(?:\[:\^?\w+:\]|\\p\{\^?\w+\}|\\P\{\^?\w+\}|\\x\{[0-9a-fA-F]+\}|\\.|[^\]\\])*\])"
    r"|(?P<group>\((?:\?(?:P?<\w+>|[imsU]*(?:-[imsU]+)?[:)]))?)"
    r"|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\}))(?P<lazy>\??)|(?P<other>.)",
    re.DOTALL,
)
_CLASS_TOKEN = re.compile(
    r"\[:\^?\w+:\]|\\(?:p\{\^?\w+\}|P\{\^?\w+\}|x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{2,3}|.)|.", re.DOTALL
)
_PLAIN_ESCAPES = {"a": "\\x07", "f": "\\x0c", "t": "\\t", "n": "\\n", "r": "\\r", "v": "\\x0b"}
_SPACE = r"\t\n\f\r "


def compile_pattern(pattern: str) -> Any:
    """The compiled pattern. Raises ``EvaluationError`` for what RE2 refuses."""
    import regex

    if len(pattern) > MAX_PATTERN:
        raise EvaluationError(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        return regex.compile(_translated(pattern), regex.V1 | regex.ASCII)
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


def _translated(pattern: str) -> str:
    ungreedy = [False]
    multiline = [False]
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
            parts.append(_group(token["group"], ungreedy, multiline))
        elif token["repeat"]:
            if again:
                raise EvaluationError(f"the pattern is not valid: a repetition of a repetition, {token[0]!r}")
            parts.append(_repeat(token["repeat"], bool(token["lazy"]) != ungreedy[-1]))
        else:
            parts.append(_other(token["other"], ungreedy, multiline))
    return "".join(parts)


def _other(char: str, ungreedy: list[bool], multiline: list[bool]) -> str:
    if char == ")" and len(ungreedy) > 1:
        ungreedy.pop()
        multiline.pop()
    if char == "$" and not multiline[-1]:
        return r"\Z"
    if char == "[":
        raise EvaluationError("the pattern is not valid: a bracket is not closed")
    return "\\" + char if char in "{}]#&~" else char


def _group(text: str, ungreedy: list[bool], multiline: list[bool]) -> str:
    flags = re.match(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])", text)
    if not text.endswith(")"):
        ungreedy.append(ungreedy[-1])
        multiline.append(multiline[-1])
    if flags is None:
        return text.replace("(?<", "(?P<")
    on, off, end = flags[1], flags[2] or "", flags[3]
    for letter, stack in (("U", ungreedy), ("m", multiline)):
        if letter in on or letter in off:
            stack[-1] = letter in on
    on, off = on.replace("U", ""), off.replace("U", "")
    if not on and not off:
        return "(?:" if end == ":" else ""
    return f"(?{on}{f'-{off}' if off else ''}{end}"


def _repeat(text: str, lazy: bool) -> str:
    if any(int(number) > MAX_REPETITION for number in re.findall(r"\d+", text)):
        raise EvaluationError(f"the pattern is not valid: more than {MAX_REPETITION} repetitions")
    return text + ("?" if lazy else "")


def _escape(text: str, inside: bool = False) -> str:
    """An escape as the ``regex`` package spells it. Raises ``EvaluationError`` for what RE2 does not know."""
    code = text[1:]
    if code[0] in "pP" and len(code) > 1:
        return text
    if code in ("s", "S"):
        return _SPACE if inside and code == "s" else f"[{'' if code == 's' else '^'}{_SPACE}]"
    if code in ("d", "D", "w", "W"):
        return text
    if code in ("b", "B", "A", "z") and not inside:
        return r"\Z" if code == "z" else text
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
            parts.append(piece)
        elif piece.startswith("\\"):
            parts.append(_escape(piece, inside=True))
        else:
            parts.append("\\" + piece if piece in "[]&|~^" else piece)
    return f"[{'^' if negated else ''}{''.join(parts)}]"
