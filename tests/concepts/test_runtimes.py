"""What a container runs, and what its command line says of the model."""

import json
from typing import Any

import pytest

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph


def pods_of(container: dict[str, Any], *others: dict[str, Any], volumes: list[Any] | None = None) -> PodSet:
    """The pod set of a Deployment with one container."""
    template = {"spec": {"containers": [{"name": "main", **container}], "volumes": volumes or []}}
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "ml"},
        "spec": {"template": template},
    }  # fmt: skip
    text = "\n---\n".join(json.dumps(item) for item in (deployment, *others))
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)
    (found,) = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    return found


def config_map(data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "namespace": "ml"}, "data": data}


@pytest.mark.parametrize(
    ("container", "runtime", "facts"),
    [
        (
            {"image": "vllm/vllm-openai:v0.9", "args": ["--model", "Qwen/Qwen2.5-72B-Instruct-AWQ", "-tp", "4",
                                                        "--quantization=awq", "--max-model-len", "32k",
                                                        "--revision", "a1b2"]},
            "vllm",
            {"model": "Qwen/Qwen2.5-72B-Instruct-AWQ", "tensor_parallel": 4, "quantization": "awq",
             "context_length": 32000, "revision": "a1b2"},
        ),
        (
            {"image": "x", "command": ["vllm", "serve", "meta-llama/Llama-3.1-8B", "--pipeline-parallel-size=2",
                                       "--dtype", "bfloat16", "--trust-remote-code"]},
            "vllm",
            {"model": "meta-llama/Llama-3.1-8B", "pipeline_parallel": 2, "dtype": "bfloat16",
             "trust_remote_code": True},
        ),
        (
            {"image": "x", "command": ["sh", "-c", "vllm serve $MODEL --data-parallel-size 8 --enable-expert-parallel"],
             "env": [{"name": "MODEL", "value": "deepseek-ai/DeepSeek-V3"}]},
            "vllm",
            {"model": "deepseek-ai/DeepSeek-V3", "data_parallel": 8, "expert_parallel": True},
        ),
        (
            {"image": "vllm/vllm-openai", "args": ["--model=$(MODEL)", "--tensor-parallel-size=$(TP)"],
             "env": [{"name": "MODEL", "value": "a/b-7b"}, {"name": "TP", "value": "2"}]},
            "vllm",
            {"model": "a/b-7b", "tensor_parallel": 2},
        ),
        (
            {"image": "x", "command": ["/bin/bash", "-c"], "args": [
                "set -e\npip install -q transformers && export TP=${TP:-4}\nMODEL=org/m\n"
                "exec python3 -m vllm.entrypoints.openai.api_server \\\n"
                "  --model $MODEL \\\n  --tensor-parallel-size $TP"]},
            "vllm",
            {"model": "org/m", "tensor_parallel": 4, "quantization": None},
        ),
        (
            {"image": "lmsysorg/sglang", "command": ["python3", "-m", "sglang.launch_server", "--model-path", "a/b",
                                                     "--tp", "8", "--context-length", "4096"]},
            "sglang",
            {"model": "a/b", "tensor_parallel": 8, "context_length": 4096},
        ),
        (
            {"image": "ghcr.io/huggingface/text-generation-inference:3", "env": [
                {"name": "MODEL_ID", "value": "a/b"}, {"name": "NUM_SHARD", "value": "2"},
                {"name": "QUANTIZE", "value": "gptq"}]},
            "tgi",
            {"model": "a/b", "tensor_parallel": 2, "quantization": "gptq"},
        ),
        (
            {"image": "nvcr.io/nvidia/tritonserver:25.01", "args": ["tritonserver", "--model-repository=s3://m"],
             "env": [{"name": "MODEL_NAME", "value": "bert"}]},
            "triton",
            {"model": None},
        ),
        (
            {"image": "nvcr.io/nvidia/tensorrt-llm/release:1", "command": ["trtllm-serve", "a/b", "--tp_size", "2"]},
            "tensorrt-llm",
            {"model": "a/b", "tensor_parallel": 2},
        ),
        ({"image": "x", "command": ["lmdeploy", "serve", "api_server", "a/b", "--tp", "2", "--session-len", "8192"]},
         "lmdeploy", {"model": "a/b", "tensor_parallel": 2, "context_length": 8192}),
        ({"image": "nvcr.io/nim/meta/llama-3.1-70b-instruct:1.8"}, "nim", {"model": "meta/llama-3.1-70b-instruct"}),
        ({"image": "ollama/ollama", "command": ["sh", "-c", "ollama serve & sleep 5; ollama run llama3.1:8b; wait"]},
         "ollama", {"model": "llama3.1:8b"}),
        ({"image": "tensorflow/serving", "args": ["--model_name=resnet"]}, "tf-serving", {}),
        ({"image": "pytorch/torchserve:0.9", "args": ["torchserve", "--start"]}, "torchserve", {}),
        ({"image": "x", "command": ["serve", "run", "app:main"]}, "ray-serve", {}),
        ({"image": "x", "command": ["bentoml", "serve", "summary:latest"]}, "bentoml", {"model": "summary:latest"}),
        ({"image": "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1", "args": ["python3 -m dynamo.vllm --model a/b"]},
         "vllm", {"model": "a/b"}),
    ],
)  # fmt: skip
def test_serving_runtimes_and_their_facts(container: dict[str, Any], runtime: str, facts: dict[str, Any]) -> None:
    pods = pods_of(container)
    assert (pods.runtime, pods.role) == (runtime, "serving")
    assert pods.serving is not None
    assert {field: getattr(pods.serving, field) for field in facts} == facts


