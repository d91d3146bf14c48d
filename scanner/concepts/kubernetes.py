"""Kubernetes access and exposure: RBAC bindings to grants, Services and Ingresses to network boundaries."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.amounts import WorkloadLimit
from scanner.concepts.model import AccessGrant, NetworkBoundary
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, get, is_unknown
from scanner.graph import ResourceGraph
from scanner.graph.linkers import RAY_CLUSTERS

BROAD_SUBJECTS = ("system:authenticated", "system:unauthenticated", "system:anonymous")
INTERNAL_ANNOTATIONS = {
    "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
    "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
    "service.beta.kubernetes.io/azure-load-balancer-internal": ("true",),
    "networking.gke.io/load-balancer-type": ("internal",),
    "cloud.google.com/load-balancer-type": ("internal",),
    "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": (),
}
"""Annotations that keep a load balancer internal on EKS, AKS, GKE and TKE, with the values that do."""
CONTROLLER_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-type"
CONTROLLER_TYPES = ("external", "nlb-ip")
"""Types for which AWS's load balancer controller makes the balancer, internal unless the scheme says otherwise."""
ALB_SCHEME = "alb.ingress.kubernetes.io/scheme"
AUTHENTICATION = (
    "nginx.ingress.kubernetes.io/auth-",
    "alb.ingress.kubernetes.io/auth-type",
    "haproxy-ingress.github.io/auth-",
    "haproxy.org/auth-",
    "traefik.ingress.kubernetes.io/router.middlewares",
)
"""Beginnings of Ingress annotations that ask for credentials, or may do so (Traefik's middlewares)."""
AUTHENTICATING_PROXY = re.compile(r"oauth2?[-_]?proxy|kube-rbac-proxy|kube-auth-proxy")
"""Images of proxies that ask for credentials, as they stand beside servers on OpenShift."""
RAY_DASHBOARD = 8265
MAX_KINDS = 10_000
"""Groups times resources of one rule of a role."""
ANYWHERE = frozenset(("0.0.0.0/0", "::/0"))


def access_grants(resource: Resource, graph: ResourceGraph) -> list[AccessGrant]:
    """One grant for each rule of the role that a binding binds; one with ``role`` only for built-in roles."""
    if resource.type not in ("RoleBinding", "ClusterRoleBinding"):
        return []
    subjects = get(resource.attributes, "subjects", default=[])
    principals = (
        [_principal(item, resource) for item in subjects if isinstance(item, dict)]
        if isinstance(subjects, list)
        else []
    )
    role = str(get(resource.attributes, "roleRef", "name", default=""))
    base: dict[str, Any] = {
        "resource": resource,
        "kind": resource.type,
        "name": resource.name,
        "address": resource.address,
        "namespace": resource.namespace,
        "platform": "kubernetes",
        "principals": principals,
        "role": role,
        "public": any(_broad(principal) for principal in principals),
        "workload": any(principal.startswith("ServiceAccount:") for principal in principals),
        "sources": {"role": ("roleRef", "name"), "principals": ("subjects",), "public": ("subjects",)},
    }
    rules = [
        rule
        for neighbour in graph.neighbours(resource, "binds")
        if neighbour.resource.type in ("Role", "ClusterRole")
        for rule in _rules(neighbour.resource)
    ]
    administrator = role == "cluster-admin" and resource.type == "ClusterRoleBinding"
    if not rules:
        return [AccessGrant(**base, administrator=administrator)] if principals else []
    grants = []
    for actions, resources, named in rules:
        everything = "*" in actions and any(item in ("*/*", "*") for item in resources)
        grants.append(
            AccessGrant(
                **base,
                actions=actions,
                resources=resources,
                conditional=named,
                administrator=administrator or (everything and not named),
            )
        )
    return grants


def _principal(subject: dict[str, Any], binding: Resource) -> str:
    kind, name = str(subject.get("kind", "")), str(subject.get("name", ""))
    if kind == "ServiceAccount":
        return f"ServiceAccount:{subject.get('namespace') or binding.namespace or 'default'}/{name}"
    return f"{kind}:{name}"


