"""Bounds on the YAML that configures a scan: rules and configuration come with a pull request too."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO

from scanner.core.patterns import lazy_pattern
from scanner.core.yaml_data import yaml_data

MAX_CHARACTERS = 1_000_000
MAX_BYTES = 64 * 1024 * 1024
"""Of a file that is named as a whole, such as a baseline."""
MAX_DEPTH = 100
MAX_VALUES = 100_000
"""Aliases are counted expanded."""
_PLAIN_BRACKETS = 500
_NOTEWORTHY = lazy_pattern(r"(?:^|[\s\[{,:?-])&[^\s]|^ {200}|^ *(?:[-?:][ \t]+){50}", re.MULTILINE)


class BoundExceeded(ValueError):
    """A text that goes beyond a bound; the message names it."""


READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""How to open a file that may be a pipe without a writer."""


def read_text(path: Path, limit: int = MAX_BYTES, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The text of a regular file of at most ``limit`` bytes.

    Raises ``OSError`` and ``ValueError`` (``BoundExceeded``, ``UnicodeDecodeError``).
    """
    with open(os.open(path, READ_ONLY), "rb") as file:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BoundExceeded("it is not a regular file")
        content = read_at_most(file, limit + 1)
    if len(content) > limit:
        raise BoundExceeded(f"longer than the limit of {limit} bytes")
    return content.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def read_at_most(file: BinaryIO, limit: int) -> bytes:
    """The first ``limit`` bytes of a file, with a buffer of its own size rather than of the limit's."""
    size = os.fstat(file.fileno()).st_size
    content = file.read(min(size + 1, limit))
    return content + file.read(limit - len(content)) if len(content) > size else content


def check_yaml(text: str) -> None:
    """Refuse what would exhaust memory or the stack of a YAML constructor. Raises ``BoundExceeded``.

    What is not YAML passes as far as it goes: the constructor says what is wrong with it.
    """
    if len(text) > MAX_CHARACTERS:
        raise BoundExceeded(f"longer than the limit of {MAX_CHARACTERS} characters")
    if text.count("[") + text.count("{") > _PLAIN_BRACKETS or _NOTEWORTHY.search(text) is not None:
        _check_events(text)


def load_yaml(text: str) -> Any:
    """The data of a YAML text within the bounds. Raises ``BoundExceeded``, and what ``yaml_data`` raises."""
    check_yaml(text)
    return yaml_data(text)


def yaml_problem(error: Exception) -> str:
    """What is wrong with a YAML text and where, to follow the name of its file."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f": {' '.join(str(error).split())}"
    return f":{mark.line + 1}:{mark.column + 1}: not valid YAML: {getattr(error, 'problem', None) or 'it breaks off'}"


def _check_events(text: str) -> None:
    from ruamel.yaml.cyaml import CSafeLoader
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.events import StreamEndEvent

    loader = CSafeLoader(text)
    try:
        weights: dict[str, int] = {}
        levels: list[list[Any]] = [[None, 0]]
        while not isinstance(event := loader.get_event(), StreamEndEvent):
            _weigh(event, levels, weights)
    except YAMLError:
        return
    finally:
        loader.dispose()


def _weigh(event: Any, levels: list[list[Any]], weights: dict[str, int]) -> None:
    """``levels`` holds [anchor, values so far] of the open collections; ``weights`` the values below each anchor."""
    from ruamel.yaml import events

    weight = 0
    if isinstance(event, events.CollectionStartEvent):
        levels.append([event.anchor, 1])
        if len(levels) > MAX_DEPTH:
            raise BoundExceeded(f"nested deeper than the limit of {MAX_DEPTH} levels")
    elif isinstance(event, events.CollectionEndEvent):
        anchor, weight = levels.pop()
        if anchor:
            weights[anchor] = weight
    elif isinstance(event, events.AliasEvent):
        if any(anchor == event.anchor for anchor, _ in levels):
            raise BoundExceeded(f"&{event.anchor} contains itself")
        weight = weights.get(event.anchor, 1)
    elif isinstance(event, events.ScalarEvent):
        weight = 1
    levels[-1][1] += weight
    if levels[-1][1] > MAX_VALUES:
        raise BoundExceeded(f"more than the limit of {MAX_VALUES} values (aliases are counted expanded)")
