"""What ConfigMaps of the scan give to pods: environment variables and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.core import Resource, get
from scanner.graph import ResourceGraph

MAX_SCRIPT = 100_000
"""Characters of a script that are read; longer ones are programs, not command lines."""


class ConfigMaps:
    """The ConfigMaps of a scan by name."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self._by_name: dict[tuple[str, str], list[Resource]] = {}
        for resource in graph.of_type("ConfigMap"):
            self._by_name.setdefault((resource.namespace or "default", resource.name), []).append(resource)

    def data(self, user: Resource, name: object) -> Mapping[str, Any]:
        """The data of the ConfigMap that a pod of ``user`` gets; empty if the scan has none or several."""
        found = self._by_name.get((user.namespace or "default", str(name)), [])
        near = [item for item in found if item.unit == user.unit] or found
        for item in near:
            self._graph.tie(user.unit, item.unit)
        data = get(near[0].attributes, "data", default={}) if len(near) == 1 else {}
        return data if isinstance(data, dict) else {}

    def scripts(self, user: Resource, volumes: Any, mounts: Any) -> dict[str, str]:
        """The texts that a container finds, by path, where it mounts ConfigMaps."""
        result: dict[str, str] = {}
        named = {str(get(volume, "name")): volume for volume in volumes if isinstance(volume, dict)} if isinstance(
            volumes, list
        ) else {}  # fmt: skip
        for mount in mounts if isinstance(mounts, list) else ():
            volume = named.get(str(get(mount, "name")))
            place = get(mount, "mountPath")
            for source in _sources(volume) if isinstance(place, str) else ():
                for file, text in self._files(user, source).items():
                    within = get(mount, "subPath")
                    path = place if within == file else f"{str(place).rstrip('/')}/{file}" if within is None else ""
                    if path and isinstance(text, str) and len(text) <= MAX_SCRIPT:
                        result[str(path)] = text
        return result

    def _files(self, user: Resource, source: Any) -> dict[str, Any]:
        data = self.data(user, get(source, "name"))
        items = get(source, "items")
        if not isinstance(items, list):
            return dict(data)
        return {str(get(item, "path")): data.get(str(get(item, "key"))) for item in items}


def _sources(volume: Any) -> list[Any]:
    own = get(volume, "configMap")
    projected = get(volume, "projected", "sources", default=[])
    parts = [get(item, "configMap") for item in projected] if isinstance(projected, list) else []
    return [item for item in (own, *parts) if isinstance(item, dict)]
