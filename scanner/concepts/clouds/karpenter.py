"""Karpenter objects to concepts."""

from __future__ import annotations

from scanner.concepts.clouds.common import Reader, common, taints
from scanner.concepts.model import AcceleratorPool, Concept
from scanner.core import Resource, get, is_unknown
from scanner.facts.instances import accelerated_family
from scanner.graph import ResourceGraph


def _karpenter_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    if "karpenter" not in resource.api_version:
        return None
    spec = get(resource.attributes, "spec", "template", "spec", default={})
    requirements = get(spec, "requirements", default=[])
    accelerated = False
    pool = AcceleratorPool(**common(resource), platform="karpenter")
    for number, requirement in enumerate(requirements if isinstance(requirements, list) else ()):
        if not isinstance(requirement, dict):
            continue
        key, values = str(requirement.get("key")), requirement.get("values")
        texts = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
        at = ("spec", "template", "spec", "requirements", number)
        names = texts if key == "node.kubernetes.io/instance-type" else [f"{text}.x" for text in texts] \
            if key in ("karpenter.k8s.aws/instance-family", "eks.amazonaws.com/instance-family") else []  # fmt: skip
        if requirement.get("operator") == "In" and any(accelerated_family("aws", name) for name in names):
            accelerated = True
            pool.sources["instance_types"] = at
            pool.instance_types = names
        if "instance-gpu" in key or "instance-accelerator" in key:
            accelerated = requirement.get("operator") in ("In", "Gt", "Exists") or accelerated
        if key == "karpenter.sh/capacity-type":
            pool.spot = "spot" in texts
    limits = get(resource.attributes, "spec", "limits")
    pool.has_limits = limits if is_unknown(limits) else isinstance(limits, dict) and bool(limits)  # type: ignore[assignment]
    pool.taints = taints(get(spec, "taints", default=[]), ("spec", "template", "spec", "taints"))
    pool.consolidation = get(
        resource.attributes, "spec", "disruption", "consolidationPolicy", default="WhenEmptyOrUnderutilized"
    )
    pool.sources |= {"has_limits": ("spec", "limits"), "taints": ("spec", "template", "spec", "taints")}
    return pool if accelerated else None


READERS: dict[str, Reader] = {"NodePool": _karpenter_pool}
