"""Rules: one YAML file each, read into plain data; ``scanner.engine.compile`` makes them run."""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from msgspec import MsgspecError, Struct, field
from msgspec.json import decode, encode
from msgspec.structs import replace

from scanner.core.findings import SEVERITIES, Severity
from scanner.core.nearest import nearest, suggestion
from scanner.core.patterns import lazy_pattern
from scanner.project.bounds import load_yaml, read_text, yaml_problem
from scanner.project.cache import NO_CACHE, Cache
from scanner.project.survey import SETTLED_NANOSECONDS

REQUIRED = ("id", "name", "title", "category", "severity", "precision", "select", "assert", "message", "remediation")
PRECISIONS = ("high", "medium", "low")
_SHAPES = {
    "id": (lazy_pattern(r"[A-Z]{3}[0-9]{3}"), "three letters and three digits, such as GPU004"),
    "name": (lazy_pattern(r"[a-z0-9]+(-[a-z0-9]+)*"), "words of a-z and 0-9 with - between them"),
    "category": (lazy_pattern(r"[a-z0-9]+(-[a-z0-9]+)*"), "a word of a-z and 0-9"),
}
"""Reports and commands use these as they are, so that a rule of a pull request must not choose them freely."""
_LINK = lazy_pattern(r"https://[\w./#?=&%:~+@!$'()*,;\[\]-]+", re.ASCII)
_TEXTS = ("title", "message", "remediation", "description")


class RuleError(Exception):
    """A rule file that cannot be used; the message names the file and what is wrong with it."""


class UnknownSelector(Exception):
    """A code, name or category that no rule has."""


class Rule(Struct, frozen=True):
    """A rule as it is written. ``condition`` is its ``assert``; ``source`` the file."""

    id: str
    name: str
    title: str
    category: str
    severity: Severity
    precision: str
    select: tuple[str, ...]
    condition: Any
    message: str
    remediation: str
    description: str = ""
    where: Any = None
    each: str | None = None
    at: str | None = None
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    """Operands by name, for conditions and the message."""
    references: tuple[str, ...] = ()
    frameworks: Mapping[str, Any] = field(default_factory=dict)
    severity_when: tuple[Mapping[str, Any], ...] = ()
    fix: Mapping[str, Any] | None = None
    once: bool = False
    """Whether only the first subject of a unit is reported: the rule is about what the whole unit lacks."""
    source: str = ""

    def __bytes__(self) -> bytes:
        """All of it, in the same way each time, as long as nothing in it changes."""
        try:
            return encode(self)
        except (TypeError, ValueError):  # keys or characters that JSON does not have
            return repr(self).encode("utf-8", "surrogatepass")


_CONDITIONS = ("assert", "where")
_KEYS = {"assert": "condition"} | {name: name for name in Rule.__struct_fields__ if name not in ("condition", "source")}


def load_rules(directories: Sequence[FilePath], cache: Cache = NO_CACHE) -> list[Rule]:
    """Every rule below the directories, by code. Raises ``RuleError``."""
    rules = [rule for directory in directories for rule in _load_directory(directory, cache)]
    seen: dict[str, str] = {}
    for rule in rules:
        for key in (rule.id, rule.name):
            if key in seen:
                raise RuleError(f"{rule.source}: {key} is already the id or name of {seen[key]}")
            seen[key] = rule.source
    return sorted(rules, key=lambda rule: rule.id)


def _load_directory(directory: FilePath, cache: Cache) -> list[Rule]:
    """The rules of a directory; files that have not changed since they were read before come from the cache."""
    paths = sorted(
        f"{folder}{os.sep}{name}" for folder, _, names in os.walk(directory) for name in names if name.endswith(".yaml")
    )
    stamps = [_stamp(path) for path in paths]
    key = cache.key("rules", repr(stamps)) if None not in stamps else ""
    stored = cache.read(key) if key else None
    if stored is not None:
        with contextlib.suppress(MsgspecError):
            return decode(stored, type=list[Rule])
    loaded = [_parse(path, _read(FilePath(path))) for path in paths]
    rules = [rule_from_data(data, path) for path, data in zip(paths, loaded, strict=True)]
    if key and _exactly_json(loaded):
        cache.write(key, encode(rules))
    return rules


