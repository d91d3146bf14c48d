"""Machine types and their prices: typed access to instances.csv, prices.csv and accelerated_instances.yaml."""

from __future__ import annotations

import datetime
import re
from functools import cache

from msgspec import Struct

from scanner.facts.accelerators import accelerators
from scanner.facts.tables import document, number, rows, whole

REFERENCE_REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
"""Where a price is looked up if no region is given."""
A_YEAR = datetime.timedelta(days=365)


class AcceleratedFamily(Struct, frozen=True):
    """Machine types with the same accelerator."""

    pattern: str
    """A regular expression that their names match; it is compiled only where it is asked."""
    accelerator: str
    vendor: str


class InstanceType(Struct, frozen=True):
    """A machine type with accelerators, or what a serverless service offers as one."""

    cloud: str
    service: str
    """``compute``; ``guest-accelerator`` (attached to any N1 machine), ``cloud-run`` or ``container-apps``."""
    name: str
    accelerator: str
    accelerator_count: float
    """A fraction where several machines share one accelerator."""
    accelerator_memory_gib: float
    """Of all its accelerators together, as the vendor names it."""
    vcpus: int | None
    memory_gib: float | None
    local_disk_gb: float | None
    """Local disks that come with it, as advertised; ``None`` if not recorded."""
    fast_network: bool
    """It offers EFA, InfiniBand or GPUDirect between machines."""
    source: str
    date: str


class Price(Struct, frozen=True):
    """What a machine type costs in one region, in USD an hour."""

    cloud: str
    name: str
    region: str
    on_demand_usd: float
    spot_usd: float | None
    """``None`` if not recorded."""
    spot_source: str
    spot_date: str
    """When the spot price was taken, which varies; empty if none is recorded."""
    source: str
    date: str

    @property
    def spot_is_old(self) -> bool:
        """Whether the spot price was taken more than a year before the price on demand."""
        return bool(self.spot_date) and _day(self.date) - _day(self.spot_date) > A_YEAR


@cache
def instance_types() -> dict[tuple[str, str], InstanceType]:
    """Every machine type by cloud and lower-case name."""
    return {(row["cloud"], row["name"].lower()): _instance_type(row) for row in rows("instances")}


def instance_type(cloud: str, name: str) -> InstanceType | None:
    """A machine type of ``aws``, ``gcp``, ``azure`` or ``oci``; ``None`` if it is not known.

    SageMaker's ``ml.`` names give the EC2 type. The services without machine types are found by the name of their
    accelerator (``nvidia-l4`` on Cloud Run, ``nvidia-tesla-t4`` for N1) or profile (``Consumption-GPU-NC24-A100``).
    """
    return instance_types().get((cloud, name.lower().removeprefix("ml.")))


@cache
def prices() -> dict[tuple[str, str], list[Price]]:
    """Every price by cloud and lower-case name."""
    table: dict[tuple[str, str], list[Price]] = {}
    for row in rows("prices"):
        table.setdefault((row["cloud"], row["name"].lower()), []).append(_price(row))
    return table


def price(cloud: str, name: str, region: str = "") -> Price | None:
    """The list price in a region, else in the cloud's reference region; ``None`` if it is not recorded.

    Without a region, a machine type that the reference region does not have gets the price of the first region that
    is recorded. SageMaker has prices of its own under its ``ml.`` names. For the services ``guest-accelerator`` and
    ``cloud-run`` the price is that of the accelerator alone.
    """
    found = prices().get((cloud, name.lower()), [])
    wanted = region or REFERENCE_REGIONS.get(cloud)
    match = next((item for item in found if item.region == wanted), None)
    return match or (found[0] if found and not region else None)


@cache
def families() -> dict[str, list[AcceleratedFamily]]:
    """Families by cloud: aws, gcp, azure, oci."""
    return {
        cloud: [AcceleratedFamily(row["pattern"], row["accelerator"], row["vendor"]) for row in rows]
        for cloud, rows in document("accelerated_instances").items()
    }


def accelerated_family(cloud: str, machine_type: str) -> AcceleratedFamily | None:
    """The family of a machine type, ``None`` if it has no accelerator that is known here.

    A recorded machine type has the family of its accelerator; another one is told by the pattern of its name.
    """
    known = instance_type(cloud, machine_type)
    if known is None or known.service != "compute":
        return next((family for family in families()[cloud] if re.match(family.pattern, machine_type)), None)
    model = accelerators()[known.accelerator]
    return AcceleratedFamily(re.escape(machine_type), model.family, model.vendor)


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def _instance_type(row: dict[str, str]) -> InstanceType:
    return InstanceType(
        cloud=row["cloud"],
        service=row["service"],
        name=row["name"],
        accelerator=row["accelerator"],
        accelerator_count=float(row["accelerator_count"]),
        accelerator_memory_gib=float(row["accelerator_memory_gib"]),
        vcpus=whole(row["vcpus"]),
        memory_gib=number(row["memory_gib"]),
        local_disk_gb=number(row["local_disk_gb"]),
        fast_network=row["fast_network"] == "yes",
        source=row["source"],
        date=row["date"],
    )


def _price(row: dict[str, str]) -> Price:
    return Price(
        cloud=row["cloud"],
        name=row["name"],
        region=row["region"],
        on_demand_usd=float(row["on_demand_usd"]),
        spot_usd=number(row["spot_usd"]),
        spot_source=row["spot_source"],
        spot_date=row["spot_date"],
        source=row["source"],
        date=row["date"],
    )
