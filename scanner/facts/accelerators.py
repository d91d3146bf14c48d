"""Accelerator models: typed access to accelerators.csv."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from scanner.core.patterns import lazy_pattern
from scanner.facts.tables import names, rows, whole

_SHARING = lazy_pattern(r"-(shared|mig-.*)$")


class MigProfile(Struct, frozen=True):
    """One way to cut a GPU, such as ``1g.10gb``."""

    name: str
    instances: int
    """How many of it one GPU can hold."""
    memory_gib: float


class Accelerator(Struct, frozen=True):
    """One model of accelerator."""

    name: str
    family: str
    """The name without memory size, which several models may share: ``nvidia-a100``."""
    vendor: str
    memory_gib: float
    """As the vendor names it; a driver offers a little less, see ``reported_mib``."""
    reported_mib: int | None
    """What the driver reports in total (``nvidia.com/gpu.memory``); ``None`` if not recorded."""
    nvlink: bool
    mig: tuple[MigProfile, ...] | None
    """Empty if it cannot be cut; ``None`` if it can, but its profiles are not recorded."""
    resource: str
    """The extended resource of the vendor's device plugin."""
    aliases: tuple[str, ...]
    source: str
    date: str

    @property
    def usable_gib(self) -> float:
        """Memory that a process can count on at most."""
        return self.reported_mib / 1024 if self.reported_mib else self.memory_gib


@cache
def accelerators() -> dict[str, Accelerator]:
    """Every accelerator by name."""
    return {row["name"]: _accelerator(row) for row in rows("accelerators")}


def accelerator(name: str) -> Accelerator | None:
    """The accelerator of a name, node label value or cloud's accelerator type; ``None`` if it is not known.

    Upper and lower case are the same, and so are spaces, underscores and hyphens. Suffixes that the device plugin adds
    to ``nvidia.com/gpu.product`` (``-SHARED``, ``-MIG-1g.10gb``) do not matter.
    """
    return _by_alias().get(_SHARING.sub("", _key(name)))


def mig_profile(model: Accelerator, name: str) -> MigProfile | None:
    """A profile by its name, or by the name of its extended resource (``nvidia.com/mig-1g.10gb.me``)."""
    wanted = name.removeprefix("nvidia.com/mig-")
    return next((profile for profile in model.mig or () if wanted in (profile.name, _resource(profile.name))), None)


def _resource(profile: str) -> str:
    return profile.replace("+", ".")


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "-").replace("_", "-")


@cache
def _by_alias() -> dict[str, Accelerator]:
    return {_key(alias): item for item in accelerators().values() for alias in (item.name, *item.aliases)}


def _accelerator(row: dict[str, str]) -> Accelerator:
    return Accelerator(
        name=row["name"],
        family=row["family"],
        vendor=row["vendor"],
        memory_gib=float(row["memory_gib"]),
        reported_mib=whole(row["reported_mib"]),
        nvlink=row["nvlink"] == "yes",
        mig=None if row["mig"] == "?" else tuple(_profile(item) for item in names(row["mig"])),
        resource=row["resource"],
        aliases=names(row["aliases"]),
        source=row["source"],
        date=row["date"],
    )


def _profile(item: str) -> MigProfile:
    """A profile from ``1g.10gb+me:1``: name and number that fit; the name says its memory."""
    name, _, instances = item.rpartition(":")
    return MigProfile(name, int(instances), float(name.partition(".")[2].partition("gb")[0]))
