"""What the readers of every cloud share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scanner.concepts.model import AcceleratorPool, Concept, Taint
from scanner.concepts.pods import production
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, is_unknown
from scanner.facts.instances import AcceleratedFamily, accelerated_family
from scanner.graph import ResourceGraph

Reader = Callable[[Resource, ResourceGraph], "Concept | list[Concept] | None"]
"""Reads the concepts of one resource; the graph already has its reference and selector edges."""
ANYWHERE = frozenset(("0.0.0.0/0", "::/0"))
TAINT_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def common(resource: Resource) -> dict[str, Any]:
    """The fields that every concept of a cloud resource has."""
    return {
        "resource": resource,
        "kind": resource.type,
        "name": resource.name,
        "address": resource.address,
        "production": production(resource),
    }


def families_of(cloud: str, machine_types: Any) -> Any:
    """The accelerated families among machine types; unknown if any is unknown and none is accelerated."""
    if is_unknown(machine_types):
        return machine_types
    names = machine_types if isinstance(machine_types, list) else [machine_types]
    found = [family for name in names if isinstance(name, str) and (family := accelerated_family(cloud, name))]
    unknown = next((name for name in names if is_unknown(name)), None)
    return unknown if unknown is not None and not found else found


def machine_pool(resource: Resource, platform: str, cloud: str, machine_types: Any, at: Path) -> AcceleratorPool | None:
    """The pool of machines of these types; ``None`` if none of them has an accelerator."""
    found = families_of(cloud, machine_types)
    if not isinstance(found, Unknown) and not found:
        return None
    pool = AcceleratorPool(**common(resource), platform=platform)
    pool.sources["instance_types"] = at
    if isinstance(found, Unknown):
        pool.doubt = found
        pool.instance_types = found  # type: ignore[assignment]
        pool.accelerator = found  # type: ignore[assignment]
        return pool
    first: AcceleratedFamily = found[0]
    pool.instance_types = machine_types if isinstance(machine_types, list) else [machine_types]
    pool.accelerators = sorted({family.accelerator for family in found})
    pool.accelerator = first.accelerator if len(pool.accelerators) == 1 else None
    pool.vendor = first.vendor
    return pool


def taints(blocks: Any, at: Path) -> Any:
    """Taints from blocks with key, value and effect; unknown if their number is."""
    if is_unknown(blocks):
        return blocks
    items = blocks if isinstance(blocks, list) else []
    return [
        Taint(
            at=(*at, number),
            key=item.get("key", ""),
            value=item.get("value"),
            effect=_effect(item.get("effect")),
        )
        for number, item in enumerate(items)
        if isinstance(item, dict)
    ]


def _effect(value: Any) -> Any:
    return TAINT_EFFECTS.get(value, value) if isinstance(value, str) else value


def equals(value: Any, wanted: str) -> Any:
    """Whether a value equals a word; unknown if it is unknown."""
    return value if is_unknown(value) else value == wanted


def scaling(pool: AcceleratorPool, sizes: Any, at: Path) -> None:
    """Fill in the sizes of a pool from a mapping with ``min_size``, ``max_size`` and ``desired_size``."""
    for field in ("min_size", "max_size", "desired_size"):
        value = sizes if is_unknown(sizes) else sizes.get(field) if isinstance(sizes, dict) else None
        setattr(pool, field, value if is_unknown(value) else whole(value))
        pool.sources[field] = (*at, field)
