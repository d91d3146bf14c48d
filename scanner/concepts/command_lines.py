"""Command lines of containers: words, the commands of a shell script, variables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from scanner.core import Unknown, is_unknown
from scanner.core.patterns import lazy_pattern

SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh"))
_VARIABLE = lazy_pattern(r"\$(?:\((\w+)\)|\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_NAME = lazy_pattern(r"\$[({]?(\w+)")
MAX_SCRIPT = 100_000
"""Characters that are read as a shell would: shlex takes the square of a word's length."""
MAX_FILLED = 100_000
"""Characters that variables may add to one word."""
_ASSIGNMENT = lazy_pattern(r"(\w+)=(.*)\Z", re.DOTALL)
_OPERATORS = frozenset(";&|()\n")
_BEFORE_COMMANDS = frozenset(("exec", "nohup", "then", "do", "else", "export", "time", "!", "{", "env"))


class Command(Struct, frozen=True):
    """One command of a container: its words and, for each, what the source says (before variables are filled in)."""

    words: tuple[Any, ...]
    variables: Mapping[str, str]
    """What the script set before."""


class _Scripts(Struct, frozen=True):
    """The scripts that a container has not run yet, and who is told the length of those that are read."""

    unread: dict[str, str]
    spend: Callable[[int], None]


def words(command: list[Any], args: list[Any]) -> list[Any]:
    """Command and args as words; the script of ``sh -c`` is split as a shell would, unknown items stay."""
    result: list[Any] = []
    items = [*command, *args]
    shell = _is_shell(items)
    for item in items:
        if is_unknown(item):
            result.append(item)
        elif isinstance(item, str) and (shell or "\n" in item or (" " in item and " -" in item)):
            result.extend(_split(item))
        elif isinstance(item, str | int | float) and not isinstance(item, bool):
            result.append(str(item))
    return result


def _is_shell(items: list[Any]) -> bool:
    return bool(items) and isinstance(items[0], str) and items[0].rpartition("/")[2] in SHELLS


def _split(script: str) -> list[str]:
    text = script.replace("\\\n", " ")
    if len(text) > MAX_SCRIPT:
        return text.split()
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def commands(
    command: list[Any], args: list[Any], texts: Mapping[str, str], spend: Callable[[int], None]
) -> Iterator[Command]:
    """The commands that a container runs, those of shell scripts one by one.

    ``texts`` are scripts by the path at which the container finds them; one that a word names runs after it, and is
    read once. ``spend`` is told its length.
    """
    scripts = _Scripts(dict(texts), spend)
    items: list[Any] = [
        item if is_unknown(item) else str(item) for item in (*command, *args) if not isinstance(item, bool)
    ]
    if _is_shell(items) and any(isinstance(item, str) and item.startswith("-") and "c" in item for item in items[1:]):
        for item in items[1:]:
            if is_unknown(item):
                yield Command((item,), {})
            elif not item.startswith("-"):
                yield from _commands_of(item, scripts, {})
        return
    plain: list[Any] = []
    for item in items:
        several = isinstance(item, str) and ("\n" in item or (" " in item and " -" in item))
        plain += _split(item) if several else [item]
    yield Command(tuple(plain), {})
    yield from _named_scripts(plain, scripts, {})


def _commands_of(script: str, scripts: _Scripts, variables: Mapping[str, str]) -> Iterator[Command]:
    known = dict(variables)
    for found in _simple_commands(script):
        rest = list(found)
        while rest and (rest[0] in _BEFORE_COMMANDS or _ASSIGNMENT.match(rest[0])):
            assigned = _ASSIGNMENT.match(rest.pop(0))
            if assigned is not None:
                value = fill(assigned[2], known)
                known.pop(assigned[1], None)
                known |= {assigned[1]: value} if isinstance(value, str) else {}
        if rest:
            yield Command(tuple(rest), _used(rest, known))
            yield from _named_scripts(rest, scripts, known)


def _used(argv: list[str], known: Mapping[str, str]) -> dict[str, str]:
    """The variables that the words name: a copy of all of them for each command would cost the square of a script."""
    names = (match[1] for word in argv if "$" in word for match in _NAME.finditer(word))
    return {name: known[name] for name in names if name in known}


def _named_scripts(names: Iterable[Any], scripts: _Scripts, known: Mapping[str, str]) -> Iterator[Command]:
    for word in names:
        text = scripts.unread.pop(word, None) if isinstance(word, str) else None
        if text is not None:
            scripts.spend(len(text))
            yield from _commands_of(text, scripts, known)


def _simple_commands(script: str) -> Iterator[list[str]]:
    """The words between a script's operators and line ends."""
    if len(script) > MAX_SCRIPT:
        yield script.split()
        return
    lexer = shlex.shlex(script.replace("\\\n", " "), posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = "#"
    current: list[str] = []
    try:
        for token in _without_expansions(lexer):
            if token and _OPERATORS.issuperset(token):
                yield current
                current = []
            else:
                current.append(token)
    except ValueError:
        # an open quote, as in templates: the words before it still count
        pass
    yield current


def _without_expansions(lexer: Iterable[str]) -> Iterator[str]:
    """Tokens, with ``$(NAME)`` put together again, which Kubernetes fills in before a shell sees it."""
    tokens = list(lexer)
    number = 0
    while number < len(tokens):
        token = tokens[number]
        if token.endswith("$") and tokens[number + 1 : number + 2] == ["("] and number + 3 < len(tokens):
            close = tokens[number + 3]
            if close.startswith(")"):
                yield f"{token}({tokens[number + 2]})"
                number += 4
                if close != ")":
                    yield close[1:]
                continue
        yield token
        number += 1


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """``value`` with its ``$NAME``, ``${NAME:-default}`` and ``$(NAME)`` filled in; unknown if one is not known."""
    if not isinstance(value, str) or "$" not in value:
        return value
    missing: list[Unknown] = []
    added = 0

    def replacement(match: re.Match[str]) -> str:
        nonlocal added
        name = match[1] or match[2] or match[4]
        found = variables.get(name)
        if isinstance(found, str):
            added += len(found)
            if added <= MAX_FILLED:
                return found
            found = Unknown(f"its variables have more than the limit of {MAX_FILLED} characters", name)
        if found is None and match[3] is not None:
            return match[3]
        missing.append(found if is_unknown(found) else Unknown(f"{value} is set when the container starts", value))
        return ""

    text = _VARIABLE.sub(replacement, value.strip("\"'"))
    return missing[0] if missing else text
