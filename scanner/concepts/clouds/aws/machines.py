"""EKS node groups, instances, launch templates and Batch compute environments."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.aws.policies import json_data, known_data
from scanner.concepts.clouds.common import Reader, common, either, equals, given, machine_pool, scaling, taints
from scanner.concepts.model import AcceleratorPool, Concept, TrainingJob
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, UnknownText, get, is_unknown
from scanner.graph import ResourceGraph

NODE_DISK_GIB = 20
"""What an EKS node group gives where disk_size is not set (AL2023 and AL2)."""
DRIVERLESS_IMAGES = ("AL2_x86_64", "AL2_ARM_64", "AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD",
                     "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64")  # fmt: skip
"""ami_type values of EKS images without an accelerator driver."""
ECS_IMAGES = ("ECS_AL1", "ECS_AL2", "ECS_AL2023", "ECS_AL2_NVIDIA", "ECS_AL2023_NVIDIA")
"""image_type values of AWS Batch on ECS; those without NVIDIA carry no GPU driver. Where none is given, Batch takes an
NVIDIA image for P and G families (https://docs.aws.amazon.com/batch/latest/APIReference/API_Ec2Configuration.html)."""


def node_group(resource: Resource, group: dict[str, Any], at: Path) -> AcceleratorPool | None:
    """A pool from the attributes of a node group, which stand at ``at``."""
    pool = machine_pool(resource, "eks", "aws", group.get("instance_types"), (*at, "instance_types"))
    if pool is None:
        return None
    pool.taints = taints(group.get("taint"), (*at, "taint"))
    pool.image_type = group.get("ami_type")
    pool.spot = equals(group.get("capacity_type", "ON_DEMAND"), "SPOT")
    pool.node_labels = get(group, "labels", default={})
    pool.own_launch_template = given(group.get("launch_template"))
    pool.has_driver = _has_driver(pool)
    pool.disk_gib = None if pool.own_launch_template is not False else get(group, "disk_size", default=NODE_DISK_GIB)
    scaling(pool, get(group, "scaling_config", 0, default={}), (*at, "scaling_config", 0))
    update = get(group, "update_config", 0, default={})
    pool.upgrade_unavailable = get(update, "max_unavailable")
    pool.update_share = _update_share(update, pool)
    pool.network_attached = False if pool.own_launch_template is False else None
    pool.sources |= {
        "image_type": (*at, "ami_type"),
        "has_driver": (*at, "ami_type"),
        "taints": (*at, "taint"),
        "spot": (*at, "capacity_type"),
        "disk_gib": (*at, "disk_size"),
        "upgrade_unavailable": (*at, "update_config", 0, "max_unavailable"),
        "update_share": (*at, "update_config"),
        "network_attached": (*at, "instance_types"),
    }
    return pool


def _update_share(update: Any, pool: AcceleratorPool) -> Any:
    """Percent of the machines that an update takes away: of those that are wanted, for an absolute number."""
    share, number = get(update, "max_unavailable_percentage"), get(update, "max_unavailable")
    if share is not None:
        return share
    size = pool.min_size if pool.desired_size is None else pool.desired_size
    count = whole(number)
    unknown = next((value for value in (count, size) if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    return min(100.0, 100 * count / size) if count and count > 1 and isinstance(size, int) and size > 0 else None


def _has_driver(pool: AcceleratorPool) -> Any:
    """Whether the image has the driver; ``None`` where a launch template or default decides."""
    image = pool.image_type
    if is_unknown(image):
        return image
    if pool.own_launch_template is not False or image is None:
        return None
    return False if image in DRIVERLESS_IMAGES else None if image == "CUSTOM" else True


def _node_group(resource: Resource, graph: ResourceGraph) -> Concept | None:
    template = _template(resource, graph)
    types = resource.attributes.get("instance_types")
    if types is None and template is not None and template.attributes.get("instance_type") is not None:
        types = [template.attributes["instance_type"]]
    pool = node_group(resource, {**resource.attributes, "instance_types": types}, ())
    if pool is not None and template is not None and pool.own_launch_template is True:
        _from_template(pool, template.attributes)
    return pool


def _template(resource: Resource, graph: ResourceGraph) -> Resource | None:
    """The launch template of the same root that a group or environment refers to."""
    linked = (neighbour.resource for neighbour in graph.neighbours(resource, "references"))
    return next((item for item in linked if item.type == "aws_launch_template"), None)


def _from_template(pool: AcceleratorPool, template: dict[str, Any]) -> None:
    """What a launch template says beyond the group."""
    pool.network_attached = efa_attached(template.get("network_interfaces"))
    pool.fast_network = True if pool.network_attached is True else pool.fast_network
    size = get(template, "block_device_mappings", 0, "ebs", 0, "volume_size")
    pool.disk_gib = whole(size)
    reserved = either(*(given(template.get(key)) for key in ("capacity_reservation_specification", "placement")))
    pool.placed_together = reserved


def efa_attached(interfaces: Any) -> Any:
    """Whether any network interface of a launch template is an EFA; unknown if that is."""
    if is_unknown(interfaces):
        return interfaces
    kinds = [get(item, "interface_type") for item in interfaces] if isinstance(interfaces, list) else []
    return either(*(kind if is_unknown(kind) else kind in ("efa", "efa-only") for kind in kinds))


def _instance(resource: Resource, graph: ResourceGraph) -> Concept | None:
    pool = machine_pool(resource, "ec2", "aws", resource.attributes.get("instance_type"), ("instance_type",))
    if pool is None or pool.doubt is not None:
        return None
    tokens = get(resource.attributes, "metadata_options", 0, "http_tokens")
    pool.metadata_v1 = _metadata_v1(tokens)
    if resource.type == "aws_instance":
        pool.public_ip = get(resource.attributes, "associate_public_ip_address", default=False)
        pool.sources["public_ip"] = ("associate_public_ip_address",)
        pool.spot = given(resource.attributes.get("instance_market_options"))
        pool.disk_gib = get(resource.attributes, "root_block_device", 0, "volume_size")
    else:
        pool.spot = equals(get(resource.attributes, "instance_market_options", 0, "market_type", default=""), "spot")
        pool.disk_gib = get(resource.attributes, "block_device_mappings", 0, "ebs", 0, "volume_size")
        pool.public_ip = get(resource.attributes, "network_interfaces", 0, "associate_public_ip_address", default=False)
        pool.sources["public_ip"] = ("network_interfaces", 0, "associate_public_ip_address")
    pool.sources["metadata_v1"] = ("metadata_options", 0, "http_tokens")
    return pool


def _metadata_v1(tokens: Any) -> Any:
    """Whether version 1 of the metadata service answers: the default of instances and templates is ``optional``."""
    return tokens if is_unknown(tokens) else tokens != "required"


def _batch(resource: Resource, graph: ResourceGraph) -> Concept | None:
    block = get(resource.attributes, "compute_resources", 0, default={})
    at: Path = ("compute_resources", 0)
    types = get(block, "instance_type")
    pool = machine_pool(resource, "batch", "aws", types, (*at, "instance_type"))
    if pool is None:
        return None
    pool.min_size, pool.max_size = whole(get(block, "min_vcpus", default=0)), whole(get(block, "max_vcpus"))
    pool.spot = equals(get(block, "type", default=""), "SPOT")
    pool.image_type = get(block, "ec2_configuration", 0, "image_type")
    known = pool.vendor == "nvidia" and pool.image_type in ECS_IMAGES
    pool.has_driver = "NVIDIA" in str(pool.image_type) if known else None
    template = _template(resource, graph)
    pool.network_attached = False if template is None and get(block, "launch_template") is None else None
    if template is not None:
        pool.network_attached = efa_attached(template.attributes.get("network_interfaces"))
    pool.placed_together = given(get(block, "placement_group"))
    pool.sources |= {
        "min_size": (*at, "min_vcpus"),
        "max_size": (*at, "max_vcpus"),
        "spot": (*at, "type"),
        "image_type": (*at, "ec2_configuration", 0, "image_type"),
        "has_driver": (*at, "ec2_configuration", 0, "image_type"),
        "placed_together": (*at, "placement_group"),
    }
    return pool


def _job_definition(resource: Resource, graph: ResourceGraph) -> Concept:
    job = TrainingJob(**common(resource), platform="batch")
    job.retries = whole(get(resource.attributes, "retry_strategy", 0, "attempts", default=1))
    job.timeout_seconds = whole(get(resource.attributes, "timeout", 0, "attempt_duration_seconds"))
    job.accelerator_count = _job_accelerators(resource.attributes.get("container_properties"))
    job.sources |= {
        "retries": ("retry_strategy",),
        "timeout_seconds": ("timeout",),
        "accelerator_count": ("container_properties",),
    }
    return job


def _job_accelerators(properties: Any) -> Any:
    data = known_data(properties) if isinstance(properties, UnknownText) else json_data(properties)
    if data is None:
        return properties if is_unknown(properties) else 0
    needs = get(data, "resourceRequirements", default=[])
    if is_unknown(needs):
        return needs
    gpus = [need for need in needs if isinstance(need, dict) and need.get("type") == "GPU"] if needs else []
    amounts = [whole(need.get("value")) for need in gpus]
    unknown = next((amount for amount in amounts if is_unknown(amount)), None)
    return unknown if unknown is not None else sum(amount for amount in amounts if isinstance(amount, int))


READERS: dict[str, Reader] = {
    "aws_eks_node_group": _node_group,
    "aws_instance": _instance,
    "aws_launch_template": _instance,
    "aws_batch_compute_environment": _batch,
    "aws_batch_job_definition": _job_definition,
}
