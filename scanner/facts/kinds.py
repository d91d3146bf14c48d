"""Workload kinds, holders and runtimes: typed access to kinds.yaml, holders.yaml and runtimes.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from scanner.core import Path
from scanner.facts.tables import document


class WorkloadKind(Struct, frozen=True):
    """Where one component of a workload kind keeps its pod template. See kinds.yaml for the path syntax."""

    kind: str
    group: str
    template: tuple[str, ...]
    pod_spec: bool = False
    component: str = ""
    named: tuple[str, ...] = ()
    follower: bool = False
    metadata: tuple[str, ...] = ()
    role: str = "other"
    shape: str = ""
    replicas: tuple[str, ...] = ()
    default_replicas: int = 1
    decided_replicas: bool = False
    """Whether another object decides the replicas where none are given."""
    minimum: tuple[str, ...] = ()
    maximum: tuple[str, ...] = ()
    group_size: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    """Where the type of the machines stands that the operator makes for the pods."""
    sets: tuple[str, ...] = ()
    default_sets: int = 1
    update: str = ""
    autoscaling: str = ""
    job: tuple[str, ...] = ()
    ray: tuple[str, ...] = ()
    definition: bool = False
    completes: bool = False


class Holder(Struct, frozen=True):
    """A kind whose objects hold whole objects of other kinds. See holders.yaml."""

    kind: str
    group: str
    objects: tuple[str, ...]
    role: str = ""
    trial: bool = False
    copies: tuple[str, ...] = ()
    default_copies: int = 1
    labels: Mapping[str, str] = {}


@cache
def workload_kinds() -> dict[str, list[WorkloadKind]]:
    """Every component of every workload kind, by kind."""
    table: dict[str, list[WorkloadKind]] = {}
    for row in document("kinds"):
        table.setdefault(row["kind"], []).append(WorkloadKind(**_values(row)))
    return table


@cache
def holders() -> dict[tuple[str, str], Holder]:
    """Every kind that holds whole objects, by kind and group."""
    return {(row["kind"], row["group"]): Holder(**_values(row)) for row in document("holders")}


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in row.items()}


def absolute(path: Path, steps: tuple[str, ...]) -> Path:
    """``steps`` from the root, or from ``path`` where they start with ``@`` or ``..``."""
    if steps and steps[0] == "@":
        return (*path, *steps[1:])
    if not steps or steps[0] != "..":
        return steps
    while steps and steps[0] == "..":
        path, steps = path[:-1], steps[1:]
    return (*path, *steps)


def expand_paths(value: Any, steps: tuple[str, ...], base: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every (path, value) that a path of kinds.yaml or holders.yaml leads to."""
    if not steps:
        yield base, value
    elif steps[0] == "[*]":
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from expand_paths(item, steps[1:], (*base, number))
    elif steps[0] == "{*}":
        for key, item in (value if isinstance(value, dict) else {}).items():
            yield from expand_paths(item, steps[1:], (*base, key))
    elif isinstance(value, dict) and steps[0] in value:
        yield from expand_paths(value[steps[0]], steps[1:], (*base, steps[0]))


@cache
def runtimes() -> dict[str, Any]:
    """The recognition data of runtimes.yaml."""
    data: dict[str, Any] = document("runtimes")
    return data
