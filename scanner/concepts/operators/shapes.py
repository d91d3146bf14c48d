"""Kinds whose pods an operator makes from fields of its own: each shape gives the pod spec that follows from them.

A field that the operator decides, or that another object gives, is unknown. Sources: the types and controllers of the
projects named in kinds.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scanner.concepts.merged import TRAINER_CONTAINER, overlay, training_pod, training_template
from scanner.concepts.operators import kaito, kthena, llmaz, ome, role_groups, seldon
from scanner.concepts.operators.shaped import Named, Shaped
from scanner.concepts.operators.shaped import decided as _decided
from scanner.core import Path, Resource, get, is_unknown, listed, mapping

GPU = "nvidia.com/gpu"
DYNAMO_SHARED_MEMORY = "8Gi"
"""What the Dynamo operator mounts at /dev/shm unless told otherwise (internal/consts of ai-dynamo/dynamo)."""
DYNAMO_WITHOUT_MODEL = ("frontend", "planner")
SHARED_MEMORY_MOUNT = {"name": "shared-memory", "mountPath": "/dev/shm"}
POD_FIELDS = ("nodeSelector", "tolerations", "affinity", "serviceAccountName", "schedulerName", "hostNetwork",
              "volumes", "initContainers", "terminationGracePeriodSeconds", "priorityClassName")  # fmt: skip
GANG_POLICIES = {"coscheduling": "scheduler-plugins-scheduler", "volcano": "volcano"}
"""Schedulers behind the pod group policies of a training runtime."""
VLLM_PROBE = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 20}
VLLM_MODEL_FLAGS = {"maxModelLen": "--max-model-len", "dtype": "--dtype"}
VLLM_ENGINE_FLAGS = {
    "tensorParallelSize": "--tensor-parallel-size",
    "gpuMemoryUtilization": "--gpu-memory-utilization",
}
"""Flags that production-stack's operator makes of the fields of a VLLMRuntime."""
KUBEAI_ENGINES = {"VLLM": "vllm/vllm-openai", "OLlama": "ollama/ollama", "FasterWhisper": "faster-whisper-server",
                  "Infinity": "infinity"}  # fmt: skip
"""The images that KubeAI runs an engine with, by the name of the engine."""
KUBEAI_RESOURCES = (("nvidia-gpu", GPU), ("amd-gpu", "amd.com/gpu"), ("google-tpu", "google.com/tpu"))
"""What the chart's resource profiles of these names ask for, one for each unit."""


def shape(name: str, item: dict[str, Any], at: Path, root: dict[str, Any], named: Named) -> Shaped | None:
    """What the object ``item`` at ``at`` makes the operator create; ``None`` if it creates no pods of its own."""
    if name in SHAPES_ON_OTHERS:
        return SHAPES_ON_OTHERS[name](item, at, root, named)
    if name in SHAPES_ON_RUNTIMES:
        return SHAPES_ON_RUNTIMES[name](item, at, root, named.runtime)
    return SHAPES[name](item, at, root)


