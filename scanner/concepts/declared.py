"""What a custom resource says of the model it serves, beside or instead of a command line."""

from __future__ import annotations

from typing import Any

from scanner.concepts.command_lines import Command
from scanner.concepts.model import Container, PodSet, Serving
from scanner.concepts.quantities import whole
from scanner.concepts.runtimes import read_flags
from scanner.core import Path, get, is_unknown

KSERVE_FRAMEWORKS = ("huggingface", "triton", "pytorch", "tensorflow", "sklearn", "xgboost", "lightgbm", "onnx", "pmml",
                     "paddle")  # fmt: skip
"""Keys of a KServe predictor that hold a container each, besides ``model``."""
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
    elif pods.kind == "NIMService":
        _parallelism(pods, ("spec", "multiNode", "parallelism"))
    pods.serving = next((c.serving for c in pods.containers if c.serving is not None), None)
    pods.runtime = next((c.runtime for c in pods.containers if c.runtime is not None), None)


def _inference_service(pods: PodSet) -> None:
    for container in pods.containers:
        key = str(container.at[-1])
        item = get(pods.resource.attributes, *container.at, default={})
        name = get(item, "modelFormat", "name") if key == "model" else key if key in KSERVE_FRAMEWORKS else None
        if not isinstance(name, str) or container.runtime is not None:
            continue
        container.runtime = RUNTIMES.get(name.lower())
        if container.runtime is not None:
            serving = Serving(runtime=container.runtime, at=container.at, storage_uri=get(item, "storageUri"))
            read_flags(serving, Command(tuple(container.argv), {}), container)
            container.serving = serving
            _from_uri(serving, serving.storage_uri, (*container.at, "storageUri"))


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
    if "model" in serving.sources:
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
