"""Routes of Traefik and Istio to network boundaries.

Traefik is told what is open by the entry points and middlewares of its IngressRoutes, Istio by the Gateways that
its VirtualServices are bound to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from scanner.concepts.exposure import (
    ANYWHERE,
    INTERNAL_CLASS,
    annotations_of,
    asks_behind,
    boundary_of,
    service_boundary,
)
from scanner.concepts.kubernetes import texts
from scanner.concepts.model import NetworkBoundary
from scanner.concepts.quantities import whole
from scanner.core import Resource, Unknown, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

TRAEFIK = ("traefik.io", "traefik.containo.us")
ISTIO = "networking.istio.io"
PLAIN_ENTRY_POINTS = frozenset(("web", "http"))
"""Names of the entry point for plain HTTP in Traefik's own chart and guides."""
ASKING = ("basicAuth", "digestAuth", "forwardAuth", "plugin", "jwt", "oidc", "apiKey", "ldap", "hmac")
"""Middlewares that ask for credentials, or may do so; the latter ones are those of Traefik Hub."""
RANGES = ("ipAllowList", "ipWhiteList")
MESH = "mesh"
_HOSTS = lazy_pattern(r"\bHost\(([^)]*)\)")
_NAME = lazy_pattern(r"[`\"']([^`\"']+)[`\"']")


def proxy_routes(resource: Resource, graph: ResourceGraph) -> list[NetworkBoundary]:
    """A boundary for an IngressRoute of Traefik or a VirtualService of Istio."""
    if resource.type == "IngressRoute" and resource.group in TRAEFIK:
        return [_ingress_route(resource, graph)]
    if resource.type == "VirtualService" and resource.group == ISTIO:
        return [_virtual_service(resource, graph)]
    return []


def _ingress_route(resource: Resource, graph: ResourceGraph) -> NetworkBoundary:
    boundary = boundary_of(resource)
    spec = get(resource.attributes, "spec", default={})
    routes = [item for item in _listed(get(spec, "routes")) if isinstance(item, dict)]
    layers = [layer for route in routes for layer in _middlewares(route, resource, graph)]
    redirects = any("redirectScheme" in layer for layer in layers if layer is not None)
    asks = any(layer is None or any(kind in layer for kind in ASKING) for layer in layers)
    boundary.authenticated = asks or asks_behind(resource, graph)
    boundary.open_to_world = not redirects and _is_open(resource, spec, layers)  # type: ignore[assignment]
    boundary.tls = True if redirects else _is_encrypted(spec)  # type: ignore[assignment]
    boundary.hosts = [host for route in routes for host in _hosts(get(route, "match"))]
    boundary.ports = _ports(get(item, "port") for route in routes for item in _listed(get(route, "services")))
    boundary.sources |= {"tls": ("spec", "tls"), "open_to_world": ("spec", "routes")}
    return boundary


def _middlewares(route: Any, owner: Resource, graph: ResourceGraph) -> list[dict[str, Any] | None]:
    """What the middlewares of a route do, those in chains too; ``None`` for one that is not in the same unit."""
    at_hand = {
        (item.name, item.namespace or "default"): get(item.attributes, "spec", default={})
        for item in graph.of_type("Middleware")
        if item.unit == owner.unit and item.group in TRAEFIK
    }
    found: list[dict[str, Any] | None] = []
    waiting = _names(get(route, "middlewares"), owner.namespace or "default")
    seen: set[tuple[str, str]] = set()
    while waiting:
        place = waiting.pop()
        spec = at_hand.get(place)
        if place not in seen:
            seen.add(place)
            found.append(spec if isinstance(spec, dict) else None)
            waiting += _names(get(spec, "chain", "middlewares"), place[1])
    return found


def _names(references: Any, own: str) -> list[tuple[str, str]]:
    return [(str(get(item, "name")), str(get(item, "namespace", default=own))) for item in _listed(references)]


