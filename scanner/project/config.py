"""The project's configuration: ``.kilter.yaml``, ``kilter.yaml`` or ``[tool.kilter]`` in pyproject.toml."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from scanner.core.findings import SEVERITIES
from scanner.core.nearest import nearest, suggestion
from scanner.project.bounds import BoundExceeded, check_yaml, read_text, yaml_problem
from scanner.project.packs import PREFIX, find_pack, installed_packs, pack_rules

CONFIG_NAMES = (".kilter.yaml", "kilter.yaml")
MAX_EXTENDS = 10


class ConfigError(Exception):
    """A configuration file that cannot be used; the message names the file and the offending key."""


class Place(Struct, frozen=True):
    """A line of a configuration file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class FileSuppression(Struct, frozen=True):
    """An entry of ``suppressions``: it silences rules where everything that it names matches."""

    rules: tuple[str, ...]
    reason: str
    place: Place
    path: str = ""
    """A glob over paths relative to the configuration file."""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    address: str = ""
    until: datetime.date | None = None


class Config(Struct, frozen=True):
    """Settings of a project. ``source`` is the file that they came from, ``None`` for the defaults.

    Paths are absolute. ``origins`` has the places of each key that a file sets: one for each item of a list or
    mapping, else one.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Globs over paths relative to the configuration file."""
    fail_on: str = "medium"
    pedantic: bool = False
    strict: bool = False
    rules: tuple[str, ...] = ()
    """Directories with further rules."""
    var_files: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    workspace: str = "default"
    kube_version: str = ""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    """Severity by code, name or category of rules."""
    baseline: str = ""
    inline_ignore: bool = True
    require_reason: bool = False
    unsuppressible: tuple[str, ...] = ()
    suppressions: tuple[FileSuppression, ...] = ()
    source: Path | None = None
    origins: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)


_FIELDS = {name.replace("_", "-"): name for name in Config.__struct_fields__ if name not in ("source", "origins")}
_TYPES = {key: Config.__annotations__[name] for key, name in _FIELDS.items()}
_LISTS = frozenset(key for key, kind in _TYPES.items() if kind.startswith("tuple"))
_MAPS = frozenset(key for key, kind in _TYPES.items() if kind.startswith("Mapping"))
_FLAGS = frozenset(key for key, kind in _TYPES.items() if kind == "bool")
_PATHS = frozenset({"rules", "var-files", "values", "baseline"})
_REPLACED = frozenset({"select"})
"""Lists that replace those of an extended file instead of adding to them."""
_ENTRY_KEYS = ("rule", "reason", "until", "path", "kind", "namespace", "name", "address")


def find_config(start: Path) -> Path | None:
    """The nearest configuration file at or above ``start``, up to the root of the git repository.

    Raises ``ConfigError`` where that is a link to a place outside: its content would show in messages.
    """
    found = _nearest(start)
    if found is not None and not found.resolve().is_relative_to(_repository(found.parent.resolve())):
        raise ConfigError(f"{found} is a link that leads out of the repository; --config can name such a file")
    return found


def _nearest(start: Path) -> Path | None:
    directory = start if start.is_dir() else start.parent
    for place in (directory, *directory.parents):
        for name in CONFIG_NAMES:
            if (place / name).is_file():
                return place / name
        pyproject = place / "pyproject.toml"
        if pyproject.is_file() and _has_table(pyproject):
            return pyproject
        if (place / ".git").exists():
            return None
    return None


def _has_table(pyproject: Path) -> bool:
    try:
        return "[tool.kilter" in read_text(pyproject, errors="replace").replace("[[", "[")
    except (OSError, ValueError):
        return False


def load_config(path: Path) -> Config:
    """Read and check a configuration file and those that it extends. Raises ``ConfigError``."""
    values, origins = _load(path, ())
    return Config(**{_FIELDS[name]: value for name, value in values.items()}, source=path, origins=origins)


def confines(path: Path) -> Path:
    """The directory that a configuration file's own paths must stay in: its repository, else its directory."""
    return _repository(path.resolve().parent)


def _repository(directory: Path) -> Path:
    return next((place for place in (directory, *directory.parents) if (place / ".git").exists()), directory)


_Loaded = tuple[dict[str, Any], dict[str, tuple[Place, ...]]]


def _load(path: Path, chain: tuple[Path, ...]) -> _Loaded:
    if path.resolve() in chain or len(chain) >= MAX_EXTENDS:
        shown = " -> ".join(place.name for place in (*chain, path))
        raise ConfigError(f"{path}: extends itself, or more than {MAX_EXTENDS} files deep ({shown})")
    data, lines = _read(path)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(data).__name__}")
    values: dict[str, Any] = {}
    origins: dict[str, tuple[Place, ...]] = {}
    for source in _texts(path, "extends", data.get("extends", [])):
        _merge(values, origins, _extended(path, source, (*chain, path.resolve())))
    own = {key: value for key, value in data.items() if key not in ("$schema", "extends")}
    _merge(values, origins, _own(path, own, lines))
    return values, origins


