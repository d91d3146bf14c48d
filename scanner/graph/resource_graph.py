"""The resource graph: resources as nodes, typed edges between them, on a networkx multigraph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import networkx

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


class Neighbour(NamedTuple):
    """A resource at the other end of an edge; ``possible`` edges may or may not exist (unknown input)."""

    resource: Resource
    possible: bool


class ResourceGraph:
    """Resources in the order in which they were read, and the edges between them."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._graph: networkx.MultiDiGraph[Resource] = networkx.MultiDiGraph()
        self._by_type: dict[str, list[Resource]] = {}
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Add a resource as a node."""
        self._graph.add_node(resource)
        self._by_type.setdefault(resource.type, []).append(resource)

    def connect(self, source: Resource, target: Resource, kind: EdgeKind, *, possible: bool = False) -> None:
        """Add an edge. A certain edge replaces a possible one of the same kind, never the other way round."""
        if self._graph.has_edge(source, target, kind):
            possible = possible and self._graph.edges[source, target, kind]["possible"]
        self._graph.add_edge(source, target, kind, possible=possible)

    @property
    def resources(self) -> Iterator[Resource]:
        """All resources, in the order in which they were added."""
        return iter(self._graph.nodes)

    def __len__(self) -> int:
        return len(self._graph)

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of the given Terraform types or Kubernetes kinds."""
        return [resource for name in types for resource in self._by_type.get(name, ())]

    @property
    def types(self) -> Iterable[str]:
        """The types that at least one resource has."""
        return self._by_type.keys()

    def neighbours(self, resource: Resource, kind: EdgeKind, direction: Direction = "out") -> list[Neighbour]:
        """The resources that ``resource`` points at (``out``) or that point at it (``in``)."""
        view = self._graph.succ if direction == "out" else self._graph.pred
        return [Neighbour(other, edges[kind]["possible"]) for other, edges in view[resource].items() if kind in edges]

    def edges(self) -> Iterator[tuple[Resource, Resource, EdgeKind, bool]]:
        """Every edge as (source, target, kind, possible)."""
        for source, target, kind, data in self._graph.edges(keys=True, data=True):
            yield source, target, kind, data["possible"]

    def as_written(self) -> ResourceGraph:
        """The graph for people: each resource once, as it stands in the source, with the edges of all its spellings."""
        graph = ResourceGraph(resource for resource in self.resources if resource.written is resource)
        for source, target, kind, possible in self.edges():
            if source.written is not target.written:
                graph.connect(source.written, target.written, kind, possible=possible)
        return graph
