"""Whatever a manifest holds, interpretation gives pod sets and never fails."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, Unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm, namespace: prod}
spec:
  replicas: 3
  template:
    metadata: {labels: {app: llm}}
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.8.4
          command: ["/bin/sh", "-c"]
          args:
            - |
              vllm serve meta-llama/Llama-3.1-8B-Instruct \\
                --tensor-parallel-size $TP --max-model-len 8192
          env: [{name: TP, value: "2"}]
          resources: {limits: {nvidia.com/gpu: 2}}
"""


def pod_sets(text: str) -> list[PodSet]:
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)
    return [concept for concept in interpret(graph).of_kind("PodSet") if isinstance(concept, PodSet)]


def test_a_deployment_is_read_with_kubernetes_defaults() -> None:
    (pods,) = pod_sets(DEPLOYMENT)
    assert (pods.role, pods.runtime, pods.replicas) == ("serving", "vllm", 3)
    assert (pods.max_surge, pods.max_unavailable, pods.accelerator_count) == (1, 0, 2)
    assert pods.production is True


GPU = {"limits": {"nvidia.com/gpu": 1}}


@pytest.mark.parametrize(
    ("image", "role"),
    [
        ("example.com/chat:1", "serving"),
        ("docker.io/jellyfin/jellyfin:10.10.7", "other"),
        ("lscr.io/linuxserver/plex:1.41.3", "other"),
        ("docker.io/airensoft/ovenmediaengine:v0.19.0", "other"),
        ("example.com/wolfram-llm:2", "serving"),
    ],
)
def test_a_listener_with_a_gpu_serves_a_model_unless_it_shows_media(image: str, role: str) -> None:
    container = {"name": "a", "image": image, "ports": [{"containerPort": 80}], "resources": GPU}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    text = json.dumps({**manifest, "spec": {"template": {"spec": {"containers": [container]}}}})
    (pods,) = pod_sets(text)
    assert pods.role == role


@pytest.mark.parametrize(
    ("unit", "production"),
    [
        ("clusters/prod/llm", True),
        ("clusters/dev/llm", False),
        ("platform/local/manifests", False),
        ("local-llm", None),
    ],
)
def test_directories_tell_what_is_production(unit: str, production: bool | None) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: b}]}\n"
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), unit).resources)
    (pods,) = interpret(graph).of_kind("PodSet")
    assert pods.production is production


def test_the_command_line_tells_of_the_model() -> None:
    (pods,) = pod_sets(DEPLOYMENT)
    assert pods.serving is not None
    assert pods.serving.model == "meta-llama/Llama-3.1-8B-Instruct"
    assert pods.serving.tensor_parallel == 2
    assert pods.serving.context_length == 8192


