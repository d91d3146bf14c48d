"""Azure Resource Manager types in the words of azurerm and Azure ML: typed access to azapi.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath
from typing import Any

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """Where a field comes from; with ``fields`` the value is a list, each item of which makes a block."""

    path: Steps
    values: Mapping[Any, Any] | None = None
    fields: Mapping[Steps, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Twin:
    """A type, the words that decide for it, and its attributes with their sources."""

    type: str
    when: Mapping[Steps, tuple[str, ...]]
    fields: Mapping[Steps, Source]


def twins(resource_type: str) -> tuple[Twin, ...]:
    """What a type such as ``Microsoft.Search/searchServices@2023-11-01`` may be; empty if not in facts."""
    return _table().get(resource_type.partition("@")[0].lower(), ())


@cache
def _table() -> dict[str, tuple[Twin, ...]]:
    from ruamel.yaml import YAML

    data = YAML(typ="safe").load((FilePath(__file__).parent / "azapi.yaml").read_text("utf-8"))
    return {name: tuple(_twin(item) for item in items) for name, items in data.items()}


def _twin(item: dict[str, Any]) -> Twin:
    when = {_steps(path): tuple(words) for path, words in item.get("when", {}).items()}
    return Twin(item["type"], when, _fields(item["fields"]))


def _fields(data: dict[str, Any]) -> dict[Steps, Source]:
    return {_steps(name): _source(source) for name, source in data.items()}


def _source(data: Any) -> Source:
    if isinstance(data, str):
        return Source(_steps(data))
    if "each" in data:
        return Source(_steps(data["each"]), fields=_fields(data["fields"]))
    return Source(_steps(data["path"]), data["values"])


def _steps(text: str) -> Steps:
    return tuple(int(step) if step.isdigit() else step for step in text.split("."))
