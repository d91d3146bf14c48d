"""What facts know of a pool's machines: accelerators, memory, network, price."""

from __future__ import annotations

from scanner.concepts.model import AcceleratorPool, ModelEndpoint, Notebook
from scanner.concepts.prices import HOURS_A_MONTH, Quote, market_of, quote
from scanner.facts.accelerators import Accelerator, accelerator
from scanner.facts.gcp_machines import n1_hourly_usd
from scanner.facts.instances import InstanceType, accelerated_family, instance_type, instance_types

CLOUDS = {
    "eks": "aws", "karpenter": "aws", "batch": "aws", "ec2": "aws", "sagemaker": "aws",
    "gke": "gcp", "gce": "gcp", "tpu-vm": "gcp", "workbench": "gcp", "vertex-ai": "gcp",
    "aks": "azure", "azureml": "azure", "azure-vm": "azure",
    "oke": "oci",
}  # fmt: skip
"""The cloud whose machine types a platform uses."""
ZONES_OF_A_REGION = 3
"""Zones that a regional GKE cluster has nodes in unless told otherwise."""
RESOURCES = {
    "nvidia": ["nvidia.com/gpu"],
    "amd": ["amd.com/gpu"],
    "aws": ["aws.amazon.com/neuron", "aws.amazon.com/neuroncore", "aws.amazon.com/neurondevice"],
    "google": ["google.com/tpu"],
    "intel": ["habana.ai/gaudi"],
}
"""Extended resources that the vendor's device plugin offers, as aws/karpenter-provider-aws and kubernetes/autoscaler
55c37cd name them."""


def complete(pool: AcceleratorPool) -> None:
    """Fill in from facts what the source does not say; what it says stays."""
    if pool.doubt is not None:
        return
    cloud = CLOUDS.get(pool.platform, "")
    types = pool.instance_types if isinstance(pool.instance_types, list) else []
    if pool.platform == "batch":
        sizes = [found.vcpus for name in types if isinstance(name, str) and (found := instance_type(cloud, name))]
        pool.machine_vcpus = max((size for size in sizes if size is not None), default=None)
    types = types or [item.name for item in _of_families(cloud, pool.instance_families)]
    known = [found for name in types if isinstance(name, str) and (found := instance_type(cloud, name)) is not None]
    _complete_accelerators(pool, cloud, types, known)
    if not pool.resource_names and isinstance(pool.vendor, str):
        pool.resource_names = list(RESOURCES.get(pool.vendor, ()))
    if pool.fast_network is None and known and len(known) == len(types):
        pool.fast_network = all(item.fast_network for item in known)
    pool.market = pool.market or market_of(pool.spot)
    # what is attached to a machine that carries accelerators by itself only names them once more
    bare = pool.attached_accelerator is not None and not known
    priced = _with_attached(pool) if bare else _quoted(pool, cloud, types)
    if priced is not None:
        pool.hourly_usd, pool.hourly_most_usd, pool.prices = priced.least_usd, priced.most_usd, list(priced.prices)
    fixed = pool.desired_size if pool.min_size is None else pool.min_size
    pool.fewest_machines = _machines(fixed, pool, pool.zones or 1)
    most = pool.max_size if pool.max_size is not None else fixed
    pool.most_machines = _machines(most, pool, pool.zones or ZONES_OF_A_REGION)
    reckon(pool, pool.fewest_machines, pool.most_machines, pool.hourly_usd, pool.hourly_most_usd)


