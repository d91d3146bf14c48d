"""What a custom resource says of the model it serves, beside or instead of a command line."""

from __future__ import annotations

from typing import Any

from scanner.concepts.command_lines import Command
from scanner.concepts.model import Container, PodSet, Serving
from scanner.concepts.operators import kaito, llmaz
from scanner.concepts.quantities import whole
from scanner.concepts.runtimes import read_flags
from scanner.core import Path, Unknown, get, is_unknown
from scanner.facts.kinds import runtimes
from scanner.project.bounds import load_yaml

KSERVE_FRAMEWORKS = ("huggingface", "triton", "pytorch", "tensorflow", "sklearn", "xgboost", "lightgbm", "onnx", "pmml",
                     "paddle")  # fmt: skip
"""Keys of a KServe predictor that hold a container each, besides ``model``."""
RAY_ENGINE = (
    ("tensor_parallel", "tensor_parallel_size"), ("pipeline_parallel", "pipeline_parallel_size"), ("dtype", "dtype"),
    ("quantization", "quantization"), ("context_length", "max_model_len"), ("trust_remote_code", "trust_remote_code"),
    ("gpu_memory_utilization", "gpu_memory_utilization"), ("revision", "revision"),
)  # fmt: skip
"""Fields of ``Serving`` by the engine arguments of Ray Serve LLM (https://docs.ray.io/en/latest/serve/llm/)."""
VLLM_RUNTIME_FIELDS: dict[str, Path] = {
    "model": ("spec", "model", "modelURL"),
    "context_length": ("spec", "model", "maxModelLen"),
    "dtype": ("spec", "model", "dtype"),
    "tensor_parallel": ("spec", "vllmConfig", "tensorParallelSize"),
    "gpu_memory_utilization": ("spec", "vllmConfig", "gpuMemoryUtilization"),
    "trust_remote_code": ("spec", "vllmConfig", "extraArgs"),
    "quantization": ("spec", "vllmConfig", "extraArgs"),
}
MAX_CONFIG = 100_000
"""Characters of a Serve configuration that are read."""
MODEL_MOUNT = "/mnt/models"
"""Where KServe puts what it fetches from ``storageUri``."""
RUNTIMES = {
    "huggingface": "huggingfaceserver",
    "vllm": "vllm",
    "triton": "triton",
    "tensorrt": "triton",
    "pytorch": "torchserve",
    "tensorflow": "tf-serving",
}
"""Runtimes behind the model formats of KServe's own ServingRuntimes (config/runtimes of kserve/kserve)."""


def declare(pods: PodSet) -> None:
    """Fill in runtime and model from the fields of KServe's, NVIDIA's and KubeAI's objects."""
    if pods.kind == "InferenceService":
        _inference_service(pods)
    elif pods.kind == "LLMInferenceService":
        _llm_service(pods)
    elif pods.kind == "VLLMRuntime":
        _vllm_runtime(pods)
    elif pods.resource.group == kaito.GROUP and pods.at[-1:] != kaito.TEMPLATE:
        kaito.declare_sources(pods)
    elif pods.kind == "Playground":
        llmaz.declare_sources(pods)
    elif pods.kind == "NIMService":
        _parallelism(pods, ("spec", "multiNode", "parallelism"))
    pods.serving = next((c.serving for c in pods.containers if c.serving is not None), None)
    pods.runtime = next((c.runtime for c in pods.containers if c.runtime is not None), None)
    if pods.kind == "RayService":
        _ray_service(pods)


def _vllm_runtime(pods: PodSet) -> None:
    """The command line of a VLLMRuntime is made of fields: findings about it belong there."""
    for container in pods.containers:
        for field, place in VLLM_RUNTIME_FIELDS.items():
            if container.serving is not None and field in container.serving.sources:
                written = get(pods.resource.attributes, *place) is not None
                container.serving.sources[field] = place if written else ("spec", "vllmConfig", "extraArgs")


