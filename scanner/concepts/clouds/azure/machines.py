"""Machines with accelerators: AKS pools, Azure ML compute, virtual machines."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, common, differs, equals, given, machine_pool
from scanner.concepts.model import AcceleratorPool, Concept, Notebook, Taint
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

_ISO_DURATION = lazy_pattern(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z")


def seconds(text: Any) -> Any:
    """An ISO 8601 duration (``PT30M``) in seconds; ``None`` if it is none, unknown if it is unknown."""
    if is_unknown(text):
        return text
    match = _ISO_DURATION.match(text) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _aks_node_pool(resource: Resource, graph: ResourceGraph) -> Concept | None:
    return aks_pool(resource, resource.attributes, ())


def _aks_cluster(resource: Resource, graph: ResourceGraph) -> Concept | None:
    block = get(resource.attributes, "default_node_pool", 0)
    pool = aks_pool(resource, block, ("default_node_pool", 0)) if isinstance(block, dict) else None
    if pool is not None:
        pool.at = ("default_node_pool", 0)
        pool.platform = "aks-system"
        # a default pool takes neither taints nor spot machines
        for field in ("taints", "spot"):
            pool.sources.pop(field)
    return pool


def aks_pool(resource: Resource, block: dict[str, Any], at: Path) -> AcceleratorPool | None:
    """The pool that the block at ``at`` declares; ``None`` if its machines have no accelerators."""
    pool = machine_pool(resource, "aks", "azure", block.get("vm_size"), (*at, "vm_size"))
    if pool is None:
        return None
    pool.taints = _taints(block.get("node_taints"), (*at, "node_taints"))
    pool.node_labels = get(block, "node_labels", default={})
    pool.spot = equals(get(block, "priority", default="Regular"), "Spot")
    # AKS taints spot machines with kubernetes.azure.com/scalesetpriority
    pool.taints_itself = pool.spot
    # version 3 of the provider says enable_auto_scaling
    switch = "enable_auto_scaling" if "enable_auto_scaling" in block else "auto_scaling_enabled"
    pool.autoscaling = get(block, switch, default=False)
    fixed = whole(get(block, "node_count", default=1))
    pool.desired_size = fixed
    for field, name in (("min_size", "min_count"), ("max_size", "max_count")):
        if pool.autoscaling is False:
            setattr(pool, field, fixed)
            pool.sources[field] = (*at, "node_count")
        else:
            value = whole(get(block, name, default=0 if field == "min_size" else None))
            setattr(pool, field, pool.autoscaling if is_unknown(pool.autoscaling) else value)
            pool.sources[field] = (*at, name)
    pool.disk_gib = whole(block.get("os_disk_size_gb"))
    pool.mig_profile = block.get("gpu_instance")
    pool.reserved = given(block.get("capacity_reservation_group_id"))
    pool.upgrade_unavailable = get(block, "upgrade_settings", 0, "max_unavailable")
    driver = block.get("gpu_driver")
    pool.has_driver = differs(driver, "None")
    public = "enable_node_public_ip" if "enable_node_public_ip" in block else "node_public_ip_enabled"
    pool.public_ip = get(block, public, default=False)
    pool.sources |= {
        "taints": (*at, "node_taints"),
        "spot": (*at, "priority"),
        "disk_gib": (*at, "os_disk_size_gb"),
        "mig_profile": (*at, "gpu_instance"),
        "reserved": (*at, "capacity_reservation_group_id"),
        "has_driver": (*at, "gpu_driver"),
        "public_ip": (*at, public),
        "autoscaling": (*at, switch),
        "desired_size": (*at, "node_count"),
    }
    return pool


def _taints(texts: Any, at: Path) -> Any:
    if is_unknown(texts):
        return texts
    found = []
    for number, text in enumerate(texts if isinstance(texts, list) else ()):
        if isinstance(text, str):
            pair, _, effect = text.rpartition(":")
            key, _, value = pair.partition("=")
            found.append(Taint(at=(*at, number), key=key, value=value or None, effect=effect))
    return found


def _compute_cluster(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    pool = machine_pool(resource, "azureml", "azure", attributes.get("vm_size"), ("vm_size",))
    if pool is None:
        return None
    at: Path = ("scale_settings", 0)
    scale = get(attributes, *at, default={})
    pool.min_size = whole(get(scale, "min_node_count"))
    pool.max_size = whole(get(scale, "max_node_count"))
    pool.scale_down_seconds = seconds(get(scale, "scale_down_nodes_after_idle_duration"))
    pool.autoscaling = True
    pool.taints_itself = True
    pool.spot = equals(get(attributes, "vm_priority", default="Dedicated"), "LowPriority")
    pool.public_ip = get(attributes, "node_public_ip_enabled", default=True)
    pool.sources |= {
        "min_size": (*at, "min_node_count"),
        "max_size": (*at, "max_node_count"),
        "scale_down_seconds": (*at, "scale_down_nodes_after_idle_duration"),
        "spot": ("vm_priority",),
        "public_ip": ("node_public_ip_enabled",),
    }
    return pool


def _compute_instance(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    notebook = Notebook(**common(resource), platform="azureml")
    notebook.instance_type = attributes.get("virtual_machine_size")
    notebook.public = get(attributes, "node_public_ip_enabled", default=True)
    notebook.sources |= {"instance_type": ("virtual_machine_size",), "public": ("node_public_ip_enabled",)}
    return notebook


def _virtual_machine(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    field = "sku" if "scale_set" in resource.type else "size"
    pool = machine_pool(resource, "azure-vm", "azure", attributes.get(field), (field,))
    if pool is None:
        return None
    pool.spot = equals(get(attributes, "priority", default="Regular"), "Spot")
    pool.taints_itself = True
    count = whole(get(attributes, "instances", default=1)) if field == "sku" else 1
    pool.min_size = pool.max_size = pool.desired_size = count
    pool.sources |= {"spot": ("priority",), "desired_size": ("instances",), "min_size": ("instances",)}
    return pool


READERS: dict[str, Reader] = {
    "azurerm_kubernetes_cluster_node_pool": _aks_node_pool,
    "azurerm_kubernetes_cluster": _aks_cluster,
    "azurerm_machine_learning_compute_cluster": _compute_cluster,
    "azurerm_machine_learning_compute_instance": _compute_instance,
    "azurerm_linux_virtual_machine": _virtual_machine,
    "azurerm_linux_virtual_machine_scale_set": _virtual_machine,
    "azurerm_orchestrated_virtual_machine_scale_set": _virtual_machine,
}
