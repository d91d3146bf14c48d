"""The runtimes and base models of a scan, and which of them a workload runs on.

A runtime that is named is the one nearest to the workload by directory; one that KServe would choose by model format
is taken only where nothing else in the scan could be chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scanner.concepts.declared import KSERVE_FRAMEWORKS
from scanner.concepts.operators import llmaz
from scanner.core import Path, Resource, get, is_unknown
from scanner.graph import ResourceGraph

SERVING = ("ServingRuntime", "ClusterServingRuntime")
TRAINING = ("TrainingRuntime", "ClusterTrainingRuntime")
MODELS = ("BaseModel", "ClusterBaseModel")
SERVERS = ("ServerConfig",)
"""Seldon looks for them in its own namespace, whatever that of the server."""
BACKENDS, OPEN_MODELS = ("BackendRuntime",), ("OpenModel",)
WITHOUT_NAMESPACE = frozenset((*SERVERS, *BACKENDS, *OPEN_MODELS))
"""Kinds besides those called ``Cluster…`` that are found by their name alone."""
KSERVE, OME, TRAINER, SELDON = "serving.kserve.io", "ome.io", "trainer.kubeflow.org", "mlops.seldon.io"
GROUPS = {
    **dict.fromkeys(SERVING, (KSERVE, OME)),
    **dict.fromkeys(TRAINING, (TRAINER,)),
    **dict.fromkeys(MODELS, (OME,)),
    **dict.fromkeys(SERVERS, (SELDON,)),
    **dict.fromkeys(BACKENDS, (llmaz.GROUP,)),
    **dict.fromkeys(OPEN_MODELS, (llmaz.MODELS_GROUP,)),
}
KINDS = tuple(GROUPS)


class Definitions:
    """The serving and training runtimes and the base models of a scan by group, kind and name."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self._by_name: dict[tuple[str, str, str], list[Resource]] = {}
        self._by_kind: dict[tuple[str, str], list[Resource]] = {}
        self._known: dict[tuple[str, str, str, tuple[str, ...], str], Resource | None] = {}
        """What was looked up for a unit and a namespace: many objects may name one of many."""
        for runtime in graph.of_type(*KINDS):
            group = runtime.group
            if group in GROUPS[runtime.type]:
                self._by_name.setdefault((group, runtime.type, runtime.name), []).append(runtime)
                self._by_kind.setdefault((group, runtime.type), []).append(runtime)

    def of(self, user: Resource) -> Resource | None:
        """The runtime that ``user`` runs on; ``None`` if it uses none or the scan does not tell which."""
        group = user.group
        if user.type == "InferenceService" and group == KSERVE:
            return self._serving(user)
        if user.type == "InferenceService" and group == OME:
            return self._referred(user, ("spec", "runtime"), SERVING)
        if user.type == "TrainJob" and group == TRAINER:
            return self._referred(user, ("spec", "runtimeRef"), TRAINING)
        if user.type == "Server" and group == SELDON:
            return self._named(user, SERVERS, get(user.attributes, "spec", "serverConfig"))
        if user.type == "Playground" and group == llmaz.GROUP:
            name = get(user.attributes, "spec", "backendRuntimeConfig", "backendName", default=llmaz.USUAL_BACKEND)
            return self._named(user, BACKENDS, name)
        return None

    def model_of(self, user: Resource) -> Resource | None:
        """The model that OME or llmaz serves for ``user``; ``None`` if the scan does not have it."""
        if user.group == llmaz.GROUP:
            return self._named(user, OPEN_MODELS, llmaz.main_model(user), llmaz.MODELS_GROUP)
        served = user.type == "InferenceService" and user.group == OME
        return self._referred(user, ("spec", "model"), MODELS) if served else None

    def _referred(self, user: Resource, at: Path, kinds: tuple[str, str]) -> Resource | None:
        """What a reference names, which is of the second, cluster-wide kind unless it says otherwise."""
        reference = get(user.attributes, *at, default={})
        kind = get(reference, "kind", default=kinds[1])
        return self._named(user, (kind,), get(reference, "name")) if kind in kinds else None

    def _serving(self, user: Resource) -> Resource | None:
        spec = get(user.attributes, "spec", "predictor", default={})
        field = model_field(spec)
        if field is None:
            return None
        named = get(spec, field, "runtime")
        return self._named(user, SERVING, named) if named is not None else self._chosen(user, spec, field)

    def _named(self, user: Resource, kinds: tuple[str, ...], name: Any, group: str = "") -> Resource | None:
        if not isinstance(name, str):
            return None
        key = (user.unit, _namespace(user), group or user.group, kinds, name)
        if key not in self._known:
            self._known[key] = self._looked_up(user, kinds, name, group)
        return self._known[key]

    def _looked_up(self, user: Resource, kinds: tuple[str, ...], name: str, group: str) -> Resource | None:
        for kind in kinds:
            found = self._by_name.get((group or user.group, kind, name), [])
            if not kind.startswith("Cluster") and kind not in WITHOUT_NAMESPACE:
                found = [item for item in found if _namespace(item) == _namespace(user)]
            if found:
                self._consult(user, found)
                return _nearest(user, found)
        return None

    def _chosen(self, user: Resource, spec: Any, field: str) -> Resource | None:
        """KServe prefers runtimes of the namespace, then those of the highest priority, then the newest."""
        for kind in SERVING:
            found = [item for item in self._by_kind.get((KSERVE, kind), ()) if _supports(item, spec, field)]
            if not kind.startswith("Cluster"):
                found = [item for item in found if _namespace(item) == _namespace(user) and _together(item, user)]
            most = max((_priority(item, spec, field) for item in found), default=0)
            first = [item for item in found if _priority(item, spec, field) == most]
            if found:
                self._consult(user, found)
                return first[0] if len(first) == 1 else None
        return None

    def _consult(self, user: Resource, found: Iterable[Resource]) -> None:
        for item in found:
            self._graph.tie(user.unit, item.unit)


