"""Node groups that are handed to the public EKS module instead of being written as resources."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.aws.machines import node_group
from scanner.concepts.model import Concept
from scanner.core import Path, Resource, get, is_unknown
from scanner.graph import ResourceGraph

_SOURCE = re.compile(r"(^|/)terraform-aws-(modules/)?eks(/aws)?(//|\.git|$|\?)")
GROUPS = ("eks_managed_node_groups", "self_managed_node_groups")
DEFAULTS = {
    "eks_managed_node_groups": "eks_managed_node_group_defaults",
    "self_managed_node_groups": "self_managed_node_group_defaults",
}
INPUTS = {
    "instance_types": "instance_types",
    "image_type": "ami_type",
    "has_driver": "ami_type",
    "taints": "taints",
    "spot": "capacity_type",
    "disk_gib": "disk_size",
    "min_size": "min_size",
    "max_size": "max_size",
    "desired_size": "desired_size",
}
"""The key of a node group behind each field of the pool (terraform-aws-modules/eks, versions 18 to 21)."""


def read(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The accelerator pools among the node groups of terraform-aws-modules/eks."""
    source = resource.attributes.get("source")
    if not isinstance(source, str) or not _SOURCE.search(source):
        return []
    return [pool for name in GROUPS for pool in _pools(resource, name)]


def _pools(resource: Resource, name: str) -> list[Concept]:
    groups = resource.attributes.get(name)
    defaults = get(resource.attributes, DEFAULTS[name], default={})
    result: list[Concept] = []
    for key, group in groups.items() if isinstance(groups, dict) else ():
        if not isinstance(group, dict):
            continue
        merged = {**(defaults if isinstance(defaults, dict) else {}), **group}
        pool = node_group(resource, _block(merged), ())
        if pool is None:
            continue
        at: Path = (name, key)
        pool.at = at
        pool.name = str(key)
        pool.sources = {field: (*at, item) if item in group else at for field, item in INPUTS.items()}
        if merged.get("enable_efa_support") is True:
            pool.fast_network = True
        # the module makes a launch template for every group, so the group's disk and image may come from there
        pool.disk_gib = None if "disk_size" not in merged else pool.disk_gib
        result.append(pool)
    return result


def _block(group: dict[str, Any]) -> dict[str, Any]:
    """The node group that the module makes of a map: its taints are a list or a map of maps."""
    taints = group.get("taints")
    items = list(taints.values()) if isinstance(taints, dict) else taints
    types = group.get("instance_types")
    single = group.get("instance_type")
    sizes = {key: group.get(key) for key in ("min_size", "max_size", "desired_size")}
    defaults = {"min_size": 1, "max_size": 3, "desired_size": 1}
    return {
        "instance_types": types if types is not None else [single] if single is not None else None,
        "ami_type": group.get("ami_type"),
        "capacity_type": get(group, "capacity_type", default="ON_DEMAND"),
        "labels": get(group, "labels", default={}),
        "taint": items if items is None or isinstance(items, list) or is_unknown(items) else [],
        "scaling_config": [{key: defaults[key] if value is None else value for key, value in sizes.items()}],
        "disk_size": group.get("disk_size"),
    }