@pytest.mark.parametrize(
    ("kind", "version", "spec", "count"),
    [
        ("Pod", "v1", "spec: {containers: [{name: a}]}", 1),
        ("StatefulSet", "apps/v1", "spec: {template: {spec: {containers: [{name: a}]}}}", 1),
        ("CronJob", "batch/v1", "spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}", 1),
        (
            "PyTorchJob",
            "kubeflow.org/v1",
            "spec: {pytorchReplicaSpecs: {Master: {template: {}}, Worker: {template: {}}}}",
            2,
        ),
        ("RayCluster", "ray.io/v1", "spec: {headGroupSpec: {template: {}}, workerGroupSpecs: [{template: {}}]}", 2),
        ("InferenceService", "serving.kserve.io/v1beta1", "spec: {predictor: {model: {}}}", 1),
        (
            "LeaderWorkerSet",
            "leaderworkerset.x-k8s.io/v1",
            "spec: {leaderWorkerTemplate: {size: 2, workerTemplate: {}}}",
            1,
        ),
        ("Job", "batch.volcano.sh/v1alpha1", "spec: {tasks: [{template: {}}, {template: {}}]}", 2),
        ("JobSet", "jobset.x-k8s.io/v1alpha2", "spec: {replicatedJobs: [{template: {spec: {template: {}}}}]}", 1),
        ("Deployment", "example.com/v1", "spec: {template: {}}", 0),
    ],
)
def test_every_kind_leads_to_its_pods(kind: str, version: str, spec: str, count: int) -> None:
    assert len(pod_sets(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n{spec}\n")) == count


def test_a_leader_worker_group_has_all_its_accelerators() -> None:
    template = "{spec: {containers: [{name: a, resources: {limits: {nvidia.com/gpu: 8}}}]}}"
    text = f"""
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {{name: x}}
spec: {{leaderWorkerTemplate: {{size: 2, workerTemplate: {template}}}}}
"""
    assert [pods.group_accelerators for pods in pod_sets(text)] == [16]


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.just(Unknown("not known")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    ["containers", "volumes", "tolerations", "nodeSelector", "replicas", "template", "strategy", "serviceAccountName"]
)
CONTAINER_FIELDS = st.sampled_from(
    ["image", "args", "command", "env", "ports", "resources", "readinessProbe", "livenessProbe", "volumeMounts"]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(FIELDS, ODD), st.dictionaries(CONTAINER_FIELDS, ODD))
def test_wrong_types_and_unknowns_never_break_interpretation(spec: dict[str, Any], container: dict[str, Any]) -> None:
    resource = read_manifests(SourceFile("x.yaml", DEPLOYMENT), "").resources[0]
    pod_spec = {"containers": [container], **spec}
    resource.attributes["spec"] = {**spec, "template": {"metadata": {"labels": spec}, "spec": pod_spec}}
    assert interpret(ResourceGraph([resource])).diagnostics == []


@pytest.mark.parametrize("text", ["$GPUS", "${GPUS}", "<gpus>", "GPUS_PER_NODE", "PLACEHOLDER_GPUS", "{{ gpus }}"])
def test_what_is_left_to_be_filled_in_is_unknown(text: str) -> None:
    (pods,) = pod_sets(DEPLOYMENT.replace("replicas: 3", f'replicas: "{text}"').replace("gpu: 2", f'gpu: "{text}"'))
    assert isinstance(pods.replicas, Unknown)
    assert isinstance(pods.accelerator_count, Unknown)


def test_a_quantity_without_a_value_asks_for_nothing() -> None:
    (pods,) = pod_sets(DEPLOYMENT.replace("nvidia.com/gpu: 2", "nvidia.com/gpu: null"))
    assert pods.accelerator_count == 0


SCALER = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: llm, namespace: prod}
spec:
  minReplicas: %s
  maxReplicas: 8
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llm}
"""


@pytest.mark.parametrize(
    ("replicas", "least", "expected"), [("", "4", 4), ("  replicas: 3\n", "4", 4), ("  replicas: 3\n", "1", 3)]
)
def test_an_autoscaler_holds_at_least_its_minimum(replicas: str, least: str, expected: int) -> None:
    (pods,) = pod_sets(DEPLOYMENT.replace("  replicas: 3\n", replicas) + SCALER % least)
    assert (pods.replicas, pods.max_replicas) == (expected, 8)
    assert pods.max_unavailable == expected // 4


JOB_SET = """
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: run}
spec:
  replicatedJobs:
    - name: workers
      template:
        spec:
          parallelism: 4
          template:
            spec:
              containers:
                - name: a
                  image: %s
                  command: %s
                  resources: {limits: {nvidia.com/gpu: 8}}
"""


@pytest.mark.parametrize(
    ("image", "command", "role"),
    [
        ("example.com/llm:1", "[torchrun, run.py]", "training"),
        ("example.com/maxtext:1", "[python3, -m, MaxText.train]", "training"),
        ("example.com/llm:1", '[bash, -c, "python finetune_llama.py"]', "training"),
        ("example.com/render:1", "[python, render.py]", "batch"),
        ("example.com/trainium-tools:1", "[neuron-top]", "batch"),
        ("example.com/nccl:1", '[bash, -c, "mpirun /opt/nccl-tests/build/all_reduce_perf -b 8"]', "batch"),
    ],
)
def test_a_job_set_trains_only_where_something_says_so(image: str, command: str, role: str) -> None:
    (pods,) = pod_sets(JOB_SET % (image, command))
    assert (pods.role, pods.replicas) == (role, 4)


@pytest.mark.parametrize(
    ("image", "command", "runtime"),
    [
        ("nvcr.io/nvidia/tritonserver:24.06-py3", "[tritonserver, --model-repository=/models]", "triton"),
        ("nvcr.io/nvidia/tritonserver:24.06-py3-sdk", "[perf_analyzer, -m, resnet]", None),
        ("vllm/vllm-openai:v0.9.1", '[/bin/bash, -c, --, "while true; do sleep 30; done;"]', None),
        ("registry.example.com/inference:7", "[python, serve.py, --max-model-len=8192]", "vllm"),
        ("ghcr.io/llm-d/llm-d-inference-sim:v0.7.1", "[/app/llm-d-inference-sim, --max-model-len=8192]", None),
        ("registry.example.com/dynamo-mocker-sglang:v1", "[]", None),
        ("registry.example.com/sim/sglang:v1", "[]", "sglang"),
        ("registry.example.com/fake-news-sglang:v1", "[sglang, serve, org/news]", "sglang"),
        ("registry.example.com/isaac-sim-jupyter:v1", "[]", "jupyter"),
    ],
)
def test_a_runtime_is_known_by_what_the_container_does(image: str, command: str, runtime: str | None) -> None:
    (pods,) = pod_sets(JOB_SET % (image, command))
    assert pods.runtime == runtime