def _broad(principal: str) -> bool:
    name = principal.partition(":")[2]
    return name in BROAD_SUBJECTS or name.startswith("system:serviceaccounts")


def _rules(role: Resource) -> list[tuple[list[str], list[str], bool]]:
    """(verbs, ``group/resource``, whether resourceNames limit it to named objects) for each rule of a role."""
    rules = get(role.attributes, "rules", default=[])
    result = []
    for rule in rules if isinstance(rules, list) else ():
        if not isinstance(rule, dict):
            continue
        verbs, groups, kinds = (_texts(rule.get(key)) for key in ("verbs", "apiGroups", "resources"))
        if len(groups) * len(kinds) > MAX_KINDS:
            raise WorkloadLimit(f"a rule of {role.address} names more than the limit of {MAX_KINDS:,} kinds of objects")
        named = bool(rule.get("resourceNames"))
        result.append((verbs, [f"{group}/{kind}" for group in groups or [""] for kind in kinds], named))
    return result


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def network_boundaries(resource: Resource, graph: ResourceGraph) -> list[NetworkBoundary]:
    """A boundary for a Service, an Ingress, an OpenShift Route or the Service that KubeRay makes for a head."""
    if resource.type == "Service" and resource.api_version == "v1":
        return [_service(resource)]
    if resource.type == "Ingress":
        return [_ingress(resource)]
    if resource.type == "Route" and resource.api_version.startswith("route.openshift.io/"):
        return [_route(resource, graph)]
    return _ray_head(resource) if resource.type in RAY_CLUSTERS else []


def _boundary(resource: Resource) -> NetworkBoundary:
    return NetworkBoundary(
        resource=resource,
        kind=resource.type,
        name=resource.name,
        address=resource.address,
        namespace=resource.namespace,
        labels=resource.labels,
        platform="kubernetes",
    )


def _service(resource: Resource) -> NetworkBoundary:
    boundary = _boundary(resource)
    kind = get(resource.attributes, "spec", "type", default="ClusterIP")
    ranges = get(resource.attributes, "spec", "loadBalancerSourceRanges", default=[])
    annotations = get(resource.attributes, "metadata", "annotations", default={})
    boundary.sources |= {"open_to_world": ("spec", "type"), "origins": ("spec", "loadBalancerSourceRanges")}
    ports = get(resource.attributes, "spec", "ports", default=[])
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, dict):
            numbers = [whole(port.get(key)) for key in ("port", "targetPort")]
            boundary.ports.append(
                {"from": numbers[0], "to": numbers[0], "target": numbers[1], "name": port.get("name")}
            )
    for value in (kind, ranges, annotations):
        if is_unknown(value):
            boundary.open_to_world = value  # type: ignore[assignment]
            return boundary
    boundary.origins = _texts(ranges)
    internal = (
        any(_is_internal(str(key), value) for key, value in annotations.items())
        if isinstance(annotations, dict)
        else False
    )
    if isinstance(annotations, dict):
        internal = internal or _internal_by_default(resource, annotations)
    restricted = bool(boundary.origins) and not ANYWHERE & set(boundary.origins)
    boundary.open_to_world = kind == "LoadBalancer" and not internal and not restricted
    return boundary


def _is_internal(key: str, value: Any) -> bool:
    allowed = INTERNAL_ANNOTATIONS.get(key)
    return allowed is not None and (not allowed or str(value).lower() in allowed)


def _ingress(resource: Resource) -> NetworkBoundary:
    boundary = _boundary(resource)
    tls = get(resource.attributes, "spec", "tls")
    boundary.tls = tls if is_unknown(tls) else bool(tls)  # type: ignore[assignment]
    annotations = get(resource.attributes, "metadata", "annotations", default={})
    annotations = annotations if isinstance(annotations, dict) else {}
    name = str(get(resource.attributes, "spec", "ingressClassName") or annotations.get("kubernetes.io/ingress.class"))
    scheme = str(annotations.get(ALB_SCHEME, "internal" if name == "alb" else "internet-facing"))
    boundary.open_to_world = scheme != "internal" and "internal" not in name
    boundary.authenticated = any(str(key).startswith(AUTHENTICATION) for key in annotations)
    boundary.ports = [{"from": port, "to": port, "target": port, "name": None} for port in _backend_ports(resource)]
    boundary.sources |= {"tls": ("spec", "tls"), "open_to_world": ("spec", "rules")}
    return boundary


