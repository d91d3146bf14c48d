"""What facts know of a pool's machines: accelerators, memory, network, price."""

from __future__ import annotations

from scanner.concepts.model import AcceleratorPool, ModelEndpoint
from scanner.core import is_unknown
from scanner.facts.accelerators import Accelerator, accelerator
from scanner.facts.instances import InstanceType, accelerated_family, instance_type, instance_types, price

CLOUDS = {
    "eks": "aws", "karpenter": "aws", "batch": "aws", "ec2": "aws", "sagemaker": "aws",
    "gke": "gcp", "gce": "gcp", "tpu-vm": "gcp", "workbench": "gcp", "vertex-ai": "gcp",
    "aks": "azure", "azureml": "azure", "azure-vm": "azure",
}  # fmt: skip
"""The cloud whose machine types a platform uses."""
HOURS_A_MONTH = 730
RESOURCES = {
    "nvidia": ["nvidia.com/gpu"],
    "amd": ["amd.com/gpu"],
    "aws": ["aws.amazon.com/neuron", "aws.amazon.com/neuroncore", "aws.amazon.com/neurondevice"],
    "google": ["google.com/tpu"],
    "intel": ["habana.ai/gaudi"],
}
"""Extended resources that the vendor's device plugin offers."""


def complete(pool: AcceleratorPool) -> None:
    """Fill in from facts what the source does not say; what it says stays."""
    if pool.doubt is not None:
        return
    cloud = CLOUDS.get(pool.platform, "")
    types = pool.instance_types if isinstance(pool.instance_types, list) else []
    types = types or [item.name for item in _of_families(cloud, pool.instance_families)]
    known = [found for name in types if isinstance(name, str) and (found := instance_type(cloud, name)) is not None]
    _complete_accelerators(pool, cloud, types, known)
    if not pool.resource_names and isinstance(pool.vendor, str):
        pool.resource_names = list(RESOURCES.get(pool.vendor, ()))
    if pool.fast_network is None and known and len(known) == len(types):
        pool.fast_network = all(item.fast_network for item in known)
    if pool.hourly_usd is None and not is_unknown(pool.hourly_usd):
        pool.hourly_usd = _hourly(pool, cloud, types)
    fixed = pool.desired_size if pool.min_size is None else pool.min_size
    reckon(pool, fixed, pool.max_size if pool.max_size is not None else fixed, pool.hourly_usd)


def reckon(item: AcceleratorPool | ModelEndpoint, least: object, most: object, hourly: object) -> None:
    """Fill in what a number of machines costs in a month."""
    if isinstance(hourly, int | float):
        if isinstance(least, int):
            item.monthly_floor_usd = round(hourly * least * HOURS_A_MONTH, 2)
        if isinstance(most, int):
            item.monthly_ceiling_usd = round(hourly * most * HOURS_A_MONTH, 2)


def complete_endpoint(endpoint: ModelEndpoint) -> None:
    """The price of an endpoint's machines, where facts have it."""
    cloud = CLOUDS.get(endpoint.platform)
    if endpoint.serverless is True or cloud is None or not isinstance(endpoint.instance_type, str):
        return
    found = price(cloud, endpoint.instance_type)
    if found is not None and endpoint.hourly_usd is None:
        endpoint.hourly_usd = found.on_demand_usd
    most = endpoint.max_replicas if endpoint.max_replicas is not None else endpoint.min_replicas
    reckon(endpoint, endpoint.min_replicas, most, endpoint.hourly_usd)


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
        pool.accelerator_memory_gib = max(model.memory_gib for model in models)
    if pool.vendor is None and models:
        pool.vendor = models[0].vendor


def _of_families(cloud: str, families: list[str]) -> list[InstanceType]:
    return [
        item for item in instance_types().values() if item.cloud == cloud and item.name.partition(".")[0] in families
    ]


def _fact(name: object) -> Accelerator | None:
    return accelerator(name) if isinstance(name, str) else None


def _hourly(pool: AcceleratorPool, cloud: str, types: list[str]) -> float | None:
    """The cheapest of the pool's machine types, on demand or spot as the pool is; ``None`` if one has no price."""
    region = pool.region if isinstance(pool.region, str) else ""
    found = [price(cloud, name, region) or price(cloud, name) for name in types if isinstance(name, str)]
    prices = [
        item.spot_usd if pool.spot is True and item.spot_usd is not None else item.on_demand_usd
        for item in found
        if item is not None
    ]
    return min(prices) if prices and len(prices) == len(types) else None
