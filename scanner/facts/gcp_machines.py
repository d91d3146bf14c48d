"""Google Cloud machine types: typed access to gcp_machines.yaml."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from msgspec import Struct

from scanner.facts.tables import document


class MachineAccelerators(Struct, frozen=True):
    """What a machine type carries. ``number`` is ``None`` where it is not known; ``dimensions`` is set for TPUs."""

    accelerator: str
    number: int | None
    dimensions: int | None = None


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = document("gcp_machines")
    return data


def machine_accelerators(machine_type: str) -> MachineAccelerators | None:
    """The accelerators that come with a machine type, ``None`` if it comes with none that is known here."""
    family, _, size = machine_type.rpartition("-")
    number = re.match(r"\d+", size)
    if family in _data()["tpu_families"]:
        row = _data()["tpu_families"][family]
        return MachineAccelerators(row["accelerator"], int(number[0]) if number else None, row["dimensions"])
    if family in _data()["gpu_families"]:
        row = _data()["gpu_families"][family]
        counts = row.get("count")
        count = counts.get(size) if counts else int(number[0]) if number else None
        return MachineAccelerators(row["accelerator"], count)
    return None


def n1_hourly_usd(machine_type: str) -> float | None:
    """The list price of an N1 machine in us-central1 without accelerators; ``None`` for other and custom machines."""
    family, _, rest = machine_type.partition("-")
    kind, _, size = rest.partition("-")
    facts = _data()["n1"]
    memory = facts["gib_per_processor"].get(kind)
    if family != "n1" or memory is None or not size.isdigit():
        return None
    return int(size) * float(facts["processor_usd"] + memory * facts["gib_usd"])


def accepts_accelerators(machine_type: str) -> bool | None:
    """Whether GPUs can be attached to a machine type or come with it; ``None``: the family is not known here."""
    family = machine_type.split("-")[0]
    if family in _data()["without_accelerators"]:
        return False
    known = family == "n1" or machine_accelerators(machine_type) is not None
    return True if known else None


def partitions(accelerator: str) -> list[str] | None:
    """The GPU partition sizes of an accelerator (``1g.5gb``), ``None`` if it is not known here."""
    sizes: list[str] | None = _data()["partitions"].get(accelerator)
    return sizes
