"""Every workload kind leads to its pods: role, replicas, pods of a replica, accelerators, model."""

from typing import Any

import pytest

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, Unknown, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

POD = "containers: [{name: main, image: example.com/train:1, resources: {limits: {nvidia.com/gpu: 4}}}]"


def pod_sets(version: str, kind: str, spec: str) -> dict[str, PodSet]:
    """The pod sets of an object by component."""
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: ml}}\nspec:\n{spec}"
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)
    found = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    return {item.component: item for item in found}


def test_a_nim_service_has_its_operators_probes_and_shared_memory() -> None:
    spec = """
  image: {repository: nvcr.io/nim/meta/llama-3.1-8b-instruct, tag: "1.8"}
  replicas: 2
  resources: {limits: {nvidia.com/gpu: 1}}
  storage: {nimCache: {name: llama}}
  scale: {enabled: true, hpa: {minReplicas: 1, maxReplicas: 4}}
"""
    pods = pod_sets("apps.nvidia.com/v1alpha1", "NIMService", spec)[""]
    (container,) = pods.containers
    assert (pods.role, pods.runtime, pods.accelerator_count) == ("serving", "nim", 1)
    assert (pods.autoscaled, pods.min_replicas, pods.max_replicas) == (True, 1, 4)
    assert container.image == "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8"
    assert container.shared_memory_bytes is None
    assert is_unknown(container.readiness_probe)
    assert container.sources["limits"] == ("spec", "resources", "limits")


def test_a_nim_service_without_gpus_leaves_them_to_the_operator() -> None:
    pods = pod_sets("apps.nvidia.com/v1alpha1", "NIMService", "  image: {repository: nvcr.io/nim/x, tag: '1'}")[""]
    assert is_unknown(pods.accelerator_count)


def test_a_nim_service_over_several_nodes_has_the_gpus_of_all_of_them() -> None:
    spec = """
  image: {repository: nvcr.io/nim/deepseek-ai/deepseek-r1, tag: "1"}
  resources: {limits: {nvidia.com/gpu: 8}}
  multiNode: {backendType: lws, parallelism: {pipeline: 2, tensor: 8}}
"""
    pods = pod_sets("apps.nvidia.com/v1alpha1", "NIMService", spec)[""]
    assert (pods.group_size, pods.pods_per_replica, pods.group_accelerators) == (2, 2, 16)
    assert pods.serving is not None
    assert (pods.serving.tensor_parallel, pods.serving.pipeline_parallel) == (8, 2)


def test_a_nim_pipeline_has_the_pods_of_each_service_that_is_switched_on() -> None:
    spec = """
  services:
  - name: llm
    enabled: true
    spec:
      image: {repository: nvcr.io/nim/meta/llama-3.1-8b-instruct, tag: "1.8"}
      replicas: 2
      resources: {limits: {nvidia.com/gpu: 1}}
      scale: {enabled: true, hpa: {minReplicas: 1, maxReplicas: 4}}
  - name: embedding
    enabled: true
    spec: {image: {repository: nvcr.io/nim/nvidia/nv-embedqa, tag: "1"}, resources: {limits: {nvidia.com/gpu: 2}}}
  - name: reranking
    enabled: false
    spec: {image: {repository: nvcr.io/nim/nvidia/nv-rerankqa, tag: "1"}}
"""
    found = pod_sets("apps.nvidia.com/v1alpha1", "NIMPipeline", spec)
    assert sorted(found) == ["embedding", "llm"]
    assert [found[name].accelerator_count for name in ("llm", "embedding")] == [1, 2]
    assert (found["llm"].replicas, found["llm"].autoscaled, found["llm"].max_replicas) == (2, True, 4)
    (container,) = found["llm"].containers
    assert container.sources["limits"] == ("spec", "services", 0, "spec", "resources", "limits")


def test_a_gpu_passed_through_to_a_virtual_machine_is_an_accelerator() -> None:
    spec = """
  image: {repository: nvcr.io/nim/meta/llama-3.2-1b-instruct, tag: "1"}
  resources: {limits: {nvidia.com/pgpu: "1"}}
"""
    assert pod_sets("apps.nvidia.com/v1alpha1", "NIMService", spec)[""].accelerator_count == 1


def test_a_nim_cache_is_a_job_that_pulls_a_model() -> None:
    spec = """
  source: {ngc: {modelPuller: "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8", authSecret: ngc}}
  storage: {pvc: {create: true, size: 50Gi}}
"""
    pods = pod_sets("apps.nvidia.com/v1alpha1", "NIMCache", spec)[""]
    assert (pods.role, pods.completes, pods.accelerator_count) == ("batch", True, 0)


