"""Which port each probe asks, and whether anything listens there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.concepts.model import Container, PodSet, Probe
from scanner.concepts.quantities import whole
from scanner.core import get, is_unknown

PROBES = (("readiness", "readinessProbe"), ("liveness", "livenessProbe"), ("startup", "startupProbe"))
WAYS = ("httpGet", "tcpSocket", "grpc")


def read_probes(pods: PodSet) -> None:
    """Fill in the probes of the containers; which ports answer can be told only where every container tells its own."""
    ports = _ports(pods)
    for container in pods.containers:
        container.probes = list(_probes(container, ports))


def _ports(pods: PodSet) -> set[Any] | None:
    """The ports that anything in the pod listens on; ``None`` where they cannot be told."""
    found: set[Any] = set()
    for container in pods.containers:
        told = [container.listens] if isinstance(container.listens, int) else container.port_numbers
        own = {*told, *(whole(port.get("containerPort")) for port in container.ports)}
        if not own or any(is_unknown(port) for port in own):
            return None
        found |= own
    return found - {None}


def _probes(container: Container, ports: set[Any] | None) -> Iterator[Probe]:
    written = (container.readiness_probe, container.liveness_probe, container.startup_probe)
    for (kind, key), probe in zip(PROBES, written, strict=True):
        way = next((way for way in WAYS if isinstance(probe, dict) and isinstance(probe.get(way), dict)), None)
        if way is None or get(probe, way, "host") is not None:
            continue
        at = (*container.at, key, way, "port")
        number = whole(get(probe, way, "port"))
        answered = None
        if isinstance(number, int) and isinstance(container.listens, int) and ports is not None:
            answered = number in ports
        yield Probe(at=at, kind=kind, port=number, answered=answered)