def _stamp(path: str) -> tuple[str, int, int, int, int] | None:
    """What changes with a file's content; ``None`` for a link, and while it may change again without a trace."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    if not stat.S_ISREG(status.st_mode) or latest > time.time_ns() - SETTLED_NANOSECONDS:
        return None
    return path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _exactly_json(value: Any) -> bool:
    """Whether JSON gives back the same: its keys are strings, and it has no dates."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _exactly_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_exactly_json(item) for item in value)
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _read(path: FilePath) -> str:
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
            raise RuleError(f"{path} is a link that leads out of its directory; it is not read")
        return read_text(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise RuleError(f"{path}: {error}") from error


def _parse(path: str, text: str) -> Any:
    try:
        return load_yaml(text)
    except Exception as error:  # the library raises whatever its constructors meet
        raise RuleError(f"{path}{yaml_problem(error)}") from error


def rule_from_data(data: Any, source: str) -> Rule:
    """A rule from its data. Raises ``RuleError``."""
    if not isinstance(data, dict):
        raise RuleError(f"{source}: a rule must be a mapping")
    for key in data:
        if key not in _KEYS:
            raise RuleError(f"{source}: unknown key {key!r}{suggestion(key, _KEYS)}")
    missing = [key for key in REQUIRED if key not in data]
    if missing:
        raise RuleError(f"{source}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    _check_shapes(data, source)
    if data["severity"] not in SEVERITIES:
        hint = nearest(data["severity"], SEVERITIES)
        raise RuleError(f"{source}: severity must be one of {', '.join(SEVERITIES)}, found {data['severity']!r}{hint}")
    if data["precision"] not in PRECISIONS:
        hint = nearest(data["precision"], PRECISIONS)
        raise RuleError(
            f"{source}: precision must be one of {', '.join(PRECISIONS)}, found {data['precision']!r}{hint}"
        )
    values: dict[str, Any] = {}
    for key, value in data.items():
        values[_KEYS[key]] = tuple(value) if isinstance(value, list) and key not in _CONDITIONS else value
    if isinstance(values["select"], str):
        values["select"] = (values["select"],)
    return Rule(**values, source=source)


def _check_shapes(data: Mapping[str, Any], source: str) -> None:
    """Refuse what no report could show as it is. Raises ``RuleError``."""
    for key, (shape, words) in _SHAPES.items():
        if not isinstance(data[key], str) or shape.fullmatch(data[key]) is None:
            raise RuleError(f"{source}: {key} must be {words}, found {data[key]!r}")
    for key in _TEXTS:
        if not isinstance(data.get(key, ""), str):
            raise RuleError(f"{source}: {key} must be text, found {data[key]!r}")
    links = data.get("references", [])
    for link in links if isinstance(links, list) else [None]:
        if not isinstance(link, str) or _LINK.fullmatch(link) is None:
            raise RuleError(f"{source}: references must be a list of https:// links, found {link!r}")
    chosen = data.get("severity_when", [])
    for item in chosen if isinstance(chosen, list) else [chosen]:
        if not isinstance(item, dict) or item.get("severity") not in SEVERITIES:
            raise RuleError(f"{source}: severity_when must list conditions with a known severity, found {item!r}")


def find_rule(rules: Sequence[Rule], text: str) -> Rule:
    """The rule of a code or name. Raises ``UnknownSelector`` with the nearest one."""
    found = next((rule for rule in rules if text in (rule.id, rule.name)), None)
    if found is None:
        hint = suggestion(text, [key for rule in rules for key in (rule.id, rule.name)])
        raise UnknownSelector(f"{text!r} is not the code or name of one rule{hint}")
    return found


def select_rules(
    rules: Sequence[Rule], select: Sequence[str] = (), ignore: Sequence[str] = (), *, pedantic: bool = False
) -> list[Rule]:
    """Rules by code, code prefix, name or category. Rules of low precision run only when asked for.

    Raises ``UnknownSelector`` with the nearest valid name.
    """
    for text in (*select, *ignore):
        if not any(selected_by(rule, text) for rule in rules):
            known = dict.fromkeys(key for rule in rules for key in (rule.id, rule.name, rule.category))
            raise UnknownSelector(f"no rule has the code, name or category {text!r}{suggestion(text, known)}")
    result = []
    for rule in rules:
        wanted = not select or any(selected_by(rule, text) for text in select)
        asked = pedantic or rule.precision != "low" or any(text in (rule.id, rule.name) for text in select)
        if wanted and asked and not any(selected_by(rule, text) for text in ignore):
            result.append(rule)
    return result


def with_severities(rules: Sequence[Rule], severities: Mapping[str, str]) -> list[Rule]:
    """The rules with severities that a project chose, by code, name or category; the most specific key wins.

    Raises ``UnknownSelector``.
    """
    for text in severities:
        select_rules(rules, [text])
    result = []
    for rule in rules:
        keys = sorted((key for key in severities if selected_by(rule, key)), key=lambda key: _specific(rule, key))
        chosen = next((name for name in SEVERITIES if keys and name == severities[keys[0]]), None)
        result.append(rule if chosen is None else replace(rule, severity=chosen, severity_when=()))
    return result


def _specific(rule: Rule, text: str) -> tuple[bool, int]:
    return text not in (rule.id, rule.name), -len(text) if text.isupper() else 0


def selected_by(rule: Rule, text: str) -> bool:
    """Whether ``text`` is the rule's code, a prefix of it, its name or its category."""
    return text in (rule.name, rule.category) or (text.isupper() and rule.id.startswith(text))
