"""A workload and the runtime that it names make one pod."""

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
apiVersion: serving.kserve.io/v1alpha1
kind: {kind}
metadata: {{name: {name}{namespace}}}
spec:
  supportedModelFormats: [{{name: vllm, version: "1", autoSelect: true, priority: {priority}}}]
  protocolVersions: [v2, v1]
  tolerations: [{{key: nvidia.com/gpu, operator: Exists}}]
  nodeSelector: {{disk: fast}}
  volumes: [{{name: shm, emptyDir: {{medium: Memory}}}}]
  containers:
    - name: kserve-container
      image: vllm/vllm-openai:v0.10.0
      args: [--model=/mnt/models, "--served-model-name={{{{.Name}}}}", --max-model-len=4096]
      env: [{{name: A, value: runtime}}, {{name: B, value: runtime}}]
      resources: {{requests: {{cpu: 4, memory: 16Gi}}, limits: {{memory: 16Gi}}}}
      volumeMounts: [{{name: shm, mountPath: /dev/shm}}]
    - {{name: metrics, image: "example.com/metrics:1"}}
"""
SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: llama, namespace: models}
spec:
  predictor:
    nodeSelector: {gpu: h100}
    model:
      modelFormat: {name: vllm}
      storageUri: hf://meta-llama/Llama-3.1-8B-Instruct
      args: [--max-model-len=8192, --tensor-parallel-size=2]
      env: [{name: B, value: own}]
      resources: {limits: {nvidia.com/gpu: 2}}
"""


def runtime(name: str = "vllm", kind: str = "ClusterServingRuntime", priority: int = 1, namespace: str = "") -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return RUNTIME.format(name=name, kind=kind, priority=priority, namespace=place)


def named(name: str) -> str:
    return SERVICE.replace("modelFormat: {name: vllm}", f"modelFormat: {{name: vllm}}\n      runtime: {name}")


def pods_of(kind: str, *texts: str) -> PodSet:
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", "---".join(texts)), "").resources)
    found = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet) and item.kind == kind]
    return found[0]


def test_a_predictor_has_what_its_runtime_gives_and_what_it_says_itself() -> None:
    pods = pods_of("InferenceService", runtime("gpu"), named("gpu"))
    main, metrics = pods.containers
    assert pods.defined_by is not None and pods.defined_by.name == "gpu"
    assert (main.name, main.image, metrics.name) == ("kserve-container", "vllm/vllm-openai:v0.10.0", "metrics")
    assert (main.requests, main.limits) == ({"cpu": 4, "memory": "16Gi"}, {"memory": "16Gi", "nvidia.com/gpu": 2})
    assert pods.node_selector == {"disk": "fast", "gpu": "h100"}
    assert pods.tolerations == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert [(item.name, item.value) for item in main.env] == [("B", "own"), ("A", "runtime")]
    assert main.shared_memory_bytes is None
    assert "--served-model-name=llama" in main.args


def test_args_of_the_workload_follow_those_of_its_runtime_and_keep_their_places() -> None:
    serving = pods_of("InferenceService", runtime(), named("vllm")).serving
    assert serving is not None
    assert (serving.model, serving.context_length) == ("meta-llama/Llama-3.1-8B-Instruct", 8192)
    assert serving.sources["tensor_parallel"] == ("spec", "predictor", "model", "args", 1)
    assert serving.sources["context_length"] == ("spec", "predictor", "model", "args", 0)


@pytest.mark.parametrize(
    ("runtimes", "chosen"),
    [
        ((runtime("only"),), "only"),
        ((runtime("low"), runtime("high", priority=2)), "high"),
        ((runtime("one"), runtime("two")), None),
        ((runtime("near", "ServingRuntime", namespace="models"), runtime("far", priority=9)), "near"),
        ((runtime("elsewhere", "ServingRuntime", namespace="other"),), None),
        ((runtime("other").replace("name: vllm,", "name: onnx,"),), None),
    ],
)
def test_a_runtime_is_chosen_by_model_format_where_only_one_can_be(runtimes: tuple[str, ...], chosen: Any) -> None:
    found = pods_of("InferenceService", *runtimes, SERVICE).defined_by
    assert (found.name if found else None) == chosen


def test_without_its_runtime_a_predictor_leaves_open_what_that_would_bring() -> None:
    pods = pods_of("InferenceService", runtime("other"), named("missing"))
    assert pods.defined_by is None
    assert (pods.containers[0].image, pods.containers[0].shared_memory_bytes) == (None, None)


@pytest.mark.parametrize(
    ("name", "image", "model", "expected"),
    [
        ("kserve-vllmserver", "vllm/vllm-openai:v1", "resources: {limits: {cpu: 1}}", "vllm/vllm-openai-cpu:v1"),
        ("kserve-huggingfaceserver", "kserve/huggingfaceserver:v1", "", "kserve/huggingfaceserver:v1-gpu"),
        ("own", "example.com/server:v1", "runtimeVersion: v2", "example.com/server:v2"),
    ],
)
def test_the_image_follows_the_version_and_the_accelerator(name: str, image: str, model: str, expected: str) -> None:
    given = runtime(name).replace("vllm/vllm-openai:v0.10.0", image)
    service = named(name)
    if model.startswith("resources"):
        service = service.replace("resources: {limits: {nvidia.com/gpu: 2}}", model)
    elif model:
        service = service.replace("storageUri", f"{model}\n      storageUri")
    assert pods_of("InferenceService", given, service).containers[0].image == expected