def _extended(path: Path, source: str, chain: tuple[Path, ...]) -> _Loaded:
    if not source.startswith(PREFIX):
        return _load(_confined(path, "extends", source, file=True), chain)
    directory = _pack(path, source)
    for name in reversed(CONFIG_NAMES):
        if (directory / name).is_file():
            return _load(directory / name, chain)
    return {"rules": (str(pack_rules(directory)),)}, {"rules": (Place(path, 1),)}


def _own(path: Path, data: Mapping[Any, Any], lines: _Lines) -> _Loaded:
    values: dict[str, Any] = {}
    origins: dict[str, tuple[Place, ...]] = {}
    for key, raw in data.items():
        name = _known(path, key)
        value = _checked(path, name, raw, lines)
        places = tuple(Place(path, line) for line in lines.items(str(key)))
        size = len(value) if name in _LISTS | _MAPS else 1
        values[name] = value
        origins[name] = places if len(places) == size else (Place(path, lines.key(str(key))),) * size
    return values, origins


def _merge(values: dict[str, Any], origins: dict[str, tuple[Place, ...]], later: _Loaded) -> None:
    for name, value in later[0].items():
        places = later[1].get(name, ())
        before = values.get(name)
        if before is None or name not in _LISTS | _MAPS or name in _REPLACED:
            values[name], origins[name] = value, places
        elif name in _LISTS:
            values[name], origins[name] = before + value, origins[name] + places
        else:
            known = dict(zip(before, origins[name], strict=True)) | dict(zip(value, places, strict=True))
            merged = {key: _both(before.get(key), value.get(key)) for key in known}
            values[name], origins[name] = merged, tuple(known.values())


def _both(before: Any, later: Any) -> Any:
    if isinstance(before, dict) and isinstance(later, dict):
        return before | later
    return before if later is None else later


class _Lines:
    """Where keys and their items stand: line numbers from 1."""

    def __init__(self, keys: Mapping[str, int], items: Mapping[str, Sequence[int]]) -> None:
        self._keys = keys
        self._items = items

    def key(self, name: str) -> int:
        return self._keys.get(name, 1)

    def items(self, name: str) -> Sequence[int]:
        return self._items.get(name) or (self.key(name),)