@pytest.mark.parametrize(
    ("container", "runtime", "facts"),
    [
        # vLLM and LMDeploy take underscores for dashes; trtllm-serve has underscores, Dynamo dashes
        ({"image": "x", "command": ["vllm", "serve", "a/b", "--tensor_parallel_size=4", "-ep", "-dpl", "2"]}, "vllm",
         {"tensor_parallel": 4, "expert_parallel": True, "data_parallel": 2}),
        ({"image": "x", "command": ["trtllm-serve", "a/b", "--tensor_parallel_size", "8", "--pp_size=2",
                                    "--max_seq_len", "4096", "--trust_remote_code", "--revision", "c0ffee"]},
         "tensorrt-llm", {"tensor_parallel": 8, "pipeline_parallel": 2, "context_length": 4096,
                          "trust_remote_code": True, "revision": "c0ffee"}),
        ({"image": "x", "command": ["python3", "-m", "dynamo.trtllm", "--model-path", "a/b",
                                    "--tensor-parallel-size", "2"]}, "tensorrt-llm",
         {"model": "a/b", "tensor_parallel": 2}),
        # a flag that a runtime does not have says nothing
        ({"image": "x", "command": ["trtllm-serve", "a/b", "--dtype", "float16", "-tp", "4"]}, "tensorrt-llm",
         {"dtype": None, "tensor_parallel": 1}),
        ({"image": "x", "command": ["vllm", "serve", "a/b", "--num-shard", "2", "--quantize", "awq"]}, "vllm",
         {"tensor_parallel": 1, "quantization": None}),
        ({"image": "vllm/vllm-openai", "args": ["--model", "a/b"], "env": [
            {"name": "QUANTIZE", "value": "awq"}, {"name": "NUM_SHARD", "value": "2"}]}, "vllm",
         {"quantization": None, "tensor_parallel": 1}),
        ({"image": "x", "command": ["sglang", "serve", "a/b", "--pp-size", "2", "--mem-fraction-static", "0.8"]},
         "sglang", {"model": "a/b", "pipeline_parallel": 2, "gpu_memory_utilization": 0.8}),
        ({"image": "ghcr.io/huggingface/text-generation-inference:3", "args": [
            "--model-id=a/b", "--quantize", "eetq", "--cuda-memory-fraction", "0.7", "--kv-cache-dtype",
            "fp8_e4m3fn"]}, "tgi",
         {"quantization": "eetq", "gpu_memory_utilization": 0.7, "kv_cache_dtype": "fp8_e4m3fn"}),
        ({"image": "ghcr.io/huggingface/text-generation-inference:3-sagemaker", "env": [
            {"name": "HF_MODEL_ID", "value": "a/b"}, {"name": "SM_NUM_GPUS", "value": "4"},
            {"name": "HF_MODEL_REVISION", "value": "c0ffee"},
            {"name": "HF_MODEL_TRUST_REMOTE_CODE", "value": "true"}]}, "tgi",
         {"model": "a/b", "tensor_parallel": 4, "revision": "c0ffee", "trust_remote_code": True}),
        ({"image": "x", "command": ["lmdeploy", "serve", "api_server", "a/b", "--model-format", "awq", "--dp", "2"]},
         "lmdeploy", {"quantization": "awq", "data_parallel": 2}),
        ({"image": "nvcr.io/nim/nvidia/llm-nim:1", "env": [
            {"name": "NIM_MODEL_PATH", "value": "hf://a/b"}, {"name": "NIM_MAX_MODEL_LEN", "value": "8192"},
            {"name": "NIM_FORCE_TRUST_REMOTE_CODE", "value": "1"}]}, "nim",
         {"model": "a/b", "context_length": 8192, "trust_remote_code": True}),
        ({"image": "nvcr.io/nim/meta/llama-3.1-8b-instruct:2", "args": ["nim-serve", "--max-model-len", "4096"],
          "env": [{"name": "NIM_PASSTHROUGH_ARGS", "value": "--tensor-parallel-size 2 --max-model-len 1024"}]}, "nim",
         {"tensor_parallel": 2, "context_length": 4096}),
        ({"image": "ollama/ollama", "env": [{"name": "OLLAMA_CONTEXT_LENGTH", "value": "32768"},
                                            {"name": "OLLAMA_KV_CACHE_TYPE", "value": "q8_0"}]}, "ollama",
         {"context_length": 32768, "kv_cache_dtype": "q8_0"}),
        ({"image": "ghcr.io/ggml-org/llama.cpp:server", "args": ["-hf", "ggml-org/gemma-3-1b-it-GGUF", "-c", "4096"]},
         "llama.cpp", {"model": "ggml-org/gemma-3-1b-it-GGUF", "context_length": 4096}),
        ({"image": "ghcr.io/ggml-org/llama.cpp:server", "env": [
            {"name": "LLAMA_ARG_MODEL", "value": "/models/llama-7b.Q4_K_M.gguf"},
            {"name": "LLAMA_ARG_CTX_SIZE", "value": "2048"}]}, "llama.cpp",
         {"model": "/models/llama-7b.Q4_K_M.gguf", "context_length": 2048}),
        ({"image": "ghcr.io/huggingface/text-embeddings-inference:1.9", "env": [
            {"name": "MODEL_ID", "value": "BAAI/bge-m3"}, {"name": "REVISION", "value": "c0ffee"}]}, "tei",
         {"model": "BAAI/bge-m3", "revision": "c0ffee"}),
        ({"image": "kserve/huggingfaceserver:v0.15", "args": [
            "--model_name=llama", "--model_id=a/b", "--model_revision=c0ffee", "--max_model_len=4096",
            "--tensor-parallel-size=2"]}, "huggingfaceserver",
         {"model": "a/b", "revision": "c0ffee", "context_length": 4096, "tensor_parallel": 2}),
        ({"image": "x", "command": ["jetstream_pt", "serve", "--model_id", "meta-llama/Llama-2-7b-hf"]}, "jetstream",
         {"model": "meta-llama/Llama-2-7b-hf"}),
        ({"image": "tensorflow/serving", "args": ["--model_name=resnet"]}, "tf-serving", {"model": "resnet"}),
        ({"image": "seldonio/mlserver:1.7", "args": ["mlserver", "start", "/mnt/models"]}, "mlserver",
         {"model": None}),
        ({"image": "rayproject/ray-ml:vllm", "command": ["python", "serve_llm.py"],
          "env": [{"name": "MODEL_ID", "value": "a/b"}]}, None, {}),
    ],
)  # fmt: skip
def test_each_runtime_is_read_by_its_own_flags_and_variables(
    container: dict[str, Any], runtime: str | None, facts: dict[str, Any]
) -> None:
    pods = pods_of(container)
    assert pods.runtime == runtime
    assert {field: getattr(pods.serving, field) for field in facts} == facts


