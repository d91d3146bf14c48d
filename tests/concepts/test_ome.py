"""The pods of OME's services come of the serving runtimes and the base models that they name."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, Unknown, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

RUNTIME = """
apiVersion: ome.io/v1beta1
kind: ClusterServingRuntime
metadata: {name: srt}
spec:
  engineConfig:
    minReplicas: 2
    tolerations: [{key: nvidia.com/gpu, operator: Exists}]
    volumes: [{name: dshm, emptyDir: {medium: Memory}}]
    labels: {logging: enabled}
    runner:
      name: ome-container
      image: lmsysorg/sglang:v0.5.5
      command: [python3, -m, sglang.launch_server, --model-path, $(MODEL_PATH), --tp-size, "4"]
      env: [{name: A, value: runtime}]
      resources: {requests: {cpu: 4}, limits: {nvidia.com/gpu: 4}}
      volumeMounts: [{name: dshm, mountPath: /dev/shm}]
    containers: [{name: metrics, image: "example.com/metrics:1"}]
  routerConfig:
    runner: {name: router, image: "example.com/router:1"}
"""
NODES = """
apiVersion: ome.io/v1beta1
kind: ClusterServingRuntime
metadata: {name: srt}
spec:
  engineConfig:
    leader:
      hostNetwork: true
      runner: {image: "lmsysorg/sglang:v0.5.5", resources: {limits: {nvidia.com/gpu: 8}}}
    worker:
      size: 3
      runner: {image: "lmsysorg/sglang:v0.5.5", resources: {limits: {nvidia.com/gpu: 8}}}
"""
MODEL = """
apiVersion: ome.io/v1beta1
kind: ClusterBaseModel
metadata: {name: llama}
spec:
  storage: {storageUri: "hf://meta-llama/Llama-3.3-70B-Instruct@v1", path: /raid/models/llama}
"""
SERVICE = """
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: chat, namespace: serving}
spec:
  model: {name: llama}
  runtime: {name: srt}
  engine: {}
  router: {}
"""


def pods_of(kind: str, *texts: str) -> dict[str, PodSet]:
    """The pod sets of the objects of a kind by component."""
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", "\n---\n".join(texts)), "").resources)
    found = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    return {item.component: item for item in found if item.kind == kind}


def test_a_service_that_says_nothing_is_its_runtime() -> None:
    found = pods_of("InferenceService", RUNTIME, MODEL, SERVICE)
    engine, router = found["engine"], found["router"]
    main, side = engine.containers
    assert sorted(found) == ["engine", "router"]
    assert (engine.role, engine.runtime, engine.accelerator_count, engine.replicas) == ("serving", "sglang", 4, 2)
    assert (main.name, side.name, main.shared_memory_bytes) == ("ome-container", "metrics", None)
    assert engine.defined_by is not None and not engine.definition
    assert engine.pod_labels == {"ome.io/inferenceservice": "chat", "component": "engine", "logging": "enabled"}
    assert (router.role, router.replicas, router.containers[0].image) == ("other", 1, "example.com/router:1")


def test_the_base_model_says_what_is_served_from_the_disk_of_the_node() -> None:
    serving = pods_of("InferenceService", RUNTIME, MODEL, SERVICE)["engine"].serving
    assert serving is not None
    assert (serving.model, serving.revision) == ("meta-llama/Llama-3.3-70B-Instruct", "v1")
    assert serving.sources["model"] == ("spec", "model", "name")
    assert (serving.weights_gib, serving.stored_gib) == (131.4, None)


@pytest.mark.parametrize("model", ["", MODEL.replace("hf://", "oci://n/b/"), MODEL.replace("llama}", "other}")])
def test_a_model_that_cannot_be_told_is_unknown(model: str) -> None:
    serving = pods_of("InferenceService", RUNTIME, model, SERVICE)["engine"].serving
    assert serving is not None and is_unknown(serving.model)


def test_an_unpinned_model_is_the_base_models_matter() -> None:
    model = MODEL.replace("@v1", "")
    serving = pods_of("InferenceService", RUNTIME, model, SERVICE)["engine"].serving
    assert serving is not None and is_unknown(serving.revision)


def test_what_the_service_says_comes_before_the_runtime() -> None:
    own = """  engine:
    minReplicas: 1
    maxReplicas: 3
    tolerations: []
    runner:
      name: ome-container
      image: lmsysorg/sglang:v0.5.6
      env: [{name: B, value: own}]
      resources: {limits: {nvidia.com/gpu: 8}}
