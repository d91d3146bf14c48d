"""Cloud resources and Karpenter objects to concepts: pools, buckets, endpoints, notebooks, network rules …"""

from __future__ import annotations

from collections.abc import Iterable

from scanner.concepts.clouds import aws, azure, eksctl, gcp, karpenter, oci
from scanner.concepts.clouds.aws import calls as aws_calls
from scanner.concepts.clouds.aws import modules as aws_modules
from scanner.concepts.clouds.azure import modules as azure_modules
from scanner.concepts.clouds.gcp import modules as gcp_modules
from scanner.concepts.model import Concept
from scanner.core import Resource
from scanner.graph import ResourceGraph

_READERS = {**aws.READERS, **gcp.READERS, **azure.READERS, **karpenter.READERS, **eksctl.READERS, **oci.READERS}
_MODULE_READERS = (aws_modules.read, aws_calls.read, gcp_modules.read, azure_modules.read, oci.read)
"""Readers of calls of public modules that are not on disk; each knows its own by their source."""


def cloud_concepts(resource: Resource, graph: ResourceGraph) -> Iterable[Concept]:
    """The concepts of a resource; empty for types that carry none."""
    if resource.type == "module":
        return [concept for read in _MODULE_READERS for concept in read(resource, graph)]
    reader = _READERS.get(resource.type)
    if reader is None:
        return ()
    found = reader(resource, graph)
    return [found] if isinstance(found, Concept) else found or ()
