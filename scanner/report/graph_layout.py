"""The layout of the resource graph as a picture: lanes for where things are deployed, columns for what they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import networkx
from msgspec import Struct

from scanner.core import Resource
from scanner.core.findings import SEVERITIES, Severity
from scanner.graph import EdgeKind
from scanner.scan import ScanResult

if TYPE_CHECKING:
    _Graph: TypeAlias = networkx.MultiDiGraph[Resource]

NODE_WIDTH, NODE_HEIGHT = 196, 44
COLUMN_GAP, ROW_GAP, SUBCOLUMN_GAP = 56, 14, 24
LANE_HEAD, LANE_PADDING, LANE_GAP, HEAD = 30, 16, 16, 34
MARGIN = 24
MAX_ROWS = 8
SWEEPS = 4
HIDDEN_EDGES: tuple[EdgeKind, ...] = ("in_namespace",)
"""Edges that the lanes already show."""

COLUMNS = ("Network", "Policies and scaling", "Workloads", "Compute", "Data and models", "Identity and access", "Other")
_KINDS = {
    0: "Service Ingress Gateway HTTPRoute GRPCRoute TCPRoute VirtualService DestinationRule IngressRoute",
    1: "PodDisruptionBudget HorizontalPodAutoscaler VerticalPodAutoscaler ScaledObject NetworkPolicy PriorityClass "
    "CiliumNetworkPolicy ServiceMonitor PodMonitor PodMonitoring ResourceQuota LimitRange Namespace PrometheusRule "
    "ClusterQueue LocalQueue ResourceFlavor AuthorizationPolicy PeerAuthentication",
    3: "NodePool EC2NodeClass NodeClass Provisioner",
    4: "PersistentVolumeClaim PersistentVolume StorageClass ConfigMap Secret ExternalSecret SealedSecret",
    5: "ServiceAccount Role ClusterRole RoleBinding ClusterRoleBinding",
}
_CONCEPTS = {
    "PodSet": 2,
    "ModelEndpoint": 2,
    "Notebook": 2,
    "TrainingJob": 2,
    "AcceleratorPool": 3,
    "Cluster": 3,
    "Bucket": 4,
    "ModelRegistry": 4,
    "FeatureStore": 4,
    "AccessGrant": 5,
    "NetworkBoundary": 0,
    "Network": 0,
    "Budget": 1,
}
_TYPES = (
    (re.compile(r"_iam_|_role_assignment|_identity|_kms_|_key_vault|service_account"), 5),
    (re.compile(r"security_group|firewall|_vpc|_subnet|_network|_lb|_alb|gateway|_route|_private_endpoint"), 0),
    (re.compile(r"autoscal|budget|alarm|_monitor|_policy"), 1),
    (re.compile(r"cluster|node_group|node_pool|launch_template|_instance|compute|machine"), 3),
    (re.compile(r"s3_|bucket|storage|_disk|_efs_|_fsx_|_db_|database|registry|repository|ecr_|feature|dataset"), 4),
    (re.compile(r"sagemaker|vertex|endpoint|bedrock|cognitive|machine_learning|lambda|_job"), 2),
)
"""Rough places for Terraform types that carry no concept; the first that matches holds."""


class Node(NamedTuple):
    """A drawn resource. ``number`` is its place among the graph's resources, ``worst`` its worst severity."""

    number: int
    resource: Resource
    x: int
    y: int
    findings: int
    worst: Severity | None


class Edge(NamedTuple):
    """The edges from one drawn resource to another, as one line; ``source`` and ``target`` are node numbers."""

    source: int
    target: int
    kinds: tuple[str, ...]
    possible: bool
    path: str


class Lane(NamedTuple):
    """A band of the picture: one namespace or module of one unit."""

    title: str
    y: int
    height: int


class Drawing(Struct, frozen=True):
    """A picture of the graph in pixels. ``left_out`` counts the resources that are not drawn."""

    nodes: list[Node]
    edges: list[Edge]
    lanes: list[Lane]
    columns: list[tuple[str, int]]
    width: int
    height: int
    left_out: int


class _Cell(NamedTuple):
    lane: tuple[str, str]
    column: int