def _is_open(resource: Resource, spec: Any, layers: list[dict[str, Any] | None]) -> bool | Unknown:
    """Whether every address may come in, as far as class, entry points and middlewares say."""
    entries, written = get(spec, "entryPoints"), get(resource.attributes, "metadata", "annotations")
    unknown = next((value for value in (entries, written) if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    named = get(spec, "ingressClassName", default=annotations_of(resource).get("kubernetes.io/ingress.class"))
    points = texts(entries)
    if INTERNAL_CLASS.search(str(named)) or (points and all(INTERNAL_CLASS.search(point) for point in points)):
        return False
    known = [layer for layer in layers if layer is not None]
    ranges = [text for layer in known for kind in RANGES for text in texts(get(layer, kind, "sourceRange"))]
    return not ranges or bool(ANYWHERE & set(ranges))


def _is_encrypted(spec: Any) -> bool | Unknown:
    """Whether a route ends TLS: by its own section, or, as may be, by that of its entry points."""
    tls, points = get(spec, "tls"), get(spec, "entryPoints")
    if tls is not None:
        return tls if isinstance(tls, Unknown) else True
    if isinstance(points, list) and points and PLAIN_ENTRY_POINTS.issuperset(texts(points)):
        return False
    return Unknown("the entry points of Traefik decide it")


def _hosts(rule: Any) -> Iterator[str | None]:
    """The host names that a rule of Traefik's language asks for; ``None`` if it takes others too."""
    groups = _HOSTS.findall(rule) if isinstance(rule, str) else []
    yield from (name for group in groups for name in _NAME.findall(group))
    if not groups:
        yield None


def _virtual_service(resource: Resource, graph: ResourceGraph) -> NetworkBoundary:
    boundary = boundary_of(resource)
    own = resource.namespace or "default"
    bound = texts(get(resource.attributes, "spec", "gateways", default=[MESH]))
    wanted = {tuple(name.split("/", 1)) if "/" in name else (own, name) for name in bound if name != MESH}
    gateways = [
        item
        for item in graph.of_type("Gateway")
        if item.group == ISTIO and item.unit == resource.unit and (item.namespace or "default", item.name) in wanted
    ]
    servers = [server for gateway in gateways for server in _listed(get(gateway.attributes, "spec", "servers"))]
    elsewhere = [Unknown("no Gateway beside it says so")] if wanted and not gateways else []
    opened = [_gateway_is_open(gateway, graph) for gateway in gateways]
    boundary.open_to_world = _any([*elsewhere, *opened])  # type: ignore[assignment]
    boundary.tls = _any([*elsewhere, *(_ends_tls(server) for server in servers)])  # type: ignore[assignment]
    mutual = any(get(server, "tls", "mode") in ("MUTUAL", "OPTIONAL_MUTUAL") for server in servers)
    boundary.authenticated = mutual or asks_behind(resource, graph)
    ways = [way for route in _listed(get(resource.attributes, "spec", "http")) for way in _listed(get(route, "route"))]
    boundary.ports = _ports(get(way, "destination", "port", "number") for way in ways)
    hosts = _listed(get(resource.attributes, "spec", "hosts"))
    boundary.hosts = [None if host == "*" else host for host in hosts]
    boundary.sources |= {"tls": ("spec", "gateways"), "open_to_world": ("spec", "gateways")}
    return boundary


def _gateway_is_open(gateway: Resource, graph: ResourceGraph) -> bool | Unknown:
    """Whether every address reaches a Gateway: as the Services of its proxy say, else if nothing calls it internal."""
    selector = get(gateway.attributes, "spec", "selector", default={})
    if is_unknown(selector):
        return selector
    labels = selector.items() if isinstance(selector, dict) else ()
    if INTERNAL_CLASS.search(gateway.name) or any(INTERNAL_CLASS.search(str(value)) for _, value in labels):
        return False
    before = [
        service_boundary(item).open_to_world
        for item in graph.of_type("Service")
        if item.unit == gateway.unit and item.api_version == "v1" and labels
        and all(get(item.attributes, "spec", "selector", key) == value for key, value in labels)
    ]  # fmt: skip
    return _any(before) if before else True


def _ends_tls(server: Any) -> bool | Unknown:
    tls, protocol = get(server, "tls"), get(server, "port", "protocol")
    unknown = next((value for value in (tls, protocol) if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    return bool(tls) or str(protocol).upper() in ("HTTPS", "TLS")


def _ports(numbers: Iterable[Any]) -> list[dict[str, Any]]:
    """The port numbers of the Services behind a route, each once."""
    known = [number for number in map(whole, numbers) if isinstance(number, int)]
    return [{"from": port, "to": port, "target": port, "name": None} for port in dict.fromkeys(known)]


def _any(values: list[Any]) -> bool | Unknown:
    """True if any is, else unknown if any is, else false."""
    return any(value is True for value in values) or next((value for value in values if is_unknown(value)), False)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
