"""Linkers: the edges that follow from selectors, names and references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

from scanner.core import Path, Resource, Unknown, get, is_unknown, listed, mapping, mappings
from scanner.graph.resource_graph import EdgeKind, GraphLimit, ResourceGraph

MAX_NAMESAKES = 8
"""Namespaces of one name in different units that an object of another unit is taken to be in."""
PodLabels = dict[Resource, list[dict[str, Any]]]
Places = Mapping[str, Set[str]]
RAY_CLUSTERS: dict[str, Path] = {
    "RayCluster": ("spec",),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayService": ("spec", "rayClusterConfig"),
}
"""Where Ray's kinds hold the specification of their cluster."""
SELECTORS: tuple[tuple[str, EdgeKind, tuple[str, ...], bool], ...] = (
    ("Service", "selects", ("spec", "selector"), False),
    ("InferencePool", "selects", ("spec", "selector"), False),
    ("PodDisruptionBudget", "disrupts", ("spec", "selector"), True),
    ("NetworkPolicy", "isolates", ("spec", "podSelector"), True),
    ("CiliumNetworkPolicy", "isolates", ("spec", "endpointSelector"), True),
    ("PodMonitor", "scrapes", ("spec", "selector"), True),
    ("PodMonitoring", "scrapes", ("spec", "selector"), True),
)
"""(kind, edge, path of the selector, whether an empty selector selects everything)."""
MAX_COMPARED = 500_000
"""Objects that selectors are compared with, in all: those that have the rarest of the labels that are wanted."""


def link(graph: ResourceGraph, pod_labels: PodLabels) -> None:
    """Add every edge that can be told from the resources; ``pod_labels`` holds the labels of their pods."""
    _link_references(graph)
    _link_deployed(graph)
    places = _places(graph)
    _link_selectors(graph, pod_labels, places)
    _link_scaling(graph, places)
    _link_exposure(graph)
    _link_service_monitors(graph)
    _link_names(graph, pod_labels)
    _link_mounts(graph, pod_labels)


def _places(graph: ResourceGraph) -> Places:
    """The files that declare Kubernetes objects of each address."""
    places: dict[str, set[str]] = {}
    for resource in graph.resources:
        if resource.api_version:
            places.setdefault(resource.address, set()).add(resource.span.file)
    return places


def _link_references(graph: ResourceGraph) -> None:
    by_address: dict[tuple[str, str], list[Resource]] = {}
    by_instance: dict[tuple[str, str, str | int], list[Resource]] = {}
    for resource in graph.resources:
        if resource.parent is None or resource.parent.address == resource.address:
            address = resource.address
            if resource.instance_key is not None:
                address = address[: address.rindex("[")]
                by_instance.setdefault((resource.unit, address, resource.instance_key), []).append(resource)
            by_address.setdefault((resource.unit, address), []).append(resource)
    for resource in list(graph.resources):
        for _, target in resource.references:
            key = (resource.unit, target)
            same = by_instance.get((*key, resource.instance_key), ()) if resource.instance_key is not None else ()
            for candidate in same or by_address.get(key, ()):
                if candidate is not resource:
                    graph.connect(resource, candidate, "references")


def _link_deployed(graph: ResourceGraph) -> None:
    for resource in list(graph.resources):
        if resource.holder is not None:
            graph.connect(resource.holder, resource, "deploys")
        if resource.parent is not None:
            graph.connect(resource.parent, resource, "deploys")
            if resource.parent.address == resource.address:
                graph.connect(resource.parent, resource, "references")


def _link_selectors(graph: ResourceGraph, pod_labels: PodLabels, places: Places) -> None:
    workloads = _Labelled(pod_labels)
    for kind, edge, path, empty_matches in SELECTORS:
        for resource in graph.of_type(kind):
            if kind == "Service" and resource.api_version != "v1":
                continue
            selector = get(resource.attributes, *path)
            near = workloads.near(resource.namespace or "default", resource.unit)
            results = workloads.matched(selector, near, empty_matches)
            found = [workload for workload, matched in results.items() if matched is not False]
            for workload in _told_apart(resource, found, places):
                graph.connect(resource, workload, edge, possible=is_unknown(results[workload]))