def test_a_train_job_leaves_to_its_runtime_what_it_does_not_say() -> None:
    spec = """
  runtimeRef: {name: torch-distributed}
  trainer: {image: "example.com/t:1", command: [torchrun, train.py], numNodes: 2,
            resourcesPerNode: {limits: {nvidia.com/gpu: 8}}}
"""
    pods = pod_sets("trainer.kubeflow.org/v1alpha1", "TrainJob", spec)[""]
    assert (pods.role, pods.runtime, pods.replicas, pods.accelerator_count) == ("training", "torchrun", 2, 8)
    for value in (pods.durable_storage, pods.tolerations, pods.containers[0].shared_memory_bytes):
        assert is_unknown(value)
    bare = pod_sets("trainer.kubeflow.org/v1alpha1", "TrainJob", "  runtimeRef: {name: t}\n  trainer: {}")[""]
    assert is_unknown(bare.replicas) and is_unknown(bare.accelerator_count)


def test_a_dynamo_graph_has_a_pod_set_for_each_service() -> None:
    spec = """
  services:
    Frontend: {replicas: 1, extraPodSpec: {mainContainer: {image: "nvcr.io/nvidia/ai-dynamo/vllm-runtime:0.6"}}}
    Worker:
      replicas: 2
      multinode: {nodeCount: 2}
      resources: {limits: {gpu: "8"}}
      extraPodSpec:
        tolerations: [{key: nvidia.com/gpu, operator: Exists}]
        mainContainer:
          image: nvcr.io/nvidia/ai-dynamo/vllm-runtime:0.6
          args: [python3, -m, dynamo.vllm, --model, Qwen/Qwen3-0.6B, --tensor-parallel-size, "16"]
"""
    found = pod_sets("nvidia.com/v1alpha1", "DynamoGraphDeployment", spec)
    worker = found["worker"]
    assert set(found) == {"frontend", "worker"}
    assert (worker.role, worker.runtime, worker.replicas, worker.pods_per_replica) == ("serving", "vllm", 2, 2)
    assert (worker.accelerator_count, worker.group_accelerators, found["frontend"].accelerator_count) == (8, 16, 0)
    assert worker.containers[0].shared_memory_bytes == 8 * 2**30
    assert worker.serving is not None and worker.serving.model == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize(("profile", "count"), [("nvidia-gpu-l4:2", 2), ("cpu:4", 0)])
def test_a_kubeai_model_asks_for_what_its_profile_says(profile: str, count: int) -> None:
    spec = f"""
  url: hf://meta-llama/Llama-3.1-8B-Instruct
  engine: VLLM
  features: [TextGeneration]
  resourceProfile: {profile}
  minReplicas: 0
  maxReplicas: 3
"""
    pods = pod_sets("kubeai.org/v1", "Model", spec)[""]
    assert (pods.role, pods.runtime, pods.accelerator_count) == ("serving", "vllm", count)
    assert (pods.autoscaled, pods.min_replicas, pods.max_replicas) == (True, 0, 3)
    assert pods.serving is not None and pods.serving.model == "meta-llama/Llama-3.1-8B-Instruct"


@pytest.mark.parametrize(("profile", "gpu_build"), [("nvidia-gpu-l4:1", True), ("cpu:8", False)])
def test_a_kubeai_model_leaves_the_version_and_build_of_its_image_to_the_chart(profile: str, gpu_build: bool) -> None:
    spec = f"  url: hf://Qwen/Qwen2.5-7B-Instruct\n  engine: VLLM\n  resourceProfile: '{profile}'"
    (container,) = pod_sets("kubeai.org/v1", "Model", spec)[""].containers
    assert is_unknown(container.image)
    assert container.gpu_build is gpu_build
    given = pod_sets("kubeai.org/v1", "Model", f"{spec}\n  image: vllm/vllm-openai:v0.9.1")[""].containers[0]
    assert given.image == "vllm/vllm-openai:v0.9.1"


@pytest.mark.parametrize(
    ("spec", "claims"),
    [
        ("  url: hf://Qwen/Qwen2.5-7B-Instruct\n  engine: VLLM", []),
        ("  url: hf://Qwen/Qwen2.5-7B-Instruct\n  engine: VLLM\n  cacheProfile: efs", ["shared-model-cache-efs"]),
        ("  url: pvc://weights/qwen?model=x\n  engine: VLLM", ["weights"]),
    ],
)
def test_a_kubeai_model_keeps_its_weights_on_claims(spec: str, claims: list[str]) -> None:
    pods = pod_sets("kubeai.org/v1", "Model", spec)[""]
    assert (pods.claims, pods.durable_storage) == (claims, bool(claims))


