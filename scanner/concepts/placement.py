"""Which pools can host which pods: the join between machines and workloads.

Pods join the pools of one cluster. Evidence for which cluster that is, strongest first: the Terraform root that
deploys the pods and, where that root has several clusters, the provider configuration that it deploys them with; the
only cluster of the scan; the cluster whose directory is nearest. Without evidence the join is unknown, and so is
everything that follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct, field

from scanner.concepts.clouds.karpenter import creates_anything
from scanner.concepts.model import AcceleratorPool, Accelerators, PodSet, Taint
from scanner.core import Resource, Unknown, get, is_unknown, mappings
from scanner.core.patterns import lazy_pattern
from scanner.facts.accelerators import accelerator, mig_profile
from scanner.facts.instances import accelerated_family, instance_type
from scanner.graph import GraphLimit, ResourceGraph

_SLICE_MEMORY = lazy_pattern(r"\.(\d{1,4})gb", re.ASCII)
MAX_DEPTH_OF_ONE_CLUSTER = 3
"""Directories down to which the only cluster is taken for that of everything (``infra/terraform/prod``)."""
SHOWN_TO_READERS = frozenset(
    ("sample", "samples", "example", "examples", "demo", "demos", "test", "tests", "testdata", "benchmarks")
)
"""Directories whose manifests are not meant for the cluster of another part of the repository."""
INSTANCE_LABEL = "node.kubernetes.io/instance-type"
MAX_COMPARISONS = 500_000
"""Pairs of a pod set and a pool of its cluster in one scan; a thousand workloads on fifty pools are a tenth of it."""
TAINTS_A_PAIR = 10
"""So many taints with tolerations of the same pod cost as much as comparing a pair."""
NODE_PLATFORMS = frozenset(("eks", "gke", "aks", "oke", "karpenter"))
"""Platforms whose pools are nodes of a Kubernetes cluster."""
ACCELERATOR_LABELS = (
    "cloud.google.com/gke-accelerator", "nvidia.com/gpu.product", "node.kubernetes.io/instance-type",
    "karpenter.k8s.aws/instance-gpu-name", "karpenter.k8s.aws/instance-family", "cloud.google.com/gke-tpu-accelerator",
    "eks.amazonaws.com/instance-family", "eks.amazonaws.com/instance-gpu-name", "nvidia.com/gpu.memory",
    "k8s.amazonaws.com/accelerator", "beta.kubernetes.io/instance-type", "karpenter.azure.com/sku-gpu-name",
    "karpenter.k8s.aws/instance-gpu-memory", "nvidia.com/gpu.family", "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool", "kubernetes.azure.com/agentpool", "agentpool", "karpenter.sh/nodepool",
    "cloud.google.com/machine-family", "cloud.google.com/compute-class",
)  # fmt: skip
"""Node labels that tell accelerator models apart."""
NAME_LABELS = {
    "eks": "eks.amazonaws.com/nodegroup",
    "gke": "cloud.google.com/gke-nodepool",
    "aks": "kubernetes.azure.com/agentpool",
    "karpenter": "karpenter.sh/nodepool",
}
GIVEN_TO_EVERY_NODE = (
    "kubernetes.io/", "topology.", "failure-domain.", "beta.kubernetes.io/", "node.kubernetes.io/",
    "node-role.kubernetes.io/", "karpenter.sh/capacity-type", "karpenter.k8s.aws/", "nvidia.com/",
    "feature.node.kubernetes.io/", "eks.amazonaws.com/", "k8s.amazonaws.com/", "kubernetes.azure.com/",
    "cloud.google.com/", "oci.oraclecloud.com/", "oke.oraclecloud.com/",
)  # fmt: skip
"""Prefixes of labels that a platform or an operator sets: their absence in the source says nothing."""
OPEN_CLUSTERS = (
    ("google_container_cluster", ("enable_autopilot",)),
    ("google_container_cluster", ("cluster_autoscaling", 0, "enabled")),
    ("azurerm_kubernetes_cluster", ("node_provisioning_profile", 0, "mode")),
    ("aws_eks_cluster", ("compute_config", 0, "enabled")),
    ("ClusterConfig", ("autoModeConfig", "enabled")),
    ("ClusterConfig", ("karpenter", "version")),
)
"""(type, attribute) of clusters that create machines of any kind by themselves."""
CLUSTERS = (
    "aws_eks_cluster", "google_container_cluster", "azurerm_kubernetes_cluster", "oci_containerengine_cluster",
    "ClusterConfig",
)  # fmt: skip
CLUSTER_FIELDS = ("cluster_name", "cluster", "kubernetes_cluster_id", "cluster_id")
"""Attributes of node groups and node pools that name their cluster."""
PROVIDER_HOPS = 3
"""From a provider configuration over data sources to the cluster that they read."""
SEVERAL = Unknown("nothing says in which cluster of the scan this runs")
CLUSTER_MODULES = (
    "eks",
    "gke",
    "aks",
    "oke/oci",
    "oci-oke",
    "kubernetes-engine",
    "node-group",
    "node_pool",
    "nodepool",
    "karpenter",
    "blueprints",
)


class Site(Struct):
    """One cluster: where it is declared, its pools, and why there may be more of them than are seen."""

    unit: str
    cluster: str = ""
    """Which cluster of the unit, where it has several: an address or a name."""
    pools: list[AcceleratorPool] = field(default_factory=list)
    more: Unknown | None = None
    applied: bool = False
    """Whether only manifests that anybody may apply to any cluster make it."""
    unread: bool = False
    """Whether the site belongs to a part of the repository that is not in the graph."""


class SiteName(Struct, frozen=True):
    """A site by the unit that declares it and its cluster there."""

    unit: str
    cluster: str
    applied: bool


class UnreadSite(Exception):
    """Pods or pools belong to a cluster of which the graph has only the name."""


def place(
    pods: Iterable[PodSet], pools: Iterable[AcceleratorPool], graph: ResourceGraph, elsewhere: Iterable[SiteName] = ()
) -> list[SiteName]:
    """Fill in the placement fields of every pod set that asks for accelerators, and add the runs_on edges.

    ``elsewhere`` names the sites of units that are not in the graph. The answer names those that are.
    Raises ``UnreadSite``, and ``GraphLimit`` beyond ``MAX_COMPARISONS``.
    """
    unread = [Site(name.unit, name.cluster, applied=name.applied, unread=True) for name in elsewhere]
    found = _sites([pool for pool in pools if pool.platform in NODE_PLATFORMS], graph, unread)
    sites = _Near([*found, *unread])
    compared = 0
    for item in pods:
        if item.role == "system" or not item.accelerator_resources or is_unknown(item.accelerator_resources):
            continue
        _selected_accelerator(item)
        if item.own_machine is not None:
            made = Unknown("its operator makes machines for it")
            for name in ("pools", "offering", "hosts"):
                setattr(item, name, made)
            continue
        site = _site_of(item, sites, graph)
        if isinstance(site, Unknown):
            for name in ("pools", "offering", "hosts"):
                setattr(item, name, site)
        elif site is not None:
            _read(site)
            for unit in dict.fromkeys((site.unit, *(pool.resource.unit for pool in site.pools))):
                graph.tie(item.resource.unit, unit)
            compared += sum(_pairs(item, pool) for pool in site.pools)
            if compared > MAX_COMPARISONS:
                raise GraphLimit(f"pods and pools have more than the limit of {MAX_COMPARISONS} pairs")
            _join(item, site, graph)
    return [SiteName(site.unit, site.cluster, site.applied) for site in found]


def _read(site: Site) -> Site:
    """The site. Raises ``UnreadSite`` if it is only a name."""
    if site.unread:
        raise UnreadSite(site.unit)
    return site


def _sites(pools: list[AcceleratorPool], graph: ResourceGraph, unread: list[Site]) -> list[Site]:
    table: dict[tuple[str, str], Site] = {}
    for unit, declared in _by_unit(pool for pool in pools if not _applied(pool)).items():
        named = {pool.address: _cluster(pool) for pool in declared}
        clusters = set(named.values())
        several = len(clusters - {""}) > 1
        for pool in declared:
            key = (named[pool.address] or _deployed_to(pool, clusters, graph)) if several else ""
            table.setdefault((unit, key), Site(unit, key)).pools.append(pool)
        if several and (unit, "") in table:
            doubtful = table.pop((unit, "")).pools[0]
            for key in clusters - {""}:
                table[unit, key].more = Unknown(f"which cluster {doubtful.address} belongs to is not known")
    near = _Near([*table.values(), *(site for site in unread if not site.applied)])
    for pool in pools:
        if _applied(pool):
            unit = pool.resource.unit
            site = _read(near.to(unit) or table.setdefault((unit, ""), Site(unit, applied=True)))
            graph.tie(unit, site.unit)
            site.pools.append(pool)
    karpenter = (item for item in graph.of_type("NodePool") if "karpenter" in item.api_version)
    anything = [(item, doubt) for item in karpenter if (doubt := creates_anything(item)) is not None]
    for site in table.values():
        site.more = site.more or _more(site, graph, anything)
    return list(table.values())


def _applied(pool: AcceleratorPool) -> bool:
    """Whether the pool is a manifest that anybody may apply to any cluster."""
    resource = pool.resource
    return resource.provider == "kubernetes" and resource.parent is None and resource.type != "ClusterConfig"


def _by_unit(pools: Iterable[AcceleratorPool]) -> dict[str, list[AcceleratorPool]]:
    table: dict[str, list[AcceleratorPool]] = {}
    for pool in pools:
        table.setdefault(pool.resource.unit, []).append(pool)
    return table


def _cluster(pool: AcceleratorPool) -> str:
    """The cluster that a pool's source names, by address or by name; empty if it names none that is known."""
    resource = pool.resource.parent or pool.resource
    if resource.type == "module" or resource.type in CLUSTERS:
        return resource.address
    for name in CLUSTER_FIELDS:
        found = next((target for path, target in resource.references if path[0] == name), None)
        if found is not None:
            return found
        value = resource.attributes.get(name)
        if isinstance(value, str):
            return value
    return ""