class _Labelled:
    """Objects by labels, so that not every selector is compared with every object."""

    def __init__(self, labels: PodLabels) -> None:
        self._labels = labels
        self._order = {resource: number for number, resource in enumerate(labels)}
        self._by_label: dict[tuple[str, str], dict[Resource, None]] = {}
        self._by_namespace: dict[str, dict[Resource, None]] = {}
        self._by_unit: dict[tuple[str, str], dict[Resource, None]] = {}
        self._around: dict[str, dict[Resource, None]] = {}
        self._compared = 0
        for resource, label_sets in labels.items():
            namespace = resource.namespace or "default"
            self._by_namespace.setdefault(namespace, {})[resource] = None
            self._by_unit.setdefault((namespace, resource.unit), {})[resource] = None
            for name, value in (pair for some in label_sets for pair in some.items()):
                self._by_label.setdefault((name, "" if is_unknown(value) else str(value)), {})[resource] = None

    def near(self, namespace: str, unit: str) -> dict[Resource, None]:
        """Objects of a namespace: those of the unit, else those of directories around it."""
        key = (namespace, unit)
        if key not in self._by_unit:
            top = unit.rpartition("/")[0]
            above = f"{top}/" if top else ""
            around = (item for item in self._by_namespace.get(namespace, ()) if item.unit.startswith(above))
            self._by_unit[key] = {item: None for item in around if _related(item.unit, unit)}
        return self._by_unit[key]

    def around(self, unit: str) -> dict[Resource, None]:
        """Objects of a unit and of directories around it, whatever their namespaces."""
        if unit not in self._around:
            self._around[unit] = {item: None for item in self._labels if item.unit == unit or _related(item.unit, unit)}
        return self._around[unit]

    def matched(self, selector: Any, among: Mapping[Resource, None], empty_matches: bool) -> dict[Resource, Any]:
        """Whether the selector selects each of the objects that have one of the labels it wants.

        Raises ``GraphLimit``.
        """
        having = self._having(selector)
        small, large = (among, having) if having is None or len(among) < len(having) else (having, among)
        found = [item for item in small if large is None or item in large]
        self._compared += len(found)
        if self._compared > MAX_COMPARED:
            raise GraphLimit(f"selectors are compared with more than the limit of {MAX_COMPARED:,} objects")
        return {item: _any_matches(selector, self._labels[item], empty_matches) for item in found}

    def _having(self, selector: Any) -> Mapping[Resource, None] | None:
        """The objects with the rarest of the wanted labels, in their order; ``None`` if no label is wanted for sure."""
        wanted = [
            [self._by_label.get((name, value), {}) for value in dict.fromkeys((*values, ""))]
            for name, values in _wanted(selector)
        ]
        if not wanted:
            return None
        groups = [group for group in min(wanted, key=lambda some: sum(map(len, some))) if group]
        if len(groups) < 2:
            return groups[0] if groups else {}
        return dict.fromkeys(sorted({item for group in groups for item in group}, key=self._order.__getitem__))


def _wanted(selector: Any) -> Iterator[tuple[str, list[str]]]:
    """The labels that what a selector selects must have, each with the values that are allowed."""
    if not isinstance(selector, dict):
        return
    structured = "matchLabels" in selector or "matchExpressions" in selector
    labels = selector.get("matchLabels") if structured else selector
    for name, value in mapping(labels).items():
        if not is_unknown(value):
            yield name, [str(value)]
    for item in mappings(selector.get("matchExpressions") if structured else None):
        values = item.get("values")
        if item.get("operator") == "In" and isinstance(values, list):
            yield str(item.get("key", "")), [str(value) for value in values]


def _told_apart(resource: Resource, found: list[Resource], places: Places) -> list[Resource]:
    """What ``resource`` selects in its own file, rather than in files that are alternatives to it.

    Files that declare objects of one name cannot both be applied: samples of several set-ups, say.
    """
    own = {item.address for item in found if item.span.file == resource.span.file}
    return [
        item
        for item in found
        if item.span.file == resource.span.file
        or not own
        or (item.address not in own and item.span.file not in places[resource.address])
    ]


def _related(one: str, other: str) -> bool:
    parents = {one.rpartition("/")[0], one}, {other.rpartition("/")[0], other}
    return bool(parents[0] & parents[1])


def _any_matches(selector: Any, label_sets: list[dict[str, Any]], empty_matches: bool) -> Any:
    results = [matches(selector, labels, empty_matches) for labels in label_sets]
    if any(result is True for result in results):
        return True
    return next((result for result in results if is_unknown(result)), False)