def _route(resource: Resource, graph: ResourceGraph) -> NetworkBoundary:
    """An OpenShift Route: the router asks for no credentials, a proxy beside the server may."""
    boundary = _boundary(resource)
    tls = get(resource.attributes, "spec", "tls")
    plain = get(tls, "insecureEdgeTerminationPolicy")
    unknown = next((value for value in (tls, plain) if is_unknown(value)), None)
    boundary.tls = unknown if unknown is not None else bool(tls) and plain != "Allow"  # type: ignore[assignment]
    boundary.open_to_world = True
    behind = [near.resource for near in graph.neighbours(resource, "exposes")]
    boundary.authenticated = any(AUTHENTICATING_PROXY.search(image) for item in behind for image in _images(item))
    target = get(resource.attributes, "spec", "port", "targetPort")
    ports = [port for item in behind if item.type == "Service" for port in _service(item).ports]
    boundary.ports = [port for port in ports if target in (None, port["name"], port["target"], port["from"])]
    boundary.sources |= {"tls": ("spec", "tls"), "open_to_world": ("spec", "to")}
    return boundary


def _images(workload: Resource) -> list[str]:
    """The images of a workload's own containers."""
    containers = get(workload.attributes, "spec", "template", "spec", "containers", default=[])
    return _texts([get(item, "image") for item in containers]) if isinstance(containers, list) else []


def _backend_ports(resource: Resource) -> list[int]:
    """The port numbers of the Services that an Ingress leads to, each once."""
    rules = get(resource.attributes, "spec", "rules", default=[])
    backends = [get(resource.attributes, "spec", "defaultBackend")]
    for rule in rules if isinstance(rules, list) else ():
        paths = get(rule, "http", "paths", default=[])
        backends += [get(path, "backend") for path in (paths if isinstance(paths, list) else ())]
    numbers = [whole(get(backend, "service", "port", "number")) for backend in backends]
    return list(dict.fromkeys(number for number in numbers if isinstance(number, int)))


def _ray_head(resource: Resource) -> list[NetworkBoundary]:
    """The head's own Service, where it is a load balancer; it always has the dashboard's port."""
    base = RAY_CLUSTERS[resource.type]
    own = get(resource.attributes, *base, "headGroupSpec", "headService", "spec", "type")
    place: Path = ("headService", "spec", "type") if own is not None else ("serviceType",)
    kind = get(resource.attributes, *base, "headGroupSpec", *place)
    if kind != "LoadBalancer":
        return []
    head = get(resource.attributes, *base, "headGroupSpec", "headService", "metadata", "annotations", default={})
    whole_cluster = get(resource.attributes, *base, "headServiceAnnotations", default={})
    annotations = {
        str(key): value for group in (whole_cluster, head) if isinstance(group, dict) for key, value in group.items()
    }
    boundary = _boundary(resource)
    boundary.ports = [{"from": RAY_DASHBOARD, "to": RAY_DASHBOARD, "target": RAY_DASHBOARD, "name": "dashboard"}]
    internal = any(_is_internal(key, value) for key, value in annotations.items())
    boundary.open_to_world = not internal and not _internal_by_default(resource, annotations)
    boundary.sources["open_to_world"] = (*base, "headGroupSpec", *place)
    return [boundary]


def _internal_by_default(resource: Resource, annotations: dict[str, Any]) -> bool:
    """Whether AWS's load balancer controller makes the balancer and no annotation makes it face the internet."""
    name = get(resource.attributes, "spec", "loadBalancerClass", default="")
    made = str(name).startswith("service.k8s.aws/") or annotations.get(CONTROLLER_ANNOTATION) in CONTROLLER_TYPES
    return made and annotations.get("service.beta.kubernetes.io/aws-load-balancer-scheme") != "internet-facing"
