"""EKS clusters."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import ANYWHERE, Reader, common
from scanner.concepts.model import Cluster, Concept
from scanner.core import Resource, get, is_unknown
from scanner.graph import ResourceGraph


def public_api(switch: Any, ranges: Any) -> Any:
    """Whether every address reaches the API server; without ranges, a public endpoint takes all of them."""
    everybody = _everybody(ranges)
    if switch is False or everybody is False:
        return False
    return next((value for value in (switch, everybody) if is_unknown(value)), True)


def _everybody(ranges: Any) -> Any:
    if is_unknown(ranges):
        return ranges
    items = ranges if isinstance(ranges, list) else []
    if not items or any(isinstance(item, str) and item in ANYWHERE for item in items):
        return True
    return next((item for item in items if is_unknown(item)), False)


def audited(kinds: Any) -> Any:
    """Whether the audit log is among the control plane logs; unknown if that is."""
    if is_unknown(kinds) or not isinstance(kinds, list):
        return kinds if is_unknown(kinds) else False
    return "audit" in kinds or next((kind for kind in kinds if is_unknown(kind)), False)


def _cluster(resource: Resource, graph: ResourceGraph) -> Concept:
    cluster = Cluster(**common(resource), platform="eks")
    network = get(resource.attributes, "vpc_config", 0, default={})
    cluster.public_api = public_api(
        get(network, "endpoint_public_access", default=True), get(network, "public_access_cidrs")
    )
    cluster.audit_logged = audited(resource.attributes.get("enabled_cluster_log_types"))
    cluster.sources |= {
        "public_api": ("vpc_config", 0, "public_access_cidrs"),
        "audit_logged": ("enabled_cluster_log_types",),
    }
    return cluster


READERS: dict[str, Reader] = {"aws_eks_cluster": _cluster}