def _machines(size: int | None, pool: AcceleratorPool, zones: int) -> int | None:
    """Machines of a pool of that size; sizes may count machines of one zone, or vCPUs (AWS Batch)."""
    if not isinstance(size, int):
        return size
    return size * zones if pool.machine_vcpus is None else -(-size // pool.machine_vcpus)


def reckon(
    item: AcceleratorPool | ModelEndpoint, fewest: object, most: object, least_usd: object, most_usd: object
) -> None:
    """Fill in what a number of machines costs in a month."""
    if isinstance(fewest, int) and (fewest == 0 or isinstance(least_usd, int | float)):
        item.monthly_floor_usd = monthly(fewest, least_usd)
    if isinstance(most, int) and (most == 0 or isinstance(most_usd, int | float)):
        item.monthly_ceiling_usd = monthly(most, most_usd)


def monthly(machines: int, hourly_usd: object) -> float:
    """USD a month of machines that always run; none cost nothing whatever their price."""
    return round(machines * hourly_usd * HOURS_A_MONTH, 2) if isinstance(hourly_usd, int | float) else 0.0


def complete_endpoint(endpoint: ModelEndpoint | Notebook) -> None:
    """The price of an endpoint's or notebook's machines, where facts have it."""
    cloud = CLOUDS.get(endpoint.platform)
    if cloud is None or not isinstance(endpoint.instance_type, str):
        return
    if isinstance(endpoint, ModelEndpoint) and endpoint.serverless is True:
        return
    spot = endpoint.spot if isinstance(endpoint, ModelEndpoint) else False
    found = quote(cloud, [endpoint.instance_type], market_of(spot))
    if found is None or endpoint.hourly_usd is not None:
        return
    endpoint.hourly_usd = found.least_usd
    if isinstance(endpoint, ModelEndpoint):
        most = endpoint.max_replicas if endpoint.max_replicas is not None else endpoint.min_replicas
        reckon(endpoint, fewest_replicas(endpoint), most, found.least_usd, found.most_usd)


def fewest_replicas(endpoint: ModelEndpoint) -> int | None:
    """What autoscaling may scale in to, else what the endpoint starts with."""
    return endpoint.min_replicas if endpoint.least_replicas is None else endpoint.least_replicas


def _complete_accelerators(pool: AcceleratorPool, cloud: str, types: list[str], known: list[InstanceType]) -> None:
    attached = _fact(pool.attached_accelerator)
    if attached is not None:
        pool.accelerators = [attached.name]
    elif types and cloud:
        accelerated = [name for name in types if isinstance(name, str) and accelerated_family(cloud, name) is not None]
        names = [found.accelerator if (found := instance_type(cloud, name)) else "" for name in accelerated]
        pool.accelerators = sorted(set(names)) if names and all(names) else []
    elif (named := _fact(pool.accelerator)) is not None:
        pool.accelerators = [named.name]
    elif pool.accelerators:
        pool.vendor = pool.vendor or "nvidia"
    models = [model for name in pool.accelerators if (model := accelerator(name)) is not None]
    pool.accelerator = pool.accelerators[0] if len(pool.accelerators) == 1 else pool.accelerator
    if pool.accelerators_per_machine is None and known and attached is None:
        pool.accelerators_per_machine = max(int(item.accelerator_count) or 1 for item in known)
    if pool.accelerator_memory_gib is None and models and len(models) == len(pool.accelerators):
        pool.accelerator_memory_gib = round(max(model.usable_gib for model in models), 1)
    if pool.vendor is None and models:
        pool.vendor = models[0].vendor


def _of_families(cloud: str, families: list[str]) -> list[InstanceType]:
    return [
        item for item in instance_types().values() if item.cloud == cloud and item.name.partition(".")[0] in families
    ]


def _fact(name: object) -> Accelerator | None:
    return accelerator(name) if isinstance(name, str) else None


def _quoted(pool: AcceleratorPool, cloud: str, types: list[str]) -> Quote | None:
    return quote(cloud, types, pool.market, pool.region if isinstance(pool.region, str) else "")


def _with_attached(pool: AcceleratorPool) -> Quote | None:
    """The price of an N1 machine and of what is attached to it."""
    kind, count, types = pool.attached_accelerator, pool.attached_count, pool.instance_types
    machine = types[0] if isinstance(types, list) and len(types) == 1 else None
    bare = n1_hourly_usd(machine) if isinstance(machine, str) else None
    each = quote("gcp", [kind]) if isinstance(kind, str) else None
    if bare is None or each is None or not isinstance(count, int):
        return None
    total = bare + count * each.most_usd
    return Quote(total if pool.market == "on-demand" else None, total, pool.market, each.prices)
