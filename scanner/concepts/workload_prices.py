"""What the accelerators of a pod cost an hour, and how many such pods there are at least and at most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from scanner.concepts.model import AcceleratorPool, Accelerators, PodSet
from scanner.concepts.prices import hourly_bounds, quote
from scanner.concepts.quantities import whole
from scanner.concepts.scaling import KEDA_MOST
from scanner.core import Unknown, get, is_unknown
from scanner.facts.accelerators import Accelerator, accelerators, mig_profile
from scanner.facts.instances import InstanceType, Price, instance_type, instance_types
from scanner.graph import ResourceGraph

CLOUD_LABELS = (
    ("aws", ("eks.amazonaws.com/", "k8s.amazonaws.com/", "karpenter.k8s.aws/")),
    ("gcp", ("cloud.google.com/",)),
    ("azure", ("kubernetes.azure.com/", "karpenter.azure.com/", "agentpool")),
)
"""Prefixes of node labels that only one cloud has."""


OBSOLETE = frozenset(("nvidia-k80",))
"""Accelerators that current drivers do not support (Kepler ended with release 470), so nobody means them."""


class Share(Struct, frozen=True):
    """What one pod's accelerators cost an hour, in USD, and on what that rests."""

    least_usd: float | None
    most_usd: float | None
    basis: str = ""
    market: str = ""
    prices: tuple[Price, ...] = ()
    pools: tuple[AcceleratorPool, ...] = ()


def share_of_machine(pods: PodSet, graph: ResourceGraph) -> Share:
    """A pod's share of the machines of the pools that can host it, else of the cheapest machine known to facts."""
    if is_unknown(pods.accelerator_count):
        return Share(None, None, pods.accelerator_count.reason)
    if is_unknown(pods.extended_resources):
        return Share(None, None, pods.extended_resources.reason)
    if isinstance(pods.own_machine, str):
        return _on_own_machine(pods, pods.own_machine)
    if not is_unknown(pods.hosts) and pods.hosts:
        return _on_pools(pods, pods.hosts)
    if isinstance(pods.hosts, Unknown):
        return _cheapest(pods, graph, f"which pool hosts it cannot be told: {pods.hosts.reason}")
    return _cheapest(pods, graph, "no pool of the scan can host it" if pods.pools else "no pool in the scan")


def _on_own_machine(pods: PodSet, name: str) -> Share:
    """What a machine costs on demand that the operator makes for each pod."""
    found = [offer for cloud in ("aws", "azure", "gcp", "oci") if (offer := quote(cloud, [name])) is not None]
    if len(found) != 1:
        return Share(None, None, f"no price of {name} is recorded")
    basis = f"{pods.kind} makes a machine of the type {name} for each pod"
    return Share(found[0].least_usd, found[0].most_usd, basis, "on-demand", found[0].prices)


def _on_pools(pods: PodSet, pools: list[AcceleratorPool]) -> Share:
    names = ", ".join(pool.name for pool in pools[:3])
    bounds = [_share_of(pods, pool) for pool in pools]
    least = [low for low, _ in bounds if low is not None]
    most = [high for _, high in bounds if high is not None]
    known = bool(most) or bool(least)
    markets = sorted({pool.market for pool in pools})
    return Share(
        min(least) if len(least) == len(pools) else None,
        max(most) if len(most) == len(pools) else None,
        f"runs on {names}" + ("" if known else ", whose price is not known"),
        markets[0] if len(markets) == 1 else "spot or on-demand",
        _priced(pools),
        tuple(pools),
    )


