"""Routes of Traefik and Istio to network boundaries.

Traefik is told what is open by the entry points and middlewares of its IngressRoutes, Istio by the Gateways that
its VirtualServices are bound to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from msgspec import Struct

from scanner.concepts.exposure import (
    ANYWHERE,
    INTERNAL_CLASS,
    Surroundings,
    annotations_of,
    any_of,
    asks_behind,
    boundary_of,
    service_boundary,
)
from scanner.concepts.kubernetes import texts
from scanner.concepts.model import NetworkBoundary
from scanner.concepts.quantities import whole
from scanner.core import Resource, Unknown, get, is_unknown, listed, mapping
from scanner.core.patterns import lazy_pattern

TRAEFIK = ("traefik.io", "traefik.containo.us")
ISTIO = "networking.istio.io"
PLAIN_ENTRY_POINTS = frozenset(("web", "http"))
"""Names of the entry point for plain HTTP in Traefik's own chart and guides."""
ASKING = ("basicAuth", "digestAuth", "forwardAuth", "plugin", "jwt", "oidc", "apiKey", "ldap", "hmac")
"""Middlewares that ask for credentials, or may do so; the latter ones are those of Traefik Hub."""
RANGES = ("ipAllowList", "ipWhiteList")
MESH = "mesh"
SEVERAL = 100
"""So many objects of one name or label are compared."""
MAX_MIDDLEWARES = 100
"""Of a route; what the others do is not known."""
_HOSTS = lazy_pattern(r"\bHost\(([^)]*)\)")
_NAME = lazy_pattern(r"[`\"']([^`\"']+)[`\"']")


class Proxies:
    """What the routes of one scan rest on, each looked up once: many of them may name the same."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.graph = around.graph
        self._entries: dict[tuple[str, str, str], list[_Entry]] = {}

    def boundaries(self, resource: Resource) -> list[NetworkBoundary]:
        """A boundary for an IngressRoute of Traefik or a VirtualService of Istio."""
        if resource.type == "IngressRoute" and resource.group in TRAEFIK:
            return [_ingress_route(resource, self)]
        if resource.type == "VirtualService" and resource.group == ISTIO:
            return [_virtual_service(resource, self)]
        return []

    @cached_property
    def middlewares(self) -> dict[tuple[str, str, str], Any]:
        """What each middleware does, by unit, namespace and name."""
        found = (item for item in self.graph.of_type("Middleware") if item.group in TRAEFIK)
        return {_place(item): get(item.attributes, "spec", default={}) for item in found}

    @cached_property
    def gateways(self) -> dict[tuple[str, str, str], list[Resource]]:
        """Istio's Gateways by unit, namespace and name."""
        found: dict[tuple[str, str, str], list[Resource]] = {}
        for item in self.graph.of_type("Gateway"):
            if item.group == ISTIO:
                found.setdefault(_place(item), []).append(item)
        return found

    @cached_property
    def services(self) -> dict[tuple[str, str, str], list[Resource]]:
        """Services by their unit and each label by which they select pods."""
        found: dict[tuple[str, str, str], list[Resource]] = {}
        for item in self.graph.of_type("Service"):
            selector = get(item.attributes, "spec", "selector") if item.api_version == "v1" else None
            for label, value in mapping(selector).items():
                found.setdefault((item.unit, str(label), str(value)), []).append(item)
        return found

    def entries(self, place: tuple[str, str, str]) -> list[_Entry]:
        """What the Gateways of a name in a unit let in."""
        if place not in self._entries:
            self._entries[place] = [_entry(gateway, self) for gateway in self.gateways.get(place, ())[:SEVERAL]]
        return self._entries[place]


def _place(item: Resource) -> tuple[str, str, str]:
    return item.unit, item.namespace or "default", item.name


def _ingress_route(resource: Resource, proxies: Proxies) -> NetworkBoundary:
    boundary = boundary_of(resource)
    spec = get(resource.attributes, "spec", default={})
    routes = [item for item in listed(get(spec, "routes")) if isinstance(item, dict)]
    layers = [layer for route in routes for layer in _middlewares(route, resource, proxies)]
    redirects = any("redirectScheme" in layer for layer in layers if layer is not None)
    asks = any(layer is None or any(kind in layer for kind in ASKING) for layer in layers)
    boundary.authenticated = asks or asks_behind(resource, proxies.around)
    boundary.open_to_world = not redirects and _is_open(resource, spec, layers)  # type: ignore[assignment]
    boundary.tls = True if redirects else _is_encrypted(spec)  # type: ignore[assignment]
    boundary.hosts = [host for route in routes for host in _hosts(get(route, "match"))]
    boundary.ports = _ports(get(item, "port") for route in routes for item in listed(get(route, "services")))
    boundary.sources |= {"tls": ("spec", "tls"), "open_to_world": ("spec", "routes")}
    return boundary


