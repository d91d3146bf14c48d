"""Terraform plans (``terraform show -json``): what will be there after apply, unknowns included.

Format: https://developer.hashicorp.com/terraform/internals/json-format. Resources that the plan deletes are
not in ``planned_values`` and so are left out.
"""

from __future__ import annotations

import json
import posixpath
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from scanner.core import (
    Diagnostic,
    Location,
    Locator,
    Parsed,
    Path,
    RelatedSpan,
    Resource,
    SourceFile,
    Span,
    Unknown,
    mapping,
    mappings,
)
from scanner.core.patterns import lazy_pattern

MAX_MODULE_DEPTH = 50
_KEY = lazy_pattern(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")
_ADDRESS = lazy_pattern(r'"address": ?("(?:[^"\\]|\\.)*")')
_LINE_END = lazy_pattern("\n")
_PROVIDER = lazy_pattern(r"([^/]+)$")


def read_plan(file: SourceFile) -> Parsed:
    """The resources of a plan as they will be after apply; a file that is no plan is a diagnostic."""
    span = Span(file.path, 1, 1, 1, 1)
    try:
        plan = json.loads(file.text)
    except (ValueError, RecursionError) as error:
        message = f"this plan is not valid JSON, so it is not checked: {error}"
        return Parsed(diagnostics=[Diagnostic("error", "plan-syntax", message, span)])
    if not isinstance(plan, dict) or not isinstance(plan.get("planned_values"), dict):
        message = "this plan has no planned_values object, so it is not checked"
        return Parsed(diagnostics=[Diagnostic("error", "plan-syntax", message, span)])
    unknown = _unknown_values(plan)
    references = dict(_references(mapping(mapping(plan.get("configuration")).get("root_module"))))
    prior = mapping(mapping(mapping(plan.get("prior_state")).get("values")).get("root_module"))
    unit = posixpath.dirname(file.path)
    places = _Places(file)
    result = Parsed()
    seen: set[str] = set()
    modules = [mapping(plan["planned_values"].get("root_module")), _data_only(prior)]
    for module in modules:
        for item in _resources(module, 0):
            address = str(item.get("address", ""))
            if address and address not in seen:
                seen.add(address)
                result.resources.append(_resource(item, address, unknown, references, unit, places))
    return result


def _resources(module: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    yield from mappings(module.get("resources"))
    if depth < MAX_MODULE_DEPTH:
        for child in mappings(module.get("child_modules")):
            yield from _resources(child, depth + 1)


def _data_only(module: Mapping[str, Any]) -> dict[str, Any]:
    """The data sources of the prior state: those that were read while planning are in no other place."""
    return {
        "resources": [item for item in mappings(module.get("resources")) if item.get("mode") == "data"],
        "child_modules": [_data_only(child) for child in mappings(module.get("child_modules"))],
    }


def _unknown_values(plan: Mapping[str, Any]) -> dict[str, Any]:
    """``after_unknown`` by address."""
    return {
        str(change.get("address")): mapping(change.get("change")).get("after_unknown")
        for change in mappings(plan.get("resource_changes"))
    }


def _references(module: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[Path, str]]]]:
    """(address without keys, references as (attribute path, address)) of every configured resource."""
    modules = dict(_modules(module, ""))
    for prefix, (configured, _) in modules.items():
        for item in mappings(configured.get("resources")):
            found = [
                (path, target)
                for path, name in _expression_references(item.get("expressions"), ())
                for target in dict.fromkeys(_targets(name, prefix, modules, 0))
            ]
            yield prefix + str(item.get("address", "")), found


Modules = Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
"""(configuration, arguments of the call) of every module by address prefix."""


def _modules(
    module: Mapping[str, Any], prefix: str, arguments: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, tuple[Mapping[str, Any], Mapping[str, Any]]]]:
    yield prefix, (module, arguments or {})
    if prefix.count("module.") < MAX_MODULE_DEPTH:
        for name, call in mapping(module.get("module_calls")).items():
            inner = mapping(mapping(call).get("module"))
            yield from _modules(inner, f"{prefix}module.{name}.", mapping(mapping(call).get("expressions")))


