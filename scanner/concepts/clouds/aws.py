"""AWS resources to concepts."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.common import ANYWHERE, Reader, common, equals, families_of, machine_pool, scaling, taints
from scanner.concepts.model import Bucket, Concept, ModelEndpoint, NetworkBoundary, Notebook
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.graph import ResourceGraph

AI_PURPOSES = (
    ("models", re.compile(r"model|weights|mlflow|artifact|huggingface|registry|sagemaker|bedrock", re.IGNORECASE)),
    ("checkpoints", re.compile(r"checkpoint|ckpt", re.IGNORECASE)),
    ("training-data", re.compile(r"train|dataset|feature|embedding|corpus", re.IGNORECASE)),
)
SWITCHES = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def _eks_node_group(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = machine_pool(resource, "eks", "aws", attributes.get("instance_types"), ("instance_types",))
    if pool is None:
        return None
    pool.taints = taints(attributes.get("taint"), ("taint",))
    pool.image_type = attributes.get("ami_type")
    pool.spot = equals(attributes.get("capacity_type", "ON_DEMAND"), "SPOT")
    scaling(pool, get(attributes, "scaling_config", 0, default={}), ("scaling_config", 0))
    pool.node_labels = get(attributes, "labels", default={})
    template = attributes.get("launch_template")
    pool.own_launch_template = template if is_unknown(template) else bool(template)  # type: ignore[assignment]
    return pool


def _bucket(resource: Resource, graph: ResourceGraph) -> Concept:
    bucket = Bucket(**common(resource), platform="s3")
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
        endpoint = ModelEndpoint(**common(resource), platform="sagemaker", at=("production_variants", number))
        endpoint.name = str(variant.get("variant_name", resource.name))
        endpoint.instance_type = variant.get("instance_type")
        serverless = variant.get("serverless_config")
        endpoint.serverless = serverless if is_unknown(serverless) else bool(serverless)  # type: ignore[assignment]
        endpoint.sources["instance_type"] = ("production_variants", number, "instance_type")
        family = families_of("aws", endpoint.instance_type)
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
    notebook = Notebook(**common(resource), platform="sagemaker")
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
    boundary = NetworkBoundary(**common(resource), platform="aws", at=at)
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


READERS: dict[str, Reader] = {
    "aws_eks_node_group": _eks_node_group,
    "aws_s3_bucket": _bucket,
    "aws_sagemaker_endpoint_configuration": _endpoint_configuration,
    "aws_sagemaker_notebook_instance": _sagemaker_notebook,
    "aws_security_group": _ingress_blocks,
    "aws_security_group_rule": _security_group_rule,
    "aws_vpc_security_group_ingress_rule": _ingress_rule,
}
