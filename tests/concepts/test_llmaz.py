"""The pods of llmaz's playgrounds come of models and backends that are objects of their own."""

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

MODEL = """
apiVersion: llmaz.io/v1alpha1
kind: OpenModel
metadata: {name: llama}
spec:
  familyName: llama3
  source: {modelHub: {modelID: meta-llama/Llama-3.1-8B-Instruct, revision: v1}}
  inferenceConfig:
    flavors:
      - {name: t4, limits: {nvidia.com/gpu: 1}, nodeSelector: {gpu: t4}}
      - {name: l4, limits: {nvidia.com/gpu: 2}, nodeSelector: {gpu: l4}}
"""
BACKEND = """
apiVersion: inference.llmaz.io/v1alpha1
kind: BackendRuntime
metadata: {name: vllm}
spec:
  image: vllm/vllm-openai
  version: v0.9.2
  command: [python3, -m, vllm.entrypoints.openai.api_server]
  envs: [{name: A, value: backend}]
  readinessProbe: {httpGet: {path: /health, port: 8080}}
  recommendedConfigs:
    - name: default
      args: [--model, "{{ .ModelPath }}", --served-model-name, "{{ .ModelName }}"]
      sharedMemorySize: 2Gi
      resources: {requests: {cpu: 4, memory: 8Gi}, limits: {cpu: 4, memory: 8Gi}}
"""
PLAYGROUND = """
apiVersion: inference.llmaz.io/v1alpha1
kind: Playground
metadata: {name: chat, namespace: team}
spec:
  replicas: 2
  modelClaim: {modelName: llama, inferenceFlavors: [l4]}
  backendRuntimeConfig:
    envs: [{name: B, value: own}]
    args: [-tp, "2"]
    resources: {requests: {cpu: 8}}
"""
SERVICE = """
apiVersion: inference.llmaz.io/v1alpha1
kind: Service
metadata: {name: large}
spec:
  replicas: 2
  modelClaims: {models: [{name: llama}], inferenceFlavors: [l4]}
  workloadTemplate:
    size: 3
    leaderTemplate: {spec: {containers: [{name: model-runner, image: "lmsysorg/sglang:v0.5.5"}]}}
    workerTemplate: {spec: {containers: [{name: model-runner, image: "lmsysorg/sglang:v0.5.5"}, {name: log}]}}
"""


def pods_of(*texts: str) -> dict[str, PodSet]:
    """The pod sets by kind, and by component where one object has several."""
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", "\n---\n".join(texts)), "").resources)
    found = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    return {item.component or item.kind: item for item in found}


def test_a_playground_is_its_backend_with_its_model() -> None:
    pods = pods_of(MODEL, BACKEND, PLAYGROUND)["Playground"]
    (container,) = pods.containers
    serving = pods.serving
    assert serving is not None and container.image == "vllm/vllm-openai:v0.9.2"
    assert (pods.role, pods.runtime, pods.replicas, pods.accelerator_count) == ("serving", "vllm", 2, 2)
    assert (serving.model, serving.revision, serving.tensor_parallel) == ("meta-llama/Llama-3.1-8B-Instruct", "v1", 2)
    assert serving.sources["model"] == ("spec", "modelClaim", "modelName")
    assert container.requests == {"cpu": 8, "memory": "8Gi", "nvidia.com/gpu": 2}
    assert [variable.name for variable in container.env] == ["A", "B"]
    assert container.shared_memory_bytes == 2 * 1024**3
    assert (pods.node_selector, pods.termination_grace_seconds) == ({"gpu": "l4"}, 130)


def test_a_backend_of_llmazs_own_chart_is_known_by_its_name() -> None:
    pods = pods_of(MODEL, PLAYGROUND)["Playground"]
    assert pods.serving is not None
    assert (pods.runtime, pods.serving.model, pods.accelerator_count) == ("vllm", "meta-llama/Llama-3.1-8B-Instruct", 2)
    assert is_unknown(pods.containers[0].image) and is_unknown(pods.containers[0].readiness_probe)


def test_another_backend_is_unknown_where_the_scan_does_not_have_it() -> None:
    text = PLAYGROUND.replace("    envs", "    backendName: mine\n    envs")
    pods = pods_of(MODEL, text)["Playground"]
    assert (pods.runtime, pods.accelerator_count) == (None, 2)


def test_a_model_that_the_scan_does_not_have_is_unknown() -> None:
    pods = pods_of(BACKEND, PLAYGROUND)["Playground"]
    assert pods.serving is not None
    assert is_unknown(pods.serving.model) and is_unknown(pods.accelerator_count) and is_unknown(pods.node_selector)


def test_one_of_several_flavors_is_chosen_by_what_is_free() -> None:
    pods = pods_of(MODEL, BACKEND, PLAYGROUND.replace(", inferenceFlavors: [l4]", ""))["Playground"]
    assert pods.accelerator_count == 1 and is_unknown(pods.node_selector)


def test_a_branch_pins_nothing() -> None:
    pods = pods_of(MODEL.replace("v1}}", "main}}"), BACKEND, PLAYGROUND)["Playground"]
    assert pods.serving is not None and pods.serving.revision is None


def test_a_playground_may_want_another_version_of_its_backend() -> None:
    text = PLAYGROUND.replace("    envs", "    version: latest\n    envs")
    assert pods_of(MODEL, BACKEND, text)["Playground"].containers[0].image == "vllm/vllm-openai:latest"


def test_a_draft_model_changes_the_configuration() -> None:
    claims = "modelClaims: {models: [{name: llama, role: main}, {name: small, role: draft}]}"
    text = PLAYGROUND.replace("modelClaim: {modelName: llama, inferenceFlavors: [l4]}", claims)
    backend = BACKEND.replace("name: default", "name: speculative-decoding")
    pods = pods_of(MODEL, backend, text)["Playground"]
    assert pods.serving is not None and pods.serving.model == "meta-llama/Llama-3.1-8B-Instruct"
    assert pods.serving.sources["model"] == ("spec", "modelClaims", "models", 0, "name")


def test_leaders_and_workers_get_the_flavor_of_the_model() -> None:
    found = pods_of(MODEL, SERVICE)
    leader, worker = found["leader"], found["worker"]
    assert (leader.accelerator_count, leader.group_accelerators, leader.pod_count) == (2, 6, 2)
    assert (worker.accelerator_count, worker.pods_per_replica, worker.pod_count) == (2, 2, 4)
    assert [container.name for container in worker.containers] == ["model-runner", "log"]


def test_a_backend_describes_pods_that_playgrounds_ask_for() -> None:
    pods = pods_of(BACKEND)["BackendRuntime"]
    assert pods.definition and pods.containers[0].sources["image"] == ("spec", "image")
