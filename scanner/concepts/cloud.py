"""Cloud resources to concepts: pools, buckets, endpoints, notebooks, network rules, budgets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from scanner.concepts.model import AcceleratorPool, Bucket, Concept, ModelEndpoint, NetworkBoundary, Notebook, Taint
from scanner.concepts.pods import production
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.facts.instances import AcceleratedFamily, accelerated_family
from scanner.graph import ResourceGraph

AZURE_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
ANYWHERE = frozenset(("0.0.0.0/0", "::/0"))
AI_PURPOSES = (
    ("models", re.compile(r"model|weights|mlflow|artifact|huggingface|registry|sagemaker|bedrock", re.IGNORECASE)),
    ("checkpoints", re.compile(r"checkpoint|ckpt", re.IGNORECASE)),
    ("training-data", re.compile(r"train|dataset|feature|embedding|corpus", re.IGNORECASE)),
)
SWITCHES = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def cloud_concepts(resource: Resource, graph: ResourceGraph) -> Iterable[Concept]:
    """The concepts of a cloud resource or a Karpenter object; empty for other types."""
    reader = _READERS.get(resource.type)
    if reader is None or (
        resource.api_version and resource.type == "NodePool" and "karpenter" not in resource.api_version
    ):
        return []
    found = reader(resource, graph)
    return [found] if isinstance(found, Concept) else found or []


def _common(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource,
        "kind": resource.type,
        "name": resource.name,
        "address": resource.address,
        "production": production(resource),
    }


def _families(cloud: str, machine_types: Any) -> Any:
    """The accelerated families among machine types; unknown if any is unknown and none is accelerated."""
    if is_unknown(machine_types):
        return machine_types
    names = machine_types if isinstance(machine_types, list) else [machine_types]
    found = [family for name in names if isinstance(name, str) and (family := accelerated_family(cloud, name))]
    unknown = next((name for name in names if is_unknown(name)), None)
    return unknown if unknown is not None and not found else found


def _pool(resource: Resource, platform: str, cloud: str, machine_types: Any, at: Path) -> AcceleratorPool | None:
    families = _families(cloud, machine_types)
    if is_unknown(families) or not families:
        return None
    first: AcceleratedFamily = families[0]
    pool = AcceleratorPool(**_common(resource), platform=platform)
    pool.instance_types = machine_types if isinstance(machine_types, list) else [machine_types]
    pool.accelerators = sorted({family.accelerator for family in families})
    pool.accelerator = first.accelerator if len(pool.accelerators) == 1 else None
    pool.vendor = first.vendor
    pool.sources["instance_types"] = at
    return pool


def _eks_node_group(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = _pool(resource, "eks", "aws", attributes.get("instance_types"), ("instance_types",))
    if pool is None:
        return None
    pool.taints = _taints(attributes.get("taint"), ("taint",))
    pool.image_type = attributes.get("ami_type")
    pool.spot = _equals(attributes.get("capacity_type", "ON_DEMAND"), "SPOT")
    _scaling(pool, get(attributes, "scaling_config", 0, default={}), ("scaling_config", 0))
    pool.own_launch_template = bool(attributes.get("launch_template"))
    return pool


def _taints(blocks: Any, at: Path) -> Any:
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
    return AZURE_EFFECTS.get(value, value) if isinstance(value, str) else value


def _equals(value: Any, wanted: str) -> Any:
    return value if is_unknown(value) else value == wanted


def _scaling(pool: AcceleratorPool, scaling: Any, at: Path) -> None:
    for field in ("min_size", "max_size", "desired_size"):
        value = scaling if is_unknown(scaling) else scaling.get(field) if isinstance(scaling, dict) else None
        setattr(pool, field, value if is_unknown(value) else whole(value))
        pool.sources[field] = (*at, field)


def _gke_node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    config = get(resource.attributes, "node_config", 0, default={})
    guest = get(config, "guest_accelerator", 0, default={})
    pool = _pool(resource, "gke", "gcp", get(config, "machine_type", default=""), ("node_config", 0, "machine_type"))
    if pool is None and not is_unknown(guest) and guest:
        pool = AcceleratorPool(**_common(resource), platform="gke", vendor="nvidia")
        pool.accelerator = get(guest, "type")
    if pool is None:
        return None
    pool.taints_itself = True
    pool.taints = _taints(get(config, "taint", default=[]), ("node_config", 0, "taint"))
    return pool


def _aks_node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = _pool(resource, "aks", "azure", attributes.get("vm_size"), ("vm_size",))
    if pool is None:
        return None
    taints = attributes.get("node_taints", [])
    if is_unknown(taints):
        pool.taints = taints  # type: ignore[assignment]
        return pool
    for number, text in enumerate(taints if isinstance(taints, list) else ()):
        if isinstance(text, str):
            key, _, rest = text.partition("=")
            pool.taints.append(Taint(at=("node_taints", number), key=key, effect=rest.rpartition(":")[2]))
    return pool


def _karpenter_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    spec = get(resource.attributes, "spec", "template", "spec", default={})
    requirements = get(spec, "requirements", default=[])
    accelerated = False
    pool = AcceleratorPool(**_common(resource), platform="karpenter")
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
    pool.taints = _taints(get(spec, "taints", default=[]), ("spec", "template", "spec", "taints"))
    pool.consolidation = get(
        resource.attributes, "spec", "disruption", "consolidationPolicy", default="WhenEmptyOrUnderutilized"
    )
    pool.sources |= {"has_limits": ("spec", "limits"), "taints": ("spec", "template", "spec", "taints")}
    return pool if accelerated else None


def _bucket(resource: Resource, graph: ResourceGraph) -> Concept:
    bucket = Bucket(**_common(resource), platform="s3")
    bucket.ai_purpose = _purpose(resource)
    companions = [n.resource for n in graph.neighbours(resource, "references", "in")]
    blocks = [c for c in companions if c.type == "aws_s3_bucket_public_access_block"]
    bucket.public_access_blocked = _switches(blocks)
    acls = [c.attributes.get("acl") for c in companions if c.type == "aws_s3_bucket_acl"] + [
        resource.attributes.get("acl")
    ]
    bucket.public_access = any(isinstance(acl, str) and acl.startswith("public-") for acl in acls)
    versioning = [c for c in companions if c.type == "aws_s3_bucket_versioning"]
    states = [get(c.attributes, "versioning_configuration", 0, "status") for c in versioning]
    states += [get(resource.attributes, "versioning", 0, "enabled")]
    bucket.versioning = next((s for s in states if is_unknown(s)), any(s in ("Enabled", True) for s in states))  # type: ignore[assignment]
    bucket.force_destroy = resource.attributes.get("force_destroy", False)
    bucket.sources["force_destroy"] = ("force_destroy",)
    return bucket


def _purpose(resource: Resource) -> str | None:
    texts = [resource.name, resource.attributes.get("bucket"), resource.attributes.get("bucket_prefix")]
    tags = resource.attributes.get("tags")
    texts += list(tags.values()) if isinstance(tags, dict) else []
    line = " ".join(text for text in texts if isinstance(text, str))
    return next((purpose for purpose, pattern in AI_PURPOSES if pattern.search(line)), None)


def _switches(blocks: list[Resource]) -> Any:
    values = [block.attributes.get(switch, False) for block in blocks[:1] for switch in SWITCHES]
    if any(value is False or value is None for value in values):
        return False
    return next((value for value in values if is_unknown(value)), bool(values))


def _endpoint_configuration(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    result: list[Concept] = []
    variants = resource.attributes.get("production_variants")
    for number, variant in enumerate(variants if isinstance(variants, list) else ()):
        if not isinstance(variant, dict):
            continue
        endpoint = ModelEndpoint(**_common(resource), platform="sagemaker", at=("production_variants", number))
        endpoint.name = str(variant.get("variant_name", resource.name))
        endpoint.instance_type = variant.get("instance_type")
        endpoint.serverless = bool(variant.get("serverless_config"))
        endpoint.sources["instance_type"] = ("production_variants", number, "instance_type")
        family = _families("aws", endpoint.instance_type)
        endpoint.accelerator = family if isinstance(family, Unknown) else family[0].accelerator if family else None  # type: ignore[assignment]
        endpoint.autoscaled = _autoscaled(resource, graph)
        result.append(endpoint)
    return result


def _autoscaled(resource: Resource, graph: ResourceGraph) -> Any:
    """Whether a scalable target of the same root reaches this configuration's endpoint."""
    targets = [t for t in graph.of_type("aws_appautoscaling_target") if t.unit == resource.unit]
    endpoints = [
        n.resource
        for n in graph.neighbours(resource, "references", "in")
        if n.resource.type == "aws_sagemaker_endpoint"
    ]
    for target in targets:
        linked = {n.resource for n in graph.neighbours(target, "references")}
        if linked & {resource, *endpoints}:
            return True
        identifier = target.attributes.get("resource_id")
        if is_unknown(identifier):
            return identifier
        names = [e.attributes.get("name") for e in endpoints]
        if isinstance(identifier, str) and any(isinstance(n, str) and f"endpoint/{n}/" in identifier for n in names):
            return True
    return False