def draw(result: ScanResult, *, all_below: int, limit: int) -> Drawing:
    """Lay out the graph of ``result``.

    Every resource is drawn if there are at most ``all_below``; else only those with findings and their
    neighbours, in any case at most ``limit``, the worst first.
    """
    written = result.graph.as_written()
    severities = _severities(result)
    graph = written.multigraph(without=HIDDEN_EDGES)
    chosen = _chosen(graph, severities, all_below, limit)
    numbers = {resource: number for number, resource in enumerate(written.resources)}
    meanings = _meanings(result)
    cells: dict[_Cell, list[Resource]] = defaultdict(list)
    for resource in chosen:
        cells[_Cell(_lane(resource), _column(resource, meanings))].append(resource)
    links = _links(graph, chosen)
    rows = _order(cells, links)
    lane_keys = sorted({cell.lane for cell in cells}, key=lambda key: (key[0], key[1]))
    used = sorted({cell.column for cell in cells})
    left, width = _column_places(used, cells)
    lanes: list[Lane] = []
    places: dict[Resource, tuple[int, int]] = {}
    y = HEAD
    for key in lane_keys:
        deepest = max(min(len(rows[cell]), MAX_ROWS) for cell in cells if cell.lane == key)
        height = LANE_HEAD + deepest * (NODE_HEIGHT + ROW_GAP) - ROW_GAP + LANE_PADDING
        lanes.append(Lane(_title(key), y, height))
        for cell in (cell for cell in cells if cell.lane == key):
            for index, resource in enumerate(rows[cell]):
                x = left[cell.column] + index // MAX_ROWS * (NODE_WIDTH + SUBCOLUMN_GAP)
                places[resource] = (x, y + LANE_HEAD + index % MAX_ROWS * (NODE_HEIGHT + ROW_GAP))
        y += height + LANE_GAP
    nodes = [
        Node(
            numbers[resource],
            resource,
            *places[resource],
            findings=len(severities.get(resource, ())),
            worst=min(severities.get(resource, ()), key=SEVERITIES.index, default=None),
        )
        for resource in chosen
    ]
    edges = [
        Edge(numbers[a], numbers[b], kinds, possible, _path(a, b, places))
        for (a, b), (kinds, possible) in links.items()
    ]
    columns = [(COLUMNS[column], left[column]) for column in used]
    return Drawing(nodes, edges, lanes, columns, width, max(y - LANE_GAP, HEAD) + 2, len(numbers) - len(chosen))


def _severities(result: ScanResult) -> dict[Resource, list[Severity]]:
    severities: dict[Resource, list[Severity]] = {}
    for finding in result.findings:
        severities.setdefault(finding.resource.written, []).append(finding.severity)
    return severities


def _meanings(result: ScanResult) -> dict[Resource, set[str]]:
    """The kinds of concept that each resource carries, in whichever spelling."""
    found: dict[Resource, set[str]] = defaultdict(set)
    for resource in result.graph.resources:
        found[resource.written].update(type(concept).__name__ for concept in result.concepts.of_resource(resource))
    return found


def _chosen(graph: _Graph, severities: dict[Resource, list[Severity]], all_below: int, limit: int) -> list[Resource]:
    resources = list(graph.nodes)
    marked = list(graph.nbunch_iter(severities))
    near = {other for one in marked for other in networkx.all_neighbors(graph, one) if other is not one}
    if len(resources) > all_below and severities:
        resources = [resource for resource in resources if resource in severities or resource in near]
    if len(resources) <= limit:
        return resources
    places = {resource: place for place, resource in enumerate(resources)}

    def rank(resource: Resource) -> tuple[int, bool, int, int]:
        worst = min((SEVERITIES.index(item) for item in severities.get(resource, ())), default=len(SEVERITIES))
        return worst, resource not in near, -graph.degree[resource], places[resource]

    return sorted(sorted(resources, key=rank)[:limit], key=places.__getitem__)


def _lane(resource: Resource) -> tuple[str, str]:
    """The unit, and the module or namespace inside it."""
    if resource.api_version:
        namespace = resource.name if resource.type == "Namespace" else resource.namespace
        return resource.unit, f"namespace {namespace}" if namespace else ""
    return resource.unit, ".".join(resource.module_path)


def _title(lane: tuple[str, str]) -> str:
    unit, part = lane
    place = unit or "top directory"
    return f"{part}  ·  {place}" if part else place