def _expression_references(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _expression_references(item, (*path, number))
    elif isinstance(value, dict):
        names = value.get("references")
        if isinstance(names, list):
            yield from ((path, str(name)) for name in names)
        else:
            for key, item in value.items():
                yield from _expression_references(item, (*path, key))


def _targets(reference: str, prefix: str, modules: Modules, hops: int) -> Iterator[str]:
    """The resources that a reference such as ``aws_x.y["k"].id`` leads to, through variables and outputs."""
    steps = _KEY.sub("", reference).split(".")
    if hops > MAX_MODULE_DEPTH or steps[0] in ("local", "each", "count", "path", "self", "terraform"):
        return
    if steps[0] == "var" and prefix:
        parent = prefix[: prefix.rstrip(".").rfind("module.")]
        for _, name in _expression_references(modules[prefix][1].get(steps[1]), ()):
            yield from _targets(name, parent, modules, hops + 1)
    elif steps[0] == "module" and len(steps) > 2:
        inner = f"{prefix}module.{steps[1]}."
        outputs = mapping(modules[inner][0].get("outputs")) if inner in modules else {}
        for _, name in _expression_references(mapping(outputs.get(steps[2])).get("expression"), ()):
            yield from _targets(name, inner, modules, hops + 1)
    elif steps[0] not in ("var", "module"):
        wanted = 3 if steps[0] == "data" else 2
        if len(steps) >= wanted:
            yield prefix + ".".join(steps[:wanted])


def _resource(
    item: Mapping[str, Any],
    address: str,
    unknown: Mapping[str, Any],
    references: Mapping[str, list[tuple[Path, str]]],
    unit: str,
    places: _Places,
) -> Resource:
    kind = str(item.get("type", ""))
    index = item.get("index")
    name = str(item.get("name", ""))
    provider = _PROVIDER.search(str(item.get("provider_name", "")))
    values = mapping(item.get("values"))
    attributes = _with_unknowns(values, unknown.get(address), address)
    if isinstance(attributes, Unknown):
        attributes = dict.fromkeys(values, attributes)
    module_path = _module_path(address, f".{kind}.{name}" if item.get("mode") != "data" else f".data.{kind}.{name}")
    return Resource(
        address=address,
        type=f"data.{kind}" if item.get("mode") == "data" else kind,
        name=name,
        provider=provider[1] if provider is not None else kind.partition("_")[0],
        attributes=attributes,
        span=Span(places.path, 1, 1, 1, 1),
        locator=PlanLocator(places, address),
        origin="plan",
        unit=unit,
        module_path=module_path,
        instance_key=index if "[" in address and type(index) in (str, int) else None,
        references=tuple(references.get(_KEY.sub("", address), ())),
    )


def _module_path(address: str, tail: str) -> tuple[str, ...]:
    head = address[: address.rfind(tail)] if tail in address else ""
    return tuple(f"module.{step}" for step in head.removeprefix("module.").split(".module.")) if head else ()


def _with_unknowns(values: Any, unknown: Any, address: str) -> Any:
    """Planned values with unknowns put in; nulls and empty blocks are left out, as in a source that omits them."""
    if unknown is True:
        return Unknown(f"{address} is known only after apply", address)
    if isinstance(values, dict) or (values is None and isinstance(unknown, dict) and unknown):
        known = mapping(values)
        unknowns = mapping(unknown)
        result = {}
        for key in dict.fromkeys([*known, *unknowns]):
            if unknowns.get(key) is False:
                unknowns = {**unknowns, key: None}
            value = _with_unknowns(known.get(key), unknowns.get(key), f"{address}.{key}")
            if value is not None and value != []:
                result[key] = value
        return result
    if isinstance(values, list) or (values is None and isinstance(unknown, list) and unknown):
        items = values if isinstance(values, list) else []
        unknowns_list = unknown if isinstance(unknown, list) else []
        size = max(len(items), len(unknowns_list))
        return [
            _with_unknowns(
                items[n] if n < len(items) else None, unknowns_list[n] if n < len(unknowns_list) else None, address
            )
            for n in range(size)
        ]
    return values


class _Places:
    """Where the addresses stand in a plan, looked up once for all of them."""

    def __init__(self, file: SourceFile) -> None:
        self.path = file.path
        self._text = file.text

    @cached_property
    def _found(self) -> dict[str, int]:
        """The offset of each address, the first where it is written in one way, as ``terraform show`` does."""
        found: dict[str, int] = {}
        for match in _ADDRESS.finditer(self._text):
            found.setdefault(match[1], match.start())
        return found

    @cached_property
    def _lines(self) -> array[int]:
        return array("L", [0, *(match.end() for match in _LINE_END.finditer(self._text))])

    def of(self, address: str) -> tuple[int, int]:
        """(line, column) of the first mention of an address; those of the file's beginning where there is none."""
        at = self._found.get(json.dumps(address))
        if at is None:
            return 1, 1
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1


class PlanLocator:
    """Places in a plan: the line of the resource's address, as far as the file has lines."""

    __slots__ = ("_address", "_places")

    def __init__(self, places: _Places, address: str) -> None:
        self._places = places
        self._address = address

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        line, column = self._places.of(self._address)
        return Location(Span(self._places.path, line, column, line, column + len(self._address) + 12))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self.locate(()).span


class SourceOfPlanLocator:
    """Places of a planned resource in the configuration that it was planned from."""

    __slots__ = ("_plan", "_source")

    def __init__(self, source: Locator, plan: Locator) -> None:
        self._source = source
        self._plan = plan

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        found = self._source.locate(path)
        planned = self._plan.locate(()).span
        return Location(found.span, (*found.related, RelatedSpan(planned, "planned here")))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._source.extent()


def join_sources(planned: list[Resource], written: list[Resource]) -> list[Resource]:
    """One list out of planned resources and those of the sources: where a plan belongs to a root module, it
    replaces that root's resources and is placed in its files.

    A plan belongs to the root in its own directory, else to the only root that declares all its addresses.
    """
    by_plan: dict[str, list[Resource]] = {}
    for resource in planned:
        by_plan.setdefault(resource.span.file, []).append(resource)
    roots: dict[str, dict[str, Resource]] = {}
    for resource in written:
        if resource.origin == "terraform":
            roots.setdefault(resource.unit, {}).setdefault(_KEY.sub("", resource.address), resource)
    replaced: set[str] = set()
    for resources in by_plan.values():
        unit = _root_of(resources, roots)
        if unit is not None:
            replaced.add(unit)
            _place(resources, roots[unit], unit)
    kept = [r for r in written if r.unit not in replaced or r.origin != "terraform" or _only_written(r)]
    return [*kept, *planned]


def _only_written(resource: Resource) -> bool:
    return resource.type == "module" or resource.type.startswith("provider.")


def _root_of(resources: list[Resource], roots: Mapping[str, Mapping[str, Resource]]) -> str | None:
    addresses = {_KEY.sub("", resource.address) for resource in resources if not resource.type.startswith("data.")}
    own = resources[0].unit
    if own in roots and addresses & roots[own].keys():
        return own
    fitting = [unit for unit, known in roots.items() if addresses and addresses <= known.keys()]
    return fitting[0] if len(fitting) == 1 else None


def _place(resources: Iterable[Resource], known: Mapping[str, Resource], unit: str) -> None:
    for resource in resources:
        source = known.get(_KEY.sub("", resource.address))
        resource.unit = unit
        if source is not None:
            resource.locator = SourceOfPlanLocator(source.locator, resource.locator)