def _deployed_to(pool: AcceleratorPool, clusters: set[str], graph: ResourceGraph) -> str:
    """The one of ``clusters`` that a NodePool is deployed to; empty if that cannot be told."""
    parent = pool.resource.parent
    found = clusters & _behind_provider(parent, graph) if parent is not None else set()
    return found.pop() if len(found) == 1 else ""


def _behind_provider(parent: Resource, graph: ResourceGraph) -> set[str]:
    """Addresses and names of what the provider configuration of a resource is made from, its cluster among them."""
    named = next((target for path, target in parent.references if path == ("provider",)), f"provider.{parent.provider}")
    providers = [
        item for item in graph.of_type(f"provider.{parent.provider}")
        if item.unit == parent.unit and item.address == named
    ]  # fmt: skip
    found: set[Resource] = set(providers)
    edge = list(providers)
    for _ in range(PROVIDER_HOPS):
        edge = [near.resource for item in edge for near in graph.neighbours(item, "references")]
        found.update(edge)
    targets = {target for item in found for _, target in item.references}
    names = {item.attributes.get(field) for item in found for field in ("name", "cluster_name")}
    return targets | {item.address for item in found} | {name for name in names if isinstance(name, str)}


def _more(site: Site, graph: ResourceGraph, anything: list[tuple[Resource, Unknown]]) -> Unknown | None:
    """Why the cluster may have machines that the scan does not see.

    ``anything`` are the NodePools that create machines of any kind, with the doubt that follows.
    """
    for kind, path in OPEN_CLUSTERS:
        for cluster in graph.of_type(kind):
            value = get(cluster.attributes, *path) if cluster.unit == site.unit else None
            if is_unknown(value) or value in (True, "Auto") or (path[-1] == "version" and value is not None):
                return Unknown(f"{cluster.address} creates machines by itself", cluster.address)
    open_pool = next((pool.doubt for pool in site.pools if pool.doubt is not None), None)
    if open_pool is not None:
        return open_pool
    for other, doubt in anything:
        if other.unit == site.unit or _common(other.unit, site.unit) > 0:
            graph.tie(other.unit, site.unit)
            return doubt
    for call in graph.of_type("module"):
        source = call.attributes.get("source")
        if any(pool.resource is call for pool in site.pools):
            continue
        if call.unit == site.unit and isinstance(source, str) and any(word in source for word in CLUSTER_MODULES):
            return Unknown(f"{call.address} is not on disk and may add pools", call.address)
    return None


