"""Node pools that are handed to the public AKS modules instead of being written as resources."""

from __future__ import annotations

import re

from scanner.concepts.clouds.azure.machines import aks_pool
from scanner.concepts.model import Concept
from scanner.core import Resource
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

_SOURCE = lazy_pattern(
    r"(^|/)(Azure/(aks|avm-res-containerservice-managedcluster)/azurerm|terraform-azurerm-aks)", re.I
)


def read(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The accelerator pools among the ``node_pools`` of Azure/aks and of the verified AKS module."""
    source = resource.attributes.get("source")
    pools = resource.attributes.get("node_pools")
    if not isinstance(source, str) or not _SOURCE.search(source) or not isinstance(pools, dict):
        return []
    result: list[Concept] = []
    for key, item in pools.items():
        pool = aks_pool(resource, item, ("node_pools", key)) if isinstance(item, dict) else None
        if pool is not None:
            pool.at = ("node_pools", key)
            pool.name = key
            result.append(pool)
    return result
