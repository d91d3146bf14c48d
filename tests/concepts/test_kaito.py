"""The pods of KAITO's objects: presets on machines that KAITO makes."""

import pytest

from scanner.concepts.costs import costs
from scanner.concepts.interpret import Concepts, interpret
from scanner.concepts.model import NetworkBoundary, PodSet
from scanner.core import SourceFile, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

WORKSPACE = """
apiVersion: kaito.sh/v1beta1
kind: Workspace
metadata: {name: chat, namespace: serving}
resource:
  instanceType: Standard_NC24ads_A100_v4
  labelSelector: {matchLabels: {apps: chat}}
inference:
  preset: {name: phi-4}
"""
CONFIGURED = WORKSPACE + "  config: params\n"
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: params, namespace: serving}
data:
  inference_config.yaml: |
    max_probe_steps: 6
    vllm: {gpu-memory-utilization: 0.95, max-model-len: 8192}
"""
TUNING = """
apiVersion: kaito.sh/v1alpha1
kind: Workspace
metadata: {name: tune}
resource: {instanceType: Standard_NC48ads_A100_v4, labelSelector: {matchLabels: {apps: tune}}}
tuning:
  preset: {name: phi-4}
  method: lora
  input: {image: "example.azurecr.io/data:1"}
  output: {OUTPUT}
"""
SET = """
apiVersion: kaito.sh/v1beta1
kind: InferenceSet
metadata: {name: chat, annotations: {ANNOTATIONS}}
spec:
  replicas: 2
  labelSelector: {matchLabels: {apps: chat}}
  template:
    resource: {instanceType: Standard_NC24ads_A100_v4}
    inference: {preset: {name: microsoft/phi-4}}
"""
ROLES = """
apiVersion: kaito.sh/v1alpha1
kind: MultiRoleInference
metadata: {name: chat}
spec:
  labelSelector: {matchLabels: {apps: chat}}
  model: {name: phi-4}
  roles:
    - {type: prefill, replicas: 1, instanceType: Standard_NC24ads_A100_v4}
    - {type: decode, replicas: 3, instanceType: Standard_NC48ads_A100_v4}
"""
RAG = """
apiVersion: kaito.sh/v1beta1
kind: RAGEngine
metadata: {name: search}
spec:
  compute: {instanceType: MACHINE, labelSelector: {matchLabels: {apps: search}}}
  storage: {persistentVolume: {persistentVolumeClaim: vectors}}
  embedding: {local: {modelID: BAAI/bge-small-en-v1.5}}