def matches(selector: Any, labels: dict[str, Any], empty_matches: bool) -> Any:
    """Whether a selector (plain map, or matchLabels and matchExpressions) selects labels; may be unknown."""
    if is_unknown(selector):
        return selector
    if not isinstance(selector, dict) or not selector:
        return empty_matches and isinstance(selector, dict)
    structured = "matchLabels" in selector or "matchExpressions" in selector
    wanted = selector.get("matchLabels") if structured else selector
    results = [_label_equals(labels, key, value) for key, value in (wanted if isinstance(wanted, dict) else {}).items()]
    expressions = selector.get("matchExpressions") if structured else None
    listed = expressions if isinstance(expressions, list) else []
    results.extend(_expression_holds(labels, item) for item in listed if isinstance(item, dict))
    if any(result is False for result in results):
        return False
    return next((result for result in results if is_unknown(result)), bool(results) or empty_matches)


def _label_equals(labels: dict[str, Any], key: str, value: Any) -> Any:
    if key not in labels:
        return False
    found = labels[key]
    unknown: Unknown | None = found if is_unknown(found) else value if is_unknown(value) else None
    return str(found) == str(value) if unknown is None else unknown


def _expression_holds(labels: dict[str, Any], expression: dict[str, Any]) -> Any:
    key, operator = str(expression.get("key", "")), expression.get("operator")
    values = expression.get("values")
    found = labels.get(key)
    if is_unknown(found) or is_unknown(values):
        return found if is_unknown(found) else values
    listed = [str(value) for value in values] if isinstance(values, list) else []
    if operator == "In":
        return found is not None and str(found) in listed
    if operator == "NotIn":
        return found is None or str(found) not in listed
    return (found is not None) == (operator == "Exists")


def _link_scaling(graph: ResourceGraph, places: Places) -> None:
    targets: dict[tuple[str, str, str], list[Resource]] = {}
    for resource in graph.resources:
        if resource.api_version:
            targets.setdefault((resource.type, resource.name, resource.namespace or "default"), []).append(resource)
    for kind in ("HorizontalPodAutoscaler", "ScaledObject", "ScaledJob", "VerticalPodAutoscaler"):
        for scaler in graph.of_type(kind):
            field = "targetRef" if kind == "VerticalPodAutoscaler" else "scaleTargetRef"
            reference = get(scaler.attributes, "spec", field)
            if not isinstance(reference, dict) or _is_paused(scaler):
                continue
            key = (str(reference.get("kind", "Deployment")), str(reference.get("name")), scaler.namespace or "default")
            for target in _told_apart(scaler, _nearest(scaler, targets.get(key, ())), places):
                graph.connect(scaler, target, "scales")


def _is_paused(scaler: Resource) -> bool:
    """Whether KEDA leaves the replicas as they stand. Source: KEDA's documentation on pausing autoscaling."""
    annotations = get(scaler.attributes, "metadata", "annotations")
    if scaler.type not in ("ScaledObject", "ScaledJob") or not isinstance(annotations, dict):
        return False
    paused = annotations.get("autoscaling.keda.sh/paused")
    return isinstance(paused, str) and paused != "false" and "autoscaling.keda.sh/paused-replicas" not in annotations


def _link_exposure(graph: ResourceGraph) -> None:
    services: dict[tuple[str, str], list[Resource]] = {}
    for service in graph.of_type("Service"):
        if service.api_version == "v1":
            services.setdefault((service.name, service.namespace or "default"), []).append(service)
    pools: dict[tuple[str, str], list[Resource]] = {}
    for pool in graph.of_type("InferencePool"):
        pools.setdefault((pool.name, pool.namespace or "default"), []).append(pool)
    made = _made_services(graph)
    for kind in ("Service", "Ingress", "HTTPRoute", "VirtualService", "Route", "IngressRoute"):
        for resource in graph.of_type(kind):
            if kind == "Service" and resource.api_version == "v1":
                for neighbour in graph.neighbours(resource, "selects"):
                    graph.connect(resource, neighbour.resource, "exposes", possible=neighbour.possible)
                continue
            for place in _backends(resource):
                near = _nearest(resource, services.get(place, ()))
                for owner in () if near else _nearest(resource, made.get(place, ())):
                    graph.connect(resource, owner, "exposes")
                for service in near:
                    _expose_selected(graph, resource, service)
            for place in _backends(resource, "InferencePool") if pools else ():
                for pool in _nearest(resource, pools.get(place, ())):
                    _expose_selected(graph, resource, pool)


