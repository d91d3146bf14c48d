"""The runtimes and base models of a scan, and which of them a workload runs on.

A runtime that is named is the one nearest to the workload by directory; one that KServe would choose by model format
is taken only where nothing else in the scan could be chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scanner.concepts.amounts import Amounts
from scanner.concepts.declared import KSERVE_FRAMEWORKS
from scanner.concepts.operators import llmaz
from scanner.core import Path, Resource, get, is_unknown, listed, mappings
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

    def __init__(self, graph: ResourceGraph, amounts: Amounts) -> None:
        self._graph = graph
        self._amounts = amounts
        self._by_name: dict[tuple[str, str, str], list[Resource]] = {}
        self._by_format: dict[tuple[str, str, str | None], list[tuple[Resource, dict[str, Any]]]] = {}
        """KServe's serving runtimes with the formats that they may be chosen for, by kind, name and version of these;
        at ``None`` for its version, with the first format of a name."""
        self._chosen_for: dict[str, tuple[set[str], Resource | None]] = {}
        """The units of what may be chosen, and what is, by all that this depends on."""
        self._known: dict[tuple[str, str, str, tuple[str, ...], str], Resource | None] = {}
        """What was looked up for a unit and a namespace: many objects may name one of many."""
        for runtime in graph.of_type(*KINDS):
            group = runtime.group
            if group in GROUPS[runtime.type]:
                self._by_name.setdefault((group, runtime.type, runtime.name), []).append(runtime)
            for (name, version), item in _formats_of(runtime).items() if group == KSERVE else ():
                self._by_format.setdefault((runtime.type, name, version), []).append((runtime, item))

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
        asked = (*_format(spec, field), _protocol(spec, field), get(spec, "workerSpec") is None)
        key = repr((user.unit, user.namespace, asked))
        if key not in self._chosen_for:
            self._chosen_for[key] = self._best(user, spec, field)
        units, chosen = self._chosen_for[key]
        for unit in units:
            self._graph.tie(user.unit, unit)
        return chosen

    def _best(self, user: Resource, spec: Any, field: str) -> tuple[set[str], Resource | None]:
        """The units of the runtimes that KServe may choose, and the one it would. Raises ``WorkloadLimit``."""
        name, version = _format(spec, field)
        wanted = None if version is None else str(version)
        for kind in SERVING:
            same = self._by_format.get((kind, name, wanted), []) if isinstance(name, str) else []
            self._amounts.add_runtimes(user, sum(1 + len(_protocols(runtime)) for runtime, _ in same))
            if not kind.startswith("Cluster"):
                same = [(runtime, item) for runtime, item in same if _in_namespace(runtime, user)]
            found = [(_priority(item), runtime) for runtime, item in same if _supports(runtime, spec, field)]
            most = max((priority for priority, _ in found), default=0)
            first = [runtime for priority, runtime in found if priority == most]
            if found:
                return {runtime.unit for _, runtime in found}, first[0] if len(first) == 1 else None
        return set(), None

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


def _protocol(spec: Any, field: str) -> Any:
    return get(spec, field, "protocolVersion", default="v1")


def _formats_of(runtime: Resource) -> dict[tuple[str, str | None], dict[str, Any]]:
    """The formats that a serving runtime may be chosen for: the first of each name and version, and of each name."""
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for item in mappings(get(runtime.attributes, "spec", "supportedModelFormats")):
        name = item.get("name")
        if item.get("autoSelect") is True and isinstance(name, str):
            found.setdefault((name, str(item.get("version"))), item)
            found.setdefault((name, None), item)
    return found


def _protocols(runtime: Resource) -> list[Any]:
    return listed(get(runtime.attributes, "spec", "protocolVersions"))


def _supports(runtime: Resource, spec: Any, field: str) -> bool:
    """Whether KServe may choose a runtime of the model's format: by protocol, and whether over several nodes."""
    given = get(runtime.attributes, "spec", default={})
    if get(given, "disabled") is True or get(given, "multiModel") is True:
        return False
    if (get(given, "workerSpec") is None) != (get(spec, "workerSpec") is None):
        return False
    protocols = _protocols(runtime)
    return not protocols or _protocol(spec, field) in protocols


def _priority(supported: dict[str, Any]) -> int:
    value = supported.get("priority")
    return value if isinstance(value, int) else 0


def _in_namespace(runtime: Resource, user: Resource) -> bool:
    """Whether the namespace of ``user`` has the runtime."""
    return _namespace(runtime) == _namespace(user) and _together(runtime, user)


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