def _column(resource: Resource, meanings: Mapping[Resource, set[str]]) -> int:
    if resource.api_version:
        for column, kinds in _KINDS.items():
            if resource.type in kinds.split() and not (
                resource.type == "Service" and not resource.api_version.startswith("v1")
            ):
                return column
    concepts = {_CONCEPTS[name] for name in meanings[resource]}
    if concepts:
        return next(column for column in _CONCEPTS.values() if column in concepts)
    if not resource.api_version:
        for pattern, column in _TYPES:
            if pattern.search(resource.type):
                return column
    return len(COLUMNS) - 1


_Links = dict[tuple[Resource, Resource], tuple[tuple[str, ...], bool]]


def _links(graph: _Graph, drawn: list[Resource]) -> _Links:
    inside = set(drawn)
    kinds: dict[tuple[Resource, Resource], list[str]] = {}
    certain: set[tuple[Resource, Resource]] = set()
    for source, target, kind, data in graph.edges(drawn, keys=True, data=True):
        if target in inside and source is not target:
            kinds.setdefault((source, target), []).append(kind)
            if not data["possible"]:
                certain.add((source, target))
    return {pair: (tuple(sorted(found)), pair not in certain) for pair, found in kinds.items()}


def _order(cells: dict[_Cell, list[Resource]], links: _Links) -> dict[_Cell, list[Resource]]:
    """Each cell's resources, near the rows of what they are linked to (barycentre sweeps)."""
    neighbours: dict[Resource, list[Resource]] = defaultdict(list)
    for source, target in links:
        neighbours[source].append(target)
        neighbours[target].append(source)
    rows = {cell: list(members) for cell, members in cells.items()}
    for sweep in range(SWEEPS):
        row = {resource: float(place) for members in rows.values() for place, resource in enumerate(members)}
        for cell in sorted(rows, key=lambda cell: cell.column, reverse=bool(sweep % 2)):
            members = rows[cell]
            members.sort(key=lambda resource: _mean((row[other] for other in neighbours[resource]), row[resource]))
            row.update((resource, float(place)) for place, resource in enumerate(members))
    return rows


def _mean(values: Iterable[float], default: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else default


def _column_places(used: list[int], cells: dict[_Cell, list[Resource]]) -> tuple[dict[int, int], int]:
    """The left edge of each column, and the width of the whole."""
    left: dict[int, int] = {}
    x = MARGIN
    for column in used:
        left[column] = x
        deepest = max(len(members) for cell, members in cells.items() if cell.column == column)
        parts = -(-deepest // MAX_ROWS)
        x += parts * (NODE_WIDTH + SUBCOLUMN_GAP) - SUBCOLUMN_GAP + COLUMN_GAP
    return left, max(x - COLUMN_GAP, 0) + MARGIN


def _path(source: Resource, target: Resource, places: dict[Resource, tuple[int, int]]) -> str:
    """An SVG path from the side of one node that faces the other; around what stands between them."""
    (x1, top1), (x2, top2) = places[source], places[target]
    y1, y2 = top1 + NODE_HEIGHT // 2, top2 + NODE_HEIGHT // 2
    if x1 == x2:
        start = x1 + NODE_WIDTH
        bend = start + COLUMN_GAP // 2
        return f"M{start} {y1}C{bend} {y1} {bend} {y2} {start + 4} {y2}"
    way = 1 if x1 < x2 else -1
    start, end = (x1 + NODE_WIDTH, x2 - 4) if way > 0 else (x1, x2 + NODE_WIDTH + 4)
    low, high = min(top1, top2), max(top1, top2)
    between = any(
        min(x1, x2) < x < max(x1, x2) and low - NODE_HEIGHT < y < high + NODE_HEIGHT for x, y in places.values()
    )
    if not between:
        reach = max(abs(end - start) // 2, 20) * way
        return f"M{start} {y1}C{start + reach} {y1} {end - reach} {y2} {end} {y2}"
    gap = top1 - ROW_GAP // 2 if top2 < top1 else top1 + NODE_HEIGHT + ROW_GAP // 2
    turn = (SUBCOLUMN_GAP - 4) * way
    return (
        f"M{start} {y1}C{start + turn} {y1} {start} {gap} {start + turn} {gap}H{end - 2 * turn}"
        f"C{end - turn // 2} {gap} {end - 3 * turn // 2} {y2} {end} {y2}"
    )
