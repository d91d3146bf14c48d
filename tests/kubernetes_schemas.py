"""Fields of Kubernetes kinds as trees: field to tree, ``""`` where any content is the user's own.

``*`` holds what every key of a mapping has, and ``<`` names a core definition that a tree extends. Lists are left
out of paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate

SCHEMAS = Path(__file__).parent / "schemas"
CORE = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.37.0-local"
POD_SPEC, CONTAINER = "io.k8s.api.core.v1.PodSpec", "io.k8s.api.core.v1.Container"
ALWAYS = ("apiVersion", "kind", "metadata", "status")


@cache
def definitions() -> dict[str, Any]:
    """The core API's definitions, by full name."""
    found: dict[str, Any] = json.loads((CORE / "_definitions.json").read_text())
    definitions: dict[str, Any] = found.get("definitions") or found["$defs"]
    return definitions


@cache
def custom() -> dict[str, Any]:
    """The trees of custom resources, by ``group/Kind``."""
    found: dict[str, Any] = json.loads((SCHEMAS / "kubernetes.json").read_text())
    return found


@cache
def core_kinds() -> dict[str, list[str]]:
    """The full names of definitions that are whole objects, by ``group/Kind``; every version counts."""
    found: dict[str, list[str]] = {}
    for name, definition in definitions().items():
        for entry in definition.get("x-kubernetes-group-version-kind", ()):
            found.setdefault(f"{entry.get('group', '')}/{entry['kind']}", []).append(name)
    return found


def known(group: str, kind: str) -> bool:
    """Whether there is a schema for the kind."""
    return f"{group}/{kind}" in custom() or f"{group}/{kind}" in core_kinds()


def groups_of(kind: str) -> list[str]:
    """The groups that have a kind of this name."""
    return [name.rpartition("/")[0] for name in (*custom(), *core_kinds()) if name.rpartition("/")[2] == kind]


def has(group: str, kind: str, path: tuple[str, ...]) -> bool:
    """Whether objects of the kind have a field at ``path``."""
    if path[:1] and path[0] in ALWAYS:
        return True
    name = f"{group}/{kind}"
    if name in custom():
        return _in_tree(custom()[name], path)
    return any(_in_definition(definition, path) for definition in core_kinds().get(name, ()))


def in_pod_spec(path: tuple[str, ...]) -> bool:
    """Whether a pod spec has a field at ``path``."""
    return _in_definition(POD_SPEC, path)


def _in_tree(tree: Any, path: tuple[str, ...]) -> bool:
    if not path or tree == "":
        return True
    if path[0] in tree:
        return _in_tree(tree[path[0]], path[1:])
    if "*" in tree:
        return _in_tree(tree["*"], path[1:])
    return "<" in tree and _in_definition(tree["<"], path)


def _in_definition(name: str, path: tuple[str, ...]) -> bool:
    return _in_schema(definitions()[name], path)


def _in_schema(schema: dict[str, Any], path: tuple[str, ...]) -> bool:
    reference = schema.get("$ref") or next((item["$ref"] for item in schema.get("allOf", ()) if "$ref" in item), None)
    if reference is not None:
        return _in_definition(reference.rpartition("/")[2], path)
    if not path:
        return True
    if "items" in schema:
        return _in_schema(schema["items"], path)
    fields = schema.get("properties", {})
    if path[0] in fields:
        return _in_schema(fields[path[0]], path[1:])
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return _in_schema(extra, path[1:])
    return not fields and "object" in (schema.get("type") or "object")


def field_paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of mapping keys in an object."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, str(key))
            yield from field_paths(item, (*path, str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from field_paths(item, path)
