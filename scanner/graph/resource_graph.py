"""The resource graph: resources as nodes, typed edges between them.

A scan only asks for the neighbours of a resource, which plain tables answer. What needs more of a graph gets it as a
networkx multigraph, which is imported and built on demand: it takes three times the memory and a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from scanner.core import Resource

if TYPE_CHECKING:
    import networkx

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
Edges: TypeAlias = Mapping[EdgeKind, bool]
"""The edges from one resource to another: kind -> whether it is only possible."""
MAX_EDGES = 100_000
MAX_EDGES_A_RESOURCE = 20
"""On average, beyond the first ``MAX_EDGES``: real sources have two or three."""
MAX_TOLD = 3
"""How often each may be told, on average: through many Services of the same pods, one edge is found again and again."""


class Neighbour(NamedTuple):
    """A resource at the other end of an edge; ``possible`` edges may or may not exist (unknown input)."""

    resource: Resource
    possible: bool


class GraphLimit(Exception):
    """More edges than any real set of resources has; the message names the limit."""


class ResourceGraph:
    """Resources in the order in which they were read, and the edges between them."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._resources: dict[Resource, None] = {}
        self._by_type: dict[str, list[Resource]] = {}
        self._out: dict[Resource, dict[Resource, Edges]] = {}
        self._in: dict[Resource, dict[Resource, Edges]] = {}
        self.ties: set[tuple[str, str]] = set()
        """Units of which one was consulted for the other, whether or not an edge says so."""
        self._edges = 0
        self._told = 0
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Add a resource as a node."""
        self._resources[resource] = None
        self._by_type.setdefault(resource.type, []).append(resource)

    def connect(self, source: Resource, target: Resource, kind: EdgeKind, *, possible: bool = False) -> None:
        """Add an edge. A certain edge replaces a possible one of the same kind, never the other way round.

        Raises ``GraphLimit``.
        """
        self._resources.update({source: None, target: None})
        known = self._out.setdefault(source, {}).get(target, {})
        self._edges += kind not in known
        self._told += 1
        limit = MAX_EDGES + MAX_EDGES_A_RESOURCE * len(self._resources)
        if self._edges > limit or self._told > MAX_TOLD * limit:
            raise GraphLimit(f"the resources have more than the limit of {limit} connections")
        edges = _shared((*{**known, kind: possible and known.get(kind, True)}.items(),))
        self._out[source][target] = edges
        self._in.setdefault(target, {})[source] = edges

    def tie(self, one: str, other: str) -> None:
        """Take note that what is said of one unit rests on another."""
        if one != other:
            self.ties.add((one, other))

    @property
    def resources(self) -> Iterator[Resource]:
        """All resources, in the order in which they were added."""
        return iter(self._resources)

    def __len__(self) -> int:
        return len(self._resources)

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of the given Terraform types or Kubernetes kinds."""
        return [resource for name in types for resource in self._by_type.get(name, ())]

    @property
    def types(self) -> Iterable[str]:
        """The types that at least one resource has."""
        return self._by_type.keys()

    def neighbours(self, resource: Resource, kind: EdgeKind, direction: Direction = "out") -> list[Neighbour]:
        """The resources that ``resource`` points at (``out``) or that point at it (``in``)."""
        around = (self._out if direction == "out" else self._in).get(resource, {})
        return [Neighbour(other, edges[kind]) for other, edges in around.items() if kind in edges]

    def edges(self) -> Iterator[tuple[Resource, Resource, EdgeKind, bool]]:
        """Every edge as (source, target, kind, possible)."""
        for source in self._resources:
            for target, edges in self._out.get(source, {}).items():
                for kind, possible in edges.items():
                    yield source, target, kind, possible

    def multigraph(self, without: Iterable[EdgeKind] = ()) -> networkx.MultiDiGraph[Resource]:
        """The graph for networkx: keys of edges are their kinds, and ``possible`` is their attribute.

        Edges of the kinds in ``without`` are left out.
        """
        import networkx

        hidden = frozenset(without)
        graph: networkx.MultiDiGraph[Resource] = networkx.MultiDiGraph()
        graph.add_nodes_from(self._resources)
        for source, target, kind, possible in self.edges():
            if kind not in hidden:
                graph.add_edge(source, target, kind, possible=possible)
        return graph

    def as_written(self) -> ResourceGraph:
        """The graph for people: each resource once, as it stands in the source, with the edges of all its spellings."""
        graph = ResourceGraph(resource for resource in self.resources if resource.written is resource)
        for source, target, kind, possible in self.edges():
            if source.written is not target.written:
                graph.connect(source.written, target.written, kind, possible=possible)
        return graph


@cache
def _shared(edges: tuple[tuple[EdgeKind, bool], ...]) -> Edges:
    """One mapping for all pairs of resources with the same edges, which are few: most have one."""
    return dict(edges)
