"""Pods that come of two objects: what a workload says, laid over the runtime that it names.

Sources: pkg/controller/v1beta1/inferenceservice (utils, components/predictor) of kserve/kserve aaac4e2;
pkg/runtime/core/trainingruntime.go and pkg/runtime/framework/plugins/jobset of kubeflow/trainer 8c0f505.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scanner.core import Path, Resource, Unknown, get, is_unknown, listed, mappings
from scanner.core.patterns import lazy_pattern

MERGE_KEYS = {
    "env": "name", "ports": "containerPort", "volumeMounts": "mountPath", "volumeDevices": "devicePath",
    "volumes": "name", "imagePullSecrets": "name", "resourceClaims": "name", "containers": "name",
    "initContainers": "name",
}  # fmt: skip
"""Lists that merge item by item, and what tells their items apart (Kubernetes API reference, patch merge keys)."""
MAIN = "kserve-container"
WORKER = "worker-container"
TRANSFORMER = "transformer-container"
RUNTIME_POD_FIELDS = ("nodeSelector", "affinity", "tolerations", "volumes", "imagePullSecrets", "schedulerName",
                      "resourceClaims")  # fmt: skip
"""What KServe takes of a runtime's pod, besides its containers."""
GPU_TAG_SERVERS = ("tensorflow-serving", "torchserve", "huggingfaceserver")
"""Servers whose image for GPUs has the tag with ``-gpu`` behind it."""
SERVER_TYPES = {
    "kserve-tensorflow-serving": "tensorflow-serving",
    "kserve-torchserve": "torchserve",
    "kserve-huggingfaceserver": "huggingfaceserver",
    "kserve-vllmserver": "vllmserver",
}
"""Servers of KServe's own runtimes, for runtimes without the annotation that says it."""
TRAINER_STEP = "trainer.kubeflow.org/trainjob-ancestor-step"
TRAINER_CONTAINER = "node"
_TAG = lazy_pattern(r":[\w.-]*\Z", re.ASCII)


class Part(Struct, frozen=True):
    """A container with its place in the workload; the first ``inherited`` of its args are the runtime's."""

    container: dict[str, Any]
    at: Path
    inherited: int = 0


class Merged(Struct, frozen=True):
    """The pod that comes of both: all but its containers, and these."""

    spec: dict[str, Any]
    containers: tuple[Part, ...]


def overlay(base: Any, own: Any, field: str = "") -> Any:
    """``own`` laid over ``base`` as a strategic merge patch; items of ``own`` keep their places in lists."""
    if own is None:
        return base
    if isinstance(base, dict) and isinstance(own, dict):
        return {**base, **{key: overlay(base.get(key), value, key) for key, value in own.items()}}
    key = MERGE_KEYS.get(field)
    if key is None or not isinstance(base, list) or not isinstance(own, list):
        return own
    found = {str(get(item, key)): item for item in base}
    named = {str(get(item, key)) for item in own}
    laid = [_over_item(found.get(str(get(item, key))), item, field) for item in own]
    return [*laid, *(item for name, item in found.items() if name not in named)]


def _over_item(base: Any, own: Any, field: str) -> Any:
    if field == "volumes":
        return own
    merged = overlay(base, own)
    if field == "env" and isinstance(merged, dict) and isinstance(own, dict) and {"value", "valueFrom"} <= set(merged):
        merged.pop("value" if "valueFrom" in own else "valueFrom")
    return merged


def merge_predictor(spec: dict[str, Any], model: str, at: Path, user: Resource, runtime: Resource) -> Merged | None:
    """The predictor of an InferenceService whose field ``model`` names the model, on its ServingRuntime.

    ``None`` if the runtime has no container that KServe could use.
    """
    given = get(runtime.attributes, "spec", default={})
    theirs = {str(get(item, "name")): item for item in mappings(get(given, "containers"))}
    own = {str(get(item, "name")): (item, number) for number, item in enumerate(mappings(spec.get("containers")))}
    if MAIN not in theirs:
        return None
    main = _filled(_container(theirs[MAIN], {**spec[model], "name": MAIN}, (*at, model)), user)
    _choose_image(main.container, spec[model].get("runtimeVersion"), runtime)
    parts = [main]
    number = len(mappings(spec.get("containers")))
    for name, item in theirs.items():
        if name == TRANSFORMER and name in own:
            mine, place = own.pop(name)
            parts.append(_filled(_container(item, mine, (*at, "containers", place)), user))
        elif name != MAIN:
            parts.append(_filled(Part(item, (*at, "containers", number), _length(item.get("args"))), user))
            number += 1
    parts += [Part(item, (*at, "containers", place)) for item, place in own.values()]
    return Merged(_pod(given, spec), tuple(parts))


