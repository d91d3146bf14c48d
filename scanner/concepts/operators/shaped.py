"""The pod that an operator makes of fields of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from scanner.core import Path, Resource, Unknown


class Named(Struct, frozen=True):
    """What an object names, as far as the scan has it: a runtime, a model, and ConfigMaps by their names."""

    runtime: Resource | None
    model: Resource | None
    files: Callable[[object], Mapping[str, Any]]


class Shaped(Struct, frozen=True):
    """A pod spec, and its containers with the paths that they were read from."""

    spec: dict[str, Any]
    containers: tuple[tuple[dict[str, Any], Path], ...]
    metadata: dict[str, Any]
    pod_at: Path | None = None
    """Where fields of the pod stand under their own names, if the kind has them."""
    places: Mapping[Path, Path] = {}
    """Where parts stand that are not below the container or the pod that has them."""


def decided(by: str) -> Unknown:
    """A value that an operator or another object gives."""
    return Unknown(f"{by} decides it", by)
