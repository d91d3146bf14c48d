"""The pods of llmaz: a playground names a model and the backend that serves it, each an object of its own.

Sources: api, pkg/controller/inference, pkg/controller_helper and chart/templates/backends of InftyAI/llmaz 3c13ff3.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.model import PodSet
from scanner.concepts.operators.shaped import Named, Shaped, decided
from scanner.core import Path, Resource, get, is_unknown, listed, mapping
from scanner.core.patterns import lazy_pattern

GROUP, MODELS_GROUP = "inference.llmaz.io", "llmaz.io"
USUAL_BACKEND = "vllm"
RUNNER = "model-runner"
PORT = 8080
GRACE_SECONDS = 130
ENGINES: dict[str, tuple[list[str], list[str]]] = {
    "vllm": (["python3", "-m", "vllm.entrypoints.openai.api_server"], ["--model", "{{ .ModelPath }}"]),
    "sglang": (["python3", "-m", "sglang.launch_server"], ["--model-path", "{{ .ModelPath }}"]),
    "tgi": (["text-generation-launcher"], ["--model-id", "{{ .ModelPath }}"]),
    "tensorrt-llm": (["trtllm-serve"], ["{{ .ModelPath }}"]),
    "llamacpp": (["./llama-server"], ["-m", "{{ .ModelPath }}"]),
}
"""Command and arguments of the backends that llmaz's own chart brings, by name."""
PINNABLE = ("vllm", "sglang", "tgi", "tensorrt-llm")
"""Backends of those that take ``--revision``; llmaz's loader fetches that revision for them."""
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
SHARED_MEMORY_MOUNT = {"name": "dshm", "mountPath": "/dev/shm"}
PRELOADED = "llmaz.io/model-preheat"
BRANCH = "main"
"""The revision that is fetched where a model names none."""
_MODEL_WORD = lazy_pattern(r"\{\{\s*\.ModelPath\s*\}\}")