class _Near:
    """Sites by directory and by every directory around it, so that finding one does not look at all of them."""

    def __init__(self, sites: list[Site]) -> None:
        self.sites = sites
        self.by_unit: dict[str, list[Site]] = {}
        self._around: dict[str, list[Site]] = {}
        for site in sites:
            self.by_unit.setdefault(site.unit, []).append(site)
            for directory in _upwards(site.unit):
                self._around.setdefault(directory, []).append(site)

    def to(self, unit: str) -> Site | None:
        """The site whose directory shares most with ``unit``, if it is the only one that does."""
        if len(self.sites) == 1:
            return self.sites[0] if _may_be_alone(self.sites[0].unit, unit) else None
        found = next((self._around[place] for place in _upwards(unit) if place in self._around), [])
        return found[0] if len(found) == 1 else None


def _may_be_alone(cluster: str, unit: str) -> bool:
    """Whether the only cluster of the scan is that of the whole repository rather than of a part of it far away."""
    parts, others = cluster.split("/"), unit.split("/")
    if parts[0] == others[0]:
        return True
    # samples are for whatever cluster the reader has
    return len(parts) <= MAX_DEPTH_OF_ONE_CLUSTER and SHOWN_TO_READERS.isdisjoint(others)


def _upwards(unit: str) -> Iterator[str]:
    """A directory and those around it, the nearest first, without the root."""
    while unit:
        yield unit
        unit = unit.rpartition("/")[0]