def test_an_unknown_kubeai_profile_leaves_the_accelerators_open() -> None:
    spec = "  url: pvc://models\n  engine: VLLM\n  resourceProfile: big:1\n  minReplicas: 1"
    assert is_unknown(pod_sets("kubeai.org/v1", "Model", spec)[""].accelerator_count)


def test_an_llm_inference_service_has_prefill_and_decode_with_their_workers() -> None:
    spec = f"""
  model: {{uri: "hf://deepseek-ai/DeepSeek-V3", name: deepseek}}
  replicas: 2
  parallelism: {{data: 16, dataLocal: 8, tensor: 1, expert: true}}
  template: {{{POD}}}
  worker: {{{POD}}}
  prefill: {{replicas: 3, parallelism: {{tensor: 4}}, template: {{{POD}}}}}
"""
    found = pod_sets("serving.kserve.io/v1alpha2", "LLMInferenceService", spec)
    assert {name: pods.replicas for name, pods in found.items()} == {"": 2, "worker": 2, "prefill": 3}
    assert (found["worker"].pods_per_replica, found[""].pods_per_replica, found[""].group_accelerators) == (1, 1, 8)


def test_an_llm_inference_service_without_containers_runs_kserves_vllm() -> None:
    spec = "  model: {uri: 'hf://Qwen/Qwen2.5-7B-Instruct'}\n  parallelism: {tensor: 2}\n  template: {}"
    pods = pod_sets("serving.kserve.io/v1alpha1", "LLMInferenceService", spec)[""]
    assert pods.runtime == "vllm" and pods.serving is not None
    assert (pods.serving.model, pods.serving.tensor_parallel) == ("Qwen/Qwen2.5-7B-Instruct", 2)


@pytest.mark.parametrize(
    ("model", "runtime", "name"),
    [
        (
            "{modelFormat: {name: huggingface}, storageUri: 'hf://Qwen/Qwen2.5-7B-Instruct'}",
            "huggingfaceserver",
            "Qwen/Qwen2.5-7B-Instruct",
        ),
        (
            "{modelFormat: {name: huggingface}, args: ['--model_id=Qwen/Qwen2.5-7B-Instruct']}",
            "huggingfaceserver",
            "Qwen/Qwen2.5-7B-Instruct",
        ),
        ("{modelFormat: {name: triton}, storageUri: 'gs://models/bert'}", "triton", None),
        ("{modelFormat: {name: sklearn}, storageUri: 'gs://models/iris'}", None, None),
    ],
)
def test_an_inference_service_names_its_runtime_by_the_format(
    model: str, runtime: str | None, name: str | None
) -> None:
    pods = pod_sets("serving.kserve.io/v1beta1", "InferenceService", f"  predictor: {{model: {model}}}")["predictor"]
    assert (pods.role, pods.runtime) == ("serving", runtime)
    assert (pods.serving.model if pods.serving else None) == name


def test_a_spark_application_has_drivers_and_executors() -> None:
    spec = """
  image: nvcr.io/nvidia/spark:1
  driver: {cores: 1, memory: 4g, serviceAccount: spark}
  executor: {instances: 6, cores: 8, gpu: {name: nvidia.com/gpu, quantity: 1}, tolerations: [{operator: Exists}]}
"""
    found = pod_sets("sparkoperator.k8s.io/v1beta2", "SparkApplication", spec)
    executor = found["executor"]
    assert (found["driver"].replicas, executor.replicas, executor.accelerator_count) == (1, 6, 1)
    assert (executor.role, executor.containers[0].image) == ("batch", "nvcr.io/nvidia/spark:1")
    assert found["driver"].service_account == "spark"


@pytest.mark.parametrize(("kind", "definition"), [("Workflow", False), ("WorkflowTemplate", True)])
def test_workflow_templates_that_run_containers_are_pods(kind: str, definition: bool) -> None:
    spec = """
  entrypoint: main
  nodeSelector: {pool: gpu}
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  templates:
    - {name: main, steps: [[{name: train, template: train}]]}
    - {name: train, container: {image: "example.com/t:1", command: [torchrun, train.py],
        resources: {limits: {nvidia.com/gpu: 2}}}}
    - {name: note, script: {image: python, command: [python], source: "print(1)"}}
"""
    found = pod_sets("argoproj.io/v1alpha1", kind, spec)
    assert set(found) == {"train", "note"}
    train = found["train"]
    assert (train.role, train.accelerator_count, train.definition) == ("training", 2, definition)
    assert train.node_selector == {"pool": "gpu"} and train.durable_storage is True


