"""Which region a cloud resource is in, as far as its source says."""

from __future__ import annotations

from scanner.core import Resource, get
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

_ZONE = lazy_pattern(r"([a-z]+-[a-z]+\d+)-[a-z]\Z")
"""A Google Cloud zone: a region and a letter."""


def region_of(resource: Resource, graph: ResourceGraph) -> str:
    """The region by the cloud's own name; empty where the source leaves it open."""
    parent = resource.parent or resource
    if parent.type == "ClusterConfig":
        region = get(parent.attributes, "metadata", "region")
        return region if isinstance(region, str) else ""
    if parent.provider == "aws" or parent.type == "module" or parent.provider == "kubernetes":
        return _of_provider(parent, graph)
    own = _written(parent)
    if own:
        return own
    clusters = {_written(near.resource) for near in graph.neighbours(parent, "references")} - {""}
    return clusters.pop() if len(clusters) == 1 else ""


def _written(resource: Resource) -> str:
    for field in ("location", "region", "zone"):
        value = get(resource.attributes, field)
        if isinstance(value, str) and value:
            name = value.lower().replace(" ", "")
            zone = _ZONE.match(name)
            return zone[1] if zone else name
    return ""


def _of_provider(resource: Resource, graph: ResourceGraph) -> str:
    """The region that every configuration of the AWS provider in the same root says."""
    found = {get(item.attributes, "region") for item in graph.of_type("provider.aws") if item.unit == resource.unit}
    return str(found.pop()) if len(found) == 1 and all(isinstance(item, str) for item in found) else ""