@pytest.mark.parametrize(
    ("container", "processes"),
    [
        ({"image": "x", "command": ["torchrun", "--nproc-per-node", "8", "main.py"]}, 8),
        ({"image": "x", "command": ["torchrun", "--nproc_per_node=4", "main.py"]}, 4),
        ({"image": "x", "command": ["torchrun", "main.py"],
          "env": [{"name": "PET_NPROC_PER_NODE", "value": "8"}]}, 8),
        ({"image": "x", "command": ["torchrun", "--nproc-per-node=2", "main.py"],
          "env": [{"name": "PET_NPROC_PER_NODE", "value": "8"}]}, 2),
        ({"image": "x", "command": ["deepspeed", "--num_accelerators=8", "main.py"]}, 8),
        ({"image": "x", "command": ["accelerate-launch", "--num_processes", "16", "main.py"]}, None),
        ({"image": "x", "command": ["python", "train.py", "--num_gpus", "8"]}, None),
    ],
)  # fmt: skip
def test_launchers_say_how_many_processes_a_machine_runs(container: dict[str, Any], processes: int | None) -> None:
    pods = pods_of(container)
    assert pods.role == "training"
    assert pods.containers[0].processes == processes


@pytest.mark.parametrize(
    ("command", "runtime"),
    [
        (["trl", "grpo", "--config", "c.yaml"], "script"),
        (["lmf", "train", "c.yaml"], "llama-factory"),
        (["accelerate-launch", "main.py"], "accelerate"),
        (["torchrun", "--nproc_per_node=8", "main.py"], "torchrun"),
        (["python", "-m", "torch.distributed.run", "main.py"], "torchrun"),
        (["bash", "-c", "cd /work && deepspeed --num_gpus 8 main.py"], "deepspeed"),
        (["accelerate", "launch", "sft.py"], "accelerate"),
        (["/opt/amazon/openmpi/bin/mpirun", "-n", "16", "python", "main.py"], "mpi"),
        (["python", "/app/train.py", "--model", "vllm"], "script"),
        (["axolotl", "train", "config.yml"], "axolotl"),
    ],
)
def test_training_launchers(command: list[str], runtime: str) -> None:
    pods = pods_of({"image": "x", "command": command})
    assert (pods.runtime, pods.role) == (runtime, "training")