def _share_of(pods: PodSet, pool: AcceleratorPool) -> tuple[float | None, float | None]:
    """USD an hour for the accelerators of one pod, on the pool's cheapest and on its dearest machine for them."""
    cut = _pieces(pods, [accelerators()[name] for name in pool.accelerators if name in accelerators()])
    clients = pool.shared_clients if isinstance(pool.shared_clients, int) and pool.shared_clients > 0 else 1
    if cut is None or any("neuroncore" in name for name in pods.extended_resources):
        # a device has two to eight cores, by its generation
        return None, None
    offers = [
        (low and low / count, high / count)
        for low, high, count in per_machine(pool)
        if count * clients * cut >= pods.accelerator_count
    ]
    if not offers:
        return None, None
    part = pods.accelerator_count / (clients * cut)
    least = [low * part for low, _ in offers if low is not None]
    return min(least) if len(least) == len(offers) else None, max(high for _, high in offers) * part


def per_machine(pool: AcceleratorPool) -> list[tuple[float | None, float, float]]:
    """(USD an hour at least, at most, accelerators) of each machine type of a pool whose price is known."""
    attached, low, high = pool.attached_count, pool.hourly_usd, pool.hourly_most_usd
    if pool.attached_accelerator is not None:
        known = isinstance(attached, int) and attached > 0 and isinstance(high, int | float)
        return [(low, high, attached)] if known and high is not None and attached is not None else []
    found = []
    for item in pool.prices:
        machine = instance_type(item.cloud, item.name)
        if machine is not None and machine.accelerator_count > 0:
            found.append((*hourly_bounds(item, pool.market), machine.accelerator_count))
    return found


def _priced(pools: list[AcceleratorPool]) -> tuple[Price, ...]:
    return tuple(dict.fromkeys(item for pool in pools for item in pool.prices))


def _pieces(pods: PodSet, models: list[Accelerator]) -> int | None:
    """How many of the pod's MIG slices one GPU holds at most; 1 for whole GPUs, ``None`` for several kinds."""
    slices = [name for name in pods.extended_resources if name.startswith("nvidia.com/mig-")]
    if not slices:
        return 1
    if len(slices) > 1:
        return None
    found = [profile.instances for model in models if (profile := mig_profile(model, slices[0])) is not None]
    return max(found) if found else None


def _cheapest(pods: PodSet, graph: ResourceGraph, because: str) -> Share:
    """The cheapest machine on demand that has what the pod asks for; the dearest bounds a chosen model."""
    if pods.accelerator is None and any(_narrowed(item) for claim in pods.device_claims for item in claim.accelerators):
        return Share(None, None, f"{because}, and which machines have what its device claim selects is not known")
    offers = sorted(_offers(pods, graph), key=lambda offer: (offer[0], offer[1].cloud, offer[1].name))
    if not offers:
        wanted = pods.accelerator or ", ".join(pods.accelerator_resources)
        return Share(None, None, f"{because}, and facts know no machine with {pods.accelerator_count} x {wanted}")
    least, machine, prices = offers[0]
    chosen = isinstance(pods.accelerator, str)
    basis = f"{because}; priced as the cheapest machine that offers it, {machine.name} ({machine.cloud})"
    return Share(least, offers[-1][0] if chosen else None, basis, "on-demand", prices)


def _narrowed(item: Accelerators) -> bool:
    """Whether selectors choose devices by more than their kind."""
    return item.selected and item.mig_profile is None


def _offers(pods: PodSet, graph: ResourceGraph) -> Iterator[tuple[float, InstanceType, tuple[Price, ...]]]:
    """(USD an hour for the pod's share, machine, price) of every machine type that has the accelerators."""
    wanted = pods.accelerator if isinstance(pods.accelerator, str) else None
    resource = pods.extended_resources[0] if pods.extended_resources else ""
    base = "nvidia.com/gpu" if resource.startswith(("nvidia.com/mig-", "nvidia.com/gpu.shared")) else resource
    cloud = _cloud(pods, graph)
    for machine in instance_types().values():
        model = accelerators()[machine.accelerator]
        pieces = _pieces(pods, [model])
        fits = model.resource == base and wanted in (None, model.name) and pieces is not None
        if not fits or machine.service != "compute" or (cloud and machine.cloud != cloud) or model.name in OBSOLETE:
            continue
        found = quote(machine.cloud, [machine.name])
        if found is not None and found.least_usd is not None and pods.accelerator_count <= machine.accelerator_count:
            part = pods.accelerator_count / (machine.accelerator_count * (pieces or 1))
            yield part * found.least_usd, machine, found.prices


