"""Strategic merge patches and JSON patches on plain data.

Merge keys: https://kubernetes.io/docs/reference/generated/kubernetes-api/ ("patch merge key" of each field).
"""

from __future__ import annotations

import copy
from typing import Any

from scanner.core import Path

MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "secrets": ("name",),
    "resourceClaims": ("name",),
    "ownerReferences": ("uid",),
}
"""Fields of built-in kinds whose lists merge item by item, and the field that tells the items apart."""
BUILT_IN_GROUPS = frozenset(
    ("", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io",
     "scheduling.k8s.io", "node.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "resource.k8s.io", "extensions")
)  # fmt: skip


class PatchError(Exception):
    """A patch that does not fit what it is applied to."""


def merge_key(field: str, items: list[Any]) -> str | None:
    """The field that tells the items of a merging list apart; ``None`` for lists that are replaced."""
    for key in MERGE_KEYS.get(field, ()):
        if items and all(isinstance(item, dict) and (key in item or "$patch" in item) for item in items):
            return key
    return None


def strategic_merge(target: Any, patch: Any, *, built_in: bool, field: str = "") -> Any:
    """``target`` with a patch merged in; custom resources merge as RFC 7386 says. Neither argument is changed."""
    if isinstance(patch, dict):
        return _merge_mapping(target if isinstance(target, dict) else {}, patch, built_in)
    if isinstance(patch, list) and built_in:
        key = merge_key(field, patch)
        if key is not None and isinstance(target, list):
            return _merge_items(target, patch, key)
    return copy.deepcopy(patch)


def _merge_mapping(target: dict[str, Any], patch: dict[str, Any], built_in: bool) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    result = dict(target)
    for key, value in patch.items():
        if key.startswith(("$setElementOrder", "$retainKeys", "$patch", "$deleteFromPrimitiveList")):
            continue
        if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(key, None)
        else:
            result[key] = strategic_merge(target.get(key), value, built_in=built_in, field=key)
    return result


def _merge_items(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    result = list(target)
    new: list[Any] = []
    for item in patch:
        if item.get("$patch") == "replace" and key not in item:
            result = []
            continue
        place = next(
            (n for n, old in enumerate(result) if isinstance(old, dict) and old.get(key) == item.get(key)), None
        )
        if item.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            new.append(copy.deepcopy(item))
        else:
            result[place] = strategic_merge(result[place], item, built_in=True)
    return [*new, *result]


def json_patch(target: Any, operations: Any) -> Any:
    """``target`` after an RFC 6902 patch. Raises ``PatchError``."""
    result = copy.deepcopy(target)
    for operation in operations if isinstance(operations, list) else ():
        if not isinstance(operation, dict):
            raise PatchError("an operation is not a mapping")
        name, value = operation.get("op"), operation.get("value")
        steps = pointer(str(operation.get("path", "")))
        if name in ("move", "copy"):
            source = pointer(str(operation.get("from", "")))
            value = copy.deepcopy(_at(result, source))
            if name == "move":
                _change(result, source, "remove", None)
            name = "add"
        if name == "test":
            if _at(result, steps) != value:
                raise PatchError(f"the test of {operation.get('path')} does not hold")
        elif name in ("add", "replace", "remove"):
            if not steps:
                result = value
            else:
                _change(result, steps, name, value)
        else:
            raise PatchError(f"unknown operation {name!r}")
    return result


def pointer(text: str) -> list[str]:
    """The steps of an RFC 6901 pointer."""
    if text in ("", "/"):
        return []
    return [step.replace("~1", "/").replace("~0", "~") for step in text.removeprefix("/").split("/")]


def _at(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise PatchError(f"there is nothing at {'/'.join(steps)}")
    return value


def _change(root: Any, steps: list[str], name: str, value: Any) -> None:
    parent = _at(root, steps[:-1])
    last = steps[-1]
    if isinstance(parent, dict):
        # RFC 6902 wants what is replaced to be there; kustomize 5.5 (as in kubectl 1.32) adds it
        if name == "remove":
            if last not in parent:
                raise PatchError(f"there is nothing at {'/'.join(steps)}")
            del parent[last]
        else:
            parent[last] = copy.deepcopy(value)
    elif isinstance(parent, list) and (last == "-" or last.isdecimal()):
        at = len(parent) if last == "-" else int(last)
        if at > len(parent) or (name != "add" and at >= len(parent)):
            raise PatchError(f"there is nothing at {'/'.join(steps)}")
        if name == "add":
            parent.insert(at, copy.deepcopy(value))
        elif name == "replace":
            parent[at] = copy.deepcopy(value)
        else:
            del parent[at]
    else:
        raise PatchError(f"there is nothing at {'/'.join(steps)}")


def same_place(final: Any, path: Path, other: Any) -> Path | None:
    """Where in ``other`` the value stands that is at ``path`` in ``final``; list items are told apart by merge key.

    ``None`` if ``other`` does not hold it.
    """
    result: list[str | int] = []
    field = ""
    for step in path:
        if isinstance(step, str):
            if not isinstance(other, dict) or step not in other:
                return None
            final = final.get(step) if isinstance(final, dict) else None
            other, field = other[step], step
            result.append(step)
            continue
        item = final[step] if isinstance(final, list) and 0 <= step < len(final) else None
        found = _same_item(item, other, field, step)
        if found is None:
            return None
        final, other = item, other[found]
        result.append(found)
    return tuple(result)


def _same_item(item: Any, items: Any, field: str, step: int) -> int | None:
    if not isinstance(items, list):
        return None
    key = merge_key(field, items)
    if key is None or not isinstance(item, dict):
        return step if step < len(items) else None
    return next((n for n, other in enumerate(items) if other.get(key) == item.get(key)), None)
