"""Resources that go by another name: ``azapi_resource`` and calls of public modules, as what they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.facts.twins import Source, Steps, Twin, azapi_twins, module_twins
from scanner.frontends.embedded import EmbeddedLocator

AZAPI = "azapi_resource"
MODULE = "module"
TYPES = (AZAPI, MODULE)
BESIDE_THE_BODY = ("name", "location", "tags")
EACH = "each"


def twins(resources: Iterable[Resource]) -> list[Resource]:
    """What each of ``TYPES`` stands for, as far as facts know; the parent is the one that it was read from."""
    found: list[Resource] = []
    for resource in resources:
        if resource.type == AZAPI:
            found.extend(_of_azapi(resource))
        elif resource.type == MODULE:
            found.extend(_of_module(resource))
    return found


def _of_azapi(resource: Resource) -> Iterator[Resource]:
    values = {**resource.attributes, "body": _body(resource.attributes.get("body"))}
    kind = values.get("type")
    for twin in azapi_twins(kind) if isinstance(kind, str) else ():
        if _applies(twin, values):
            beside: dict[Steps, Source] = {(name,): Source((name,)) for name in BESIDE_THE_BODY}
            yield _twin(resource, twin, values, {**beside, **twin.fields}, {})
            return


def _applies(twin: Twin, values: Any) -> bool:
    decided = {path: get(values, *path) for path in twin.when}
    return all(decided[path] in words for path, words in twin.when.items() if not is_unknown(decided[path]))


def _body(value: Any) -> Any:
    """The body of an ``azapi_resource``: an object, or the text of one in version 1 of the provider."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return {}


def _of_module(resource: Resource) -> Iterator[Resource]:
    source = resource.attributes.get("source")
    for twin in module_twins(source) if isinstance(source, str) else ():
        if not _applies(twin, resource.attributes):
            continue
        if not twin.each:
            yield _twin(resource, twin, resource.attributes, twin.fields, {})
            continue
        items = get(resource.attributes, *twin.each)
        keyed = items.items() if isinstance(items, dict) else enumerate(items) if isinstance(items, list) else ()
        for key, item in keyed:
            values = {**resource.attributes, EACH: item}
            yield _twin(resource, twin, values, twin.fields, {(EACH,): (*twin.each, key)})


def _twin(
    resource: Resource, twin: Twin, values: Any, fields: Mapping[Steps, Source], moved: Mapping[Path, Path]
) -> Resource:
    """``moved`` says where values come from that stand elsewhere than their path says."""
    paths: dict[Path, Path] = {}
    attributes: dict[str, Any] = {}
    for place, default in twin.defaults.items():
        _put(attributes, place, default)
    for name in twin.unsaid:
        attributes[name] = Unknown(f"the default of {name} depends on the version of the module", resource.address)
    _fill(attributes, values, fields, (), (), paths)
    for place, origin in paths.items():
        start = moved.get(origin[:1])
        paths[place] = origin if start is None else (*start, *origin[1:])
    return Resource(
        address=resource.address,
        type=twin.type,
        name=resource.name,
        provider=twin.type.partition("_")[0],
        attributes=attributes,
        span=resource.span,
        locator=EmbeddedLocator(resource, paths, moved.get((EACH,), ())),
        origin=resource.origin,
        unit=resource.unit,
        module_path=resource.module_path,
        instance_key=resource.instance_key,
        references=(*resource.references, ((), _plain(resource))) if resource.type == MODULE else resource.references,
        parent=resource,
    )


def _plain(resource: Resource) -> str:
    """The address without the key of its instance: what one module creates belongs together."""
    return resource.address if resource.instance_key is None else resource.address[: resource.address.rindex("[")]


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
        # an empty list or map makes no block
        if value is None or value == [] or value == {}:
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