def _cloud(pods: PodSet, graph: ResourceGraph) -> str:
    """The cloud that the pod's selectors, or else the only clusters of the scan, are of; empty if any."""
    selector: Any = pods.node_selector
    keys = " ".join([*map(str, selector if isinstance(selector, dict) else ()), str(pods.affinity)])
    named = {cloud for cloud, labels in CLOUD_LABELS if any(label in keys for label in labels)}
    if not named:
        kinds = {
            "aws_eks_cluster": "aws",
            "google_container_cluster": "gcp",
            "azurerm_kubernetes_cluster": "azure",
            "oci_containerengine_cluster": "oci",
        }
        named = {cloud for kind, cloud in kinds.items() if graph.of_type(kind)}
    return named.pop() if len(named) == 1 else ""


def pod_numbers(pods: PodSet, graph: ResourceGraph) -> tuple[int | None, int | None, str]:
    """How many pods run at least and at most (``None``: cannot be told), and what that rests on."""
    fewest, most, reason = _replicas(pods, graph)
    parts: list[Any] = [pods.pods_per_replica, pods.copies]
    unknown = next((part for part in parts if isinstance(part, Unknown)), None)
    if unknown is not None:
        return None, None, unknown.reason
    each = parts[0] * parts[1]
    numbers = [None if number is None else number * each for number in (fewest, most)]
    if pods.completes:
        return 0, numbers[1], "it ends by itself"
    return numbers[0], numbers[1], reason


def _replicas(pods: PodSet, graph: ResourceGraph) -> tuple[int | None, int | None, str]:
    for near in graph.neighbours(pods.resource, "scales", "in"):
        if near.resource.type == "HorizontalPodAutoscaler":
            return _in_all(_range(near.resource.attributes, "minReplicas", 1, "maxReplicas", None), pods)
        if near.resource.type == "ScaledObject":
            return _in_all(_range(near.resource.attributes, "minReplicaCount", 0, "maxReplicaCount", KEDA_MOST), pods)
    scaled: Any = pods.autoscaled
    if isinstance(scaled, Unknown):
        return None, None, scaled.reason
    fewest: Any = pods.min_replicas if scaled else pods.replicas
    most: Any = pods.max_replicas if scaled else pods.replicas
    unknown = next((number for number in (fewest, most) if isinstance(number, Unknown)), None)
    reason = "" if unknown is None else unknown.reason
    if most is None and not reason:
        reason = "no maximum is set" if pods.autoscaled else "as many pods as machines" if fewest is None else ""
    return fewest if isinstance(fewest, int) else None, most if isinstance(most, int) else None, reason


def _in_all(scaled: tuple[int | None, int | None, str], pods: PodSet) -> tuple[int | None, int | None, str]:
    """The replicas that a scaler means, which may count copies of the whole."""
    each: Any = pods.replicas_each
    if isinstance(each, Unknown):
        return None, None, each.reason
    fewest, most, reason = scaled
    return None if fewest is None else fewest * each, None if most is None else most * each, reason


def _range(attributes: Any, low: str, least: int, high: str, highest: int | None) -> tuple[int | None, int | None, str]:
    fewest = whole(get(attributes, "spec", low, default=least))
    most = whole(get(attributes, "spec", high, default=highest))
    unknown = next((number for number in (fewest, most) if isinstance(number, Unknown)), None)
    reason = "scaled automatically" if unknown is None else unknown.reason
    return fewest if isinstance(fewest, int) else None, most if isinstance(most, int) else None, reason
