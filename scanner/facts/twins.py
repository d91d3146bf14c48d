"""Resources that go by another name: typed access to azapi.yaml and public_modules.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct, field

from scanner.facts.tables import document

Steps = tuple[str | int, ...]
PUBLISHERS = ("terraform-google", "Azure/", "terraform-azurerm", "bedrock")
"""Of which every source in public_modules.yaml has one: a repository that calls none of them need not read the file."""


class Source(Struct, frozen=True):
    """Where a field comes from; with ``fields`` the value is a list, each item of which makes a block."""

    path: Steps
    values: Mapping[Any, Any] | None = None
    fields: Mapping[Steps, Source] = field(default_factory=dict)


class Twin(Struct, frozen=True):
    """A type, the words that decide for it, and its attributes with their sources.

    With ``each`` there is one for each item at that path. ``defaults`` hold where the source says nothing; attributes
    in ``unsaid`` are unknown then.
    """

    type: str
    when: Mapping[Steps, tuple[Any, ...]]
    fields: Mapping[Steps, Source]
    each: Steps = ()
    defaults: Mapping[Steps, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()


def azapi_twins(resource_type: str) -> tuple[Twin, ...]:
    """What a type such as ``Microsoft.Search/searchServices@2023-11-01`` may be; empty if not in facts."""
    return _azapi().get(resource_type.partition("@")[0].lower(), ())


def module_twins(source: str) -> tuple[Twin, ...]:
    """What a call of the public module with this source creates; empty if not in facts."""
    if not any(name in source for name in PUBLISHERS):
        return ()
    return tuple(twin for pattern, twin in _modules() if pattern.search(source))


@cache
def _azapi() -> dict[str, tuple[Twin, ...]]:
    return {name: tuple(_twin(item) for item in items) for name, items in document("azapi").items()}


@cache
def _modules() -> list[tuple[re.Pattern[str], Twin]]:
    return [(re.compile(item["source"]), _twin(item)) for item in document("public_modules")]


def _twin(item: dict[str, Any]) -> Twin:
    return Twin(
        type=item["type"],
        when={_steps(path): tuple(words) for path, words in item.get("when", {}).items()},
        fields=_fields(item["fields"]),
        each=_steps(item["each"]) if "each" in item else (),
        defaults={_steps(path): value for path, value in item.get("defaults", {}).items()},
        unsaid=tuple(item.get("unsaid", ())),
    )


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