def _ray_service(pods: PodSet) -> None:
    """The model of the first application that Ray Serve LLM runs; it belongs to the cluster, to no container."""
    pods.runtime = pods.runtime or "ray-serve"
    if pods.serving is not None:
        return
    pods.serving = Serving(runtime=pods.runtime, at=pods.at)
    place: Path = ("spec", "serveConfigV2")
    for application in _applications(get(pods.resource.attributes, *place)):
        model = get(application, "args", "llm_configs", 0)
        if not isinstance(model, dict):
            _from_variables(pods.serving, get(application, "runtime_env", "env_vars"), place)
            continue
        loading = get(model, "model_loading_config", default={})
        engine = get(model, "engine_kwargs", default={})
        pods.serving.model = get(loading, "model_source", default=get(loading, "model_id"))
        pods.serving.sources["model"] = place
        for field, key in RAY_ENGINE:
            value = get(engine, key)
            if value is not None:
                setattr(pods.serving, field, value)
                pods.serving.sources[field] = place
        return


def _from_variables(serving: Serving, variables: Any, place: Path) -> None:
    """The model that an application of one's own is told of; how it shards the model is its own business."""
    named = runtimes()["serving"]["vllm"]["environment"]["model"]
    found = next((variables[name] for name in named if get(variables, name)), None)
    if not isinstance(found, str) or "$" in found or "model" in serving.sources:
        return
    decided: Any = Unknown("the Serve application decides it")
    serving.model, serving.tensor_parallel, serving.pipeline_parallel = found, decided, decided
    serving.sources["model"] = place


def _applications(config: Any) -> list[Any]:
    """The applications of a Serve configuration, which is YAML in a text."""
    if not isinstance(config, str) or len(config) > MAX_CONFIG:
        return []
    try:
        found = get(load_yaml(config), "applications", default=[])
    except Exception:  # the library raises whatever its constructors meet
        return []
    return found if isinstance(found, list) else []


def _inference_service(pods: PodSet) -> None:
    for container in pods.containers:
        key = str(container.at[-1])
        if key != "model" and key not in KSERVE_FRAMEWORKS:
            continue
        _from_runtime(container)
        item = get(pods.resource.attributes, *container.at, default={})
        name = get(item, "modelFormat", "name") if key == "model" else key
        if container.runtime is None and isinstance(name, str):
            container.runtime = RUNTIMES.get(name.lower())
            if container.runtime is not None:
                container.serving = container.serving or Serving(at=container.at)
                container.serving.runtime = container.runtime
                read_flags(container.serving, Command(tuple(container.argv), {}), container)
        if container.runtime is not None and container.serving is not None:
            _from_uri(container.serving, container.serving.storage_uri, (*container.at, "storageUri"))


def _from_runtime(container: Container) -> None:
    """A container that KServe makes of a ServingRuntime's: its name, its volumes and what else is not said here."""
    container.name = container.name or "kserve-container"
    if container.image is None:
        container.shared_memory_bytes = None


def _llm_service(pods: PodSet) -> None:
    """KServe merges a template with its presets, which run vLLM in the container ``main``."""
    main = next((c for c in pods.containers if c.name == "main"), pods.containers[0] if pods.containers else None)
    if main is None:
        main = Container(at=pods.at, name="main")
        pods.containers.append(main)
    if main.runtime is None and main.image is None and not main.argv:
        main.runtime = "vllm"
    if main.runtime is not None and main.serving is None:
        main.serving = Serving(runtime=main.runtime, at=main.at)
    if main.serving is not None:
        _from_uri(main.serving, get(pods.resource.attributes, "spec", "model", "uri"), ("spec", "model", "uri"))
        prefill = ("spec", "prefill") if pods.component.startswith("prefill") else ("spec",)
        _parallelism(pods, (*prefill, "parallelism"))


def _from_uri(serving: Serving, uri: Any, source: Path) -> None:
    """The model of ``hf://organisation/model[:revision]``; other stores hold a model whose name is anybody's choice."""
    if "model" in serving.sources and serving.model != MODEL_MOUNT:
        return
    if is_unknown(uri):
        serving.model = uri  # type: ignore[assignment]
    elif isinstance(uri, str) and uri.startswith("hf://"):
        name, _, revision = uri.removeprefix("hf://").partition(":")
        serving.model, serving.revision = name, revision or serving.revision
    serving.sources["model"] = source


def _parallelism(pods: PodSet, at: Path) -> None:
    for field in ("tensor", "pipeline", "data"):
        value = whole(get(pods.resource.attributes, *at, field))
        for container in pods.containers:
            if value is not None and container.serving is not None:
                setattr(container.serving, f"{field}_parallel", value)
                container.serving.sources[f"{field}_parallel"] = (*at, field)
