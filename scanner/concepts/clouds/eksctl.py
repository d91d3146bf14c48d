"""eksctl's ClusterConfig to the cluster and its pools of accelerators.

Fields and defaults: pkg/apis/eksctl.io/v1alpha5 and pkg/cfn/builder of eksctl-io/eksctl 99984adb6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.concepts.clouds.aws.clusters import audited, public_api
from scanner.concepts.clouds.aws.machines import node_group
from scanner.concepts.clouds.common import Reader, common, either, given
from scanner.concepts.kubernetes import texts
from scanner.concepts.model import AcceleratorPool, Cluster, Concept
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.graph import ResourceGraph

NODES = 2
"""Machines of a group that says nothing of its size."""
VOLUME_GIB = 80
"""The root volume of a group that does not name its size or a launch template."""
GROUPS = ("managedNodeGroups", "nodeGroups")
MARKETS = {True: "SPOT", False: "ON_DEMAND"}
SOURCES = {
    "taints": ("taints",),
    "spot": ("spot",),
    "disk_gib": ("volumeSize",),
    "min_size": ("minSize",),
    "max_size": ("maxSize",),
    "desired_size": ("desiredCapacity",),
    "network_attached": ("efaEnabled",),
    "placed_together": ("placement",),
    "update_share": ("updateConfig",),
}


def _cluster_config(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The pools with accelerators, and the cluster if it has any."""
    if not resource.api_version.startswith("eksctl.io/"):
        return []
    pools = list(_pools(resource))
    return [*pools, _cluster(resource)] if pools else []


def _cluster(resource: Resource) -> Cluster:
    cluster = Cluster(**common(resource), platform="eks")
    network = get(resource.attributes, "vpc", default={})
    ranges = get(network, "publicAccessCIDRs")
    cluster.public_api = public_api(get(network, "clusterEndpoints", "publicAccess", default=True), ranges)
    kinds = get(resource.attributes, "cloudWatch", "clusterLogging", "enableTypes")
    cluster.audit_logged = either(audited(kinds), bool({"*", "all"}.intersection(texts(kinds))))
    cluster.sources |= {
        "public_api": ("vpc", "publicAccessCIDRs") if ranges is not None else ("vpc", "clusterEndpoints"),
        "audit_logged": ("cloudWatch", "clusterLogging", "enableTypes"),
    }
    return cluster


def _pools(resource: Resource) -> Iterator[AcceleratorPool]:
    for field in GROUPS:
        groups = resource.attributes.get(field)
        for number, group in enumerate(groups if isinstance(groups, list) else ()):
            if isinstance(group, dict):
                pool = _pool(resource, group, (field, number))
                if pool is not None:
                    yield pool


def _pool(resource: Resource, group: dict[str, Any], at: Path) -> AcceleratorPool | None:
    types_at, types = _instance_types(group)
    spot = _spot(group)
    pool = node_group(
        resource,
        {
            "instance_types": types,
            "taint": _taints(group.get("taints")),
            "capacity_type": spot if is_unknown(spot) else MARKETS.get(spot),
            "labels": _labels(resource, group),
            "launch_template": group.get("launchTemplate"),
            "disk_size": get(group, "volumeSize", default=VOLUME_GIB),
            "scaling_config": [_sizes(group)],
            "update_config": [_update(group)],
        },
        (),
    )
    if pool is None:
        return None
    pool.at, pool.name = at, str(get(group, "name", default="nodes"))
    pool.sources = {field: (*at, *path) for field, path in SOURCES.items()}
    pool.sources |= {"instance_types": (*at, *types_at), "has_driver": (*at, "ami")}
    pool.spot, pool.market = spot, "spot or on-demand" if spot is None else ""
    # eksctl takes the accelerated image for such machines
    pool.has_driver = None if group.get("ami") is not None or group.get("launchTemplate") is not None else True
    _network(pool, group)
    return pool


def _network(pool: AcceleratorPool, group: dict[str, Any]) -> None:
    pool.reserved = given(group.get("capacityReservation"))
    pool.network_attached = given(get(group, "efaEnabled", default=False))
    if pool.network_attached is True:
        pool.fast_network = True
    # with EFA eksctl makes a placement group, unless a group or a reservation is given
    placements = (group.get("placement"), group.get("capacityReservation"), group.get("efaEnabled"))
    pool.placed_together = either(*(given(value) for value in placements))


def _instance_types(group: dict[str, Any]) -> tuple[Path, Any]:
    """Where the machine types stand, and which they are; unknown if a selector asks for GPUs."""
    mixed: Path = ("instancesDistribution", "instanceTypes")
    for path in (("instanceTypes",), mixed):
        if get(group, *path) is not None:
            return path, get(group, *path)
    if get(group, "instanceSelector", "gpus"):
        return ("instanceSelector", "gpus"), Unknown("the instance selector decides which machines there are")
    single = group.get("instanceType")
    return ("instanceType",), single if single is None or is_unknown(single) else [single]


def _spot(group: dict[str, Any]) -> Any:
    """Whether every machine is a spot machine; ``None`` if some are."""
    mix = group.get("instancesDistribution")
    if not isinstance(mix, dict):
        return get(group, "spot", default=False)
    base, share = (
        get(mix, "onDemandBaseCapacity", default=0),
        get(mix, "onDemandPercentageAboveBaseCapacity", default=100),
    )
    unknown = next((value for value in (base, share) if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    return False if share == 100 else True if not base and not share else None


def _taints(value: Any) -> Any:
    """A list of taints, from such a list or from ``key: value:effect`` of a group that is not managed."""
    if not isinstance(value, dict):
        return value
    pairs = [(key, *str(text).rpartition(":")[::2]) for key, text in value.items()]
    return [{"key": key, "value": inner, "effect": effect} for key, inner, effect in pairs]


def _labels(resource: Resource, group: dict[str, Any]) -> Any:
    labels = get(group, "labels", default={})
    if not isinstance(labels, dict):
        return labels
    made = {"alpha.eksctl.io/cluster-name": resource.name, "alpha.eksctl.io/nodegroup-name": group.get("name")}
    return {**made, **labels}


def _sizes(group: dict[str, Any]) -> dict[str, Any]:
    smallest, most, wanted = (group.get(name) for name in ("minSize", "maxSize", "desiredCapacity"))
    smallest = smallest if smallest is not None else wanted if wanted is not None else NODES
    most = most if most is not None else wanted if wanted is not None else smallest
    return {"min_size": smallest, "max_size": most, "desired_size": smallest if wanted is None else wanted}


def _update(group: dict[str, Any]) -> dict[str, Any]:
    update = group.get("updateConfig")
    return {
        "max_unavailable": get(update, "maxUnavailable"),
        "max_unavailable_percentage": get(update, "maxUnavailablePercentage"),
    }


READERS: dict[str, Reader] = {"ClusterConfig": _cluster_config}