def _read(path: Path) -> tuple[Any, _Lines]:
    try:
        text = read_text(path, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return _read_toml(path, text) if path.suffix == ".toml" else _read_yaml(path, text)


def _read_toml(path: Path, text: str) -> tuple[Any, _Lines]:
    import tomllib

    try:
        data = tomllib.loads(text).get("tool", {}).get("kilter", {})
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    keys: dict[str, int] = {}
    items: dict[str, list[int]] = {}
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        table = re.match(r"\s*\[(\[?)\s*tool\.kilter(?:\.([\w-]+))?", line)
        if table is not None and table[2]:
            keys.setdefault(table[2], number)
            if table[1]:
                items.setdefault(table[2], []).append(number)
        if line.lstrip().startswith("["):
            inside = table is not None and table[2] is None
        elif inside and (match := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*[.=]", line)):
            keys.setdefault(match[1], number)
    return data, _Lines(keys, items)


def _read_yaml(path: Path, text: str) -> tuple[Any, _Lines]:
    """The C parser is quick; what it refuses, such as ``[package:name]``, the other one may still accept."""
    from ruamel.yaml.cyaml import CSafeLoader

    try:
        check_yaml(text)
    except BoundExceeded as error:
        raise ConfigError(f"{path}: {error}") from error
    loader = CSafeLoader(text)
    try:
        node = loader.get_single_node()
        return (loader.construct_document(node), _key_lines(node)) if node is not None else ({}, _Lines({}, {}))
    except Exception:  # the library raises whatever its constructors meet
        from ruamel.yaml import YAML
    finally:
        loader.dispose()
    try:
        return YAML(typ="safe", pure=True).load(text), _key_lines(YAML(typ="safe", pure=True).compose(text))
    except Exception as error:
        raise ConfigError(f"{path}{yaml_problem(error)}") from error


def _key_lines(node: Any) -> _Lines:
    pairs = node.value if node.id == "mapping" else []
    keys = {str(key.value): key.start_mark.line + 1 for key, _ in pairs}
    return _Lines(keys, {str(key.value): _item_lines(value) for key, value in pairs})


def _item_lines(node: Any) -> list[int]:
    if node.id == "sequence":
        return [item.start_mark.line + 1 for item in node.value]
    if node.id == "mapping":
        return [key.start_mark.line + 1 for key, _ in node.value]
    return [node.start_mark.line + 1]


def _known(path: Path, key: object) -> str:
    name = str(key).replace("_", "-")
    if name not in _FIELDS:
        raise ConfigError(f"{path}: unknown key {key!r}{suggestion(name, [*_FIELDS, 'extends'])}")
    return name


def _checked(path: Path, name: str, value: Any, lines: _Lines) -> Any:
    if name == "suppressions":
        return _suppressions(path, value, lines)
    if name in _LISTS:
        texts = _texts(path, name, value)
        return tuple(_place_of(path, name, text) for text in texts) if name in _PATHS else texts
    expected = dict if name in _MAPS else bool if name in _FLAGS else str
    if not isinstance(value, expected):
        raise ConfigError(f"{path}: {name} must be a {_WORDS[expected]}, found {value!r}")
    return _checked_content(path, name, value)


def _checked_content(path: Path, name: str, value: Any) -> Any:
    if name == "baseline":
        return str(_confined(path, name, value))
    if name == "fail-on":
        _severity(path, name, value)
    if name == "severities":
        for rule, severity in value.items():
            _severity(path, f"severities: {rule}", severity)
    if name == "parameters":
        for rule, given in value.items():
            if not isinstance(given, dict):
                raise ConfigError(f"{path}: parameters: {rule} must be a mapping, found {given!r}")
    return value


_WORDS: Mapping[type, str] = {dict: "mapping", bool: "boolean (true or false)", str: "text"}


def _severity(path: Path, name: str, value: object) -> None:
    if value not in SEVERITIES:
        hint = nearest(value, SEVERITIES) if isinstance(value, str) else ""
        raise ConfigError(f"{path}: {name} must be critical, high, medium or low, found {value!r}{hint}")


def _texts(path: Path, name: str, value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise ConfigError(f"{path}: {name} must be a list of texts, found {value!r}")
    return tuple(items)


def _place_of(path: Path, name: str, text: str) -> str:
    if name == "rules" and text.startswith(PREFIX):
        return str(pack_rules(_pack(path, text)))
    return str(_confined(path, name, text))


def _pack(path: Path, text: str) -> Path:
    name = text.removeprefix(PREFIX)
    directory = find_pack(name)
    if directory is None:
        installed = installed_packs()
        hint = suggestion(name, installed) if installed else "; none is installed"
        raise ConfigError(f"{path}: no installed rule pack is called {name!r}{hint}")
    return directory


def _confined(path: Path, name: str, text: str, *, file: bool = False) -> Path:
    """A path that a configuration file names. A pull request must not make us read outside its repository."""
    place = (path.resolve().parent / text).resolve()
    if not place.is_relative_to(confines(path)):
        raise ConfigError(f"{path}: {name}: {text} is outside the repository")
    if file and not place.is_file():
        raise ConfigError(f"{path}: {name}: {text} is not a file")
    return place


def _suppressions(path: Path, value: Any, lines: _Lines) -> tuple[FileSuppression, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"{path}: suppressions must be a list of mappings")
    places = lines.items("suppressions")
    found = []
    for number, entry in enumerate(value):
        line = places[number] if len(places) == len(value) else lines.key("suppressions")
        found.append(_suppression(Place(path, line), entry))
    return tuple(found)


def _suppression(place: Place, entry: Any) -> FileSuppression:
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: a suppression must be a mapping with rule and reason, found {entry!r}")
    for key in entry:
        if key not in _ENTRY_KEYS:
            raise ConfigError(f"{place}: unknown key {key!r} in a suppression{suggestion(key, _ENTRY_KEYS)}")
    rules = _texts(place.file, f"suppressions (line {place.line}): rule", entry.get("rule", []))
    if not rules:
        raise ConfigError(f"{place}: a suppression must name a rule")
    if not isinstance(entry.get("reason"), str) or not entry["reason"].strip():
        raise ConfigError(f"{place}: the suppression of {', '.join(rules)} must give a reason")
    texts = {key: entry[key] for key in ("path", "kind", "namespace", "name", "address") if key in entry}
    for key, text in texts.items():
        if not isinstance(text, str) or not text:
            raise ConfigError(f"{place}: {key} must be a text, found {text!r}")
    return FileSuppression(rules, entry["reason"].strip(), place, until=_date(place, entry.get("until")), **texts)


def _date(place: Place, value: object) -> datetime.date | None:
    if value is None or (isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise ConfigError(f"{place}: until must be a date (YYYY-MM-DD), found {value!r}") from None
