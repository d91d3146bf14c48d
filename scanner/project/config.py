"""The project's configuration: ``.kilter.yaml``, ``kilter.yaml`` or ``[tool.kilter]`` in pyproject.toml."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CONFIG_NAMES = (".kilter.yaml", "kilter.yaml")


class ConfigError(Exception):
    """A configuration file that cannot be used; the message names the file and the offending key."""


@dataclass(frozen=True)
class Config:
    """Settings of a project. ``source`` is the file that they came from, ``None`` for the defaults."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: str = "medium"
    pedantic: bool = False
    rules: tuple[str, ...] = ()
    """Directories with further rules, relative to the configuration file."""
    var_files: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    suppressions: tuple[Mapping[str, Any], ...] = ()
    source: Path | None = None


_KEYS = {item.name.replace("_", "-"): item for item in fields(Config) if item.name != "source"}
_LISTS = frozenset(name for name, item in _KEYS.items() if str(item.type).startswith("tuple"))
_MAPS = frozenset(name for name, item in _KEYS.items() if str(item.type).startswith("Mapping"))


def find_config(start: Path) -> Path | None:
    """The nearest configuration file at or above ``start``, up to the root of the git repository."""
    directory = start if start.is_dir() else start.parent
    for place in (directory, *directory.parents):
        for name in CONFIG_NAMES:
            if (place / name).is_file():
                return place / name
        pyproject = place / "pyproject.toml"
        if pyproject.is_file() and "[tool.kilter" in pyproject.read_text("utf-8", "replace"):
            return pyproject
        if (place / ".git").exists():
            return None
    return None


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raises ``ConfigError``."""
    data = _read(path)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(data).__name__}")
    data = {key: value for key, value in data.items() if key != "$schema"}
    values = {_known(path, key).name: _checked(path, key, value) for key, value in data.items()}
    return Config(**values, source=path)


def _read(path: Path) -> Any:
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            return tomllib.loads(text).get("tool", {}).get("kilter", {})
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            return YAML(typ="safe").load(text) or {}
        except YAMLError as error:
            raise ConfigError(f"{path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _known(path: Path, key: object) -> Any:
    name = str(key).replace("_", "-")
    if name not in _KEYS:
        near = difflib.get_close_matches(name, _KEYS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(_KEYS)}"
        raise ConfigError(f"{path}: unknown key {key!r}{hint}")
    return _KEYS[name]


def _checked(path: Path, key: str, value: Any) -> Any:
    name = key.replace("_", "-")
    if name in _LISTS:
        value = [value] if isinstance(value, str) else value
        item_type = dict if name == "suppressions" else str
        if not isinstance(value, list) or not all(isinstance(item, item_type) for item in value):
            raise ConfigError(f"{path}: {key} must be a list of {item_type.__name__} values")
        return tuple(value)
    expected = dict if name in _MAPS else bool if name == "pedantic" else str
    if not isinstance(value, expected):
        raise ConfigError(f"{path}: {key} must be a {expected.__name__}, found {type(value).__name__}")
    if name == "fail-on" and value not in ("critical", "high", "medium", "low"):
        raise ConfigError(f"{path}: fail-on must be critical, high, medium or low, found {value!r}")
    return value