TRAINING_RUNTIME = """
apiVersion: trainer.kubeflow.org/v1alpha1
kind: ClusterTrainingRuntime
metadata: {name: torch}
spec:
  mlPolicy: {numNodes: 4, torch: {}}
  podGroupPolicy: {coscheduling: {}}
  template:
    spec:
      replicatedJobs:
        - name: model-initializer
          template: {spec: {template: {spec: {containers: [{name: model-initializer, image: "example.com/i:1"}]}}}}
        - name: node
          template:
            metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: trainer}}
            spec:
              template:
                spec:
                  containers:
                    - name: node
                      image: pytorch/pytorch:2.9.0
                      command: [torchrun, /workspace/train.py]
                      resources: {limits: {nvidia.com/gpu: 1, memory: 64Gi}}
"""
TRAIN_JOB = """
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata: {name: job, namespace: ml}
spec:
  runtimeRef: {name: torch}
"""


def test_a_train_job_that_says_nothing_is_its_runtime() -> None:
    pods = pods_of("TrainJob", TRAINING_RUNTIME, TRAIN_JOB)
    (node,) = pods.containers
    assert (pods.replicas, pods.accelerator_count, pods.runtime, pods.gang_scheduled) == (4, 1, "torchrun", True)
    assert (node.image, pods.durable_storage) == ("pytorch/pytorch:2.9.0", False)


def test_a_train_job_changes_what_it_says_of_nodes_resources_and_pods() -> None:
    own = """  trainer: {numNodes: 2, image: "example.com/t:1", resourcesPerNode: {limits: {nvidia.com/gpu: 8}}}
  podTemplateOverrides:
    - targetJobs: [{name: node}]
      spec:
        nodeSelector: {gpu: h100}
        volumes: [{name: ckpt, persistentVolumeClaim: {claimName: ckpt}}]
"""
    pods = pods_of("TrainJob", TRAINING_RUNTIME, TRAIN_JOB + own)
    (node,) = pods.containers
    assert (pods.replicas, pods.accelerator_count, node.image) == (2, 8, "example.com/t:1")
    assert node.limits == {"nvidia.com/gpu": 8, "memory": "64Gi"}
    assert (pods.node_selector, pods.durable_storage) == ({"gpu": "h100"}, True)
    assert node.command == ["torchrun", "/workspace/train.py"]


def test_runtime_patches_reach_only_the_job_that_they_name() -> None:
    patch = "name: {0}, template: {{spec: {{template: {{spec: {{nodeSelector: {{on: {0}}}}}}}}}}}"
    jobs = ", ".join(f"{{{patch.format(name)}}}" for name in ("node", "model-initializer"))
    own = f"{{manager: a, trainingRuntimeSpec: {{template: {{spec: {{replicatedJobs: [{jobs}]}}}}}}}}"
    pods = pods_of("TrainJob", TRAINING_RUNTIME, f"{TRAIN_JOB}  runtimePatches: [{own}]\n")
    assert pods.node_selector == {"on": "node"}


def test_a_train_job_of_another_runtime_stays_open() -> None:
    other = TRAIN_JOB.replace("name: torch", "name: jax") + "  trainer: {}\n"
    pods = pods_of("TrainJob", TRAINING_RUNTIME, other)
    assert pods.defined_by is None and is_unknown(pods.accelerator_count)


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


WORKERS = "  workerSpec: {containers: [{name: worker-container, image: 'a:1', args: [a]}]}\n"
OWN_WORKERS = "    workerSpec: {containers: [{name: worker-container, env: [{name: a, value: b}]}]}\n"
PATCHED = """  trainer: {numNodes: 2, image: a, resourcesPerNode: {limits: {nvidia.com/gpu: 8}}}
  podTemplateOverrides: [{targetJobs: [{name: node}], spec: {containers: [{name: node, env: [{name: A, value: b}]}]}}]
"""


@pytest.mark.parametrize("wrong", [None, 7, [], {}, [None], {"name": [1]}, Unknown("u")], ids=str)
@pytest.mark.parametrize(
    "texts",
    [(runtime() + WORKERS, named("vllm") + OWN_WORKERS), (runtime(), SERVICE), (TRAINING_RUNTIME, TRAIN_JOB + PATCHED)],
    ids=["named", "chosen", "training"],
)
def test_no_value_makes_a_merge_fail(texts: tuple[str, str], wrong: Any) -> None:
    documents = read_manifests(SourceFile("x.yaml", "---".join(texts)), "").resources
    for number, document in enumerate(documents):
        for at in places(document.attributes):
            if at and at[0] == "spec":
                attributes = changed(document.attributes, at, wrong)
                resources = [*documents[:number], replace(document, attributes=attributes), *documents[number + 1 :]]
                assert interpret(ResourceGraph(resources)).diagnostics == [], at
