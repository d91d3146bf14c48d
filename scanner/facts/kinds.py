"""Workload kinds and runtimes: typed access to kinds.yaml and runtimes.yaml."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from scanner.facts.tables import document


class WorkloadKind(NamedTuple):
    """Where one component of a workload kind keeps its pod template. See kinds.yaml for the path syntax."""

    kind: str
    group: str
    template: tuple[str, ...]
    pod_spec: bool = False
    component: str = ""
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
    update: str = ""
    autoscaling: str = ""
    job: tuple[str, ...] = ()
    ray: tuple[str, ...] = ()
    definition: bool = False
    completes: bool = False


@cache
def workload_kinds() -> dict[str, list[WorkloadKind]]:
    """Every component of every workload kind, by kind."""
    table: dict[str, list[WorkloadKind]] = {}
    for row in document("kinds"):
        values: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in row.items()}
        table.setdefault(row["kind"], []).append(WorkloadKind(**values))
    return table


@cache
def runtimes() -> dict[str, Any]:
    """The recognition data of runtimes.yaml."""
    data: dict[str, Any] = document("runtimes")
    return data
