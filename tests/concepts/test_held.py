"""What the object that a workload stands in says of its pods: what they are for, how many, their labels and queue."""

from pathlib import Path
from typing import Any

import pytest

from scanner.concepts.costs import costs
from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph
from scanner.scan import ScanOptions, scan

POD = "containers: [{name: a, image: 'example.com/a:1', resources: {limits: {nvidia.com/gpu: 4}}}]"
EXPERIMENT = """
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: tune, namespace: ml}}
spec:
  {more}
  trialTemplate:
    trialSpec: {{apiVersion: batch/v1, kind: Job, spec: {{template: {{spec: {{{pod}}}}}}}}}
"""
WRAPPER = f"""
apiVersion: workload.codeflare.dev/v1beta2
kind: AppWrapper
metadata: {{name: wrapped, namespace: ml, labels: {{kueue.x-k8s.io/queue-name: research}}}}
spec:
  components:
  - template:
      apiVersion: kubeflow.org/v1
      kind: PyTorchJob
      metadata: {{name: train}}
      spec: {{pytorchReplicaSpecs: {{Worker: {{replicas: 4, template: {{spec: {{{POD}}}}}}}}}}}
"""


def graph_of(text: str) -> ResourceGraph:
    return ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)


def pods_of(text: str) -> PodSet:
    (found,) = interpret(graph_of(text)).of_kind("PodSet")
    assert isinstance(found, PodSet)
    return found


@pytest.mark.parametrize(
    ("more", "copies"), [("", 3), ("parallelTrialCount: 5", 5), ("parallelTrialCount: '{{ .Values.x }}'", None)]
)
def test_a_trial_trains_as_often_as_trials_run_at_a_time(more: str, copies: int | None) -> None:
    pods = pods_of(EXPERIMENT.format(more=more, pod=POD))
    assert (pods.role, pods.kind, pods.trial, pods.replicas, pods.pod_count) == ("training", "Job", True, 1, 1)
    assert is_unknown(pods.copies) if copies is None else pods.copies == copies
    assert pods.pod_labels["katib.kubeflow.org/experiment"] == "tune"


def test_trials_cost_as_many_pods_as_run_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(EXPERIMENT.format(more="parallelTrialCount: 5", pod=POD))
    result = scan([tmp_path], ScanOptions())
    (line,) = costs(result.concepts, result.graph).lines
    assert (line.fewest, line.most) == (0, 5)


def test_a_wrapper_brings_its_queue_and_its_label() -> None:
    pods = pods_of(WRAPPER)
    assert (pods.queue, pods.gang_scheduled, pods.copies, pods.trial) == ("research", True, 1, False)
    assert pods.pod_labels["workload.codeflare.dev/appwrapper"] == "wrapped"


def test_what_is_selected_around_a_wrapper_is_what_it_holds() -> None:
    budget: Any = """---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: keep, namespace: ml}
spec: {maxUnavailable: 0, selector: {matchLabels: {workload.codeflare.dev/appwrapper: wrapped}}}
"""
    graph = graph_of(WRAPPER + budget)
    interpret(graph)
    edges = {(one.type, other.type, kind) for one, other, kind, _ in graph.edges()}
    assert edges == {
        ("AppWrapper", "PyTorchJob", "deploys"),
        ("PodDisruptionBudget", "PyTorchJob", "disrupts"),
    }