def test_a_cron_workflow_keeps_its_templates_deeper() -> None:
    spec = "  workflowSpec: {entrypoint: a, templates: [{name: a, container: {image: x}}]}"
    assert pod_sets("argoproj.io/v1alpha1", "CronWorkflow", spec)["a"].role == "batch"


def test_a_job_set_multiplies_its_jobs() -> None:
    job = f"{{spec: {{parallelism: 2, template: {{spec: {{{POD}}}}}}}}}"
    spec = f"  replicatedJobs: [{{name: w, replicas: 4, template: {job}}}]"
    pods = pod_sets("jobset.x-k8s.io/v1alpha2", "JobSet", spec)[""]
    assert (pods.role, pods.replicas, pods.pods_per_replica) == ("training", 2, 4)


def test_a_ray_group_of_several_hosts_multiplies_and_may_scale() -> None:
    worker = (
        f"{{groupName: tpu, replicas: 1, minReplicas: 0, maxReplicas: 2, numOfHosts: 4, template: {{spec: {{{POD}}}}}}}"
    )
    head = "  enableInTreeAutoscaling: true\n  headGroupSpec: {template: {spec: {}}}"
    spec = f"{head}\n  workerGroupSpecs: [{worker}]"
    found = pod_sets("ray.io/v1", "RayCluster", spec)
    pods = found["worker"]
    assert (pods.pods_per_replica, pods.group_accelerators) == (4, 16)
    assert (pods.autoscaled, pods.min_replicas, pods.max_replicas) == (True, 0, 2)
    assert found["head"].replicas == 1


def test_a_leader_worker_set_counts_its_leader_once() -> None:
    spec = f"""
  replicas: 3
  leaderWorkerTemplate: {{size: 4, leaderTemplate: {{spec: {{{POD}}}}}, workerTemplate: {{spec: {{{POD}}}}}}}
"""
    found = pod_sets("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", spec)
    assert {name: pods.pods_per_replica for name, pods in found.items()} == {"leader": 1, "worker": 3}
    assert found["leader"].group_accelerators == 16


@pytest.mark.parametrize(
    ("version", "kind", "spec", "role", "replicas"),
    [
        ("kubeflow.org/v1", "PyTorchJob", "pytorchReplicaSpecs: {Worker: {R}}", "training", 3),
        ("kubeflow.org/v1", "TFJob", "tfReplicaSpecs: {Worker: {R}}", "training", 3),
        ("kubeflow.org/v2beta1", "MPIJob", "mpiReplicaSpecs: {Worker: {R}}", "training", 3),
        ("kubeflow.org/v1", "JAXJob", "jaxReplicaSpecs: {Worker: {R}}", "training", 3),
        ("kubeflow.org/v1", "XGBoostJob", "xgbReplicaSpecs: {Worker: {R}}", "training", 3),
        ("kubeflow.org/v1", "PaddleJob", "paddleReplicaSpecs: {Worker: {R}}", "training", 3),
        ("batch.volcano.sh/v1alpha1", "Job", "tasks: [{replicas: 3, template: {spec: {P}}}]", "training", 3),
        ("kubeflow.org/v1", "Notebook", "template: {spec: {P}}", "notebook", None),
        ("keda.sh/v1alpha1", "ScaledJob", "jobTargetRef: {template: {spec: {P}}}", "training", None),
        (
            "machinelearning.seldon.io/v1", "SeldonDeployment",
            "predictors: [{name: a, replicas: 3, componentSpecs: [{spec: {P}}]}]", "serving", 3,
        ),
        (
            "ray.io/v1", "RayCronJob",
            "jobTemplate: {rayClusterSpec: {workerGroupSpecs: [{replicas: 3, template: {spec: {P}}}]}}", "training", 3,
        ),
        (
            "sparkoperator.k8s.io/v1beta2", "ScheduledSparkApplication",
            "template: {executor: {instances: 3, gpu: {name: nvidia.com/gpu, quantity: 4}}}", "batch", 3,
        ),
        (
            "trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime",
            "template: {spec: {replicatedJobs: [{template: {spec: {template: {spec: {P}}}}}]}}", "training", None,
        ),
    ],
)  # fmt: skip
def test_kinds_lead_to_their_pods(version: str, kind: str, spec: str, role: str, replicas: Any) -> None:
    (pods,) = pod_sets(
        version, kind, "  " + spec.replace("{R}", "{replicas: 3, template: {spec: {P}}}").replace("{P}", f"{{{POD}}}")
    ).values()
    assert (pods.role, pods.replicas, pods.accelerator_count) == (role, replicas, 4)