def model_field(spec: Any) -> str | None:
    """The field of a predictor that a serving runtime is chosen for; ``None`` where it has containers of its own."""
    fields = ("model", *KSERVE_FRAMEWORKS)
    return next((name for name in fields if isinstance(get(spec, name), dict)), None)


def _format(spec: Any, field: str) -> tuple[Any, Any]:
    if field != "model":
        return field, None
    return get(spec, field, "modelFormat", "name"), get(spec, field, "modelFormat", "version")


def _supports(runtime: Resource, spec: Any, field: str) -> bool:
    """Whether KServe may choose the runtime: by model format, protocol, and whether it runs over several nodes."""
    given = get(runtime.attributes, "spec", default={})
    if get(given, "disabled") is True or get(given, "multiModel") is True:
        return False
    if (get(given, "workerSpec") is None) != (get(spec, "workerSpec") is None):
        return False
    protocols = get(given, "protocolVersions", default=[])
    protocol = get(spec, field, "protocolVersion", default="v1")
    if isinstance(protocols, list) and protocols and protocol not in protocols:
        return False
    return _listed(given, *_format(spec, field)) is not None


def _listed(given: Any, name: Any, version: Any) -> dict[str, Any] | None:
    formats = get(given, "supportedModelFormats", default=[])
    for item in formats if isinstance(formats, list) else ():
        fits = get(item, "name") == name and (version is None or str(get(item, "version")) == str(version))
        if fits and get(item, "autoSelect") is True and isinstance(item, dict):
            return item
    return None


def _priority(runtime: Resource, spec: Any, field: str) -> int:
    listed = _listed(get(runtime.attributes, "spec", default={}), *_format(spec, field))
    value = get(listed, "priority")
    return value if isinstance(value, int) else 0


def _namespace(resource: Resource) -> str:
    return resource.namespace or "default"


def _together(one: Resource, other: Resource) -> bool:
    """Whether two objects are of one set, or are both put into a namespace by name."""
    return one.unit == other.unit or (one.namespace is not None and one.namespace == other.namespace)


def _nearest(user: Resource, found: list[Resource]) -> Resource | None:
    """The runtime whose directory shares most with the user's; any of those that say the same."""
    most = max(_shared(item.unit, user.unit) for item in found)
    near = [item for item in found if _shared(item.unit, user.unit) == most]
    specs = [item.attributes.get("spec") for item in near]
    same = len(near) == 1 or not any(is_unknown(spec) or spec != specs[0] for spec in specs)
    return near[0] if same else None


def _shared(one: str, other: str) -> int:
    if one == other:
        return len(one) + 1
    count = 0
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count
