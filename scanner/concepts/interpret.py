"""Interpretation: every resource's concepts, and one place that survives a failing adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct, field

from scanner.concepts.amounts import Amounts, WorkloadLimit
from scanner.concepts.clouds import cloud_concepts
from scanner.concepts.config_maps import ConfigMaps
from scanner.concepts.definitions import Definitions
from scanner.concepts.devices import Devices
from scanner.concepts.exposure import Surroundings, network_boundaries
from scanner.concepts.kubernetes import access_grants
from scanner.concepts.machines import complete, complete_endpoint
from scanner.concepts.model import AcceleratorPool, AccessGrant, Concept, ModelEndpoint, Notebook, PodSet
from scanner.concepts.placement import SiteName, place
from scanner.concepts.pods import pod_sets
from scanner.concepts.proxy_routes import Proxies
from scanner.concepts.regions import region_of
from scanner.concepts.roles import role_by_jobs
from scanner.concepts.scaling import apply_scalers
from scanner.concepts.serving_memory import estimate
from scanner.core import Diagnostic, Resource, Span, get
from scanner.graph import GraphLimit, ResourceGraph
from scanner.graph.linkers import PodLabels, link

MAX_GRANTS = 20_000
"""Rules of roles, once for each binding. Clusters have a few thousand."""


class Concepts(Struct):
    """The concepts of a graph, by kind and by resource."""

    by_kind: dict[str, list[Concept]] = field(default_factory=dict)
    by_resource: dict[Resource, list[Concept]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sites: list[SiteName] = field(default_factory=list)
    """The clusters that pods may run on."""

    def add(self, concepts: Iterable[Concept]) -> None:
        """Add concepts in order."""
        for concept in concepts:
            self.by_kind.setdefault(type(concept).__name__, []).append(concept)
            self.by_resource.setdefault(concept.resource, []).append(concept)

    def of_kind(self, name: str) -> list[Concept]:
        """The concepts of a kind such as ``PodSet``."""
        return self.by_kind.get(name, [])

    def of_resource(self, resource: Resource) -> list[Concept]:
        """The concepts that a resource carries."""
        return self.by_resource.get(resource, [])


def interpret(graph: ResourceGraph, elsewhere: Sequence[SiteName] = ()) -> Concepts:
    """Work out what each resource means, and link the graph by it.

    ``elsewhere`` names the clusters of what the graph leaves out, if it is a part of a scan.
    """
    concepts = Concepts()
    resources = list(graph.resources)
    config_maps = ConfigMaps(graph)
    amounts = Amounts()
    definitions = Definitions(graph, amounts)
    devices = Devices(graph)
    read_pods = partial(pod_sets, config_maps=config_maps, definitions=definitions, devices=devices, amounts=amounts)
    _collect(concepts, (r for r in resources if r.api_version), read_pods)
    _contained(concepts, "what Ray clusters are for", lambda: _read_ray_jobs(concepts, graph))
    _contained(concepts, "what selects what", lambda: link(graph, _pod_labels(concepts)))
    _contained(concepts, "what workloads are made of", lambda: _link_parts(concepts, graph))
    for pods in concepts.of_kind("PodSet"):
        scalers = [item.resource for item in graph.neighbours(pods.resource, "scales", "in")]
        if scalers and isinstance(pods, PodSet):
            _contained(concepts, pods.resource.address, partial(apply_scalers, pods, scalers))
    _contained(concepts, "what shares a disruption budget", lambda: _share_budgets(concepts, graph))
    _collect(concepts, (r for r in resources if r.api_version), partial(_grants, concepts, graph))
    around = Surroundings(graph)
    _collect(concepts, (r for r in resources if r.api_version), lambda r: network_boundaries(r, around))
    _collect(concepts, (r for r in resources if r.api_version), Proxies(around).boundaries)
    _collect(concepts, resources, lambda r: cloud_concepts(r, graph))
    _join(concepts, graph, elsewhere)
    return concepts


def _share_budgets(concepts: Concepts, graph: ResourceGraph) -> None:
    """Count the pods behind each disruption budget, which may select several workloads.

    Objects of one address are alternatives, of which one is applied.
    """
    for pods in concepts.of_kind("PodSet"):
        if isinstance(pods, PodSet):
            pods.replicas_together = pods.replicas
    for budget in graph.of_type("PodDisruptionBudget"):
        chosen = [near.resource for near in graph.neighbours(budget, "disrupts")]
        if len({item.address for item in chosen}) < 2:
            continue
        sets = [item for workload in chosen for item in concepts.of_resource(workload) if isinstance(item, PodSet)]
        counts = {item.address: item.replicas for item in sets}
        unknown = next((count for count in counts.values() if not isinstance(count, int)), None)
        for item in sets:
            together: Any = sum(count for count in counts.values() if count is not None) if unknown is None else unknown
            item.replicas_together = together


def _link_parts(concepts: Concepts, graph: ResourceGraph) -> None:
    """Workloads refer to their runtimes and to the devices that they claim."""
    for pods in concepts.of_kind("PodSet"):
        if isinstance(pods, PodSet):
            claimed = [claim.target for claim in pods.device_claims]
            for target in (pods.defined_by, *claimed):
                if target is not None:
                    graph.connect(pods.resource, target, "references")


def _grants(concepts: Concepts, graph: ResourceGraph, resource: Resource) -> list[AccessGrant]:
    """The grants of a binding. Raises ``GraphLimit`` where there are too many in all: bindings share roles."""
    if len(concepts.of_kind("AccessGrant")) > MAX_GRANTS:
        raise GraphLimit(f"the bindings give more than the limit of {MAX_GRANTS:,} grants")
    return access_grants(resource, graph)


def _read_ray_jobs(concepts: Concepts, graph: ResourceGraph) -> None:
    """RayJobs with a ``clusterSelector`` run on a cluster that stands elsewhere."""
    jobs: dict[tuple[str, str], list[Resource]] = {}
    for job in graph.of_type("RayJob"):
        name = get(job.attributes, "spec", "clusterSelector", "ray.io/cluster")
        if isinstance(name, str):
            jobs.setdefault((job.namespace or "default", name), []).append(job)
    for pods in concepts.of_kind("PodSet") if jobs else ():
        if isinstance(pods, PodSet) and pods.kind == "RayCluster":
            running = jobs.get((pods.namespace or "default", pods.name), ())
            for job in running:
                graph.tie(pods.resource.unit, job.unit)
            role_by_jobs(pods, running)


def _join(concepts: Concepts, graph: ResourceGraph, elsewhere: Sequence[SiteName]) -> None:
    """Machines, then the pods on them, then what their models take of the machines."""
    pools = [item for item in concepts.of_kind("AcceleratorPool") if isinstance(item, AcceleratorPool)]
    pods = [item for item in concepts.of_kind("PodSet") if isinstance(item, PodSet)]
    priced = (*concepts.of_kind("ModelEndpoint"), *concepts.of_kind("Notebook"))
    endpoints = [item for item in priced if isinstance(item, ModelEndpoint | Notebook)]
    for pool in pools:
        pool.region = pool.region or region_of(pool.resource, graph) or None
        _contained(concepts, pool.resource.address, partial(complete, pool))
    for endpoint in endpoints:
        _contained(concepts, endpoint.resource.address, partial(complete_endpoint, endpoint))
    _contained(concepts, "what runs where", lambda: concepts.sites.extend(place(pods, pools, graph, elsewhere)))
    for item in pods:
        _contained(concepts, item.resource.address, partial(estimate, item))


def _contained(concepts: Concepts, what: str, step: Callable[[], object]) -> None:
    """Run a step; a defect that it brings out is reported and costs no other step."""
    try:
        step()
    except GraphLimit as error:
        message = f"{what} is not worked out any further: {error}; findings about it may be wrong"
        concepts.diagnostics.append(Diagnostic("error", "graph-limit", message, Span(".", 1, 1, 1, 1)))
    except Exception as error:
        message = f"{what} could not be worked out: {type(error).__name__}: {error}"
        concepts.diagnostics.append(Diagnostic("error", "internal-error", message, Span(".", 1, 1, 1, 1)))


def _collect(concepts: Concepts, resources: Iterable[Resource], read: Callable[[Resource], Iterable[Concept]]) -> None:
    for resource in resources:
        try:
            concepts.add(read(resource))
        except GraphLimit as error:
            message = f"what {resource.address} leads to is not worked out: {error}"
            concepts.diagnostics.append(Diagnostic("error", "graph-limit", message, resource.locate().span))
            return
        except WorkloadLimit as error:
            concepts.diagnostics.append(Diagnostic("error", "workload-limit", str(error), resource.locate().span))
        except Exception as error:  # one resource that an adapter cannot cope with must not cost the others
            message = f"{resource.address} could not be interpreted: {type(error).__name__}: {error}"
            concepts.diagnostics.append(Diagnostic("error", "internal-error", message, resource.locate().span))


def _pod_labels(concepts: Concepts) -> PodLabels:
    labels: PodLabels = {}
    for concept in concepts.of_kind("PodSet"):
        if isinstance(concept, PodSet):
            labels.setdefault(concept.resource, []).append(concept.pod_labels)
    return labels
