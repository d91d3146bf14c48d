"""``azapi_resource`` as the resource of the azurerm provider that it stands for, so that rules know both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from scanner.core import Path, Resource, get, is_unknown
from scanner.facts.azapi import Source, Steps, Twin, twins
from scanner.frontends.embedded import EmbeddedLocator

TYPE = "azapi_resource"
OUTER = ("name", "location", "tags")
"""Attributes that stand beside the body."""


def azurerm_twins(resources: Iterable[Resource]) -> list[Resource]:
    """What each ``azapi_resource`` whose type is in facts stands for; its parent is the one that it was read from."""
    found = ((resource, _chosen(resource)) for resource in resources if resource.type == TYPE)
    return [_twin(resource, twin) for resource, twin in found if twin is not None]


def _chosen(resource: Resource) -> Twin | None:
    kind = resource.attributes.get("type")
    values = _values(resource)
    for twin in twins(kind) if isinstance(kind, str) else ():
        decided = {path: get(values, *path) for path in twin.when}
        if all(decided[path] in words for path, words in twin.when.items() if not is_unknown(decided[path])):
            return twin
    return None


def _values(resource: Resource) -> dict[str, Any]:
    return {**resource.attributes, "body": body(resource.attributes.get("body"))}


def body(value: Any) -> Any:
    """The body of an ``azapi_resource``: an object, or the text of one in version 1 of the provider."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return {}


def _twin(resource: Resource, twin: Twin) -> Resource:
    paths: dict[Path, Path] = {}
    values = _values(resource)
    attributes = {name: values[name] for name in OUTER if values.get(name) is not None}
    paths.update({(name,): (name,) for name in attributes})
    _fill(attributes, values, twin.fields, (), (), paths)
    return Resource(
        address=resource.address,
        type=twin.type,
        name=resource.name,
        provider="azurerm",
        attributes=attributes,
        span=resource.span,
        locator=EmbeddedLocator(resource, paths),
        origin=resource.origin,
        unit=resource.unit,
        module_path=resource.module_path,
        instance_key=resource.instance_key,
        references=resource.references,
        parent=resource,
    )


def _fill(
    target: dict[str, Any],
    values: Any,
    fields: Mapping[Steps, Source],
    at: Path,
    origin: Path,
    paths: dict[Path, Path],
) -> None:
    """Set the fields that ``values`` has; ``paths`` learns where each comes from."""
    for place, source in fields.items():
        value = get(values, *source.path)
        if value is None:
            continue
        where = (*origin, *source.path)
        if source.fields and isinstance(value, list):
            value = _blocks(value, source.fields, (*at, *place), where, paths)
        elif source.values is not None and not is_unknown(value):
            value = source.values.get(value) if isinstance(value, str | bool) else None
        _put(target, place, value)
        paths.update({(*at, *place[: number + 1]): where for number in range(len(place))})


def _blocks(
    items: list[Any], fields: Mapping[Steps, Source], at: Path, origin: Path, paths: dict[Path, Path]
) -> list[Any]:
    blocks: list[Any] = []
    for number, item in enumerate(items):
        block: dict[str, Any] = {}
        paths[(*at, number)] = (*origin, number)
        _fill(block, item, fields, (*at, number), (*origin, number), paths)
        blocks.append(item if is_unknown(item) else block)
    return blocks


def _put(target: dict[str, Any], place: Steps, value: Any) -> None:
    """Set the value at a path such as ``("sku", 0, "name")``; a number stands for the only block of its kind."""
    for name in place[:-1]:
        if isinstance(name, str):
            target = target.setdefault(name, [{}])[0]
    target[str(place[-1])] = value
