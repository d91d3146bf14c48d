"""Google Cloud resources to concepts."""

from __future__ import annotations

from scanner.concepts.clouds.common import Reader, common, machine_pool, taints
from scanner.concepts.model import AcceleratorPool, Concept
from scanner.core import Resource, get, is_unknown
from scanner.graph import ResourceGraph


def _gke_node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    config = get(resource.attributes, "node_config", 0, default={})
    guest = get(config, "guest_accelerator", 0, default={})
    pool = machine_pool(
        resource, "gke", "gcp", get(config, "machine_type", default=""), ("node_config", 0, "machine_type")
    )
    if pool is None and not is_unknown(guest) and guest:
        pool = AcceleratorPool(**common(resource), platform="gke", vendor="nvidia")
        pool.accelerator = get(guest, "type")
    if pool is None:
        return None
    pool.taints_itself = True
    pool.taints = taints(get(config, "taint", default=[]), ("node_config", 0, "taint"))
    return pool


READERS: dict[str, Reader] = {"google_container_node_pool": _gke_node_pool}