def _expose_selected(graph: ResourceGraph, resource: Resource, through: Resource) -> None:
    """``resource`` leads to a Service or pool and to what that selects."""
    graph.connect(resource, through, "exposes")
    for neighbour in graph.neighbours(through, "selects"):
        graph.connect(resource, neighbour.resource, "exposes", possible=neighbour.possible)


def _nearest(resource: Resource, found: Iterable[Resource]) -> list[Resource]:
    """Those of the same unit, else those of units near it."""
    near = [item for item in found if _near_units(item, resource)]
    return [item for item in near if item.unit == resource.unit] or near


def _made_services(graph: ResourceGraph) -> dict[tuple[str, str], list[Resource]]:
    """(name, namespace) of the Services that KubeRay and KServe make, with the objects that they make them for."""
    made: dict[tuple[str, str], list[Resource]] = {}
    for kind, base in RAY_CLUSTERS.items():
        for resource in graph.of_type(kind):
            given = [
                get(resource.attributes, *base, "headGroupSpec", "headService", "metadata", "name"),
                get(resource.attributes, "spec", "serveService", "metadata", "name"),
            ]
            for name in (f"{resource.name}-head-svc", f"{resource.name}-serve-svc", *given):
                made.setdefault((str(name), resource.namespace or "default"), []).append(resource)
    for resource in graph.of_type("InferenceService"):
        for name in (resource.name, f"{resource.name}-predictor", f"{resource.name}-predictor-default"):
            made.setdefault((name, resource.namespace or "default"), []).append(resource)
    return made


def _link_service_monitors(graph: ResourceGraph) -> None:
    """A ServiceMonitor scrapes what the services that it selects select."""
    services = [service for service in graph.of_type("Service") if service.api_version == "v1"]
    labelled = _Labelled({service: [service.labels] for service in services})
    for monitor in graph.of_type("ServiceMonitor"):
        spaces = mapping(get(monitor.attributes, "spec", "namespaceSelector"))
        named = frozenset(
            [monitor.namespace, *(name for name in listed(spaces.get("matchNames")) if isinstance(name, str))]
        )
        anywhere = spaces.get("any") is True
        around = labelled.around(monitor.unit)
        for service, matched in labelled.matched(get(monitor.attributes, "spec", "selector"), around, True).items():
            if matched is not False and (anywhere or service.namespace in named):
                graph.connect(monitor, service, "scrapes", possible=is_unknown(matched))
                for neighbour in graph.neighbours(service, "selects"):
                    graph.connect(monitor, neighbour.resource, "scrapes", possible=is_unknown(matched))


def _near_units(one: Resource, other: Resource) -> bool:
    return one.unit == other.unit or _related(one.unit, other.unit)


def _backends(resource: Resource, kind: str = "Service") -> set[tuple[str, str]]:
    """(name, namespace) of the objects of a kind that an Ingress or route leads to."""
    own = resource.namespace or "default"
    if resource.type == "Route":
        return {(name, own) for name in _backends_of_openshift(resource)} if kind == "Service" else set()
    places: set[tuple[str, str]] = set()
    listed = "services" if resource.type == "IngressRoute" else "backendRefs"
    stack: list[Any] = [get(resource.attributes, "spec", default={})]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            references = item.get(listed)
            for entry in references if isinstance(references, list) else ():
                if isinstance(entry, dict) and entry.get("kind", "Service") == kind:
                    places.add((str(entry.get("name")), str(entry.get("namespace") or own)))
            places.update(_named_services(item, own) if kind == "Service" else ())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return places


def _named_services(item: dict[Any, Any], own: str) -> Iterator[tuple[str, str]]:
    """(name, namespace) of the Services in one mapping of an Ingress or VirtualService in the namespace ``own``."""
    service, host = get(item, "service", "name"), get(item, "destination", "host")
    if isinstance(service, str):
        yield service, own
    if isinstance(item.get("serviceName"), str):
        yield item["serviceName"], own
    if isinstance(host, str):
        name, _, rest = host.partition(".")
        yield name, rest.partition(".")[0] or own


def _backends_of_openshift(route: Resource) -> set[str]:
    """The Services of an OpenShift Route; Knative's Routes lead to revisions."""
    if not route.api_version.startswith("route.openshift.io/"):
        return set()
    spare = get(route.attributes, "spec", "alternateBackends", default=[])
    found = [get(route.attributes, "spec", "to"), *(spare if isinstance(spare, list) else ())]
    names = [get(item, "name") for item in found]
    return {name for name in names if isinstance(name, str)}


