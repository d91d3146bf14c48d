"""Cloud resources and Karpenter objects to concepts: pools, buckets, endpoints, notebooks, network rules …"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

from scanner.concepts.model import Concept
from scanner.core import Resource
from scanner.graph import ResourceGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanner.concepts.clouds.common import Reader

_CLOUDS = {
    "aws_": "aws",
    "google_": "gcp",
    "vertex.": "gcp",
    "azurerm_": "azure",
    "azureml.": "azure",
    "oci_": "oci",
    "NodePool": "karpenter",
    "ClusterConfig": "eksctl",
}
"""What types begin with -> the module that knows them. It is loaded for the first of its resources."""


def cloud_concepts(resource: Resource, graph: ResourceGraph) -> Iterable[Concept]:
    """The concepts of a resource; empty for types that carry none."""
    if resource.type == "module":
        return [concept for read in _module_readers() for concept in read(resource, graph)]
    reader = _reader(resource.type)
    if reader is None:
        return ()
    found = reader(resource, graph)
    return [found] if isinstance(found, Concept) else found or ()


@cache
def _reader(kind: str) -> Reader | None:
    cloud = next((name for start, name in _CLOUDS.items() if kind.startswith(start)), None)
    if cloud is None:
        return None
    readers: Mapping[str, Reader] = importlib.import_module(f"{__name__}.{cloud}").READERS
    return readers.get(kind)


@cache
def _module_readers() -> tuple[Callable[[Resource, ResourceGraph], Iterable[Concept]], ...]:
    """Readers of calls of public modules that are not on disk; each knows its own by their source."""
    from scanner.concepts.clouds import oci
    from scanner.concepts.clouds.aws import calls, modules
    from scanner.concepts.clouds.azure import modules as azure_modules
    from scanner.concepts.clouds.gcp import modules as gcp_modules

    return (modules.read, calls.read, gcp_modules.read, azure_modules.read, oci.read)