def _chosen(source: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {field: source[field] for field in fields if field in source}


def _probes(source: dict[str, Any], operator: str) -> dict[str, Any]:
    """Probes of which each may be given, switched off, or left to the operator."""
    found: dict[str, Any] = {}
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        given = source.get(field)
        switched_off = get(given, "enabled") is False or get(given, "disabled") is True
        if not switched_off:
            found[field] = get(given, "probe", default=_decided(operator))
    return found


def _nim_image(image: Any) -> Any:
    repository, tag = get(image, "repository"), get(image, "tag")
    unknown = next((part for part in (repository, tag) if is_unknown(part)), None)
    return unknown if unknown is not None else f"{repository}:{tag}" if tag else repository


def _with_gpus(resources: Any, operator: str) -> Any:
    """Resources of a NIM: the operator adds the GPUs of the model's profile where none are asked for."""
    limits = {**mapping(get(resources, "requests")), **mapping(get(resources, "limits"))}
    if is_unknown(resources) or any("/" in str(key) for key in limits):
        return resources
    return {**mapping(resources), "limits": {**mapping(get(resources, "limits")), GPU: _decided(operator)}}


def _nim_claims(item: dict[str, Any], operator: str) -> tuple[Any, list[dict[str, Any]]]:
    """The resources of the container, and the pod's claims, which come in place of the GPUs that the operator adds."""
    entries = [entry for entry in listed(item.get("draResources")) if isinstance(entry, dict)]
    if not entries:
        return _with_gpus(item.get("resources"), operator), []
    claims = [{**entry, "name": f"claim-{number}"} for number, entry in enumerate(entries)]
    uses = [
        {"name": claim["name"], **({} if request is None else {"request": request})}
        for claim in claims
        for request in (listed(claim.get("requests")) or [None])
    ]
    return {**mapping(item.get("resources")), "claims": uses}, claims


def _nim_service(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    operator = "the NIM operator"
    storage = mapping(item.get("storage"))
    claim = get(storage, "pvc", "name") or f"{get(storage, 'nimCache', 'name', default='model')}-pvc"
    volumes = [{"name": "dshm", "emptyDir": {"medium": "Memory", **_size(storage.get("sharedMemorySizeLimit"))}}]
    if storage.get("emptyDir") is None and storage.get("hostPath") is None:
        volumes.append({"name": "model-store", "persistentVolumeClaim": {"claimName": claim}})
    resources, claims = _nim_claims(item, operator)
    container = {
        "name": f"{get(root, 'metadata', 'name', default='nim')}-ctr",
        "image": _nim_image(item.get("image")),
        **_chosen(item, "command", "args", "env"),
        "resources": resources,
        "volumeMounts": [
            {"name": "dshm", "mountPath": "/dev/shm"},
            {"name": "model-store", "mountPath": "/model-store"},
        ],
        **_probes(item, operator),
    }
    spec = {**_chosen(item, *POD_FIELDS), "volumes": volumes, **({"resourceClaims": claims} if claims else {})}
    return Shaped(spec, ((container, at),), _chosen(item, "labels", "annotations"), at)


def _nim_pipeline(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    """One service of a pipeline: the operator makes a NIMService of its name unless it is switched off."""
    if item.get("enabled") is False:
        return None
    return _nim_service(mapping(item.get("spec")), (*at, "spec"), {"metadata": {"name": item.get("name")}})


def _size(limit: Any) -> dict[str, Any]:
    return {} if limit is None else {"sizeLimit": limit}


def _nim_cache(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    sources = mapping(item.get("source"))
    name = next((name for name in ("ngc", "hf", "dataStore") if isinstance(sources.get(name), dict)), None)
    if name is None:
        return None
    asked = mapping(item.get("resources"))
    limits: dict[str, Any] = _chosen(asked, "cpu", "memory")
    if asked.get("gpus"):
        limits[GPU] = asked["gpus"]
    container = {
        "name": "nim-cache",
        "image": get(sources, name, "modelPuller"),
        "command": ["download-to-cache"],
        **_chosen(item, "env"),
        "resources": {"requests": limits, "limits": limits},
    }
    claim = get(item, "storage", "pvc", "name", default=f"{get(root, 'metadata', 'name')}-pvc")
    volumes = [{"name": "nim-cache-volume", "persistentVolumeClaim": {"claimName": claim}}]
    return Shaped({**_chosen(item, *POD_FIELDS), "volumes": volumes}, ((container, at),), {}, at)


def _train_job(item: dict[str, Any], at: Path, root: dict[str, Any], runtime: Resource | None) -> Shaped | None:
    """A TrainJob names a runtime, whose template has everything that the job does not override."""
    trainer = mapping(item.get("trainer"))
    found = training_template(runtime) if runtime is not None else None
    if runtime is not None and found is not None:
        return _on_training_runtime(trainer, (*at, "trainer"), root, runtime, *found)
    if not isinstance(item.get("trainer"), dict):
        return None
    decided = _decided(f"the training runtime {get(item, 'runtimeRef', 'name', default='')}".rstrip())
    container = {
        "name": TRAINER_CONTAINER,
        "image": trainer.get("image", decided),
        **_chosen(trainer, "command", "args", "env"),
        "resources": trainer.get("resourcesPerNode", decided),
        "volumeMounts": decided,
    }
    if "command" not in trainer and "args" not in trainer:
        container["command"] = [decided]
    spec = {"volumes": decided, "tolerations": decided, "nodeSelector": decided, "schedulerName": decided}
    return Shaped(spec, ((container, (*at, "trainer")),), {})


def _on_training_runtime(
    trainer: dict[str, Any], at: Path, root: dict[str, Any], runtime: Resource, job: str, template: dict[str, Any]
) -> Shaped:
    spec = training_pod(template, job, root)
    own = _chosen(trainer, "image", "command", "args", "env")
    if "resourcesPerNode" in trainer:
        own["resources"] = trainer["resourcesPerNode"]
    containers: list[tuple[dict[str, Any], Path]] = []
    for number, container in enumerate(_list(spec.get("containers"))):
        main = get(container, "name") == TRAINER_CONTAINER
        containers.append((overlay(container, own), at) if main else (container, (*at, "containers", number)))
    gang = get(runtime.attributes, "spec", "podGroupPolicy", default={})
    for policy, scheduler in GANG_POLICIES.items():
        if isinstance(gang, dict) and policy in gang:
            spec = {**spec, "schedulerName": scheduler}
    return Shaped(spec, tuple(containers), mapping(template.get("metadata")))


def _kubeai_model(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    decided = _decided("KubeAI's resource profile")
    engine = item.get("engine")
    image = item.get("image") or (_kubeai_image(engine, item) if isinstance(engine, str) else engine)
    url = item.get("url")
    model = url.partition("://")[2].partition("?")[0] if isinstance(url, str) else url
    environment = item.get("env")
    given = item.get("args")
    container = {
        "name": "server",
        "image": image,
        "args": given if is_unknown(given) else [*(["--model", model] if engine == "VLLM" else []), *(given or [])],
        "env": [{"name": key, "value": value} for key, value in mapping(environment).items()],
        "resources": _profile(item.get("resourceProfile")),
        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}],
        "livenessProbe": decided,
        "readinessProbe": decided,
        "startupProbe": decided,
    }
    spec = {
        "tolerations": decided,
        "nodeSelector": decided,
        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}, *_kubeai_claims(item)],
    }
    labels = {"app": "model", "model": get(root, "metadata", "name"), "app.kubernetes.io/managed-by": "kubeai"}
    if isinstance(engine, str):
        labels["app.kubernetes.io/name"] = engine.lower()
    return Shaped(spec, ((container, at),), {"labels": labels})


def _vllm_runtime(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    """The Deployment that production-stack's operator makes (internal/controller/vllmruntime_controller.go)."""
    engine, deployed = mapping(item.get("vllmConfig")), mapping(item.get("deploymentConfig"))
    name = get(root, "metadata", "name", default="vllm")
    volumes: list[Any] = []
    mounts: list[Any] = []
    if get(item, "storageConfig", "enabled") is True:
        volume = get(item, "storageConfig", "volumeName", default="pvc-storage")
        volumes.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
        mounts.append({"name": volume, "mountPath": get(item, "storageConfig", "mountPath", default="/data")})
    if deployed.get("shmSize") not in (None, ""):
        volumes.append({"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": deployed["shmSize"]}})
        mounts.append({"name": "dshm", "mountPath": "/dev/shm"})
    port = engine.get("port", 8000)
    container = {
        "name": "vllm",
        "image": _joined_image(deployed.get("image")),
        "command": ["vllm", "serve"],
        "args": _vllm_args(mapping(item.get("model")), engine),
        "env": _list(engine.get("env")),
        "ports": [{"name": "http", "containerPort": port}],
        "resources": _vllm_resources(mapping(deployed.get("resources"))),
        "volumeMounts": mounts,
        "readinessProbe": {**VLLM_PROBE, "initialDelaySeconds": 10, "failureThreshold": 10},
        "livenessProbe": {**VLLM_PROBE, "initialDelaySeconds": 10, "failureThreshold": 10},
        "startupProbe": {**VLLM_PROBE, "initialDelaySeconds": 120, "failureThreshold": 100},
    }
    spec: dict[str, Any] = {"volumes": volumes, "tolerations": deployed.get("toleration", [])}
    terms = deployed.get("nodeSelectorTerms")
    if terms is not None:
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["affinity"] = {"nodeAffinity": required}
    labels = {"app": name, **mapping(get(root, "metadata", "labels"))}
    metadata = {"labels": labels, "annotations": deployed.get("podAnnotations", {})}
    return Shaped(spec, ((container, (*at, "deploymentConfig")),), metadata)


def _hyperpod_endpoint(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    """The pods of SageMaker HyperPod's inference operator; with prefill apart from decode it makes others."""
    if item.get("pdSpec") is not None:
        return None
    worker, extra = mapping(item.get("worker")), mapping(item.get("kubernetes"))
    decided = _decided("the HyperPod inference operator")
    probes = mapping(worker.get("probes"))
    container = {
        "name": get(root, "metadata", "name", default="model"),
        **_chosen(worker, "image", "command", "args", "environmentVariables", "resources"),
        "ports": [worker["modelInvocationPort"]] if isinstance(worker.get("modelInvocationPort"), dict) else [],
        "volumeMounts": decided,
        **{name: probes.get(name, decided) for name in ("livenessProbe", "readinessProbe", "startupProbe")},
    }
    spec = {
        **_chosen(extra, "initContainers", "schedulerName", "serviceAccountName"),
        "volumes": decided,
        "tolerations": decided,
        "terminationGracePeriodSeconds": decided,
    }
    machine = item.get("instanceType")
    if machine is not None:
        spec["nodeSelector"] = {"node.kubernetes.io/instance-type": machine}
    if item.get("nodeAffinity") is not None:
        spec["affinity"] = {"nodeAffinity": item["nodeAffinity"]}
    return Shaped(spec, ((container, (*at, "worker")),), {}, (*at, "kubernetes"))


def _jumpstart_model(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    """The pods of a model of SageMaker JumpStart on HyperPod: the hub says how the model is served."""
    decided = _decided("SageMaker JumpStart")
    made = ("image", "command", "args", "volumeMounts", "livenessProbe", "readinessProbe", "startupProbe")
    profile = get(item, "server", "acceleratorPartitionType")
    container = {
        "name": get(root, "metadata", "name", default="model"),
        **dict.fromkeys(made, decided),
        "resources": decided if profile is None else {"limits": {f"nvidia.com/{profile}": 1}},
        **_chosen(item, "environmentVariables"),
    }
    spec: dict[str, Any] = dict.fromkeys(("volumes", "tolerations", "terminationGracePeriodSeconds"), decided)
    machine = get(item, "server", "instanceType")
    if machine is not None:
        spec["nodeSelector"] = {"node.kubernetes.io/instance-type": machine}
    return Shaped({**spec, "serviceAccountName": decided}, ((container, at),), {})


def _vllm_args(model: dict[str, Any], engine: dict[str, Any]) -> list[Any]:
    args = [model.get("modelURL")]
    for source, fields in ((model, VLLM_MODEL_FLAGS), (engine, VLLM_ENGINE_FLAGS)):
        for field, flag in fields.items():
            if source.get(field) not in (None, "", 0):
                args += [flag, source[field] if is_unknown(source[field]) else str(source[field])]
    return [*args, *_list(engine.get("extraArgs"))]


def _joined_image(image: Any) -> Any:
    registry, name = get(image, "registry"), get(image, "name")
    unknown = next((part for part in (registry, name) if is_unknown(part)), None)
    return unknown if unknown is not None else f"{registry}/{name}" if registry else name


def _vllm_resources(given: dict[str, Any]) -> Any:
    """Requests and limits are the same."""
    amounts = {key: given[key] for key in ("cpu", "memory") if given.get(key) not in (None, "")}
    kind = get(given, "gpuType", default=GPU)
    if is_unknown(kind):
        return kind
    if given.get("gpu") not in (None, ""):
        amounts[str(kind)] = given["gpu"]
    return {"requests": amounts, "limits": amounts}


def _kubeai_image(engine: str, item: dict[str, Any]) -> str:
    """The engine's image; the chart's values say which version, and have another build for the profile ``cpu``."""
    profile = item.get("resourceProfile")
    build = "cpu-" if isinstance(profile, str) and profile.rpartition(":")[0] == "cpu" else ""
    return f"{KUBEAI_ENGINES.get(engine, engine)}:{build}<version>"


def _kubeai_claims(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims that weights lie on: that of the URL, and the cache's (internal/modelcontroller of KubeAI)."""
    url, profile = item.get("url"), item.get("cacheProfile")
    claims = [f"shared-model-cache-{profile}"] if isinstance(profile, str) and profile else []
    if isinstance(url, str) and url.startswith("pvc://"):
        claims.append(url.removeprefix("pvc://").partition("/")[0].partition("?")[0])
    return [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]


def _profile(text: Any) -> Any:
    """The resources of ``<profile>:<count>``."""
    decided = _decided("KubeAI's resource profile")
    if not isinstance(text, str):
        return text if is_unknown(text) else {}
    name, _, count = text.rpartition(":")
    resource = next((resource for prefix, resource in KUBEAI_RESOURCES if name.startswith(prefix)), None)
    if resource is None:
        return {} if name == "cpu" else decided
    # how much processor and memory goes with a unit is written in the chart's values
    shared = {"cpu": decided, "memory": decided}
    return {"requests": shared, "limits": {**shared, resource: count}}


def _dynamo_service(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    """A service of v1alpha1, or a component of v1beta1, which has a pod template of Kubernetes' own form."""
    if "podTemplate" in item:
        return _dynamo_component(item, at, root)
    extra = mapping(item.get("extraPodSpec"))
    main = mapping(extra.get("mainContainer"))
    container = {
        **_dynamo_main(main, item.get("componentType"), item),
        "env": [*_list(get(root, "spec", "envs")), *_list(item.get("envs")), *_list(main.get("env"))],
        "resources": main.get("resources", _dynamo_resources(item.get("resources"))),
        "volumeMounts": [*_list(main.get("volumeMounts")), SHARED_MEMORY_MOUNT],
    }
    volumes = _list(extra.get("volumes"))
    memory = mapping(item.get("sharedMemory"))
    if memory.get("disabled") is not True:
        volumes.append(_dynamo_memory(memory.get("size", DYNAMO_SHARED_MEMORY)))
    containers = [(container, at if not main else (*at, "extraPodSpec", "mainContainer"))]
    containers += [
        (side, (*at, "extraPodSpec", "containers", n)) for n, side in enumerate(_list(extra.get("containers")))
    ]
    metadata = mapping(item.get("extraPodMetadata")) or _chosen(item, "labels", "annotations")
    spec = {**_chosen(extra, *POD_FIELDS), "volumes": volumes}
    return Shaped(spec, tuple(containers), metadata, (*at, "extraPodSpec"))


def _dynamo_component(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    template = mapping(item.get("podTemplate"))
    given = mapping(template.get("spec"))
    place = (*at, "podTemplate", "spec")
    volumes = _list(given.get("volumes"))
    size = item.get("sharedMemorySize", DYNAMO_SHARED_MEMORY)
    shared = is_unknown(size) or str(size) != "0"
    if shared:
        volumes.append(_dynamo_memory(size))
    containers: list[tuple[dict[str, Any], Path]] = []
    for number, container in enumerate(_list(given.get("containers"))):
        if get(container, "name") == "main":
            mounts = [*_list(container.get("volumeMounts")), *([SHARED_MEMORY_MOUNT] if shared else [])]
            env = [*_list(container.get("env")), *_list(get(root, "spec", "env"))]
            filled = {**_dynamo_main(container, item.get("type"), {}), "env": env, "volumeMounts": mounts}
            containers.append((filled, (*place, "containers", number)))
        else:
            containers.append((container, (*place, "containers", number)))
    return Shaped({**given, "volumes": volumes}, tuple(containers), mapping(template.get("metadata")), place)


def _dynamo_main(main: dict[str, Any], role: Any, beside: dict[str, Any]) -> dict[str, Any]:
    """The main container with the probes of the operator and, for what serves no model, the command."""
    container = {**main, "name": main.get("name", "main")}
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        container[field] = main.get(field, beside.get(field, _decided("the Dynamo operator")))
    if role in DYNAMO_WITHOUT_MODEL and not main.get("command") and not main.get("args"):
        container["command"] = ["python3", "-m", f"dynamo.{role}"]
    return container


def _dynamo_memory(size: Any) -> dict[str, Any]:
    return {"name": SHARED_MEMORY_MOUNT["name"], "emptyDir": {"medium": "Memory", "sizeLimit": size}}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _dynamo_resources(resources: Any) -> Any:
    """Dynamo writes ``gpu`` for the extended resource, whose name ``gpuType`` may say."""
    if not isinstance(resources, dict):
        return resources
    result: dict[str, Any] = {}
    for part in ("requests", "limits"):
        given = mapping(resources.get(part))
        plain = _chosen(given, "cpu", "memory")
        if given.get("gpu") is not None:
            plain[str(given.get("gpuType") or GPU)] = given["gpu"]
        result[part] = {**plain, **mapping(given.get("custom"))}
    return result


def _spark(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped:
    """A driver or executor; what its ``template`` says comes first, then its own fields."""
    own = mapping(get(item, "template", "spec"))
    first = mapping(get(own, "containers", 0))
    limits: dict[str, Any] = dict(mapping(get(first, "resources", "limits")))
    quantity = get(item, "gpu", "quantity")
    if quantity is not None:
        limits[str(get(item, "gpu", "name", default=GPU))] = quantity
    requests = {**mapping(get(first, "resources", "requests"))}
    for key, field in (("cpu", "cores"), ("memory", "memory")):
        if item.get(field) is not None:
            requests.setdefault(key, item[field])
    owner = get(root, *at[:-1])
    container = {
        **first,
        "name": first.get("name", f"spark-kubernetes-{at[-1]}"),
        "image": item.get("image", first.get("image", get(owner, "image"))),
        "env": [*_list(first.get("env")), *_list(item.get("env"))],
        "resources": {"requests": requests, "limits": limits},
        "volumeMounts": [*_list(first.get("volumeMounts")), *_list(item.get("volumeMounts"))],
    }
    spec = {**own, **_chosen(item, *POD_FIELDS), "volumes": [*_list(own.get("volumes")), *_list(get(owner, "volumes"))]}
    if "serviceAccount" in item:
        spec["serviceAccountName"] = item["serviceAccount"]
    place = (*at, "template", "spec", "containers", 0) if first else at
    return Shaped(spec, ((container, place),), _chosen(item, "labels", "annotations"), at)


def _workflow_step(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    """A template of an Argo Workflow that runs containers; steps, graphs and the like run other templates."""
    containers = list(_step_containers(item, at))
    if not containers:
        return None
    owner = mapping(get(root, *at[:-2]))
    defaults = mapping(owner.get("templateDefaults"))
    spec: dict[str, Any] = {}
    for source in (owner, defaults, item):
        spec |= _chosen(source, *POD_FIELDS)
    names = [get(claim, "metadata", "name") for claim in _list(owner.get("volumeClaimTemplates"))]
    claims = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    spec["volumes"] = [*_list(owner.get("volumes")), *_list(item.get("volumes")), *claims]
    spec.pop("initContainers", None)
    containers += [(side, (*at, "sidecars", n)) for n, side in enumerate(_list(item.get("sidecars")))]
    return Shaped(spec, tuple(containers), mapping(item.get("metadata")), at)


def _step_containers(item: dict[str, Any], at: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    for field in ("container", "script"):
        found = item.get(field)
        if isinstance(found, dict):
            source = [found["source"]] if isinstance(found.get("source"), str) else []
            yield {**found, "args": [*_list(found.get("args")), *source]}, (*at, field)
    for number, found in enumerate(_list(get(item, "containerSet", "containers"))):
        if isinstance(found, dict):
            yield found, (*at, "containerSet", "containers", number)


SHAPES_ON_RUNTIMES: dict[str, Callable[[dict[str, Any], Path, dict[str, Any], Resource | None], Shaped | None]] = {
    "train-job": _train_job,
    "ome-component": ome.component,
    "ome-workers": ome.workers,
    "seldon-server": seldon.server,
}
SHAPES_ON_OTHERS: dict[str, Callable[[dict[str, Any], Path, dict[str, Any], Named], Shaped | None]] = {
    "kaito-inference": kaito.inference,
    "kaito-role": kaito.role,
    "kaito-tuning": kaito.tuning,
    "kaito-rag-engine": kaito.rag_engine,
    "llmaz-playground": llmaz.playground,
    "llmaz-workload": llmaz.workload,
    "llmaz-backend": llmaz.backend,
}
SHAPES: dict[str, Callable[[dict[str, Any], Path, dict[str, Any]], Shaped | None]] = {
    "nim-service": _nim_service,
    "hyperpod-endpoint": _hyperpod_endpoint,
    "jumpstart-model": _jumpstart_model,
    "nim-pipeline": _nim_pipeline,
    "nim-cache": _nim_cache,
    "kubeai-model": _kubeai_model,
    "dynamo-service": _dynamo_service,
    "vllm-runtime": _vllm_runtime,
    "spark": _spark,
    "workflow-step": _workflow_step,
    "kthena-worker": kthena.worker,
    "rbg-role": role_groups.role,
    "rbg-workers": role_groups.workers,
}
