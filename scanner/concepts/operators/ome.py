"""The pods of OME's InferenceServices: what a service says, laid over the serving runtime that it names.

Sources: pkg/apis/ome/v1beta1 and pkg/controller/v1beta1/inferenceservice (components, utils/merging.go,
utils/deployment.go, reconcilers) of sgl-project/ome 17b77ed.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.merged import overlay
from scanner.concepts.model import Container, PodSet
from scanner.concepts.operators.shaped import Shaped, decided
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown, mapping

GROUP = "ome.io"
RUNNER = "ome-container"
"""The name of a runner that has none, in OME's own runtimes."""
MODEL_PATH = "$(MODEL_PATH)"
"""The folder of the base model, as command lines of runtimes name it."""
OPEN_FIELDS = ("image", "command", "resources", "volumeMounts", "livenessProbe", "readinessProbe", "startupProbe")
OPEN_POD_FIELDS = ("volumes", "tolerations", "nodeSelector", "affinity", "schedulerName", "hostNetwork")
"""What a runtime gives of a container and of a pod."""
MODEL_VOLUME = {"name": "base-model", "hostPath": {"type": "Directory"}}
"""A folder of the node that OME's agent has filled; its place is the base model's, which no service can change."""


def component(item: dict[str, Any], at: Path, root: dict[str, Any], runtime: Resource | None) -> Shaped | None:
    """The pods of an engine, a decoder or a router; the leaders where several nodes serve one copy together."""
    name, spec = _merged(item, at, runtime)
    if not isinstance(spec.get("leader"), dict):
        return _pods(spec, item, at, name, root, runtime)
    return _pods(spec["leader"], get(item, "leader", default={}), (*at, "leader"), name, root, runtime)


def workers(item: dict[str, Any], at: Path, root: dict[str, Any], runtime: Resource | None) -> Shaped | None:
    """The other pods of an engine or a decoder over several nodes."""
    name, spec = _merged(item, at, runtime)
    part = spec.get("worker")
    if not isinstance(part, dict):
        return None
    return _pods(part, get(item, "worker", default={}), (*at, "worker"), name, root, runtime)


def _merged(item: dict[str, Any], at: Path, runtime: Resource | None) -> tuple[str, dict[str, Any]]:
    """The name of a component, and all that is said of it; in a runtime its field is called ``engineConfig``."""
    name = str(at[-1]).removesuffix("Config")
    given = get(runtime.attributes, "spec", f"{name}Config") if runtime is not None else None
    return name, overlay(given if isinstance(given, dict) else {}, item)


def _pods(
    part: dict[str, Any], own: Any, at: Path, name: str, root: dict[str, Any], runtime: Resource | None
) -> Shaped | None:
    definition = str(at[1]).endswith("Config")
    by = f"the serving runtime {get(root, 'spec', 'runtime', 'name', default='that OME chooses')}"
    is_open = not definition and (runtime is None or _unsaid(runtime, name) or is_unknown(part.get("runner")))
    containers = _containers(part, at)
    if is_open:
        first, place = containers[0] if containers else ({"name": RUNNER}, (*at, "runner"))
        containers[:1] = [({**dict.fromkeys(OPEN_FIELDS, decided(by)), **first}, place)]
        part = {**dict.fromkeys(OPEN_POD_FIELDS, decided(by)), **part}
    if not containers:
        return None
    if name != "router" and _chooses_accelerators(root, runtime) and get(own, "runner", "resources") is None:
        containers[0][0]["resources"] = decided("the accelerator class")
    spec = {key: value for key, value in part.items() if key not in ("runner", "leader", "worker", "containers")}
    if not definition and name != "router" and not is_unknown(spec.get("volumes")):
        volumes = spec.get("volumes")
        spec["volumes"] = [*(volumes if isinstance(volumes, list) else []), MODEL_VOLUME]
    labels = {} if definition else {"ome.io/inferenceservice": str(get(root, "metadata", "name")), "component": name}
    metadata = {"labels": {**labels, **mapping(part.get("labels"))}, "annotations": mapping(part.get("annotations"))}
    return Shaped(spec, tuple(containers), metadata, at)


