"""What the readers of every cloud share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from scanner.concepts.model import AcceleratorPool, Concept, EnvironmentVariable, Taint
from scanner.concepts.pods import STAGE_LABELS, production
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.facts.instances import AcceleratedFamily, accelerated_family
from scanner.graph import ResourceGraph

Reader = Callable[[Resource, ResourceGraph], "Concept | list[Concept] | None"]
"""Reads the concepts of one resource; the graph already has its reference and selector edges."""
ANYWHERE = frozenset(("0.0.0.0/0", "::/0"))
PURPOSES = (
    (
        "models",
        re.compile(r"model|weights|mlflow|zenml|kubeflow|huggingface|vertex|azureml|kserve|vllm|triton", re.IGNORECASE),
    ),
    ("checkpoints", re.compile(r"checkpoint|ckpt", re.IGNORECASE)),
    ("training data", re.compile(r"(^|[-_])train|dataset|feature.?store|embedding|corpus", re.IGNORECASE)),
)
PACKAGES = lazy_pattern(r"(^|[-_. /])(wheels?|pip|pypi)([-_. /]|$)", re.IGNORECASE)
"""Names of stores for Python packages, which carry the name of a project and hold no models."""
EXAMPLES = frozenset(("example", "examples", "samples"))
"""Folders whose root modules show how something is used."""
TAINT_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def common(resource: Resource) -> dict[str, Any]:
    """The fields that every concept of a cloud resource has."""
    return {
        "resource": resource,
        "kind": resource.type,
        "name": resource.name,
        "address": resource.address,
        "production": _stage(resource),
    }


def _stage(resource: Resource) -> bool | None:
    """Whether a resource is for production; what lies below a folder of examples is not."""
    found = production(resource, *_names(resource))
    return False if found is None and EXAMPLES & set(resource.unit.split("/")) else found


def _names(resource: Resource) -> list[str]:
    """What the cloud calls the resource, and the stage that its labels or tags give."""
    attributes = resource.attributes
    found = [attributes.get(name) for name in ("name", "display_name")]
    for name in ("labels", "tags"):
        labels = attributes.get(name)
        found += (
            [value for key, value in labels.items() if str(key).lower() in STAGE_LABELS]
            if isinstance(labels, dict)
            else []
        )
    return [text for text in found if isinstance(text, str)]


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


def given(value: Any) -> Any:
    """Whether a block or value is there; unknown if that is unknown."""
    return value if is_unknown(value) else bool(value)


def negated(value: Any) -> Any:
    """Whether a switch is not on; unknown if it is unknown."""
    return value if is_unknown(value) else value is not True


def either(*values: Any) -> Any:
    """Whether any switch is on; unknown if none is and one is unknown."""
    if any(value is True for value in values):
        return True
    return next((value for value in values if is_unknown(value)), False)


def differs(value: Any, *words: Any) -> Any:
    """Whether a value is there and none of the words; ``None`` if it is absent, unknown if it is unknown."""
    return value if is_unknown(value) or value is None else value not in words


def referred(resource: Resource, *path: str | int) -> str | None:
    """The address that the attribute at ``path`` first refers to; what is unknown may still be known to be ours."""
    return next((target for place, target in resource.references if place[: len(path)] == path), None)


def scaling(pool: AcceleratorPool, sizes: Any, at: Path) -> None:
    """Fill in the sizes of a pool from a mapping with ``min_size``, ``max_size`` and ``desired_size``."""
    for field in ("min_size", "max_size", "desired_size"):
        value = sizes if is_unknown(sizes) else sizes.get(field) if isinstance(sizes, dict) else None
        setattr(pool, field, value if is_unknown(value) else whole(value))
        pool.sources[field] = (*at, field)


def ai_purpose(resource: Resource, *fields: str) -> str | None:
    """What a store holds for AI, as its name and the given attributes (text or maps of labels) say."""
    texts: list[Any] = [resource.name]
    for field in fields:
        value = resource.attributes.get(field)
        texts += list(value.values()) if isinstance(value, dict) else [value]
    line = " ".join(text for text in texts if isinstance(text, str))
    if PACKAGES.search(line):
        return None
    return next((purpose for purpose, pattern in PURPOSES if pattern.search(line)), None)


def port_range(text: Any, protocol: str) -> dict[str, Any]:
    """A range such as ``8000-8010``, ``443`` or ``*``."""
    if is_unknown(text):
        return {"from": text, "to": text, "protocol": protocol}
    first, _, last = str(text).partition("-")
    if not first.isdecimal():
        return {"from": 0, "to": 65535, "protocol": protocol}
    return {"from": int(first), "to": int(last) if last.isdecimal() else int(first), "protocol": protocol}


def environment(blocks: Any, at: Path, references: tuple[str, ...]) -> list[EnvironmentVariable]:
    """Variables from blocks with name and value; ``references`` are the keys that hold a reference instead."""
    return [
        EnvironmentVariable(
            at=(*at, number),
            sources={"value": (*at, number, "value")},
            name=item.get("name", ""),
            value=item.get("value"),
            from_reference=any(item.get(key) is not None for key in references),
        )
        for number, item in enumerate(blocks if isinstance(blocks, list) else ())
        if isinstance(item, dict)
    ]


def traffic_total(traffic: Any) -> Any:
    """The sum of a split of traffic over deployments; ``None`` if there is none, unknown if a part of it is."""
    if not isinstance(traffic, dict) or not traffic:
        return traffic if is_unknown(traffic) else None
    shares = [share if is_unknown(share) else whole(share) for share in traffic.values()]
    unknown = next((share for share in shares if is_unknown(share)), None)
    return sum(share or 0 for share in shares) if unknown is None else unknown


def one_deployment(traffic: Any, mirror: Any) -> Any:
    """Whether one deployment gets all traffic and no other a copy; ``None`` if no split is given."""
    if is_unknown(traffic) or is_unknown(mirror) or not isinstance(traffic, dict) or not traffic:
        return next((value for value in (traffic, mirror) if is_unknown(value)), None)
    return len(traffic) == 1 and not mirror