def _sagemaker_notebook(resource: Resource, graph: ResourceGraph) -> Concept:
    notebook = Notebook(**_common(resource), platform="sagemaker")
    access = resource.attributes.get("direct_internet_access", "Enabled")
    notebook.direct_internet = access if is_unknown(access) else access != "Disabled"  # type: ignore[assignment]
    notebook.instance_type = resource.attributes.get("instance_type")
    notebook.sources |= {"direct_internet": ("direct_internet_access",), "instance_type": ("instance_type",)}
    return notebook


def _ingress_blocks(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    blocks = resource.attributes.get("ingress")
    result: list[Concept] = []
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict):
            result.append(_rule(resource, block, ("ingress", number), ("cidr_blocks", "ipv6_cidr_blocks")))
    return result


def _security_group_rule(resource: Resource, graph: ResourceGraph) -> Concept | None:
    if resource.attributes.get("type") != "ingress":
        return None
    return _rule(resource, resource.attributes, (), ("cidr_blocks", "ipv6_cidr_blocks"))


def _ingress_rule(resource: Resource, graph: ResourceGraph) -> Concept:
    return _rule(resource, resource.attributes, (), ("cidr_ipv4", "cidr_ipv6"))


def _rule(resource: Resource, block: dict[str, Any], at: Path, fields: tuple[str, ...]) -> NetworkBoundary:
    boundary = NetworkBoundary(**_common(resource), platform="aws", at=at)
    origins: list[Any] = []
    for field in fields:
        value = block.get(field)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if ANYWHERE & {item for item in values if isinstance(item, str)}:
            boundary.sources["open_to_world"] = (*at, field)
        origins.extend(values)
    boundary.origins = origins
    world = bool(ANYWHERE & {item for item in origins if isinstance(item, str)})
    boundary.open_to_world = world or next((item for item in origins if is_unknown(item)), False)  # type: ignore[assignment]
    protocol = str(block.get("protocol", block.get("ip_protocol", "tcp")))
    first, last = whole(block.get("from_port")), whole(block.get("to_port"))
    if protocol == "-1":
        first, last = 0, 65535
    boundary.ports = [{"from": first, "to": last, "protocol": protocol}]
    return boundary


Reader = Callable[[Resource, ResourceGraph], "Concept | list[Concept] | None"]
_READERS: dict[str, Reader] = {
    "aws_eks_node_group": _eks_node_group,
    "google_container_node_pool": _gke_node_pool,
    "azurerm_kubernetes_cluster_node_pool": _aks_node_pool,
    "NodePool": _karpenter_pool,
    "aws_s3_bucket": _bucket,
    "aws_sagemaker_endpoint_configuration": _endpoint_configuration,
    "aws_sagemaker_notebook_instance": _sagemaker_notebook,
    "aws_security_group": _ingress_blocks,
    "aws_security_group_rule": _security_group_rule,
    "aws_vpc_security_group_ingress_rule": _ingress_rule,
}