def _middlewares(route: Any, owner: Resource, proxies: Proxies) -> list[dict[str, Any] | None]:
    """What the middlewares of a route do, those in chains too; ``None`` for one that is not in the same unit."""
    found: list[dict[str, Any] | None] = []
    waiting = _names(get(route, "middlewares"), owner.namespace or "default")
    seen: set[tuple[str, str]] = set()
    while waiting and len(seen) < MAX_MIDDLEWARES:
        place = waiting.pop()
        spec = proxies.middlewares.get((owner.unit, *place))
        if place not in seen:
            seen.add(place)
            found.append(spec if isinstance(spec, dict) else None)
            waiting += _names(get(spec, "chain", "middlewares"), place[0])
    return [*found, None] if waiting else found


def _names(references: Any, own: str) -> list[tuple[str, str]]:
    """(namespace, name) of what is referred to."""
    return [(str(get(item, "namespace", default=own)), str(get(item, "name"))) for item in listed(references)]


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


class _Entry(Struct, frozen=True):
    """What a Gateway lets in."""

    open_to_world: bool | Unknown
    tls: bool | Unknown
    mutual: bool


def _entry(gateway: Resource, proxies: Proxies) -> _Entry:
    servers = listed(get(gateway.attributes, "spec", "servers"))
    mutual = any(get(server, "tls", "mode") in ("MUTUAL", "OPTIONAL_MUTUAL") for server in servers)
    return _Entry(_is_open_gateway(gateway, proxies), any_of([_ends_tls(server) for server in servers]), mutual)


def _virtual_service(resource: Resource, proxies: Proxies) -> NetworkBoundary:
    boundary = boundary_of(resource)
    own = resource.namespace or "default"
    bound = texts(get(resource.attributes, "spec", "gateways", default=[MESH]))
    named = [name if "/" in name else f"{own}/{name}" for name in bound if name != MESH]
    wanted = [(space, name) for space, _, name in (text.partition("/") for text in named)]
    entries = [
        entry for space, name in dict.fromkeys(wanted) for entry in proxies.entries((resource.unit, space, name))
    ]
    elsewhere = [Unknown("no Gateway beside it says so")] if wanted and not entries else []
    boundary.open_to_world = any_of([*elsewhere, *(entry.open_to_world for entry in entries)])  # type: ignore[assignment]
    boundary.tls = any_of([*elsewhere, *(entry.tls for entry in entries)])  # type: ignore[assignment]
    boundary.authenticated = any(entry.mutual for entry in entries) or asks_behind(resource, proxies.around)
    ways = [way for route in listed(get(resource.attributes, "spec", "http")) for way in listed(get(route, "route"))]
    boundary.ports = _ports(get(way, "destination", "port", "number") for way in ways)
    hosts = listed(get(resource.attributes, "spec", "hosts"))
    boundary.hosts = [None if host == "*" else host for host in hosts]
    boundary.sources |= {"tls": ("spec", "gateways"), "open_to_world": ("spec", "gateways")}
    return boundary


def _is_open_gateway(gateway: Resource, proxies: Proxies) -> bool | Unknown:
    """Whether every address reaches a Gateway: as the Services of its proxy say, else if nothing calls it internal."""
    selector = get(gateway.attributes, "spec", "selector", default={})
    if is_unknown(selector):
        return selector
    labels = list(selector.items()) if isinstance(selector, dict) else []
    if INTERNAL_CLASS.search(gateway.name) or any(INTERNAL_CLASS.search(str(value)) for _, value in labels):
        return False
    before = [
        service_boundary(item).open_to_world
        for item in _selecting(gateway.unit, labels, proxies)
        if all(get(item.attributes, "spec", "selector", key) == value for key, value in labels)
    ]
    return any_of(before) if before else True


def _selecting(unit: str, labels: list[tuple[Any, Any]], proxies: Proxies) -> list[Resource]:
    """Services of a unit that select pods by the first of some labels."""
    first = next(((unit, str(label), str(value)) for label, value in labels), None)
    return [] if first is None else proxies.services.get(first, [])[:SEVERAL]


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