def test_a_ray_service_says_its_model_in_the_serve_configuration() -> None:
    spec = f"""
  serveConfigV2: |
    applications:
      - import_path: ray.serve.llm:build_openai_app
        args:
          llm_configs:
            - model_loading_config: {{model_id: r1, model_source: deepseek-ai/DeepSeek-R1}}
              engine_kwargs: {{tensor_parallel_size: 8, pipeline_parallel_size: 2, max_model_len: 16384}}
  rayClusterConfig:
    headGroupSpec: {{template: {{spec: {{}}}}}}
    workerGroupSpecs: [{{replicas: 4, template: {{spec: {{{POD}}}}}}}]
"""
    pods = pod_sets("ray.io/v1", "RayService", spec)["worker"]
    assert (pods.role, pods.runtime) == ("serving", "ray-serve")
    assert pods.serving is not None
    facts = (pods.serving.model, pods.serving.tensor_parallel, pods.serving.context_length)
    assert facts == ("deepseek-ai/DeepSeek-R1", 8, 16384)
    for item in ("- - : [import_path", "? - import_path"):
        broken = spec.replace("- import_path", item)
        assert pod_sets("ray.io/v1", "RayService", broken)["worker"].runtime == "ray-serve"


@pytest.mark.parametrize(
    ("entrypoint", "role"),
    [("python train.py", "training"), ("python /app/finetune_llm.py", "training"), ("python sample_code.py", "batch")],
)
def test_a_ray_job_trains_if_its_entrypoint_says_so(entrypoint: str, role: str) -> None:
    spec = f"""
  entrypoint: {entrypoint}
  rayClusterSpec: {{workerGroupSpecs: [{{replicas: 2, template: {{spec: {{{POD.replace("train", "app")}}}}}}}]}}
"""
    assert pod_sets("ray.io/v1", "RayJob", spec)["worker"].role == role


def test_unknown_resources_of_one_container_leave_the_others_as_they_are() -> None:
    text = f"""
apiVersion: kubeai.org/v1
kind: Model
metadata: {{name: x}}
spec: {{url: "pvc://m", engine: VLLM, resourceProfile: "own:1", minReplicas: 1}}
---
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {{name: y}}
spec:
  services:
    Worker: {{resources: {{limits: {{gpu: "1"}}}}, extraPodSpec: {{{POD}}}}}
"""
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)
    result = interpret(graph)
    assert result.diagnostics == []
    counts = [item.accelerator_count for item in result.of_kind("PodSet") if isinstance(item, PodSet)]
    assert is_unknown(counts[0]) and counts[1] == 5


@pytest.mark.parametrize(
    ("name", "command", "measures"),
    [
        ("fabric", "[mpirun, /opt/nccl-tests/build/all_reduce_perf, -b, 8]", True),
        ("rccl-bench", "[bash, /scripts/run.sh]", True),
        ("llama", "[torchrun, train.py, --dist-backend, nccl]", False),
    ],
)
def test_a_collective_benchmark_is_told_by_its_program_or_its_name(name: str, command: str, measures: bool) -> None:
    pods = f"template: {{spec: {{containers: [{{name: {name}, image: 'example.com/a:1', command: {command}}}]}}}}"
    worker = "template: {spec: {containers: [{name: main, image: 'example.com/a:1'}]}}"
    spec = f"  mpiReplicaSpecs:\n    Launcher: {{{pods}}}\n    Worker: {{replicas: 2, {worker}}}"
    if name == "rccl-bench":
        found = pod_sets("batch/v1", "Job", f"  {pods}")
    else:
        found = pod_sets("kubeflow.org/v2beta1", "MPIJob", spec)
    assert {pods.collective_benchmark for pods in found.values()} == {measures}
    assert {pods.role for pods in found.values()} == {"batch" if measures else "training"}


RAY = """
apiVersion: ray.io/v1
kind: RayCluster
metadata: {{name: {name}, namespace: ml}}
spec:
  headGroupSpec: {{template: {{spec: {{containers: [{{name: head, image: "e.com/ray:2"{head}}}]}}}}}}
  workerGroupSpecs:
    - groupName: w
      replicas: 2
      numOfHosts: 4
      template: {{spec: {{containers: [{{name: w, image: "e.com/ray:2"}}]}}}}
"""
RAY_JOB = """---
apiVersion: ray.io/v1
kind: RayJob
metadata: {{name: job, namespace: ml}}
spec: {{entrypoint: {entrypoint}, clusterSelector: {{ray.io/cluster: shared}}}}
"""