def _link_names(graph: ResourceGraph, pod_labels: PodLabels) -> None:
    accounts = _Namesakes(graph, graph.of_type("ServiceAccount"), lambda a: (a.name, a.namespace or "default"))
    roles = _Namesakes(graph, graph.of_type("Role", "ClusterRole"), lambda r: (r.type, r.name, r.namespace or ""))
    for workload in pod_labels:
        for spec in _pod_specs(workload.attributes):
            place = (str(spec.get("serviceAccountName")), workload.namespace or "default")
            for account in accounts.meant_by(workload, place):
                graph.connect(workload, account, "runs_as")
    _link_namespaces(graph)
    for binding in graph.of_type("RoleBinding", "ClusterRoleBinding"):
        kind = str(get(binding.attributes, "roleRef", "kind"))
        name = str(get(binding.attributes, "roleRef", "name"))
        bound = (kind, name, binding.namespace or "" if kind == "Role" else "")
        for role in roles.meant_by(binding, bound):
            graph.connect(binding, role, "binds")
        subjects = get(binding.attributes, "subjects", default=[])
        for subject in subjects if isinstance(subjects, list) else ():
            if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount":
                place = (str(subject.get("name")), str(subject.get("namespace") or binding.namespace or "default"))
                for account in accounts.meant_by(binding, place):
                    graph.connect(binding, account, "binds")


def _link_namespaces(graph: ResourceGraph) -> None:
    """Objects are in the Namespace that their own unit declares; in any of its name where that declares none.

    An overlay declares the Namespaces of its own environment, and policies may stand apart from all of them.
    """
    declared: dict[str, dict[str, Resource]] = {}
    for namespace in graph.of_type("Namespace"):
        declared.setdefault(namespace.name, {})[namespace.unit] = namespace
    for resource in list(graph.resources):
        units = declared.get(resource.namespace or "", {}) if resource.api_version else {}
        own = units.get(resource.unit)
        for namespace in [own] if own is not None else list(units.values())[-MAX_NAMESAKES:]:
            graph.connect(resource, namespace, "in_namespace")


class _Namesakes:
    """Objects by name, of which a file may mean one of several."""

    def __init__(
        self, graph: ResourceGraph, objects: Iterable[Resource], name: Callable[[Resource], tuple[str, ...]]
    ) -> None:
        self._graph = graph
        self._found: dict[tuple[str, ...], list[Resource]] = {}
        for item in objects:
            self._found.setdefault(name(item), []).append(item)
        self._meant: dict[tuple[tuple[str, ...], str, str], list[Resource]] = {}
        """Found out once for all that a file says: many objects may name many."""

    def meant_by(self, resource: Resource, name: tuple[str, ...]) -> list[Resource]:
        """The object of a name that ``resource`` means: none where several as near as each other differ."""
        found = self._found.get(name, [])
        if len(found) < 2:
            return found
        key = (name, resource.unit, resource.span.file)
        if key not in self._meant:
            self._meant[key] = self._closest(resource, found)
        return self._meant[key]

    def _closest(self, resource: Resource, found: list[Resource]) -> list[Resource]:
        for item in found:
            self._graph.tie(resource.unit, item.unit)
        near = _nearest(resource, found) or found
        here = [item for item in near if item.span.file == resource.span.file] or near
        return here[:1] if all(item.attributes == here[0].attributes for item in here[1:]) else []


def _link_mounts(graph: ResourceGraph, pod_labels: PodLabels) -> None:
    claims: dict[tuple[str, str], list[Resource]] = {}
    for claim in graph.of_type("PersistentVolumeClaim"):
        claims.setdefault((claim.name, claim.namespace or "default"), []).append(claim)
    for workload in pod_labels if claims else ():
        for name in _claim_names(workload.attributes):
            for claim in claims.get((name, workload.namespace or "default"), ()):
                if claim.unit == workload.unit or _related(claim.unit, workload.unit):
                    graph.connect(workload, claim, "mounts")


def _claim_names(value: Any) -> set[str]:
    names: set[str] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(item.get("claimName"), str):
                names.add(item["claimName"])
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return names


def _pod_specs(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "serviceAccountName" in item:
                found.append(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found
