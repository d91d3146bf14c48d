"""Node pools that are handed to the public GKE module instead of being written as resources."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.gcp.machines import node_pool
from scanner.concepts.model import Concept
from scanner.core import Path, Resource, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

_SOURCE = lazy_pattern(r"(^|/)terraform-google-(modules/)?kubernetes-engine(/google)?(//|\.git|$|\?)")
INPUTS = {
    "instance_types": "machine_type",
    "accepts_accelerators": "machine_type",
    "attached_accelerator": "accelerator_type",
    "attached_count": "accelerator_count",
    "mig_profile": "gpu_partition_size",
    "sharing": "gpu_sharing_strategy",
    "shared_clients": "max_shared_clients_per_gpu",
    "has_driver": "gpu_driver_version",
    "min_size": "min_count",
    "max_size": "max_count",
    "desired_size": "node_count",
    "spot": "spot",
    "disk_gib": "disk_size_gb",
    "service_account": "service_account",
    "reserved": "consume_reservation_type",
    "image_streaming": "enable_gcfs",
    "topology": "tpu_topology",
    "topology_dimensions": "tpu_topology",
    "machines_needed": "tpu_topology",
}
"""The key of a ``node_pools`` item behind each field of the pool."""


def read(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The accelerator pools among the ``node_pools`` of terraform-google-modules/kubernetes-engine."""
    source = resource.attributes.get("source")
    if not isinstance(source, str) or not _SOURCE.search(source):
        return []
    items = resource.attributes.get("node_pools")
    result: list[Concept] = []
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, dict):
            continue
        pool = node_pool(resource, _block(resource, item), ())
        if pool is None:
            continue
        at: Path = ("node_pools", number)
        pool.at = at
        pool.name = item["name"] if isinstance(item.get("name"), str) else resource.name
        pool.sources = {field: (*at, key) if key in item else at for field, key in INPUTS.items()}
        result.append(pool)
    return result


def _block(resource: Resource, item: dict[str, Any]) -> dict[str, Any]:
    """The node pool that the module makes of an item, with the module's defaults. Maps of strings spell switches."""
    item = {
        key: {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
        for key, value in item.items()
    }
    config = {
        "machine_type": item.get("machine_type"),
        "disk_size_gb": item.get("disk_size_gb"),
        "spot": item.get("spot"),
        "preemptible": item.get("preemptible"),
        "service_account": _account(resource, item),
        "guest_accelerator": _accelerator(item),
        "reservation_affinity": [{"consume_reservation_type": item.get("consume_reservation_type")}],
        "gcfs_config": [{"enabled": item.get("enable_gcfs")}],
        "secondary_boot_disks": [{}] if item.get("secondary_boot_disk") is not None else [],
    }
    block: dict[str, Any] = {
        "node_config": [config],
        "queued_provisioning": [{"enabled": item.get("queued_provisioning")}],
        "placement_policy": [{"tpu_topology": item.get("tpu_topology")}],
        "upgrade_settings": [{"max_unavailable": get(item, "max_unavailable", default=0)}],
    }
    autoscaling = get(item, "autoscaling", default=True)
    if is_unknown(autoscaling):
        return {**block, "autoscaling": autoscaling}
    if autoscaling is False:
        return {**block, "node_count": get(item, "node_count", default=1)}
    limits = {
        "min_node_count": get(item, "total_min_count", default=get(item, "min_count", default=1)),
        "max_node_count": get(item, "total_max_count", default=get(item, "max_count", default=100)),
    }
    return {**block, "autoscaling": [limits]}


def _accelerator(item: dict[str, Any]) -> list[dict[str, Any]]:
    if item.get("accelerator_count") is None:
        return []
    return [
        {
            "type": item.get("accelerator_type"),
            "count": item["accelerator_count"],
            "gpu_partition_size": item.get("gpu_partition_size"),
            "gpu_driver_installation_config": [{"gpu_driver_version": item.get("gpu_driver_version")}],
            "gpu_sharing_config": [
                {
                    "gpu_sharing_strategy": item.get("gpu_sharing_strategy"),
                    "max_shared_clients_per_gpu": item.get("max_shared_clients_per_gpu"),
                }
            ],
        }
    ]


def _account(resource: Resource, item: dict[str, Any]) -> Any:
    """The pool's own account, else the cluster's, which the module creates unless told otherwise."""
    own = item.get("service_account")
    if own is not None:
        return own
    given = get(resource.attributes, "service_account", default="")
    created = get(resource.attributes, "create_service_account", default=True)
    if given in ("", "create") and created is not False:
        return f"{resource.address}.google_service_account.cluster_service_account"
    return given
