"""Kubernetes exposure: Services, Ingresses and routes to network boundaries."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from scanner.concepts.kubernetes import texts
from scanner.concepts.model import NetworkBoundary
from scanner.concepts.operators import kaito
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown, listed
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph
from scanner.graph.linkers import RAY_CLUSTERS

INTERNAL_ANNOTATIONS = {
    "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
    "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
    "service.beta.kubernetes.io/azure-load-balancer-internal": ("true",),
    "networking.gke.io/load-balancer-type": ("internal",),
    "cloud.google.com/load-balancer-type": ("internal",),
    "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": (),
    "appgw.ingress.kubernetes.io/use-private-ip": ("true",),
    "networking.istio.io/service-type": ("clusterip",),
}
"""Annotations that keep a load balancer internal on EKS, AKS, GKE and TKE, with the values that do."""
CONTROLLER_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-type"
CONTROLLER_TYPES = ("external", "nlb-ip")
"""Types for which AWS's load balancer controller makes the balancer, internal unless the scheme says otherwise."""
ALB_SCHEME = "alb.ingress.kubernetes.io/scheme"
ALB_GROUPS = "alb.ingress.kubernetes.io/security-groups"
SOURCE_RANGES = (
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "nginx.ingress.kubernetes.io/allowlist-source-range",
    "alb.ingress.kubernetes.io/inbound-cidrs",
    "haproxy.org/allow-list",
    "haproxy-ingress.github.io/allowlist-source-range",
)
"""Ingress annotations that list the addresses that may come in."""
AUTHENTICATION = (
    "nginx.ingress.kubernetes.io/auth-",
    "nginx.org/basic-auth-secret",
    "nginx.org/policies",
    "nginx.com/jwt-",
    "alb.ingress.kubernetes.io/auth-type",
    "alb.ingress.kubernetes.io/jwt-validation",
    "alb.ingress.kubernetes.io/mutual-authentication",
    "haproxy-ingress.github.io/auth-",
    "haproxy-ingress.github.io/oauth",
    "haproxy.org/auth-",
    "traefik.ingress.kubernetes.io/router.middlewares",
    "konghq.com/plugins",
)
"""Beginnings of annotations that ask for credentials, or may do so (plugins, policies, Traefik's middlewares)."""
CERTIFICATES = (
    "alb.ingress.kubernetes.io/certificate-arn",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/managed-certificates",
)
"""Annotations that give an Ingress a certificate without a section for TLS."""
AUTHENTICATING_SNIPPET = lazy_pattern(r"\b(auth_request|auth_basic|auth_jwt|ssl_verify_client)\b")
"""Directives of nginx that ask for credentials, in the annotations that hold pieces of its configuration."""
AUTHENTICATING_POLICIES = (
    "AgentgatewayPolicy",
    "AuthPolicy",
    "AuthorizationPolicy",
    "BackendConfig",
    "GCPBackendPolicy",
    "KongPlugin",
    "RequestAuthentication",
    "SecurityPolicy",
    "TrafficPolicy",
)
"""Kinds that ask for credentials in front of a Service or route, or may do so, for kgateway, Kuadrant, Istio, GKE's
Identity-Aware Proxy, Kong and Envoy Gateway."""
AUTHENTICATING_FILTERS = ("ExtensionRef", "ExternalAuth")
"""Filters of a HTTPRoute that ask for credentials, or may do so."""
AUTHENTICATING_PROXY = lazy_pattern(r"oauth2?[-_]?proxy|kube-rbac-proxy|kube-auth-proxy")
"""Images of proxies that ask for credentials, as they stand beside servers on OpenShift."""
AUTHENTICATING_ENVOY = lazy_pattern(r"ext_authz|jwt_authn|oauth2|basic_auth|api_key_auth")
"""Filters of Envoy that ask for credentials, as Istio's EnvoyFilters name them."""
GATEWAY_API = "gateway.networking.k8s.io/"
INTERNAL_CLASS = lazy_pattern(r"internal|private")
OPEN_GATEWAYS = lazy_pattern(
    r"gke-l7-(gxlb|global-external-managed|regional-external-managed)(-mc)?|azure-alb-external"
    r"|istio|kgateway|agentgateway|eg|envoy|envoy-gateway|nginx|cilium|traefik|kong|contour"
)
"""Classes whose Gateways face the internet unless an annotation says otherwise, by the names that GKE, Azure and the
guides of the projects give them."""
RAY_DASHBOARD = 8265
ANYWHERE = frozenset(("0.0.0.0/0", "::/0"))


