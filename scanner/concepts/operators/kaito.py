"""The pods of KAITO's workspaces, inference sets and RAG engines: a model by the name of a preset, on machines that
KAITO makes for it.

Sources: api/v1beta1, api/v1alpha1, pkg/model/interface.go, pkg/workspace (inference, tuning, manifests, estimator) and
pkg/ragengine/controllers/preset_rag.go of kaito-project/kaito 056b828.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.memory import memory_needed
from scanner.concepts.model import PodSet
from scanner.concepts.operators.shaped import Named, Shaped, decided
from scanner.concepts.quantities import whole
from scanner.core import Path, Unknown, get, is_unknown, mapping
from scanner.facts.instances import InstanceType, accelerated_family, instance_type
from scanner.facts.models import model
from scanner.facts.presets import kaito_model
from scanner.project.bounds import load_yaml

GROUP = "kaito.sh"
KAITO = "KAITO"
GPU = "nvidia.com/gpu"
CLOUDS = ("azure", "aws")
"""Clouds whose machines KAITO makes."""
RUNTIME = "kaito.sh/runtime"
TRANSFORMERS = "transformers"
ENABLE_LOAD_BALANCER = "kaito.sh/enablelb"
"""The annotation that gives a workspace or a RAG engine a load balancer, if it is ``True``."""
SCALED = "scaledobject.kaito.sh/auto-provision"
MOST_REPLICAS = "scaledobject.kaito.sh/max-replicas"
"""Annotations with which KAITO's scaler makes a ScaledObject of an inference set."""
PORT = 5000
TEMPLATE = ("spec",)
"""Where the pods of a template stand, in whose place KAITO puts nothing of its own."""
CONFIG_FILE = "inference_config.yaml"
MAX_CONFIG = 100_000
"""Characters of a configuration that are read."""
DECIDED_FLAGS = ("--gpu-memory-utilization", "--max-model-len", "--tensor-parallel-size", "--pipeline-parallel-size",
                 "--data-parallel-size", "--revision")  # fmt: skip
"""What a configuration that the scan does not have may say of the engine, as far as rules ask."""
UTILIZATION = {"nvidia-a10": "0.82"}
USUAL_UTILIZATION = "0.84"
BASE_OVERHEAD_GIB, WEIGHT_OVERHEAD, EXPANSION = 2.3, 0.05, 1.02
"""What KAITO's estimate of the machines adds to the weights."""
CAUTION = 1.1
"""By how much weights may be larger than facts say before a model that fits on one machine takes two."""
USUAL_CONTEXT = 2048
"""Tokens that the estimate counts with where the configuration says no number."""