"""
    engine = pods_of("InferenceService", RUNTIME, MODEL, SERVICE.replace("  engine: {}\n", own))["engine"]
    main = engine.containers[0]
    assert (main.image, main.accelerator_count, engine.tolerations) == ("lmsysorg/sglang:v0.5.6", 8, [])
    assert {variable.name: variable.value for variable in main.env} == {"A": "runtime", "B": "own"}
    assert (engine.replicas, engine.max_replicas, engine.autoscaled) == (1, 3, False)
    assert main.sources["image"] == ("spec", "engine", "runner", "image")


def test_leaders_and_workers_serve_one_copy_together() -> None:
    found = pods_of("InferenceService", NODES, MODEL, SERVICE)
    leader, worker = found["engine"], found["engine-worker"]
    assert (leader.pods_per_replica, worker.pods_per_replica) == (1, 3)
    assert [(pods.group_size, pods.group_accelerators) for pods in (leader, worker)] == [(4, 32), (4, 32)]
    assert (leader.host_network, worker.host_network) == (True, False)
    assert worker.pod_labels["component"] == "engine"


def test_a_runtime_is_a_definition() -> None:
    found = pods_of("ClusterServingRuntime", NODES)
    assert [found[name].definition for name in ("engine", "engine-worker")] == [True, True]
    assert found["engine"].group_accelerators == 32


@pytest.mark.parametrize(
    "runtime", ["", RUNTIME.replace("{name: srt}", "{name: other}"), RUNTIME.replace("ome.io", "a.b")]
)
def test_without_its_runtime_a_service_leaves_open_what_that_would_bring(runtime: str) -> None:
    engine = pods_of("InferenceService", runtime, MODEL, SERVICE)["engine"]
    assert engine.defined_by is None
    assert is_unknown(engine.accelerator_count) and is_unknown(engine.volumes) and is_unknown(engine.host_network)
    assert engine.containers[0].image is None or is_unknown(engine.containers[0].image)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (SERVICE + "  acceleratorSelector: {policy: Cheapest}\n", None),
        (SERVICE.replace("engine: {}", "engine: {runner: {resources: {limits: {nvidia.com/gpu: 2}}}}"), 2),
    ],
)
def test_an_accelerator_class_gives_resources_where_the_service_does_not(text: str, count: int | None) -> None:
    given = RUNTIME + "  acceleratorRequirements: {minMemory: 80}\n"
    engine = pods_of("InferenceService", given, MODEL, text)["engine"]
    assert is_unknown(engine.accelerator_count) if count is None else engine.accelerator_count == count


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("{minReplicas: 0}", (0, 0, True)),
        ("{minReplicas: 1, maxReplicas: 4, kedaConfig: {enableKeda: true}}", (1, 4, True)),
        ("{minReplicas: 3, maxReplicas: 1}", (3, 3, False)),
    ],
)
def test_what_may_scale_to_zero_is_autoscaled(own: str, expected: tuple[int, int, bool]) -> None:
    engine = pods_of("InferenceService", RUNTIME, SERVICE.replace("engine: {}", f"engine: {own}"))["engine"]
    assert (engine.replicas, engine.max_replicas, engine.autoscaled) == expected


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*at, key))


def changed(value: Any, at: tuple[str | int, ...], new: Any) -> Any:
    result = copy.deepcopy(value)
    inner = result
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = new
    return result


@pytest.mark.parametrize("wrong", [None, 7, [], {}, [None], {"name": [1]}, Unknown("u")], ids=str)
@pytest.mark.parametrize("runtime", [RUNTIME, NODES])
def test_no_wrong_value_of_a_service_a_runtime_or_a_model_is_a_defect(runtime: str, wrong: Any) -> None:
    own = "engine: {runner: {env: [{name: A, value: b}]}, worker: {size: 2}, kedaConfig: {enableKeda: true}}"
    texts = [runtime, MODEL, SERVICE.replace("engine: {}", own)]
    resources = read_manifests(SourceFile("x.yaml", "\n---\n".join(texts)), "").resources
    for number, resource in enumerate(resources):
        for at in places(resource.attributes["spec"]):
            other = replace(resource, attributes=changed(resource.attributes, ("spec", *at), wrong))
            graph = ResourceGraph([*resources[:number], other, *resources[number + 1 :]])
            assert interpret(graph).diagnostics == []
