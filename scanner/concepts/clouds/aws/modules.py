"""What is handed to the public EKS module instead of being written as resources: the cluster and its node groups."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.aws.clusters import audited, public_api
from scanner.concepts.clouds.aws.machines import efa_attached, node_group
from scanner.concepts.clouds.common import common, either
from scanner.concepts.model import Cluster, Concept
from scanner.core import Path, Resource, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

_SOURCE = lazy_pattern(r"(^|/)terraform-aws-(modules/)?eks(/aws)?(//|\.git|$|\?)")
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
    "network_attached": "enable_efa_support",
    "update_share": "update_config",
    "min_size": "min_size",
    "max_size": "max_size",
    "desired_size": "desired_size",
}
"""The key of a node group behind each field of the pool (terraform-aws-modules/eks, versions 18 to 21)."""
CLUSTER_INPUTS = (
    ("endpoint_public_access", "cluster_endpoint_public_access"),
    ("endpoint_public_access_cidrs", "cluster_endpoint_public_access_cidrs"),
    ("enabled_log_types", "cluster_enabled_log_types"),
)
"""Inputs of the module with what they were called before version 21."""


def read(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The cluster of terraform-aws-modules/eks and the accelerator pools among its node groups."""
    source = resource.attributes.get("source")
    if not isinstance(source, str) or not _SOURCE.search(source):
        return []
    pools = [pool for name in GROUPS for pool in _pools(resource, name)]
    return pools if "//" in source.removeprefix("https://") else [*pools, _cluster(resource)]


def _cluster(resource: Resource) -> Concept:
    """The cluster with the module's defaults: a private endpoint and the audit log."""
    cluster = Cluster(**common(resource), platform="eks")
    switch, ranges, logs = (_input(resource, name) for name in CLUSTER_INPUTS)
    public = False if switch is None else resource.attributes[switch]
    cluster.public_api = public_api(public, None if ranges is None else resource.attributes[ranges])
    cluster.audit_logged = True if logs is None else audited(resource.attributes[logs])
    cluster.sources |= {"public_api": (ranges or switch or "source",), "audit_logged": (logs or "source",)}
    return cluster


def _input(resource: Resource, names: tuple[str, ...]) -> str | None:
    """The first of an input's names, which differ between versions, that the call sets."""
    return next((name for name in names if resource.attributes.get(name) is not None), None)


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
        pool.network_attached = either(
            get(merged, "enable_efa_support", default=False), efa_attached(merged.get("network_interfaces"))
        )
        if pool.network_attached is True:
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
        "update_config": [update] if isinstance(update := group.get("update_config"), dict) else None,
    }