def inference(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped | None:
    """The server of a preset; ``None`` where a workspace has a pod template of its own."""
    preset = get(item, "preset", "name")
    if preset is None:
        return None
    return _server(preset, at, root, resource_of(root, at), _configured(item.get("config"), named))


def role(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped | None:
    """The servers of one role where prefill is apart from decoding: an inference set of its own."""
    preset = get(root, "spec", "model", "name")
    return None if preset is None else _server(preset, at, root, item, _configured(item.get("runtimeConfig"), named))


def tuning(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped:
    """The job that tunes a preset; what it makes goes to a volume, or as an image to a registry when it ends."""
    container = {**_container(root), "resources": _resources(resource_of(root, at))}
    output = get(item, "output", "volumeSource")
    spec = {**_pod(resource_of(root, at)), "restartPolicy": "Never"}
    if output is not None:
        spec["volumes"] = [output if is_unknown(output) else {"name": "results", **mapping(output)}]
    return Shaped(spec, ((container, at),), {"labels": _labels(root)})


def rag_engine(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped:
    """The RAG service; with an embedding model of its own it takes the GPUs of its machine, if that has any."""
    container = _container(root)
    container["command"] = ["python3", "main.py"]
    local = get(item, "embedding", "local") is not None
    compute = mapping(item.get("compute"))
    container["resources"] = _resources(compute) if local and compute.get("instanceType") else {}
    claim = get(item, "storage", "persistentVolume", "persistentVolumeClaim")
    claim = get(item, "storage", "persistentVolumeClaim") if claim is None else claim
    spec = _pod(compute)
    if claim is not None:
        spec["volumes"] = [{"name": "vector-db-storage", "persistentVolumeClaim": {"claimName": claim}}]
    return Shaped(spec, ((container, at),), {"labels": _labels(root)})


def resource_of(root: dict[str, Any], at: Path) -> dict[str, Any]:
    """What is asked of the machines; it stands beside ``inference`` and ``tuning``."""
    return mapping(get(root, *at[:-1], "resource"))


def read_scale(pods: PodSet) -> None:
    """Machines of one copy, which KAITO works out where there is a preset, and the bounds of its scaler."""
    root = pods.resource.attributes
    if pods.kind in ("Workspace", "RAGEngine") and pods.replicas is None:
        pods.replicas = 1
    if pods.at[-1:] == ("inference",) or pods.kind == "MultiRoleInference":
        pods.group_size = pods.pods_per_replica = size = _size(pods)  # type: ignore[assignment]
        pods.group_accelerators = size if is_unknown(size) else pods.accelerator_count  # type: ignore[assignment]
    annotations = get(root, "metadata", "annotations", default={})
    if pods.kind == "InferenceSet" and str(get(annotations, SCALED)).lower() == "true":
        by = Unknown("KAITO's scaler makes the ScaledObject, whose least replicas are its own", SCALED)
        pods.autoscaled = pods.replicas = pods.min_replicas = by  # type: ignore[assignment]
        pods.max_replicas = whole(get(annotations, MOST_REPLICAS))


def _size(pods: PodSet) -> int | Unknown:
    serving = pods.containers[0].serving
    context = None if serving is None else serving.context_length
    root = pods.resource.attributes
    if pods.kind == "MultiRoleInference":
        return _nodes(get(root, "spec", "model", "name"), mapping(get(root, *pods.at)), context)
    return _nodes(get(root, *pods.at, "preset", "name"), resource_of(root, pods.at), context)


def declare_sources(pods: PodSet) -> None:
    """The command line is made of the preset and the configuration: findings about it belong there."""
    if pods.kind == "MultiRoleInference":
        preset: Path = ("spec", "model", "name")
        config: Path = (*pods.at, "runtimeConfig")
    else:
        preset, config = (*pods.at, "preset", "name"), (*pods.at, "config")
    written = get(pods.resource.attributes, *config) is not None
    for container in pods.containers:
        for field in container.serving.sources if container.serving is not None else ():
            place = preset if field == "model" or not written else config
            container.serving.sources[field] = place  # type: ignore[union-attr]
        container.sources.pop("args", None)


def _server(preset: Any, at: Path, root: dict[str, Any], resource: dict[str, Any], told: list[Any]) -> Shaped:
    container = _container(root)
    container["resources"] = _resources(resource)
    container["ports"] = [{"name": "http", "containerPort": PORT}]
    container["volumeMounts"] = [{"name": "dshm", "mountPath": "/dev/shm"}]
    annotations = get(root, "metadata", "annotations", default={})
    if is_unknown(annotations) or get(annotations, RUNTIME) == TRANSFORMERS:
        container["command"] = [decided(KAITO)]
    else:
        container["command"] = ["python3", "/workspace/vllm/inference_api.py"]
        container["args"] = [*_engine_flags(preset, resource, told), *told]
    return Shaped(_pod(resource), ((container, at),), {"labels": _labels(root)})


def _engine_flags(preset: Any, resource: dict[str, Any], told: list[Any]) -> list[Any]:
    """KAITO's own flags, to which a configuration adds those that are ``told``.

    A context of -1 lets vLLM choose the longest one that fits, as ``auto`` does.
    """
    named = kaito_model(preset) if isinstance(preset, str) else preset
    machine = _machine(resource)
    used = UTILIZATION.get(machine.accelerator, USUAL_UTILIZATION) if machine is not None else USUAL_UTILIZATION
    flags = ["--model", preset if named is None else named, "--gpu-memory-utilization", used, "--max-model-len", "-1"]
    if isinstance(preset, str) and "/" not in preset:
        flags += ["--revision", decided("KAITO's release")]
    if _gpus(resource) != 1 or _nodes(preset, resource, _context(told)) != 1:
        for kind in ("tensor", "pipeline", "data"):
            flags += [f"--{kind}-parallel-size", decided(KAITO)]
    return flags


def _configured(name: Any, named: Named) -> list[Any]:
    """The flags that a configuration adds, the last of which count; unknown ones where the scan does not have it."""
    if name in (None, ""):
        return []
    hidden = [word for flag in DECIDED_FLAGS for word in (flag, decided("the inference configuration"))]
    text = named.files(name).get(CONFIG_FILE) if isinstance(name, str) else None
    if not isinstance(text, str) or len(text) > MAX_CONFIG:
        return hidden
    try:
        engine = get(load_yaml(text), "vllm", default={})
    except Exception:  # the library raises whatever its constructors meet
        return hidden
    given = engine.items() if isinstance(engine, dict) else ()
    return [word for key, value in given for word in (f"--{key}", value if is_unknown(value) else str(value))]


def _container(root: dict[str, Any]) -> dict[str, Any]:
    made = ("image", "livenessProbe", "readinessProbe", "startupProbe", "volumeMounts")
    return {"name": str(get(root, "metadata", "name", default="model")), **dict.fromkeys(made, decided(KAITO))}


def _pod(resource: dict[str, Any]) -> dict[str, Any]:
    made = ("volumes", "tolerations", "terminationGracePeriodSeconds", "serviceAccountName")
    labels = get(resource, "labelSelector", "matchLabels")
    own = {} if labels is None else {"nodeSelector": labels}
    return {**dict.fromkeys(made, decided(KAITO)), **own}


def _labels(root: dict[str, Any]) -> dict[str, Any]:
    return {"app.kubernetes.io/managed-by": KAITO.lower(), **mapping(get(root, "metadata", "labels"))}


def _resources(resource: dict[str, Any]) -> Any:
    """A pod takes all accelerators of its machine, or the part of them that is asked for."""
    profile, count = get(resource, "partition", "profile"), _gpus(resource)
    if is_unknown(profile):
        return profile
    name = f"nvidia.com/mig-{profile}" if get(resource, "partition", "mode") == "mig" else GPU
    if count == 0:
        return {}
    shared = {"cpu": decided(KAITO), "memory": decided(KAITO)}
    return {"requests": shared, "limits": {**shared, name: count}}


def _gpus(resource: dict[str, Any]) -> Any:
    """Accelerators of a machine; unknown for those that facts do not have, and for machines that are there already."""
    mode, name = get(resource, "partition", "mode"), resource.get("instanceType")
    if mode == "mig":
        return 1
    if mode == "accelerator":
        return whole(get(resource, "partition", "count")) or decided("the partition")
    known = _machine(resource)
    if known is not None:
        return max(1, int(known.accelerator_count))
    plain = isinstance(name, str) and name.startswith("Standard_") and accelerated_family("azure", name) is None
    return 0 if plain else decided("the machine") if name in (None, "") or not is_unknown(name) else name


def _machine(resource: dict[str, Any]) -> InstanceType | None:
    name = resource.get("instanceType")
    found = (instance_type(cloud, name) for cloud in CLOUDS) if isinstance(name, str) else ()
    return next((item for item in found if item is not None), None)


def _context(told: list[Any]) -> Any:
    """The longest context that a configuration says; ``None`` if it says none, and unknown where it is not known."""
    at = max((n for n, word in enumerate(told[:-1]) if word == "--max-model-len"), default=None)
    return None if at is None else whole(told[at + 1])


def _nodes(preset: Any, resource: dict[str, Any], context: Any) -> int | Unknown:
    """Machines that serve one copy: one if the model fits on it, else as many as KAITO's estimate says."""
    if get(resource, "partition", "mode") == "mig":
        return 1
    given = resource.get("count")
    if given in (None, 1) and isinstance(preset, str) and _fits_on_one(preset, resource, context):
        return 1
    return Unknown("KAITO works out how many machines the model takes", "resource.count")


def _fits_on_one(preset: str, resource: dict[str, Any], context: Any) -> bool:
    machine, named = _machine(resource), kaito_model(preset)
    found = model(named) if named is not None else None
    if machine is None or machine.accelerator_count < 1 or found is None or is_unknown(context):
        return False
    tokens = context if isinstance(context, int) and context > 0 else USUAL_CONTEXT
    needed = memory_needed(found.model, quantization=found.quantization, context_length=tokens)
    if needed is None:
        return False
    count = machine.accelerator_count
    cache = (needed.kv_cache_gib or 0.0) / count
    usable = machine.accelerator_memory_gib / count * float(USUAL_UTILIZATION) - BASE_OVERHEAD_GIB - cache
    return needed.weights_gib * EXPANSION * CAUTION <= count * usable / (1 + WEIGHT_OVERHEAD)