@pytest.mark.parametrize(
    ("text", "role"),
    [
        (RAY.format(name="shared", head=""), "interactive"),
        (RAY.format(name="llama-pretrain", head=""), "training"),
        (RAY.format(name="shared", head=", command: [vllm, serve, Qwen/Qwen3-8B]"), "serving"),
        (RAY.format(name="shared", head="") + RAY_JOB.format(entrypoint="python finetune.py"), "training"),
        (RAY.format(name="shared", head="") + RAY_JOB.format(entrypoint="python embed.py"), "batch"),
        (RAY.format(name="other", head="") + RAY_JOB.format(entrypoint="python finetune.py"), "interactive"),
    ],
)
def test_a_ray_cluster_is_for_what_runs_on_it(text: str, role: str) -> None:
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)
    found = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    assert {pods.role for pods in found} == {role}
    assert {pods.component: pods.pod_count for pods in found} == {"head": 1, "worker": 8}


def test_a_dynamo_graph_of_v1beta1_has_pod_templates_of_its_own() -> None:
    spec = """
  env: [{name: NATS, value: nats}]
  components:
    - name: Frontend
      type: frontend
      podTemplate: {spec: {containers: [{name: main, image: "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.0.0"}]}}
    - name: Decode
      type: decode
      replicas: 2
      multinode: {nodeCount: 2}
      sharedMemorySize: 32Gi
      podTemplate:
        spec:
          tolerations: [{key: nvidia.com/gpu, operator: Exists}]
          containers:
            - name: main
              image: nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.0.0
              command: [python3, -m, dynamo.vllm]
              args: [--model, Qwen/Qwen3-32B, --tensor-parallel-size, "16"]
              resources: {limits: {nvidia.com/gpu: 8}}
            - {name: sidecar, image: "example.com/s:1"}
"""
    found = pod_sets("nvidia.com/v1beta1", "DynamoGraphDeployment", spec)
    decode, frontend = found["Decode"], found["Frontend"]
    main = decode.containers[0]
    assert (decode.runtime, decode.replicas, decode.pod_count, decode.group_accelerators) == ("vllm", 2, 4, 16)
    assert main.serving is not None and main.serving.model == "Qwen/Qwen3-32B"
    assert main.shared_memory_bytes == 32 * 2**30 and is_unknown(main.readiness_probe)
    assert main.sources["limits"][:7] == ("spec", "components", 1, "podTemplate", "spec", "containers", 0)
    assert decode.tolerations and decode.sources["tolerations"][-1] == "tolerations"
    assert (frontend.serving, frontend.runtime, frontend.accelerator_count) == (None, None, 0)


def test_a_vllm_runtime_is_the_deployment_that_its_operator_makes() -> None:
    spec = """
  model: {modelURL: meta-llama/Llama-3.1-8B, maxModelLen: 4096, dtype: bfloat16}
  vllmConfig: {tensorParallelSize: 2, gpuMemoryUtilization: "0.8", port: 8000, extraArgs: [--trust-remote-code]}
  storageConfig: {enabled: true}
  deploymentConfig:
    replicas: 3
    shmSize: 24Gi
    resources: {cpu: "10", memory: 32Gi, gpu: "2"}
    image: {registry: docker.io, name: "lmcache/vllm-openai:2025-05-27-v1"}
    toleration: [{key: gpu, operator: Exists}]
    nodeSelectorTerms: [{matchExpressions: [{key: gpu, operator: In, values: [h100]}]}]
  autoscalingConfig: {enabled: true, minReplicas: 0, maxReplicas: 5}
"""
    pods = pod_sets("production-stack.vllm.ai/v1alpha1", "VLLMRuntime", spec)[""]
    (main,) = pods.containers
    serving = pods.serving
    assert (pods.role, pods.runtime, pods.replicas, pods.accelerator_count) == ("serving", "vllm", 3, 2)
    assert (pods.autoscaled, pods.min_replicas, pods.max_replicas) == (True, 0, 5)
    assert main.image == "docker.io/lmcache/vllm-openai:2025-05-27-v1"
    assert (main.shared_memory_bytes, main.startup_budget_seconds, pods.claims) == (24 * 2**30, 2120, ["x"])
    assert serving is not None and (serving.model, serving.tensor_parallel) == ("meta-llama/Llama-3.1-8B", 2)
    assert (serving.dtype, serving.context_length, serving.trust_remote_code) == ("bfloat16", 4096, True)
    assert serving.sources["tensor_parallel"] == ("spec", "vllmConfig", "tensorParallelSize")
    assert serving.sources["trust_remote_code"] == ("spec", "vllmConfig", "extraArgs")


