"""Machines with accelerators on Oracle Cloud: node pools of OKE, as resources and as inputs of Oracle's module.

Sources: the page of the provider on oci_containerengine_node_pool (https://docs.oracle.com/en-us/iaas/tools/) and the
variables ``worker_pools`` and ``worker_pool_…`` of https://github.com/oracle-terraform-modules/terraform-oci-oke.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, either, given, machine_pool
from scanner.concepts.model import AcceleratorPool, Concept, Taint
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

_MODULE = lazy_pattern(r"(^|/)(oracle-terraform-modules/oke/oci|terraform-oci-oke)(//|\.git|$|\?)")
_TAINTS = lazy_pattern(r"--register-with-taints[= ]\"?([^\s\"]+)")
NODE_POOL_MODES = ("node-pool", "instance", "instance-pool", "cluster-network", "compute-cluster")
"""Modes of a worker pool of the module that make machines of a given number."""
INPUTS = {
    "desired_size": "size",
    "min_size": "size",
    "max_size": "max_size",
    "spot": "preemptible_config",
    "disk_gib": "boot_volume_size",
    "taints": "node_metadata",
}
"""The key of a worker pool behind each field."""
AUTOSCALER = "ClusterAutoscaler"
AUTOSCALER_NAME = "cluster-autoscaler"
"""What the autoscaler's own manifests and chart call its Deployment."""


def _node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = machine_pool(resource, "oke", "oci", attributes.get("node_shape"), ("node_shape",))
    if pool is None:
        return None
    at: Path = ("node_config_details", 0)
    config = get(attributes, *at, default={})
    placements = get(config, "placement_configs", default=[])
    blocks = placements if isinstance(placements, list) else []
    pool.name = attributes["name"] if isinstance(attributes.get("name"), str) else resource.name
    pool.desired_size = whole(get(config, "size"))
    pool.min_size = pool.max_size = pool.desired_size
    # nobody makes a pool to leave it empty
    if pool.desired_size == 0 or _scaled(resource, graph):
        pool.autoscaling, pool.min_size, pool.max_size = True, 0, None
    pool.spot = either(*(given(get(block, "preemptible_node_config")) for block in blocks))
    pool.reserved = either(*(given(get(block, "capacity_reservation_id")) for block in blocks))
    pool.node_labels = _labels(attributes.get("initial_node_labels"))
    pool.disk_gib = whole(get(attributes, "node_source_details", 0, "boot_volume_size_in_gbs"))
    pool.taints = _taints(attributes.get("node_metadata"), ("node_metadata",))
    # OKE keeps pods that ask for no GPU off its GPU machines by itself
    pool.taints_itself = True
    pool.sources |= {
        "desired_size": (*at, "size"),
        "min_size": (*at, "size"),
        "max_size": (*at, "size"),
        "spot": (*at, "placement_configs"),
        "reserved": (*at, "placement_configs"),
        "disk_gib": ("node_source_details", 0, "boot_volume_size_in_gbs"),
        "taints": ("node_metadata",),
    }
    return pool


def _scaled(resource: Resource, graph: ResourceGraph) -> bool:
    """Whether the cluster autoscaler runs, as an add-on or a workload; its own arguments say between which sizes."""
    addons = graph.of_type("oci_containerengine_addon")
    if any(item.unit == resource.unit and item.attributes.get("addon_name") == AUTOSCALER for item in addons):
        return True
    workload = next((item for item in graph.of_type("Deployment") if AUTOSCALER_NAME in item.name), None)
    if workload is not None:
        graph.tie(resource.unit, workload.unit)
    return workload is not None


def _labels(blocks: Any) -> Any:
    if is_unknown(blocks):
        return blocks
    items = blocks if isinstance(blocks, list) else []
    return {str(get(item, "key")): get(item, "value") for item in items if isinstance(get(item, "key"), str)}


def _taints(metadata: Any, at: Path) -> Any:
    """Taints that the kubelet is told to register with; a start script may bring others."""
    if is_unknown(metadata):
        return metadata
    if get(metadata, "user_data") is not None:
        return Unknown("the start script of the nodes may set taints")
    arguments = get(metadata, "kubelet-extra-args")
    if is_unknown(arguments):
        return arguments
    found = _TAINTS.search(arguments) if isinstance(arguments, str) else None
    return [_taint(text, at) for text in (found[1].split(",") if found else ())]


def _taint(text: str, at: Path) -> Taint:
    key, _, effect = text.partition(":")
    name, _, value = key.partition("=")
    return Taint(at=at, key=name, value=value or None, effect=effect)


def read(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The accelerator pools among the ``worker_pools`` of Oracle's OKE module that is not on disk."""
    source = resource.attributes.get("source")
    if not isinstance(source, str) or not _MODULE.search(source):
        return []
    pools = resource.attributes.get("worker_pools")
    found: list[Concept] = []
    for name, item in pools.items() if isinstance(pools, dict) else ():
        pool = _worker_pool(resource, str(name), item) if isinstance(item, dict) else None
        found += [] if pool is None else [pool]
    return found


def _worker_pool(resource: Resource, name: str, item: dict[str, Any]) -> AcceleratorPool | None:
    at: Path = ("worker_pools", name)
    inputs = resource.attributes
    create = get(item, "create", default=True)
    mode = get(item, "mode", default=get(inputs, "worker_pool_mode", default="node-pool"))
    if create is False or (isinstance(mode, str) and mode not in NODE_POOL_MODES):
        return None
    pool = machine_pool(resource, "oke", "oci", item.get("shape"), (*at, "shape"))
    if pool is None:
        return None
    pool.at, pool.name = at, name
    pool.doubt = pool.doubt or (create if is_unknown(create) else None)
    size = whole(get(item, "size", default=get(inputs, "worker_pool_size", default=0)))
    pool.autoscaling = get(item, "autoscale", default=False)
    pool.desired_size = size
    scaled = pool.autoscaling is not False
    pool.min_size = whole(get(item, "min_size", default=size)) if scaled else size
    pool.max_size = whole(get(item, "max_size")) if scaled else size
    pool.spot = get(item, "preemptible_config", "enable", default=False)
    pool.reserved = given(item.get("capacity_reservation_id"))
    labels = get(item, "node_labels", default={})
    pool.node_labels = {"oke.oraclecloud.com/pool.name": name, **labels} if isinstance(labels, dict) else labels
    pool.disk_gib = whole(item.get("boot_volume_size"))
    pool.taints = _taints(item.get("node_metadata"), (*at, "node_metadata"))
    if pool.taints == [] and item.get("cloud_init") is not None:
        pool.taints = Unknown("the start script of the nodes may set taints")  # type: ignore[assignment]
    pool.taints_itself = True
    pool.sources |= {field: (*at, key) for field, key in INPUTS.items()}
    return pool


READERS: dict[str, Reader] = {"oci_containerengine_node_pool": _node_pool}