"""


def read(*texts: str) -> tuple[Concepts, ResourceGraph]:
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", "\n---\n".join(texts)), "").resources)
    return interpret(graph), graph


def pods_of(*texts: str) -> list[PodSet]:
    return [item for item in read(*texts)[0].of_kind("PodSet") if isinstance(item, PodSet)]


def test_a_preset_is_a_model_on_all_accelerators_of_a_machine() -> None:
    (pods,) = pods_of(WORKSPACE)
    serving = pods.serving
    assert serving is not None
    assert (pods.role, pods.runtime, pods.pod_count, pods.accelerator_count) == ("serving", "vllm", 1, 1)
    assert (pods.own_machine, pods.accelerator) == ("Standard_NC24ads_A100_v4", "nvidia-a100-80gb")
    assert (serving.model, serving.gpu_memory_utilization, serving.tensor_parallel) == ("microsoft/phi-4", 0.84, 1)
    assert serving.sources["model"] == ("inference", "preset", "name")
    assert pods.pod_labels["kaito.sh/workspace"] == "chat"
    for value in (pods.hosts, pods.volumes, pods.tolerations, pods.containers[0].image, serving.revision):
        assert is_unknown(value)


def test_a_model_of_hugging_face_is_a_preset_by_its_own_name() -> None:
    (pods,) = pods_of(WORKSPACE.replace("phi-4", "Qwen/Qwen3-8B"))
    assert pods.serving is not None
    assert (pods.serving.model, pods.serving.revision) == ("Qwen/Qwen3-8B", None)


@pytest.mark.parametrize(
    ("preset", "machine"),
    [
        ("llama-3.3-70b-instruct", "Standard_NC24ads_A100_v4"),
        ("phi-4", "Standard_NC48ads_A100_v4"),
        ("x/y", "p4d.24xlarge"),
    ],
)
def test_how_a_model_is_split_is_kaitos_matter(preset: str, machine: str) -> None:
    (pods,) = pods_of(WORKSPACE.replace("phi-4", preset).replace("Standard_NC24ads_A100_v4", machine))
    assert pods.serving is not None and is_unknown(pods.serving.tensor_parallel)


def test_the_configuration_comes_after_kaitos_own_flags() -> None:
    (pods,) = pods_of(CONFIG, CONFIGURED)
    serving = pods.serving
    assert serving is not None
    assert (serving.gpu_memory_utilization, serving.context_length) == (0.95, 8192)
    assert serving.sources["context_length"] == ("inference", "config")


@pytest.mark.parametrize("config", ["", CONFIG.replace("{gpu", "{{gpu"), CONFIG.replace("name: params", "name: other")])
def test_a_configuration_that_cannot_be_read_leaves_the_engine_unknown(config: str) -> None:
    (pods,) = pods_of(*filter(None, (config, CONFIGURED)))
    assert pods.serving is not None
    assert is_unknown(pods.serving.gpu_memory_utilization) and is_unknown(pods.group_accelerators)


def test_machines_that_are_there_already_are_not_known() -> None:
    (pods,) = pods_of(WORKSPACE.replace("  instanceType: Standard_NC24ads_A100_v4\n", ""))
    assert pods.own_machine is None and is_unknown(pods.accelerator_count)


@pytest.mark.parametrize(
    ("partition", "resource", "count"),
    [
        ("{mode: mig, profile: 2g.20gb}", "nvidia.com/mig-2g.20gb", 1),
        ("{mode: accelerator, count: 2}", "nvidia.com/gpu", 2),
    ],
)
def test_a_partition_is_what_the_pod_asks_for(partition: str, resource: str, count: int) -> None:
    text = WORKSPACE.replace("instanceType: Standard_NC24ads_A100_v4", f"partition: {partition}")
    (pods,) = pods_of(text)
    assert (pods.accelerator_resources, pods.accelerator_count) == ([resource], count)


def test_a_machine_without_accelerators_gives_none() -> None:
    (pods,) = pods_of(WORKSPACE.replace("Standard_NC24ads_A100_v4", "Standard_D8s_v5"))
    assert pods.accelerator_count == 0


def test_a_template_is_a_pod_template() -> None:
    container = "{name: a, image: 'vllm/vllm-openai:v1', resources: {limits: {nvidia.com/gpu: 1}}}"
    template = f"template: {{spec: {{containers: [{container}]}}}}"
    (pods,) = pods_of(WORKSPACE.replace("preset: {name: phi-4}", template))
    assert (pods.role, pods.containers[0].image_tag, pods.pod_count) == ("serving", "v1", 1)
    assert pods.own_machine == "Standard_NC24ads_A100_v4"


def test_another_engine_says_nothing_of_its_memory() -> None:
    text = WORKSPACE.replace("namespace: serving", "annotations: {kaito.sh/runtime: transformers}")
    (pods,) = pods_of(text)
    assert pods.serving is None


def test_a_tuning_job_keeps_what_its_output_keeps() -> None:
    volume = "volumeSource: {persistentVolumeClaim: {claimName: out}}"
    kept, lost, pushed = (
        pods_of(TUNING.replace("OUTPUT", text))[0]
        for text in (volume, "volumeSource: {emptyDir: {}}", "image: 'example.azurecr.io/a:1'")
    )
    assert (kept.role, kept.completes, kept.accelerator_count, kept.claims) == ("training", True, 2, ["out"])
    assert (kept.durable_storage, lost.durable_storage) == (True, False)
    assert is_unknown(pushed.durable_storage)


def test_an_inference_set_makes_a_workspace_for_each_replica() -> None:
    (pods,) = pods_of(SET.replace("ANNOTATIONS", ""))
    assert (pods.replicas, pods.pod_count, pods.autoscaled) == (2, 2, False)
    assert pods.pod_labels["inferenceset.kaito.sh/created-by"] == "chat"
    assert pods.own_machine == "Standard_NC24ads_A100_v4"


def test_kaitos_scaler_bounds_an_inference_set() -> None:
    asked = 'scaledobject.kaito.sh/auto-provision: "true", scaledobject.kaito.sh/max-replicas: "5"'
    (pods,) = pods_of(SET.replace("ANNOTATIONS", asked))
    assert is_unknown(pods.replicas) and pods.max_replicas == 5


def test_each_role_has_its_own_machines() -> None:
    prefill, decode = pods_of(ROLES)
    assert (prefill.accelerator_count, decode.accelerator_count, decode.replicas) == (1, 2, 3)
    assert prefill.serving is not None and prefill.serving.model == "microsoft/phi-4"


def test_a_rag_engine_takes_the_accelerators_for_its_own_embedding_model() -> None:
    (with_gpu,), (without,) = (
        pods_of(RAG.replace("MACHINE", name)) for name in ("Standard_NV36ads_A10_v5", "Standard_D4s_v5")
    )
    assert (with_gpu.accelerator_count, without.accelerator_count) == (1, 0)
    assert (with_gpu.claims, with_gpu.replicas) == (["vectors"], 1)


@pytest.mark.parametrize(("value", "count"), [('"True"', 1), ('"true"', 0), ('"False"', 0)])
def test_the_annotation_makes_a_load_balancer(value: str, count: int) -> None:
    text = WORKSPACE.replace("namespace: serving", f"annotations: {{kaito.sh/enablelb: {value}}}")
    found = [item for item in read(text)[0].of_kind("NetworkBoundary") if isinstance(item, NetworkBoundary)]
    assert [item.open_to_world for item in found] == [True] * count


def test_a_tuning_job_has_no_service() -> None:
    text = TUNING.replace("{name: tune}", '{name: tune, annotations: {kaito.sh/enablelb: "True"}}')
    assert read(text.replace("OUTPUT", ""))[0].of_kind("NetworkBoundary") == []


def test_a_workspace_costs_the_machine_that_is_made_for_it() -> None:
    (line,) = costs(*read(WORKSPACE.replace("Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4"))).lines
    assert line.prices and line.prices[0].name == "Standard_NC48ads_A100_v4"
    assert line.hourly_usd == line.prices[0].on_demand_usd


def test_what_a_set_costs_that_kaitos_scaler_bounds_is_not_known() -> None:
    asked = 'scaledobject.kaito.sh/auto-provision: "true", scaledobject.kaito.sh/max-replicas: "5"'
    (line,) = costs(*read(SET.replace("ANNOTATIONS", asked))).lines
    assert (line.floor_usd, line.ceiling_usd) == (None, None)
    assert line.hourly_usd is not None
