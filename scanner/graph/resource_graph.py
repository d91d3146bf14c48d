"""The resource graph: resources as nodes, typed edges between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from scanner.core import Resource

EdgeKind = Literal[
    "references",
    "selects",
    "scales",
    "exposes",
    "mounts",
    "binds",
    "grants",
    "runs_as",
    "in_namespace",
    "isolates",
    "disrupts",
    "scrapes",
    "runs_on",
    "deploys",
    "contains",
]
Direction = Literal["in", "out"]
Edges = dict[EdgeKind, dict[Resource, bool]]
"""By kind: the resource at the other end, and whether the edge is only possible."""


class Neighbour(NamedTuple):
    """A resource at the other end of an edge; ``possible`` edges may or may not exist (unknown input)."""

    resource: Resource
    possible: bool


class ResourceGraph:
    """Resources in the order in which they were read, and the edges between them.

    Edges are plain tables from a resource to its neighbours: importing a graph library costs more time than the
    scan of a small set-up.
    """

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._out: dict[Resource, Edges] = {}
        self._in: dict[Resource, Edges] = {}
        self._by_type: dict[str, list[Resource]] = {}
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Add a resource as a node; one that is there already stays where it is."""
        if resource in self._out:
            return
        self._out[resource] = {}
        self._in[resource] = {}
        self._by_type.setdefault(resource.type, []).append(resource)

    def connect(self, source: Resource, target: Resource, kind: EdgeKind, *, possible: bool = False) -> None:
        """Add an edge. A certain edge replaces a possible one of the same kind, never the other way round."""
        for resource in (source, target):
            self.add(resource)
        targets = self._out[source].setdefault(kind, {})
        targets[target] = possible and targets.get(target, True)
        self._in[target].setdefault(kind, {})[source] = targets[target]

    @property
    def resources(self) -> Iterator[Resource]:
        """All resources, in the order in which they were added."""
        return iter(self._out)

    def __len__(self) -> int:
        return len(self._out)

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of the given Terraform types or Kubernetes kinds."""
        return [resource for name in types for resource in self._by_type.get(name, ())]

    @property
    def types(self) -> Iterable[str]:
        """The types that at least one resource has."""
        return self._by_type.keys()

    def neighbours(self, resource: Resource, kind: EdgeKind, direction: Direction = "out") -> list[Neighbour]:
        """The resources that ``resource`` points at (``out``) or that point at it (``in``)."""
        table = (self._out if direction == "out" else self._in)[resource]
        return [Neighbour(other, possible) for other, possible in table.get(kind, {}).items()]

    def edges(self) -> Iterator[tuple[Resource, Resource, EdgeKind, bool]]:
        """Every edge as (source, target, kind, possible)."""
        for source, table in self._out.items():
            for kind, targets in table.items():
                for target, possible in targets.items():
                    yield source, target, kind, possible
