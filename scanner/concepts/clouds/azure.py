"""Azure resources to concepts."""

from __future__ import annotations

from scanner.concepts.clouds.common import Reader, machine_pool
from scanner.concepts.model import Concept, Taint
from scanner.core import Resource, is_unknown
from scanner.graph import ResourceGraph


def _aks_node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = machine_pool(resource, "aks", "azure", attributes.get("vm_size"), ("vm_size",))
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


READERS: dict[str, Reader] = {"azurerm_kubernetes_cluster_node_pool": _aks_node_pool}