def _unsaid(runtime: Resource, name: str) -> bool:
    return is_unknown(get(runtime.attributes, "spec", f"{name}Config"))


def _containers(part: dict[str, Any], at: Path) -> list[tuple[dict[str, Any], Path]]:
    """The runner, laid over the container of its name, and the others."""
    given = part.get("containers")
    others = [(item, (*at, "containers", n)) for n, item in enumerate(given if isinstance(given, list) else [])]
    others = [(dict(item), place) for item, place in others if isinstance(item, dict)]
    runner = part.get("runner")
    if not isinstance(runner, dict):
        return others
    name = runner.get("name", RUNNER)
    base: dict[str, Any] = next((item for item, _ in others if item.get("name") == name), {})
    rest = [(item, place) for item, place in others if item.get("name") != name]
    return [({"name": name, **overlay(base, runner)}, (*at, "runner")), *rest]


def _chooses_accelerators(root: dict[str, Any], runtime: Resource | None) -> bool:
    """Whether an accelerator class gives resources, for a service or for every user of a runtime."""
    asked = get(root, "spec", "acceleratorSelector"), get(root, "spec", "acceleratorRequirements")
    return any(item is not None for item in asked) or (
        runtime is not None and get(runtime.attributes, "spec", "acceleratorRequirements") is not None
    )


def read_scale(pods: PodSet) -> None:
    """Replicas: a HorizontalPodAutoscaler keeps them between the bounds, Knative and KEDA may take them to zero."""
    name = pods.component.removesuffix("-worker")
    spec = mapping(_component_of(pods, name))
    least, most = whole(spec.get("minReplicas")), whole(spec.get("maxReplicas"))
    least = 1 if least is None else least
    pods.min_replicas = pods.replicas = least
    pods.max_replicas = most
    if not is_unknown(least) and not is_unknown(most):
        pods.max_replicas = max(least, most or 0)
        pods.autoscaled = least == 0 or _keda(spec, pods.resource)


def _keda(spec: dict[str, Any], service: Resource) -> Any:
    """Whether KEDA scales a component."""
    said = [get(place, "kedaConfig", "enableKeda") for place in (spec, get(service.attributes, "spec"))]
    return any(item is True for item in said) or next((item for item in said if is_unknown(item)), False)


def nodes(head: PodSet) -> Any:
    """Pods of one copy: the leader and its workers."""
    size = whole(get(_component_of(head, head.component), "worker", "size"))
    return size if is_unknown(size) else (size or 0) + 1


def _component_of(pods: PodSet, name: str) -> Any:
    """All that a service, or a runtime itself, says of a component."""
    if pods.definition:
        return get(pods.resource.attributes, "spec", f"{name}Config")
    own = get(pods.resource.attributes, "spec", name)
    return _merged(own, ("spec", name), pods.defined_by)[1] if isinstance(own, dict) else own


def declare_model(pods: PodSet, model: Resource) -> None:
    """The base model of a service, for the containers that are told its folder.

    OME's agent fetches it to the nodes from where the base model says, which also is what may pin a revision.
    """
    uri = get(model.attributes, "spec", "storage", "storageUri")
    for container in pods.containers:
        serving = container.serving
        if serving is None or not is_unknown(serving.model) or not _told_the_folder(container):
            continue
        serving.sources["model"] = ("spec", "model", "name")
        if isinstance(uri, str) and uri.startswith("hf://"):
            name, _, revision = uri.removeprefix("hf://").partition("@")
            serving.model, serving.on_node = name, True
            serving.revision = revision or Unknown("the base model says which revision")  # type: ignore[assignment]


def _told_the_folder(container: Container) -> bool:
    return any(isinstance(word, str) and MODEL_PATH in word for word in container.argv)