@pytest.mark.parametrize(
    "container",
    [
        {"image": "vllm/vllm-openai", "command": ["sleep", "infinity"]},
        {"image": "vllm/vllm-openai", "command": ["vllm", "bench", "serve"]},
        {"image": "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1", "command": ["python3", "-m", "dynamo.frontend"]},
        {"image": "vllm/vllm-openai", "command": ["bash", "-c", "huggingface-cli download a/b"]},
        {"image": "python:3.12", "command": ["python", "app.py", "--backend", "http://vllm-server:8000"]},
        {"image": "python:3.12", "command": ["python", "retrain.py"]},
        {"image": "kubeflownotebookswg/centraldashboard:v1.9.2"},
        {"image": "ghcr.io/kubeflow/kubeflow/jupyter-web-app:v1.10.0"},
    ],
)
def test_a_container_that_does_something_else_is_no_runtime(container: dict[str, Any]) -> None:
    assert pods_of(container).runtime is None


def test_a_model_with_finetune_in_its_name_is_served_not_trained() -> None:
    pods = pods_of(
        {"image": "vllm/vllm-openai", "args": ["--model", "org/llama-finetune", "--served-model-name", "train.py"]}
    )
    assert pods.role == "serving"


def test_values_of_secrets_are_not_known() -> None:
    reference = {"name": "MODEL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "model"}}}
    pods = pods_of({"image": "vllm/vllm-openai", "args": ["--model", "$(MODEL)"], "env": [reference]})
    assert pods.serving is not None and is_unknown(pods.serving.model)


def test_values_of_config_maps_are_filled_in() -> None:
    single = {"name": "TP", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "size"}}}
    container = {
        "image": "vllm/vllm-openai",
        "args": ["--model=$(MODEL)", "--tensor-parallel-size=$(TP)"],
        "env": [single],
        "envFrom": [{"configMapRef": {"name": "conf"}}],
    }
    pods = pods_of(container, config_map({"MODEL": "a/b", "size": "4"}))
    assert pods.serving is not None
    assert (pods.serving.model, pods.serving.tensor_parallel) == ("a/b", 4)


@pytest.mark.parametrize(
    ("mount", "script"),
    [
        ({"mountPath": "/scripts"}, "/scripts/run.sh"),
        ({"mountPath": "/opt/run.sh", "subPath": "run.sh"}, "/opt/run.sh"),
    ],
)
def test_a_script_from_a_config_map_is_read(mount: dict[str, Any], script: str) -> None:
    container = {"image": "x", "command": ["bash", script], "volumeMounts": [{"name": "scripts", **mount}]}
    volumes = [{"name": "scripts", "configMap": {"name": "conf"}}]
    text = "#!/bin/bash\nexport MODEL=a/b\nvllm serve $MODEL --tensor-parallel-size 2\n"
    pods = pods_of(container, config_map({"run.sh": text}), volumes=volumes)
    assert pods.serving is not None
    assert (pods.runtime, pods.serving.model, pods.serving.tensor_parallel) == ("vllm", "a/b", 2)


def test_a_script_that_names_itself_is_read_once() -> None:
    container = {"image": "x", "command": ["/s/run.sh"], "volumeMounts": [{"name": "s", "mountPath": "/s"}]}
    text = "/s/run.sh; /s/other.sh; vllm serve a/b"
    pods = pods_of(container, config_map({"run.sh": text, "other.sh": "/s/run.sh"}),
                   volumes=[{"name": "s", "configMap": {"name": "conf"}}])  # fmt: skip
    assert pods.runtime == "vllm"
