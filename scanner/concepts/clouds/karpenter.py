"""Karpenter objects to concepts. Labels: https://karpenter.sh/docs/reference/instance-types/ and, for EKS Auto Mode,
https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, common, taints
from scanner.concepts.model import AcceleratorPool, Concept
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.facts.accelerators import accelerator
from scanner.facts.instances import accelerated_family
from scanner.graph import ResourceGraph

PREFIXES = ("karpenter.k8s.aws/", "eks.amazonaws.com/")
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
ACCELERATED_CATEGORIES = frozenset(("g", "p", "gr", "inf", "trn", "dl"))
SPEC: Path = ("spec", "template", "spec")


def _karpenter_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    return node_pool(resource, resource.attributes) if "karpenter" in resource.api_version else None


def node_pool(resource: Resource, attributes: dict[str, Any]) -> AcceleratorPool | None:
    """The pool of a NodePool with these attributes; ``None`` if it does not ask for accelerators."""
    pool = AcceleratorPool(**common(resource), platform="karpenter")
    spec = get(attributes, *SPEC, default={})
    found = [_requirement(pool, item, number) for number, item in enumerate(_requirements(attributes))]
    if not any(found):
        return None
    labels = get(attributes, "spec", "template", "metadata", "labels", default={})
    known = {**_selected_labels(attributes), **labels} if isinstance(labels, dict) else {}
    pool.node_labels = labels if is_unknown(labels) else known  # type: ignore[assignment]
    limits = get(attributes, "spec", "limits")
    pool.has_limits = limits if is_unknown(limits) else isinstance(limits, dict) and bool(limits)  # type: ignore[assignment]
    pool.limit_accelerators = whole(get(limits, "nvidia.com/gpu")) if isinstance(limits, dict) else None
    pool.taints = taints(get(spec, "taints", default=[]), (*SPEC, "taints"))
    pool.consolidation = get(
        attributes, "spec", "disruption", "consolidationPolicy", default="WhenEmptyOrUnderutilized"
    )
    pool.sources |= {
        "has_limits": ("spec", "limits"),
        "taints": (*SPEC, "taints"),
        "consolidation": ("spec", "disruption", "consolidationPolicy"),
    }
    return pool


def _requirements(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    items = get(attributes, *SPEC, "requirements", default=[])
    return [item if isinstance(item, dict) else {} for item in items] if isinstance(items, list) else []


def _values(requirement: dict[str, Any]) -> list[str]:
    values = requirement.get("values")
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _requirement(pool: AcceleratorPool, requirement: dict[str, Any], number: int) -> bool:
    """Whether the requirement asks for accelerators; the pool learns what it says of machines."""
    key, values, chosen = str(requirement.get("key")), _values(requirement), requirement.get("operator") == "In"
    at = (*SPEC, "requirements", number)
    name = next((key.removeprefix(prefix) for prefix in PREFIXES if key.startswith(prefix)), "")
    if key == "karpenter.sh/capacity-type":
        pool.spot = None if chosen and "spot" in values and len(values) > 1 else chosen and values == ["spot"]
        pool.market = "spot or on-demand" if pool.spot is None else ""
        pool.reserved = chosen and values == ["reserved"]
        pool.sources["spot"] = at
        return False
    if key == INSTANCE_TYPE and chosen and any(accelerated_family("aws", value) for value in values):
        pool.instance_types = values
    elif name == "instance-family" and chosen and any(accelerated_family("aws", f"{value}.x") for value in values):
        pool.instance_families = values
    elif name == "instance-category" and chosen and values and ACCELERATED_CATEGORIES.issuperset(values):
        pool.sources.setdefault("instance_types", at)
        return True
    elif name in ("instance-gpu-name", "instance-accelerator-name") and chosen:
        models = [accelerator(f"nvidia-{value}") or accelerator(value) for value in values]
        pool.accelerators = sorted(model.name for model in models if model is not None)
    elif not (name.startswith(("instance-gpu", "instance-accelerator")) and _present(requirement)):
        return False
    pool.sources["instance_types"] = at
    return True


def _present(requirement: dict[str, Any]) -> bool:
    return requirement.get("operator") in ("In", "Gt", "Exists")


def _selected_labels(attributes: dict[str, Any]) -> dict[str, Any]:
    """Labels that the requirements give to every node: one value, or one of several."""
    return {str(item.get("key")): _values(item) for item in _requirements(attributes) if item.get("operator") == "In"}


def creates_anything(resource: Resource) -> Unknown | None:
    """Why a NodePool may create machines with accelerators although it does not ask for them."""
    keys = {str(item.get("key")) for item in _requirements(resource.attributes)}
    names = {key.removeprefix(prefix) for key in keys for prefix in PREFIXES}
    if INSTANCE_TYPE in keys or names & {"instance-family", "instance-category", "instance-gpu-name"}:
        return None
    return Unknown(f"{resource.address} creates machines of any type", resource.address)


READERS: dict[str, Reader] = {"NodePool": _karpenter_pool}
