"""Machine types: typed access to accelerated_instances.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path as FilePath
from typing import NamedTuple


class AcceleratedFamily(NamedTuple):
    """Machine types with the same accelerator."""

    pattern: re.Pattern[str]
    accelerator: str
    vendor: str


@cache
def families() -> dict[str, list[AcceleratedFamily]]:
    """Families by cloud: aws, gcp, azure."""
    from ruamel.yaml import YAML

    path = FilePath(__file__).parent / "accelerated_instances.yaml"
    data = YAML(typ="safe").load(path.read_text("utf-8"))
    return {
        cloud: [AcceleratedFamily(re.compile(row["pattern"]), row["accelerator"], row["vendor"]) for row in rows]
        for cloud, rows in data.items()
    }


def accelerated_family(cloud: str, machine_type: str) -> AcceleratedFamily | None:
    """The family of a machine type, ``None`` if it has no accelerator that is known here."""
    return next((family for family in families()[cloud] if family.pattern.match(machine_type)), None)
