"""Whatever a manifest holds, interpretation gives pod sets and never fails."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.concepts import interpret
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