@pytest.mark.parametrize(
    ("fields", "replicas"),
    [
        ("minReplicas: 1, maxReplicas: 4", 1),
        ("replicas: 9, minReplicas: 1, maxReplicas: 4", 4),
        ("replicas: 2, minReplicas: 1, maxReplicas: 4", 2),
        ("replicas: 2, suspend: true", 0),
        ("replicas: 3", 3),
        ("", 0),
    ],
)
def test_ray_workers_stay_between_their_bounds(fields: str, replicas: int) -> None:
    group = f"groupName: w, {fields + ', ' if fields else ''}template: {{spec: {{{POD}}}}}"
    spec = f"  headGroupSpec: {{template: {{spec: {{{POD}}}}}}}\n  workerGroupSpecs: [{{{group}}}]"
    assert pod_sets("ray.io/v1", "RayCluster", spec)["worker"].replicas == replicas


@pytest.mark.parametrize(("value", "model"), [("NousResearch/Llama-2-13b-chat-hf", True), ("$MODEL_ID", False)])
def test_a_serve_application_of_ones_own_is_told_its_model_by_the_environment(value: str, model: bool) -> None:
    spec = f"""
  serveConfigV2: |
    applications: [{{name: a, import_path: "app:entry", runtime_env: {{env_vars: {{MODEL_ID: "{value}"}}}}}}]
  rayClusterConfig: {{headGroupSpec: {{template: {{spec: {{{POD}}}}}}}}}
"""
    serving = pod_sets("ray.io/v1", "RayService", spec)["head"].serving
    assert serving is not None and serving.model == (value if model else None)
    assert is_unknown(serving.tensor_parallel) == model


