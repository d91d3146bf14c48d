"""Machines with accelerators: GKE node pools, Compute Engine instances, TPU VMs."""

from __future__ import annotations

import math
from typing import Any

from scanner.concepts.clouds.common import Reader, common, differs, either, equals, given, machine_pool, taints
from scanner.concepts.clouds.gcp.access import account
from scanner.concepts.model import AcceleratorPool, Concept
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.facts.gcp_machines import accepts_accelerators, machine_accelerators, partitions
from scanner.graph import ResourceGraph

GKE_DEFAULT_MACHINE = "e2-medium"
_ZONE = lazy_pattern(r"-[a-z]\Z")
_TOPOLOGY = lazy_pattern(r"\d+(x\d+){1,2}\Z")


def _gke_node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    return node_pool(resource, resource.attributes, ())


def _gke_cluster(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The pools written inside a cluster: its ``node_pool`` blocks and its default pool."""
    result: list[Concept] = []
    blocks = resource.attributes.get("node_pool")
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict) and (pool := node_pool(resource, block, ("node_pool", number))):
            result.append(pool)
    removed = get(resource.attributes, "remove_default_node_pool", default=False)
    if given(blocks) is False and removed is not True and (pool := node_pool(resource, resource.attributes, ())):
        result.append(pool)
    return result


def node_pool(resource: Resource, block: dict[str, Any], at: Path) -> AcceleratorPool | None:
    """The pool that a node pool's block at ``at`` declares; ``None`` if its machines have no accelerators."""
    config = get(block, "node_config", 0, default={})
    place = (*at, "node_config", 0)
    pool = _accelerated(resource, "gke", config, place, GKE_DEFAULT_MACHINE)
    if pool is None:
        return None
    pool.at = at
    if at and isinstance(block.get("name"), str):
        pool.name = block["name"]
    pool.taints_itself = True
    pool.taints = taints(get(config, "taint", default=[]), (*place, "taint"))
    pool.node_labels = get(config, "labels", default={})
    _sizes(pool, block, at)
    pool.zones = _zones(resource, block, pool)
    pool.spot = either(get(config, "spot", default=False), get(config, "preemptible", default=False))
    flex = get(config, "flex_start", default=False)
    queued = get(block, "queued_provisioning", 0, "enabled", default=False)
    pool.queued = either(flex, queued)
    pool.disk_gib = whole(get(config, "disk_size_gb", default=100))
    pool.image_type = get(config, "image_type")
    pool.service_account = account(resource, get(config, "service_account"), *place, "service_account")
    pool.reserved = equals(
        get(config, "reservation_affinity", 0, "consume_reservation_type", default=""), "SPECIFIC_RESERVATION"
    )
    pool.upgrade_unavailable = get(block, "upgrade_settings", 0, "max_unavailable")
    streaming = get(config, "gcfs_config", 0, "enabled", default=False)
    pool.image_streaming = either(streaming, given(get(config, "secondary_boot_disks")))
    networks = get(block, "network_config", 0, "additional_node_network_configs", default=[])
    pool.fast_network = given(networks)
    _topology(pool, get(block, "placement_policy", 0, "tpu_topology"), (*at, "placement_policy", 0, "tpu_topology"))
    pool.sources |= {
        "spot": (*place, "spot"),
        "taints": (*place, "taint"),
        "disk_gib": (*place, "disk_size_gb"),
        "service_account": (*place, "service_account"),
        "reserved": (*place, "reservation_affinity", 0, "consume_reservation_type"),
        "image_streaming": (*place, "gcfs_config"),
        "fast_network": (*at, "network_config"),
    }
    return pool


def _accelerated(
    resource: Resource, platform: str, config: Any, at: Path, default_machine: str = ""
) -> AcceleratorPool | None:
    """A pool if the machine type carries accelerators or some are attached to it."""
    machine = get(config, "machine_type", default=default_machine)
    guest = get(config, "guest_accelerator", 0, default={})
    count = whole(get(guest, "count", default=1 if given(guest) is True else 0))
    attached = is_unknown(guest) or (bool(guest) and (is_unknown(count) or count != 0))
    pool = machine_pool(resource, platform, "gcp", machine, (*at, "machine_type"))
    known = machine_accelerators(machine) if isinstance(machine, str) else None
    if pool is None and (attached or known is not None):
        pool = AcceleratorPool(**common(resource), platform=platform, vendor="nvidia")
        pool.instance_types = [machine]
        pool.sources["instance_types"] = (*at, "machine_type")
        pool.accelerator = known.accelerator if known else get(guest, "type")
        pool.doubt = guest if is_unknown(guest) else None
    if pool is None:
        return None
    if pool.doubt is not None and attached and not is_unknown(guest):
        pool.doubt = None
        pool.accelerator = get(guest, "type")
    if known is not None:
        pool.machine_accelerator, pool.machine_accelerator_count = known.accelerator, known.number
        pool.vendor = "google" if known.dimensions else "nvidia"
        pool.dimensions_needed = known.dimensions
    pool.accepts_accelerators = accepts_accelerators(machine) if isinstance(machine, str) else machine
    if attached:
        _attached(pool, guest, count, (*at, "guest_accelerator", 0))
    pool.accelerators_per_machine = pool.attached_count if attached else pool.machine_accelerator_count
    pool.sources["accepts_accelerators"] = (*at, "machine_type")
    return pool


def _attached(pool: AcceleratorPool, guest: Any, count: Any, at: Path) -> None:
    kind = get(guest, "type")
    # virtual workstations are the same GPU under another licence
    pool.attached_accelerator = kind.removesuffix("-vws") if isinstance(kind, str) else kind
    pool.attached_count = count
    pool.mig_profile = get(guest, "gpu_partition_size")
    if isinstance(pool.attached_accelerator, str):
        pool.mig_profiles = partitions(pool.attached_accelerator)
    sharing = get(guest, "gpu_sharing_config", 0, "gpu_sharing_strategy")
    pool.sharing = {"TIME_SHARING": "time-slicing", "MPS": "mps"}.get(sharing) if isinstance(sharing, str) else sharing
    pool.shared_clients = whole(get(guest, "gpu_sharing_config", 0, "max_shared_clients_per_gpu"))
    version = get(guest, "gpu_driver_installation_config", 0, "gpu_driver_version")
    pool.has_driver = differs(version, "INSTALLATION_DISABLED")
    pool.sources |= {"attached_accelerator": (*at, "type"), "attached_count": (*at, "count")}
    if pool.platform != "gke":
        return
    pool.sources |= {
        "mig_profile": (*at, "gpu_partition_size"),
        "shared_clients": (*at, "gpu_sharing_config", 0, "max_shared_clients_per_gpu"),
        "sharing": (*at, "gpu_sharing_config", 0, "gpu_sharing_strategy"),
        "has_driver": (*at, "gpu_driver_installation_config", 0, "gpu_driver_version"),
    }


def _sizes(pool: AcceleratorPool, block: dict[str, Any], at: Path) -> None:
    """Sizes a zone, as node pools declare them; the total where only that is given."""
    autoscaling = block.get("autoscaling")
    if is_unknown(autoscaling):
        pool.autoscaling = pool.min_size = pool.max_size = autoscaling  # type: ignore[assignment]
        return
    pool.autoscaling = bool(autoscaling)
    limits = get(autoscaling, 0, default={})
    for field, total in (("min", "total_min_node_count"), ("max", "total_max_node_count")):
        name = total if get(limits, total) is not None else f"{field}_node_count"
        value = whole(get(limits, name, default=0 if field == "min" and given(limits) is True else None))
        setattr(pool, f"{field}_size", value)
        pool.sources[f"{field}_size"] = (*at, "autoscaling", 0, name)
    if not autoscaling:
        name = "node_count" if block.get("node_count") is not None else "initial_node_count"
        fixed = whole(get(block, name, default=1))
        pool.min_size = pool.max_size = pool.desired_size = fixed
        for field in ("min_size", "max_size", "desired_size"):
            pool.sources[field] = (*at, name)


def _zones(resource: Resource, block: dict[str, Any], pool: AcceleratorPool) -> int | None:
    """By how many zones the sizes multiply: those that the pool or its cluster lists, or one if it is in a zone."""
    if "total_max_node_count" in pool.sources.get("max_size", ()):
        return 1
    for holder in (block, resource.attributes):
        listed = get(holder, "node_locations")
        if isinstance(listed, list) and listed:
            return len(listed)
    location = get(resource.attributes, "location")
    return 1 if isinstance(location, str) and _ZONE.search(location) else None


def _topology(pool: AcceleratorPool, topology: Any, at: Path) -> None:
    pool.topology = topology
    pool.sources |= {"topology": at, "topology_dimensions": at, "machines_needed": at}
    if is_unknown(topology):
        pool.topology_dimensions = pool.machines_needed = topology  # type: ignore[assignment]
    elif isinstance(topology, str) and _TOPOLOGY.match(topology):
        sides = [int(side) for side in topology.split("x")]
        pool.topology_dimensions = len(sides)
        if pool.machine_accelerator_count and pool.dimensions_needed:
            pool.machines_needed = -(-math.prod(sides) // pool.machine_accelerator_count)


def _instance(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = _accelerated(resource, "gce", attributes, ())
    if pool is None:
        return None
    scheduling = get(attributes, "scheduling", 0, default={})
    pool.spot = either(
        equals(get(scheduling, "provisioning_model", default="STANDARD"), "SPOT"),
        get(scheduling, "preemptible", default=False),
    )
    flexible = equals(get(scheduling, "provisioning_model", default="STANDARD"), "FLEX_START")
    pool.queued = flexible
    maintenance = get(scheduling, "on_host_maintenance", default="MIGRATE")
    pool.live_migration = False if pool.spot is True else equals(maintenance, "MIGRATE")
    place = ("service_account", 0, "email")
    # without the block the machine has no identity at all
    none = given(attributes.get("service_account")) is False
    pool.service_account = "none" if none else account(resource, get(attributes, *place), *place)
    interfaces = attributes.get("network_interface")
    pool.public_ip = _public(interfaces)
    pool.min_size = pool.max_size = pool.desired_size = 1
    for number, interface in enumerate(interfaces if isinstance(interfaces, list) else ()):
        if isinstance(interface, dict) and given(interface.get("access_config")) is True:
            pool.sources.setdefault("public_ip", ("network_interface", number, "access_config", 0))
    pool.sources |= {
        "live_migration": ("scheduling", 0, "on_host_maintenance"),
        "spot": ("scheduling", 0, "provisioning_model"),
        "service_account": ("service_account", 0, "email"),
    }
    return pool


def _instance_template(resource: Resource, graph: ResourceGraph) -> Concept | None:
    pool = _instance(resource, graph)
    if isinstance(pool, AcceleratorPool):
        pool.min_size = pool.max_size = pool.desired_size = None
    return pool


def _public(interfaces: Any) -> Any:
    """Whether any interface has an external address."""
    if is_unknown(interfaces):
        return interfaces
    blocks = [get(item, "access_config") for item in interfaces] if isinstance(interfaces, list) else []
    if any(not is_unknown(block) and block for block in blocks):
        return True
    return next((block for block in blocks if is_unknown(block)), False)


def _tpu_vm(resource: Resource, graph: ResourceGraph) -> Concept:
    return _tpu(resource, resource.attributes, ())


def _tpu_queued(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    result: list[Concept] = []
    specs = get(resource.attributes, "tpu", 0, "node_spec", default=[])
    for number, spec in enumerate(specs if isinstance(specs, list) else ()):
        node = get(spec, "node", 0)
        if isinstance(node, dict):
            pool = _tpu(resource, node, ("tpu", 0, "node_spec", number, "node", 0))
            pool.queued = True
            # the request has no attribute for these
            pool.service_account = Unknown("a queued resource does not say which service account it uses")  # type: ignore[assignment]
            for field in ("service_account", "spot"):
                pool.sources.pop(field)
            result.append(pool)
    return result


def _tpu(resource: Resource, block: dict[str, Any], at: Path) -> AcceleratorPool:
    pool = AcceleratorPool(**common(resource), platform="tpu-vm", vendor="google", at=at)
    kind = get(block, "accelerator_type", default=get(block, "accelerator_config", 0, "type"))
    pool.accelerator = kind
    pool.instance_types = [kind] if kind is not None else []
    scheduling = get(block, "scheduling_config", 0, default={})
    pool.spot = either(get(scheduling, "spot", default=False), get(scheduling, "preemptible", default=False))
    pool.reserved = get(scheduling, "reserved", default=False)
    pool.public_ip = get(block, "network_config", 0, "enable_external_ips", default=False)
    place = (*at, "service_account", 0, "email")
    pool.service_account = account(resource, get(block, "service_account", 0, "email"), *place)
    pool.sources |= {
        "instance_types": (*at, "accelerator_type"),
        "spot": (*at, "scheduling_config", 0, "spot"),
        "public_ip": (*at, "network_config", 0, "enable_external_ips"),
        "service_account": place,
    }
    return pool


READERS: dict[str, Reader] = {
    "google_container_node_pool": _gke_node_pool,
    "google_container_cluster": _gke_cluster,
    "google_compute_instance": _instance,
    "google_compute_instance_template": _instance_template,
    "google_compute_region_instance_template": _instance_template,
    "google_tpu_v2_vm": _tpu_vm,
    "google_tpu_v2_queued_resource": _tpu_queued,
}