class Surroundings:
    """What decides about the routes of one scan, each looked up once: many of them may have the same around them."""

    def __init__(self, graph: ResourceGraph) -> None:
        self.graph = graph

    @cached_property
    def asking(self) -> frozenset[str]:
        """The units with a policy or filter that asks for credentials, or may do so."""
        filters = self.graph.of_type("EnvoyFilter")
        found = [item for item in filters if AUTHENTICATING_ENVOY.search(str(item.attributes))]
        return frozenset(item.unit for item in (*self.graph.of_type(*AUTHENTICATING_POLICIES), *found))

    @cached_property
    def gateways(self) -> dict[tuple[str, str, str], bool | Unknown]:
        """Whether a Gateway of the Gateway API is open, by its unit, namespace and name."""
        found: dict[tuple[str, str, str], list[Any]] = {}
        for item in self.graph.of_type("Gateway"):
            if GATEWAY_API in item.api_version:
                place = (item.unit, item.namespace or "default", item.name)
                found.setdefault(place, []).append(_gateway_is_open(item))
        return {place: any_of(values) for place, values in found.items()}


def network_boundaries(resource: Resource, around: Surroundings) -> list[NetworkBoundary]:
    """A boundary for a Service, an Ingress, a route or the Service that KubeRay or KAITO makes."""
    if resource.type == "Service" and resource.api_version == "v1":
        return [service_boundary(resource)]
    if resource.type == "Ingress":
        return [_ingress(resource, around)]
    if resource.type == "HTTPRoute":
        return [_http_route(resource, around)]
    if resource.type == "Route" and resource.api_version.startswith("route.openshift.io/"):
        return [_route(resource, around)]
    if resource.group == kaito.GROUP:
        return _kaito_service(resource)
    return _ray_head(resource) if resource.type in RAY_CLUSTERS else []


def boundary_of(resource: Resource) -> NetworkBoundary:
    """A boundary of which nothing is known yet but its resource."""
    return NetworkBoundary(
        resource=resource,
        kind=resource.type,
        name=resource.name,
        address=resource.address,
        namespace=resource.namespace,
        labels=resource.labels,
        platform="kubernetes",
    )


def service_boundary(resource: Resource) -> NetworkBoundary:
    """The boundary that a Service makes."""
    boundary = boundary_of(resource)
    kind = get(resource.attributes, "spec", "type", default="ClusterIP")
    ranges = get(resource.attributes, "spec", "loadBalancerSourceRanges", default=[])
    annotations = get(resource.attributes, "metadata", "annotations")
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
    boundary.origins = texts(ranges)
    known = annotations_of(resource)
    internal = any(_is_internal(key, value) for key, value in known.items()) or _internal_by_default(resource, known)
    restricted = bool(boundary.origins) and not ANYWHERE & set(boundary.origins)
    boundary.open_to_world = kind == "LoadBalancer" and not internal and not restricted
    return boundary


def _is_internal(key: str, value: Any) -> bool:
    allowed = INTERNAL_ANNOTATIONS.get(key)
    return allowed is not None and (not allowed or str(value).lower() in allowed)


def _ingress(resource: Resource, around: Surroundings) -> NetworkBoundary:
    boundary = boundary_of(resource)
    boundary.tls = _has_certificate(resource)  # type: ignore[assignment]
    annotations = annotations_of(resource)
    boundary.open_to_world = _ingress_is_open(resource, annotations)  # type: ignore[assignment]
    boundary.authenticated = _asks(annotations) or asks_behind(resource, around)
    rules = get(resource.attributes, "spec", "rules", default=[])
    boundary.hosts = [get(rule, "host") for rule in rules] if isinstance(rules, list) else []
    boundary.ports = [{"from": port, "to": port, "target": port, "name": None} for port in _backend_ports(resource)]
    boundary.sources |= {"tls": ("spec", "tls"), "open_to_world": ("spec", "rules")}
    return boundary