def test_a_job_that_compiles_a_model_does_not_train_it() -> None:
    pods = "template: {spec: {containers: [{name: a, image: x, command: [mpirun, ./llama_7b.sh]}]}}"
    head = "apiVersion: kubeflow.org/v2beta1\nkind: MPIJob\nmetadata: {name: %s}\n"
    text = f"{head}spec: {{mpiReplicaSpecs: {{Worker: {{{pods}}}}}}}"
    roles = {}
    for name in ("llama-compile", "llama"):
        graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text % name), "").resources)
        roles[name] = [item.role for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    assert roles == {"llama-compile": ["batch"], "llama": ["training"]}


@pytest.mark.parametrize("field", ["shmSize", "resources", "image"])
def test_what_a_vllm_runtime_leaves_unknown_stays_so(field: str) -> None:
    deployment = "{resources: {gpu: '2', gpuType: nvidia.com/gpu}, image: {name: vllm}, shmSize: 8Gi}"
    text = "apiVersion: production-stack.vllm.ai/v1alpha1\nkind: VLLMRuntime\nmetadata: {name: x}\n"
    (resource,) = read_manifests(SourceFile("x.yaml", f"{text}spec: {{deploymentConfig: {deployment}}}"), "").resources
    config = resource.attributes["spec"]["deploymentConfig"]
    inside = {"resources": "gpuType", "image": "name"}.get(field)
    target = config if inside is None else config[field]
    target[inside or field] = Unknown("a variable has no value")
    concepts = interpret(ResourceGraph([resource]))
    (pods,) = [item for item in concepts.of_kind("PodSet") if isinstance(item, PodSet)]
    (main,) = pods.containers
    unknown = {"shmSize": main.shared_memory_bytes, "resources": pods.accelerator_count, "image": main.image}
    assert concepts.diagnostics == [] and is_unknown(unknown[field])


def test_roles_of_a_storm_service_are_groups_of_pods_in_each_replica() -> None:
    spec = f"""
  replicas: 3
  template:
    spec:
      roles:
        - {{name: decode, replicas: 2, podGroupSize: 2, template: {{spec: {{{POD}}}}}}}
"""
    pods = pod_sets("orchestration.aibrix.ai/v1alpha1", "StormService", spec)[""]
    assert (pods.replicas, pods.group_size, pods.pods_per_replica, pods.pod_count) == (6, 2, 2, 12)
    assert (pods.accelerator_count, pods.group_accelerators) == (4, 8)
    role_set = spec.replace("replicas: 3", "").replace("  template:\n    spec:\n", "", 1)
    alone = pod_sets("orchestration.aibrix.ai/v1alpha1", "RoleSet", role_set)[""]
    assert (alone.replicas, alone.pods_per_replica, alone.group_accelerators) == (2, 2, 8)


def test_a_cluster_of_a_ray_fleet_serves_together() -> None:
    spec = f"""
  replicas: 2
  template:
    spec:
      headGroupSpec: {{rayStartParams: {{}}, template: {{spec: {{{POD}}}}}}}
      workerGroupSpecs: [{{groupName: w, replicas: 1, template: {{spec: {{{POD}}}}}}}]
"""
    sets = pod_sets("orchestration.aibrix.ai/v1alpha1", "RayClusterFleet", spec)
    assert {name: pods.group_accelerators for name, pods in sets.items()} == {"head": 8, "worker": 8}


HYPERPOD = """
  modelName: llama
  instanceType: ml.p5.48xlarge
  replicas: 2
  worker:
    image: vllm/vllm-openai:v0.9.2
    args: [--model, meta-llama/Llama-3.1-70B-Instruct, --tensor-parallel-size, "8", --trust-remote-code]
    modelInvocationPort: {containerPort: 8000, name: http}
    environmentVariables: [{name: VLLM_LOGGING_LEVEL, value: INFO}]
    resources: {limits: {nvidia.com/gpu: 8}, requests: {cpu: 90, memory: 800Gi, nvidia.com/gpu: 8}}
"""


def test_a_hyperpod_endpoint_has_the_pods_of_its_worker() -> None:
    pods = pod_sets("inference.sagemaker.aws.amazon.com/v1", "InferenceEndpointConfig", HYPERPOD)[""]
    (container,) = pods.containers
    assert (pods.role, pods.runtime, pods.replicas, pods.accelerator_count) == ("serving", "vllm", 2, 8)
    assert pods.serving is not None
    assert (pods.serving.model, pods.serving.tensor_parallel) == ("meta-llama/Llama-3.1-70B-Instruct", 8)
    assert pods.node_selector == {"node.kubernetes.io/instance-type": "ml.p5.48xlarge"}
    assert (pods.autoscaled, container.port_numbers) == (False, [8000])
    assert [variable.name for variable in container.env] == ["VLLM_LOGGING_LEVEL"]
    assert container.sources["limits"] == ("spec", "worker", "resources", "limits")
    for value in (pods.volumes, pods.tolerations, container.readiness_probe, container.shared_memory_bytes):
        assert is_unknown(value)


def test_a_hyperpod_endpoint_scales_from_one_to_five_unless_told_otherwise() -> None:
    kind = "inference.sagemaker.aws.amazon.com/v1", "InferenceEndpointConfig"
    scaled = pod_sets(*kind, f"{HYPERPOD}  autoScalingSpec: {{cloudWatchTrigger: {{name: calls}}}}\n")[""]
    assert (scaled.autoscaled, scaled.min_replicas, scaled.max_replicas) == (True, 1, 5)


JUMPSTART = """
  model: {modelHubName: SageMakerPublicHub, modelId: deepseek-llm-r1-distill-qwen-1-5b, modelVersion: 2.0.4}
  server: {instanceType: ml.g5.8xlarge}
  environmentVariables: [{name: SAMPLE, value: "1"}]
  autoScalingSpec: {minReplicaCount: 0, cloudWatchTrigger: {name: calls}}
"""


def test_a_jumpstart_model_is_served_as_its_hub_says() -> None:
    pods = pod_sets("inference.sagemaker.aws.amazon.com/v1", "JumpStartModel", JUMPSTART)[""]
    (container,) = pods.containers
    assert (pods.role, pods.autoscaled, pods.min_replicas, pods.max_replicas) == ("serving", True, 0, 5)
    assert pods.node_selector == {"node.kubernetes.io/instance-type": "ml.g5.8xlarge"}
    assert [(variable.name, variable.at) for variable in container.env] == [
        ("SAMPLE", ("spec", "environmentVariables", 0))
    ]
    for value in (container.image, pods.accelerator_count, pods.tolerations, container.readiness_probe):
        assert is_unknown(value)


def test_a_jumpstart_model_on_a_slice_asks_for_the_slice() -> None:
    spec = JUMPSTART.replace("{instanceType", "{acceleratorPartitionType: mig-7g.40gb, instanceType")
    pods = pod_sets("inference.sagemaker.aws.amazon.com/v1", "JumpStartModel", spec)[""]
    assert (pods.accelerator_resources, pods.accelerator_count) == (["nvidia.com/mig-7g.40gb"], 1)


def test_a_hyperpod_endpoint_with_prefill_apart_makes_other_pods() -> None:
    spec = f"{HYPERPOD}  pdSpec: {{prefill: {{}}}}\n"
    assert pod_sets("inference.sagemaker.aws.amazon.com/v1", "InferenceEndpointConfig", spec) == {}