def _common(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right or not left:
            break
        count += 1
    return count


def _site_of(pods: PodSet, near: _Near, graph: ResourceGraph) -> Site | Unknown | None:
    if not near.sites:
        return None
    parent = pods.resource.parent
    own = near.by_unit.get(parent.unit, []) if parent is not None else []
    if parent is not None and len(own) > 1:
        evidence = _behind_provider(parent, graph)
        named = [site for site in own if site.cluster in evidence]
        return named[0] if len(named) == 1 else SEVERAL
    if own:
        return own[0]
    same = near.by_unit.get(pods.resource.unit, [])
    return (same[0] if len(same) == 1 else near.to(pods.resource.unit)) or SEVERAL


def _pairs(pods: PodSet, pool: AcceleratorPool) -> int:
    """What comparing the two costs: one, or more where they have very many taints and tolerations."""
    if is_unknown(pods.tolerations) or is_unknown(pool.taints):
        return 1
    return 1 + len(pool.taints) * len(pods.tolerations) // TAINTS_A_PAIR


def _join(pods: PodSet, site: Site, graph: ResourceGraph) -> None:
    pods.pools = [pool for pool in site.pools if pool.doubt is None]
    requirements = list(_requirements(pods))
    set_somewhere = {key for pool in pods.pools if isinstance(pool.node_labels, dict) for key in pool.node_labels}
    verdicts = [(pool, _offers(pods, pool, requirements, set_somewhere)) for pool in pods.pools]
    doubts = [verdict for _, verdict in verdicts if isinstance(verdict, Unknown)]
    pods.offering = [pool for pool, verdict in verdicts if verdict == ""]
    pods.not_offered_because = [f"{pool.name}: {why}" for pool, why in verdicts if isinstance(why, str) and why]
    tolerations = _by_key(pods.tolerations)
    missing = [(pool, _untolerated(pods, tolerations, pool)) for pool in pods.offering]
    pods.hosts = [pool for pool, taints in missing if taints == []]
    doubts += [taints for _, taints in missing if isinstance(taints, Unknown)]
    pods.not_tolerated = list(dict.fromkeys(text for _, found in missing if isinstance(found, list) for text in found))
    pods.room_for_update = _has_room(pods, pods.hosts)
    hosts = {id(pool) for pool in pods.hosts}
    for pool, verdict in verdicts:
        if not isinstance(verdict, str) or verdict == "":
            graph.connect(pods.resource, pool.resource, "runs_on", possible=id(pool) not in hosts)
    unknown = doubts[0] if doubts else site.more
    if unknown is None:
        _from_hosts(pods)
        return
    if not pods.offering:
        pods.offering = unknown  # type: ignore[assignment]
    if not pods.hosts:
        pods.hosts = unknown  # type: ignore[assignment]


def _offers(
    pods: PodSet, pool: AcceleratorPool, requirements: list[tuple[str, list[str]]], set_somewhere: set[str]
) -> str | Unknown:
    """Why the pool cannot give what the pod asks for; empty if it can.

    ``set_somewhere`` holds the node labels that any pool of the site sets.
    """
    if is_unknown(pods.extended_resources):
        return pods.extended_resources
    for name in pods.extended_resources:
        verdict = _offers_resource(name, pods, pool)
        if isinstance(verdict, Unknown) or verdict:
            return verdict
    chosen = _chosen_model(pods, pool)
    if chosen:
        return chosen
    verdicts = [_label(key, values, pool, set_somewhere) for key, values in requirements]
    wrong = next((text for text in verdicts if isinstance(text, str) and text), None)
    return wrong or next((item for item in verdicts if isinstance(item, Unknown)), "")


def _chosen_model(pods: PodSet, pool: AcceleratorPool) -> str:
    """Why the pool has none of the model that a device claim selects; empty if it may have it."""
    for item in _asked(pods):
        if item.model is not None and pool.accelerators and item.model not in pool.accelerators:
            return f"it has {', '.join(pool.accelerators)}, the claim selects {item.model}"
    return ""


def _asked(pods: PodSet) -> list[Accelerators]:
    """What the containers ask for, as far as it is known."""
    return [
        item
        for container in pods.containers
        if isinstance(container.accelerators, list)
        for item in container.accelerators
    ]


def _offers_resource(name: str, pods: PodSet, pool: AcceleratorPool) -> str | Unknown:
    if name.startswith("nvidia.com/mig-"):
        plugin = any(item.extended == name and item.claim is None for item in _asked(pods))
        return _offers_slice(name, pool, plugin=plugin)
    if name == "nvidia.com/pgpu":
        return Unknown(f"nothing says whether {pool.name} passes its GPUs through to virtual machines", pool.address)
    base = "nvidia.com/gpu" if name == "nvidia.com/gpu.shared" else name
    if not pool.resource_names:
        return Unknown("the pool's accelerator is not known")
    if base not in pool.resource_names:
        return f"it offers {', '.join(pool.resource_names)}, not {name}"
    per_machine, wanted = pool.accelerators_per_machine, pods.accelerator_count
    if is_unknown(per_machine) or is_unknown(wanted) or is_unknown(pool.shared_clients):
        return ""
    if per_machine is not None and wanted > per_machine * (pool.shared_clients or 1):
        return f"a machine has {per_machine} accelerators, the pod asks for {wanted}"
    return ""


def _offers_slice(name: str, pool: AcceleratorPool, *, plugin: bool) -> str | Unknown:
    """As ``_offers``; how slices are named and cut in advance matters to the device plugin only."""
    profile = name.removeprefix("nvidia.com/mig-")
    if pool.vendor != "nvidia":
        return f"it has no NVIDIA GPUs, so it offers no {name}"
    models = [found for model in pool.accelerators if (found := accelerator(model)) is not None]
    if models and all(model.mig is not None and mig_profile(model, profile) is None for model in models):
        offered = sorted({item.name for model in models for item in model.mig or ()})
        return f"{models[0].name} can be cut into {', '.join(offered) if offered else 'no slices'}, not {profile}"
    if not plugin:
        return Unknown(f"nothing says whether the driver on {pool.name} can cut its GPUs", pool.address)
    if isinstance(pool.mig_profile, str) and pool.mig_profile != profile:
        return f"its GPUs are cut into {pool.mig_profile}, not {profile}"
    if pool.mig_profile == profile:
        return "slices appear as nvidia.com/gpu there (single strategy)" if pool.platform == "gke" else ""
    return Unknown(f"nothing says how the GPUs of {pool.name} are cut", pool.address)


def _requirements(pods: PodSet) -> Iterable[tuple[str, list[str]]]:
    """(label, allowed values) that a node must have; only affinity with one term is certain."""
    selector: Any = pods.node_selector
    if is_unknown(selector):
        yield "of its node selector", [selector]  # type: ignore[list-item]
    for key, value in selector.items() if isinstance(selector, dict) else ():
        yield str(key), [value]
    if pods.own_machine is not None:
        yield INSTANCE_LABEL, [pods.own_machine]
    terms = get(pods.affinity, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    if isinstance(terms, list) and len(terms) == 1:
        expressions = get(terms[0], "matchExpressions", default=[])
        for item in expressions if isinstance(expressions, list) else ():
            if isinstance(item, dict) and item.get("operator") == "In" and isinstance(item.get("values"), list):
                yield str(item.get("key")), item["values"]


def _label(key: str, values: list[Any], pool: AcceleratorPool, set_somewhere: set[str]) -> str | Unknown:
    """Why no node of the pool has the label with one of the values; empty if one has it."""
    wanted = [str(value) for value in values if not is_unknown(value)]
    if len(wanted) < len(values):
        return Unknown(f"the value of the node label {key} is not known")
    shown = f"the pod needs {key}={'|'.join(wanted)}"
    if is_unknown(pool.node_labels):
        return pool.node_labels
    if key in pool.node_labels:
        value = pool.node_labels[key]
        if is_unknown(value):
            return value
        held = [str(item) for item in value] if isinstance(value, list) else [str(value)]
        return "" if set(held) & set(wanted) else f"{shown}, it has {'|'.join(held)}"
    if key == NAME_LABELS.get(pool.platform):
        own = pool.name
        return Unknown("its name is not known") if is_unknown(own) else "" if own in wanted else f"{shown}, it is {own}"
    if key in ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"):
        return _instance_label(wanted, shown, pool)
    if key in ("cloud.google.com/gke-accelerator", "nvidia.com/gpu.product", "k8s.amazonaws.com/accelerator"):
        return _model_label(wanted, shown, pool)
    if key.startswith(GIVEN_TO_EVERY_NODE):
        return Unknown(f"whether nodes of {pool.name} have the label {key} is not known", pool.address)
    if key in set_somewhere:
        return f"{shown}, it has no such label"
    return Unknown(f"no source in the scan sets the node label {key}")


def _instance_label(wanted: list[str], shown: str, pool: AcceleratorPool) -> str | Unknown:
    types = [name for name in pool.instance_types if isinstance(name, str)]
    if not types:
        families = set(pool.instance_families)
        if families and not any(name.partition(".")[0] in families for name in wanted):
            return f"{shown}, it has {'|'.join(sorted(families))}"
        return "" if families else Unknown("its machine types are not known")
    return "" if set(types) & set(wanted) else f"{shown}, it has {'|'.join(types)}"


def _model_label(wanted: list[str], shown: str, pool: AcceleratorPool) -> str | Unknown:
    selected = {found.name for name in wanted if (found := accelerator(name)) is not None}
    if not selected or not pool.accelerators:
        return Unknown(f"whether {pool.name} has {'|'.join(wanted)} is not known", pool.address)
    return "" if selected & set(pool.accelerators) else f"{shown}, it has {'|'.join(pool.accelerators)}"


def _by_key(tolerations: Any) -> dict[str | None, list[dict[str, Any]]]:
    """Tolerations by the key of the only taints that they can tolerate; at ``None``, those where this is not sure."""
    found: dict[str | None, list[dict[str, Any]]] = {None: []}
    for item in mappings(tolerations):
        key = item.get("key")
        sure = isinstance(key, str) and key != "" and not any(map(is_unknown, item.values()))
        found.setdefault(key if sure else None, []).append(item)
    return found


def _untolerated(
    pods: PodSet, tolerations: dict[str | None, list[dict[str, Any]]], pool: AcceleratorPool
) -> list[str] | Unknown:
    """The pool's taints that keep the pod away, as text; unknown if they are."""
    if is_unknown(pool.taints):
        return pool.taints
    if is_unknown(pods.tolerations):
        return pods.tolerations
    missing: list[str] = []
    for taint in pool.taints:
        if is_unknown(taint.effect) or is_unknown(taint.key):
            return taint.effect if is_unknown(taint.effect) else taint.key  # type: ignore[return-value]
        if taint.effect not in ("NoSchedule", "NoExecute") or _added_by_platform(pods, pool, taint):
            continue
        tolerated = [_tolerates(item, taint) for item in (*tolerations.get(str(taint.key), ()), *tolerations[None])]
        if not any(item is True for item in tolerated):
            unknown = next((item for item in tolerated if isinstance(item, Unknown)), None)
            if unknown is not None:
                return unknown
            missing.append(f"{taint.key}{f'={taint.value}' if taint.value else ''}:{taint.effect}")
    return missing


def _added_by_platform(pods: PodSet, pool: AcceleratorPool, taint: Taint) -> bool:
    """Admission adds a toleration for the taint whose key is the resource that the pod asks for."""
    return taint.key in pods.accelerator_resources and pool.platform == "gke"


def _tolerates(toleration: dict[str, Any], taint: Taint) -> bool | Unknown:
    key, operator = toleration.get("key"), toleration.get("operator", "Equal")
    effect, value = toleration.get("effect"), toleration.get("value", "")
    for item in (key, operator, effect, value):
        if isinstance(item, Unknown):
            return item
    if effect not in (None, "", taint.effect):
        return False
    if operator == "Exists":
        return key in (None, "", taint.key)
    return bool(key == taint.key and str(value or "") == str(taint.value or ""))


def _uses_fast_network(pods: PodSet) -> bool | Unknown:
    """Whether the pod asks for EFA or RDMA devices, GKE networks, or the host's own network."""
    names = [str(name) for container in pods.containers for name in (*container.limits, *container.requests)]
    asked = any(name.startswith(("vpc.amazonaws.com/efa", "rdma/", "networking.gke.io.networks/")) for name in names)
    annotated = any(
        "networking.gke.io/" in str(key) or "k8s.v1.cni.cncf.io" in str(key) for key in pods.pod_annotations
    )
    if asked or annotated or pods.host_network is True:
        return True
    claimed = [claim.network for claim in pods.device_claims]
    unknown = next((network for network in claimed if isinstance(network, Unknown)), False)
    return True if any(network is True for network in claimed) else unknown


def _selected_accelerator(pods: PodSet) -> None:
    """What the pod itself says of the accelerator: MIG profile, accelerator label, instance type."""
    pods.fast_network_used = _uses_fast_network(pods)  # type: ignore[assignment]
    if is_unknown(pods.node_selector):
        pods.accelerator_selected = pods.node_selector  # type: ignore[assignment]
    known = _asked(pods)
    slices = [item.mig_profile for item in known if isinstance(item.mig_profile, str)]
    for key, values in _requirements(pods):
        if key not in ACCELERATOR_LABELS:
            continue
        pods.accelerator_selected = True
        found = {model for value in values if (model := _model_of(key, str(value))) is not None}
        if len(found) == 1 and len(values) == 1:
            pods.accelerator = found.pop()
            fact = accelerator(pods.accelerator)
            pods.accelerator_memory_gib = round(fact.usable_gib, 1) if fact is not None else None
    models = {item.model for item in known if item.model is not None}
    if any(item.selected for item in known):
        pods.accelerator_selected = True
    if len(models) == 1:
        pods.accelerator = models.pop()
        fact = accelerator(pods.accelerator)
        pods.accelerator_memory_gib = round(fact.usable_gib, 1) if fact is not None else None
    if slices:
        pods.accelerator_selected = True
        sizes = [float(size[1]) for text in slices if (size := _SLICE_MEMORY.search(text)) is not None]
        pods.accelerator_memory_gib = max(sizes) if sizes else None


def _model_of(key: str, value: str) -> str | None:
    if "instance-type" in key:
        for cloud in ("aws", "gcp", "azure", "oci"):
            known = instance_type(cloud, value)
            if known is not None:
                return known.accelerator
            if accelerated_family(cloud, value) is not None:
                return None
        return None
    found = accelerator(value)
    return found.name if found is not None else None


def _from_hosts(pods: PodSet) -> None:
    """What follows from the pools that can host the pod, all of which are known."""
    pods.possible_accelerators = sorted({name for pool in pods.offering for name in pool.accelerators})
    hosts = pods.hosts
    if not hosts:
        return
    if len(pods.possible_accelerators) == 1:
        pods.accelerator = pods.possible_accelerators[0]
    memory = [pool.accelerator_memory_gib for pool in hosts]
    if pods.accelerator_memory_gib is None and all(isinstance(item, int | float) for item in memory):
        pods.accelerator_memory_gib = max(item for item in memory if isinstance(item, int | float))
    spot = [pool.spot for pool in hosts]
    pods.spot_only = None if any(is_unknown(item) for item in spot) else all(item is True for item in spot)
    fast = [pool.fast_network for pool in hosts]
    pods.fast_network = None if any(is_unknown(item) for item in fast) else all(item is True for item in fast)
    pods.capacity = _capacity_of(hosts)


def _has_room(pods: PodSet, hosts: list[AcceleratorPool]) -> bool:
    """Whether the pools grow by themselves, as far as is known to as many as an update starts beside the old ones."""
    if not any(_grows(pool) for pool in hosts):
        return False
    counts = (_capacity_of(hosts), pods.replicas, pods.max_surge, pods.own_accelerators)
    if not all(isinstance(count, int) for count in counts):
        return True
    capacity, replicas, surge, each = (count or 0 for count in counts)
    return capacity >= (replicas + surge) * each


def _grows(pool: AcceleratorPool) -> bool:
    least, most = pool.min_size, pool.max_size
    elastic = isinstance(least, int) and isinstance(most, int) and most > least
    return pool.platform == "karpenter" or pool.autoscaling is True or elastic


def _capacity_of(hosts: list[AcceleratorPool]) -> int | None:
    sizes = [_capacity(pool) for pool in hosts]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _capacity(pool: AcceleratorPool) -> int | None:
    """Accelerators that the pool can grow to; ``None`` where nothing bounds it."""
    if isinstance(pool.limit_accelerators, int):
        return pool.limit_accelerators
    size, count = pool.max_size, pool.accelerators_per_machine
    return size * count if isinstance(size, int) and isinstance(count, int) else None
