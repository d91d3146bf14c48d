"""The systems that a resource belongs to, as readers of the documentation know them: typed access to systems.yaml."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct

from scanner.facts.tables import document


class System(Struct, frozen=True):
    """One row: a system and what it is declared with."""

    system: str
    terraform: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@cache
def systems() -> tuple[System, ...]:
    """Every row, in the order in which they are tried."""
    rows: list[dict[str, Any]] = document("systems")
    return tuple(
        System(row["system"], *(tuple(row.get(name, ())) for name in ("terraform", "groups", "runtimes", "origins")))
        for row in rows
    )


def system_of(resource_type: str, api_version: str, origin: str) -> str | None:
    """The system that declares a resource; ``None`` if no row knows it. ``api_version`` is empty outside Kubernetes."""
    group = api_version.rpartition("/")[0]
    for row in systems():
        if origin in row.origins or (api_version and group in row.groups):
            return row.system
        if not api_version and resource_type.removeprefix("data.").startswith(row.terraform or ("\0",)):
            return row.system
    return None


def system_of_runtime(runtime: str | None) -> str | None:
    """The system behind a serving runtime of runtimes.yaml; ``None`` if no row knows it."""
    return next((row.system for row in systems() if runtime in row.runtimes), None)