def merge_worker(spec: dict[str, Any], at: Path, user: Resource, runtime: Resource) -> Merged | None:
    """The workers of an InferenceService over several nodes, on those of its ServingRuntime."""
    given = get(runtime.attributes, "spec", "workerSpec")
    theirs = mappings(get(given, "containers"))
    if not isinstance(given, dict) or not theirs:
        return None
    own = {str(get(item, "name")): (item, number) for number, item in enumerate(mappings(spec.get("containers")))}
    parts: list[Part] = []
    number = len(own)
    for item in theirs:
        mine, place = own.pop(str(item.get("name")), (None, number))
        number += mine is None
        part = _container(item, mine or {}, (*at, "containers", place))
        parts.append(_filled(part, user))
    parts += [Part(item, (*at, "containers", place)) for item, place in own.values()]
    return Merged(_pod(given, spec), tuple(parts))


def _container(base: dict[str, Any], own: dict[str, Any], at: Path) -> Part:
    """Args are not replaced but follow those of the runtime."""
    merged = overlay(base, own)
    theirs, mine = base.get("args"), own.get("args")
    unknown = next((part for part in (theirs, mine) if is_unknown(part)), None)
    if theirs is not None or mine is not None:
        merged["args"] = [*listed(theirs), *listed(mine)] if unknown is None else unknown
    return Part(merged, at, _length(theirs))


def _pod(given: Any, spec: dict[str, Any]) -> dict[str, Any]:
    base = {field: given[field] for field in RUNTIME_POD_FIELDS if field in given}
    merged: dict[str, Any] = overlay(base, {key: value for key, value in spec.items() if key != "containers"})
    return merged


def _filled(part: Part, user: Resource) -> Part:
    """With the placeholders that a runtime has for its user's name and namespace."""
    known = {"Name": user.name, "Namespace": user.namespace or "default"}
    container = {
        key: _fill(value, known) if key in ("command", "args", "env", "image") else value
        for key, value in part.container.items()
    }
    return replace(part, container=container)


def _fill(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, str) and "{{" in value:
        for name, text in known.items():
            value = re.sub(rf"\{{\{{\s*\.{name}\s*\}}\}}", text.replace("\\", r"\\"), value)
        return Unknown("a placeholder of its runtime is filled in by KServe") if "{{" in value else value
    if isinstance(value, dict):
        return {key: _fill(item, known) for key, item in value.items()}
    return [_fill(item, known) for item in value] if isinstance(value, list) else value


def _choose_image(container: dict[str, Any], version: Any, runtime: Resource) -> None:
    """The version of the runtime and the build for GPUs are chosen by the image's tag."""
    image = container.get("image")
    if not isinstance(image, str) or "@sha256:" in image:
        return
    if version is not None:
        container["image"] = version if is_unknown(version) else f"{_TAG.sub('', image)}:{version}"
        return
    annotations = get(runtime.attributes, "metadata", "annotations", default={})
    named = get(annotations, "serving.kserve.io/server-type", default=SERVER_TYPES.get(runtime.name, ""))
    tag = _TAG.search(image)
    limits = get(container, "resources", "limits", default={})
    if tag is None or not isinstance(limits, dict):
        return
    gpu = any(str(name) == "nvidia.com/gpu" or str(name).startswith("nvidia.com/mig-") for name in limits)
    if gpu and named in GPU_TAG_SERVERS and not image.endswith("-gpu"):
        container["image"] = f"{image}-gpu"
    elif not gpu and named == "vllmserver" and not image[: tag.start()].endswith("-cpu"):
        container["image"] = f"{image[: tag.start()]}-cpu{tag[0]}"


def training_template(runtime: Resource) -> tuple[str, dict[str, Any]] | None:
    """The name and the pod template of the job in which a training runtime trains."""
    jobs = mappings(get(runtime.attributes, "spec", "template", "spec", "replicatedJobs"))
    for job in jobs:
        labels = get(job, "template", "metadata", "labels", default={})
        template = get(job, "template", "spec", "template")
        if get(labels, TRAINER_STEP) == "trainer" and isinstance(template, dict):
            return str(job.get("name")), template
    return None


def training_pod(template: dict[str, Any], job: str, root: dict[str, Any]) -> dict[str, Any]:
    """The pod spec of a training runtime with the patches that a TrainJob makes to it."""
    given = template.get("spec")
    spec: dict[str, Any] = given if isinstance(given, dict) else {}
    for patch in _patches(root, job):
        spec = overlay(spec, patch)
    return spec


def _patches(root: dict[str, Any], job: str) -> Iterator[dict[str, Any]]:
    """Pod specs of ``runtimePatches``, of ``podTemplateOverrides`` in release 2.1, of ``podSpecOverrides`` in 2.0."""
    for patch in mappings(get(root, "spec", "runtimePatches")):
        for item in mappings(get(patch, "trainingRuntimeSpec", "template", "spec", "replicatedJobs")):
            found = get(item, "template", "spec", "template", "spec")
            if item.get("name") == job and isinstance(found, dict):
                yield found
    for field in ("podTemplateOverrides", "podSpecOverrides"):
        for patch in mappings(get(root, "spec", field)):
            found = patch.get("spec") if field == "podTemplateOverrides" else patch
            targets = [get(target, "name") for target in listed(patch.get("targetJobs"))]
            if isinstance(found, dict) and job in targets:
                yield {key: value for key, value in found.items() if key != "targetJobs"}


def _length(value: Any) -> int:
    return len(listed(value))