def annotations_of(resource: Resource) -> dict[str, Any]:
    """The annotations of an object; none where they are not known."""
    annotations = get(resource.attributes, "metadata", "annotations", default={})
    return {str(key): value for key, value in annotations.items()} if isinstance(annotations, dict) else {}


def _has_certificate(ingress: Resource) -> bool | Unknown:
    """Whether an Ingress has a section for TLS, or an annotation that stands for one."""
    tls, annotations = get(ingress.attributes, "spec", "tls"), get(ingress.attributes, "metadata", "annotations")
    given = [annotations] if is_unknown(annotations) else [get(annotations, key) for key in CERTIFICATES]
    if any(item is not None and not is_unknown(item) for item in given):
        return True
    if not is_unknown(tls) and tls:
        return True
    return next((item for item in (tls, *given) if is_unknown(item)), False)


def _ingress_is_open(resource: Resource, annotations: dict[str, Any]) -> bool | Unknown:
    """Whether every address may come in, as far as class and annotations say."""
    written = get(resource.attributes, "metadata", "annotations")
    given = get(resource.attributes, "spec", "ingressClassName", default=annotations.get("kubernetes.io/ingress.class"))
    unknown = next((value for value in (written, given, annotations.get(ALB_SCHEME)) if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    name = str(given)
    scheme = str(annotations.get(ALB_SCHEME, "internal" if name == "alb" else "internet-facing"))
    if scheme == "internal" or INTERNAL_CLASS.search(name):
        return False
    if any(_is_internal(key, value) for key, value in annotations.items()):
        return False
    if name == "tailscale":
        return str(annotations.get("tailscale.com/funnel")).lower() == "true"
    ranges = [part for key in SOURCE_RANGES for part in re.split(r"[\s,]+", str(annotations.get(key) or "")) if part]
    if ranges and not ANYWHERE & set(ranges):
        return False
    return Unknown("the security groups decide it", ALB_GROUPS) if ALB_GROUPS in annotations else True


def _asks(annotations: dict[str, Any]) -> bool:
    """Whether annotations of an Ingress or route ask for credentials, or may do so."""
    return any(
        key.startswith(AUTHENTICATION) or (key.endswith("-snippet") and AUTHENTICATING_SNIPPET.search(str(value)))
        for key, value in annotations.items()
    )


def asks_behind(resource: Resource, around: Surroundings) -> bool:
    """Whether a proxy in the pods or a policy of the same unit asks for credentials, or may do so."""
    behind = [near.resource for near in around.graph.neighbours(resource, "exposes")]
    proxied = any(AUTHENTICATING_PROXY.search(image) for item in behind for image in _images(item))
    return proxied or resource.unit in around.asking


def _http_route(resource: Resource, around: Surroundings) -> NetworkBoundary:
    """A route of the Gateway API: as open as the Gateways of the same unit that it belongs to."""
    boundary = boundary_of(resource)
    boundary.open_to_world = _gateways_are_open(resource, around)  # type: ignore[assignment]
    boundary.authenticated = _asks(annotations_of(resource)) or _is_filtered(resource) or asks_behind(resource, around)
    hosts = get(resource.attributes, "spec", "hostnames", default=[])
    boundary.hosts = hosts if isinstance(hosts, list) else []
    boundary.sources["open_to_world"] = ("spec", "rules")
    return boundary


def _is_filtered(route: Resource) -> bool:
    rules = get(route.attributes, "spec", "rules", default=[])
    filters = [get(rule, "filters", default=[]) for rule in rules] if isinstance(rules, list) else []
    kinds = [get(item, "type") for group in filters if isinstance(group, list) for item in group]
    return any(kind in AUTHENTICATING_FILTERS for kind in kinds)


def _gateways_are_open(route: Resource, around: Surroundings) -> bool | Unknown:
    own = route.namespace or "default"
    parents = listed(get(route.attributes, "spec", "parentRefs"))
    named = [item for item in parents if get(item, "kind", default="Gateway") == "Gateway"]
    wanted = [(route.unit, str(get(item, "namespace", default=own)), str(get(item, "name"))) for item in named]
    mine = [around.gateways[place] for place in wanted if place in around.gateways]
    return any_of(mine) if mine else Unknown("no Gateway beside it says so")


def any_of(values: list[Any]) -> bool | Unknown:
    """True if any is, else unknown if any is, else false."""
    return any(value is True for value in values) or next((value for value in values if is_unknown(value)), False)


def _gateway_is_open(gateway: Resource) -> bool | Unknown:
    spec = get(gateway.attributes, "spec", default={})
    if not OPEN_GATEWAYS.fullmatch(str(get(spec, "gatewayClassName"))):
        return Unknown("the class of the Gateway decides it", str(get(spec, "gatewayClassName")))
    if get(spec, "infrastructure", "parametersRef") is not None:
        return Unknown("the parameters of the Gateway decide it")
    given = get(spec, "infrastructure", "annotations", default={})
    annotations = annotations_of(gateway) | (given if isinstance(given, dict) else {})
    return not any(_is_internal(str(key), value) for key, value in annotations.items())


def _route(resource: Resource, around: Surroundings) -> NetworkBoundary:
    """An OpenShift Route: the router asks for no credentials, a proxy beside the server may."""
    boundary = boundary_of(resource)
    tls = get(resource.attributes, "spec", "tls")
    plain = get(tls, "insecureEdgeTerminationPolicy")
    unknown = next((value for value in (tls, plain) if is_unknown(value)), None)
    boundary.tls = unknown if unknown is not None else bool(tls) and plain != "Allow"  # type: ignore[assignment]
    boundary.open_to_world = True
    behind = [near.resource for near in around.graph.neighbours(resource, "exposes")]
    boundary.authenticated = asks_behind(resource, around)
    boundary.hosts = [get(resource.attributes, "spec", "host")]
    target = get(resource.attributes, "spec", "port", "targetPort")
    ports = [port for item in behind if item.type == "Service" for port in service_boundary(item).ports]
    boundary.ports = [port for port in ports if target in (None, port["name"], port["target"], port["from"])]
    boundary.sources |= {"tls": ("spec", "tls"), "open_to_world": ("spec", "to")}
    return boundary


def _images(workload: Resource) -> list[str]:
    """The images of a workload's own containers."""
    containers = get(workload.attributes, "spec", "template", "spec", "containers", default=[])
    return texts([get(item, "image") for item in containers]) if isinstance(containers, list) else []


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
    boundary = boundary_of(resource)
    boundary.ports = [{"from": RAY_DASHBOARD, "to": RAY_DASHBOARD, "target": RAY_DASHBOARD, "name": "dashboard"}]
    internal = any(_is_internal(key, value) for key, value in annotations.items())
    boundary.open_to_world = not internal and not _internal_by_default(resource, annotations)
    boundary.sources["open_to_world"] = (*base, "headGroupSpec", *place)
    return [boundary]


def _kaito_service(resource: Resource) -> list[NetworkBoundary]:
    """The Service of a workspace or a RAG engine, where it is a load balancer; no annotation keeps that one inside."""
    place: Path = ("metadata", "annotations", kaito.ENABLE_LOAD_BALANCER)
    serves = get(resource.attributes, "inference") is not None or resource.type == "RAGEngine"
    if not serves or get(resource.attributes, *place) != "True":
        return []
    boundary = boundary_of(resource)
    boundary.ports = [{"from": 80, "to": 80, "target": kaito.PORT, "name": "http"}]
    boundary.open_to_world = True
    boundary.sources["open_to_world"] = place
    return [boundary]


def _internal_by_default(resource: Resource, annotations: dict[str, Any]) -> bool:
    """Whether AWS's load balancer controller makes the balancer and no annotation makes it face the internet."""
    name = get(resource.attributes, "spec", "loadBalancerClass", default="")
    made = str(name).startswith("service.k8s.aws/") or annotations.get(CONTROLLER_ANNOTATION) in CONTROLLER_TYPES
    return made and annotations.get("service.beta.kubernetes.io/aws-load-balancer-scheme") != "internet-facing"