def playground(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped:
    """The pods of a playground."""
    own = mapping(item.get("backendRuntimeConfig"))
    engine = own.get("backendName", USUAL_BACKEND)
    container = _backend(named.runtime, engine, _config_name(item, own))
    version = own.get("version")
    if version is not None:
        container["image"] = _joined(container["repository"], version)
    container["env"] = [*listed(container["env"]), *listed(own.get("envs"))]
    container["args"] = [
        *_rendered(listed(container["args"]), engine, _model_path(_claim(item)[0], named.model), named.model),
        *listed(own.get("args")),
    ]
    amounts = _over(container["resources"], own.get("resources"))
    container["resources"] = _with_flavor(amounts, _claim(item)[1], named.model)
    memory = own.get("sharedMemorySize", container["memory"])
    container["volumeMounts"] = [SHARED_MEMORY_MOUNT] if memory is not None else []
    spec: dict[str, Any] = {
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "volumes": _volumes(memory, named.model),
        **_selected(_claim(item)[1], named.model),
    }
    if is_unknown(memory):
        container["volumeMounts"] = memory
    place = (*at, "backendRuntimeConfig") if own else at
    labels = {"llmaz.io/model-name": _claim(item)[0], **mapping(get(root, "metadata", "labels"))}
    return Shaped(
        {**spec, **_selected(_claim(item)[1], named.model)}, ((_container(container), place),), {"labels": labels}
    )


def _volumes(memory: Any, model: Resource | None) -> Any:
    """The memory of /dev/shm, and the folder that the loader fills from the hub whenever a pod starts."""
    if is_unknown(memory) or model is None or get(model.attributes, "spec", "source", "modelHub") is None:
        return decided("llmaz")
    if get(model.attributes, "metadata", "annotations", PRELOADED) is not None:
        return decided("what the model is preloaded to")
    shared = {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": memory}}
    return [
        *([] if memory is None else [shared]),
        {"name": "model-volume", "emptyDir": {"sizeLimit": decided("llmaz")}},
    ]


def workload(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped:
    """The leaders or the workers of an inference service: pod templates, to which the model adds its flavor."""
    given = mapping(item.get("spec"))
    _, flavors = _claim(mapping(root.get("spec")))
    parts: list[tuple[dict[str, Any], Path]] = []
    for number, container in enumerate(listed(given.get("containers"))):
        if get(container, "name") == RUNNER:
            container = {**container, "resources": _with_flavor(container.get("resources"), flavors, named.model)}
        if isinstance(container, dict):
            parts.append((container, (*at, "spec", "containers", number)))
    return Shaped(given, tuple(parts), mapping(item.get("metadata")), (*at, "spec"))


def backend(item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped:
    """What a backend gives the pods of playgrounds."""
    container = {
        "name": RUNNER,
        "image": _joined(item.get("image"), item.get("version")),
        **{key: item[key] for key in ("command", "lifecycle", *PROBES) if key in item},
        "env": item.get("envs"),
        "resources": decided("a configuration"),
        "volumeMounts": decided("a configuration"),
    }
    return Shaped({"volumes": decided("llmaz")}, ((container, at),), {})


def declare_sources(pods: PodSet) -> None:
    """The model of a playground stands where it is claimed."""
    one = get(pods.resource.attributes, "spec", "modelClaim") is not None
    place: Path = ("spec", "modelClaim", "modelName") if one else ("spec", "modelClaims", "models", 0, "name")
    for container in pods.containers:
        container.sources.pop("args", None)
        for field in container.serving.sources if container.serving is not None else ():
            container.serving.sources[field] = place if field == "model" else container.at  # type: ignore[union-attr]


def main_model(user: Resource) -> Any:
    """The name of the model that a playground or a service serves."""
    return _claim(mapping(user.attributes.get("spec")))[0]


def _claim(item: dict[str, Any]) -> tuple[Any, Any]:
    """The name of the main model, and the flavors that are asked for."""
    if item.get("modelClaim") is not None:
        return get(item, "modelClaim", "modelName"), get(item, "modelClaim", "inferenceFlavors")
    models = listed(get(item, "modelClaims", "models"))
    main = next((model for model in models if get(model, "role", default="main") == "main"), None)
    return get(main, "name"), get(item, "modelClaims", "inferenceFlavors")


def _config_name(item: dict[str, Any], own: dict[str, Any]) -> Any:
    drafts = any(get(model, "role") == "draft" for model in listed(get(item, "modelClaims", "models")))
    return own.get("configName", "speculative-decoding" if drafts else "default")


def _backend(runtime: Resource | None, engine: Any, config: Any) -> dict[str, Any]:
    """A backend's part of the container; of one that the scan does not have, what its name says."""
    given = get(runtime.attributes, "spec") if runtime is not None else None
    if not isinstance(given, dict):
        by = decided(f"the backend {engine}")
        command, args = ENGINES.get(engine, ([by], [by])) if isinstance(engine, str) else ([by], [by])
        unknown = dict.fromkeys(("image", "repository", "env", "memory", "lifecycle", *PROBES), by)
        amounts = {part: {"cpu": by, "memory": by} for part in ("requests", "limits")}
        return {**unknown, "command": command, "args": args, "resources": amounts}
    said: Any = next((entry for entry in listed(given.get("recommendedConfigs")) if get(entry, "name") == config), {})
    return {
        "repository": given.get("image"),
        "image": _joined(given.get("image"), given.get("version")),
        **{key: given[key] for key in ("command", "lifecycle", *PROBES) if key in given},
        "args": get(said, "args"),
        "env": given.get("envs"),
        "resources": get(said, "resources"),
        "memory": get(said, "sharedMemorySize"),
    }


def _container(parts: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in parts.items() if key not in ("repository", "memory")}
    return {
        "name": RUNNER,
        "ports": [{"name": "http", "containerPort": PORT}],
        "volumeMounts": decided("llmaz"),
        **kept,
    }


def _joined(repository: Any, version: Any) -> Any:
    unknown = next((part for part in (repository, version) if is_unknown(part)), None)
    if unknown is not None or not isinstance(repository, str):
        return unknown
    return f"{repository}:{version}" if version else repository


def _model_path(name: Any, model: Resource | None) -> Any:
    """The model as the engine is told of it: by its name on the hub, for what is in a folder says nothing."""
    found = get(model.attributes, "spec", "source", "modelHub") if model is not None else None
    if model is None or found is None:
        return decided(f"the model {name}" if model is None else "the source of the model")
    file = get(found, "filename")
    return get(found, "modelID") if file is None else file


def _rendered(args: list[Any], engine: Any, path: Any, model: Resource | None) -> list[Any]:
    words = [_filled(word, path) for word in args]
    revision = get(model.attributes, "spec", "source", "modelHub", "revision") if model is not None else None
    if engine in PINNABLE and revision not in (None, BRANCH):
        words += ["--revision", revision]
    return words


def _filled(word: Any, path: Any) -> Any:
    if not isinstance(word, str) or _MODEL_WORD.search(word) is None:
        return word
    return _MODEL_WORD.sub(lambda _: path, word) if isinstance(path, str) else path


def _flavors(wanted: Any, model: Resource | None) -> list[Any]:
    given = listed(get(model.attributes, "spec", "inferenceConfig", "flavors")) if model is not None else []
    names = [name for name in listed(wanted) if not is_unknown(name)]
    return [item for item in given if not names or get(item, "name") in names]


def _with_flavor(amounts: Any, wanted: Any, model: Resource | None) -> Any:
    """The accelerators of the first flavor come in place of what the pod asks for."""
    if model is None:
        return decided("the model's flavor")
    limits = get(next(iter(_flavors(wanted, model)), None), "limits")
    if is_unknown(amounts) or limits is None:
        return amounts
    if is_unknown(limits):
        return limits
    given = mapping(amounts)
    return {**given, **{part: {**mapping(given.get(part)), **mapping(limits)} for part in ("requests", "limits")}}


def _selected(wanted: Any, model: Resource | None) -> dict[str, Any]:
    """The nodes of a flavor; with several of them the scheduler takes what is free."""
    flavors = _flavors(wanted, model)
    if model is None or len(flavors) > 1:
        return {"nodeSelector": decided("the model's flavor")}
    selector = get(flavors[0], "nodeSelector") if flavors else None
    return {} if selector is None else {"nodeSelector": selector}


def _over(base: Any, own: Any) -> Any:
    if is_unknown(base) or is_unknown(own) or not own:
        return base if own is None or is_unknown(base) else own
    parts = {part: {**mapping(get(base, part)), **mapping(get(own, part))} for part in ("requests", "limits")}
    return {part: amounts for part, amounts in parts.items() if amounts}
