"""Which models fit which machines, as a manifest asks for them: what teams know from running them."""

import json
import re

import pytest

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet, Serving
from scanner.core import SourceFile
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

PRODUCTS = {
    "t4": "Tesla-T4", "l4": "NVIDIA-L4", "a10g": "NVIDIA-A10G", "a100-40": "NVIDIA-A100-SXM4-40GB",
    "a100-80": "NVIDIA-A100-SXM4-80GB", "h100": "NVIDIA-H100-80GB-HBM3", "h200": "NVIDIA-H200", "l40s": "NVIDIA-L40S",
}  # fmt: skip


def served(model: str, gpu: str, arguments: str = "") -> Serving:
    """What a vLLM container with these flags takes of that GPU (a product, or a MIG profile)."""
    tensor = re.search(r"-tp (\d+)", arguments)
    count = int(tensor[1]) if tensor else 1
    resource = f"nvidia.com/{gpu}" if gpu.startswith("mig-") else "nvidia.com/gpu"
    container = {
        "name": "a", "image": "vllm/vllm-openai:v0.11", "args": ["--model", model, *arguments.split()],
        "resources": {"limits": {resource: count}},
    }  # fmt: skip
    spec = {"containers": [container]}
    if gpu in PRODUCTS:
        spec["nodeSelector"] = {"nvidia.com/gpu.product": PRODUCTS[gpu]}  # type: ignore[assignment]
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": spec}},
    }
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", json.dumps(manifest)), "").resources)
    (pods,) = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    assert pods.serving is not None
    return pods.serving


@pytest.mark.parametrize(
    ("model", "gpu", "arguments", "fits"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "t4", "--max-model-len 4096", False),
        ("meta-llama/Llama-3.1-8B-Instruct", "l4", "--max-model-len 8192", True),
        ("meta-llama/Llama-3.1-8B-Instruct", "l4", "", False),
        ("meta-llama/Llama-3.1-8B-Instruct", "a100-40", "", True),
        ("meta-llama/Llama-3.1-8B-Instruct", "mig-1g.10gb", "--max-model-len 2048", False),
        ("meta-llama/Llama-3.1-8B-Instruct", "mig-3g.40gb", "--max-model-len 32768", True),
        ("meta-llama/Llama-3.1-8B-Instruct", "a10g", "--max-model-len -1", True),
        ("meta-llama/Llama-3.1-70B-Instruct", "h100", "--max-model-len 4096", False),
        ("meta-llama/Llama-3.1-70B-Instruct", "h100", "-tp 2 --max-model-len 4096", True),
        ("meta-llama/Llama-3.1-70B-Instruct", "a100-40", "-tp 4 --max-model-len 4096", True),
        ("meta-llama/Llama-3.1-70B-Instruct", "h200", "--max-model-len 4096", False),
        ("meta-llama/Llama-3.1-70B-Instruct", "h200", "-tp 2", True),
        ("meta-llama/Llama-3.1-405B-Instruct", "h100", "-tp 8 --max-model-len 8192", False),
        ("meta-llama/Llama-3.1-405B-Instruct-FP8", "h100", "-tp 8 --max-model-len 8192", True),
        ("meta-llama/Llama-3.1-405B-Instruct", "h200", "-tp 8 --max-model-len 8192", True),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "a100-80", "", False),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "a100-80", "-tp 2", True),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "a100-40", "-tp 2 --max-model-len 8192", False),
        ("deepseek-ai/DeepSeek-V3", "h100", "-tp 8 --max-model-len 8192", False),
        ("deepseek-ai/DeepSeek-V3", "h200", "-tp 8 --max-model-len 8192", True),
        ("deepseek-ai/DeepSeek-V3", "h100", "-tp 8 -pp 2 --max-model-len 8192", True),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", "l40s", "--max-model-len 8192", True),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", "a10g", "--max-model-len 4096", False),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", "a100-80", "", True),
        ("Qwen/Qwen2.5-72B-Instruct", "a100-80", "--max-model-len 4096", False),
        ("openai/gpt-oss-20b", "l4", "--max-model-len 8192", True),
        ("openai/gpt-oss-120b", "h100", "", True),
        ("openai/gpt-oss-120b", "l40s", "--max-model-len 4096", False),
    ],
)
def test_models_fit_where_people_run_them_and_nowhere_smaller(model: str, gpu: str, arguments: str, fits: bool) -> None:
    serving = served(model, gpu, arguments)
    assert serving.needed_gib is not None and serving.offered_gib is not None
    assert (serving.needed_gib <= serving.offered_gib) is fits, (serving.memory_sum, serving.offered_gib)


@pytest.mark.parametrize(
    "model", ["meta-llama/Llama-3.1-70B-Instruct", "Qwen/Qwen2.5-72B-Instruct-AWQ", "google/gemma-3-27b-it"]
)
@pytest.mark.parametrize("arguments", ["", "-tp 4 --max-model-len 8192"])
def test_the_sum_in_the_message_adds_up(model: str, arguments: str) -> None:
    serving = served(model, "h100", arguments)
    parts = [float(part) for part in re.findall(r"([\d.]+) GiB", serving.memory_sum)]
    assert serving.needed_gib == pytest.approx(sum(parts))


def test_what_an_engine_may_use_is_what_the_driver_reports() -> None:
    assert served("meta-llama/Llama-3.1-8B-Instruct", "l4").offered_gib == pytest.approx(0.9 * 22.5, abs=0.1)


@pytest.mark.parametrize(
    ("model", "arguments", "stored", "loaded"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "", 15.0, 15.0),
        ("meta-llama/Llama-3.1-8B-Instruct", "--quantization fp8", 15.0, 7.5),
        ("meta-llama/Llama-3.1-8B-Instruct", "--quantization bitsandbytes", 15.0, 3.7),
        ("meta-llama/Llama-3.1-8B-Instruct", "--quantization fp8 --cpu-offload-gb 4", 15.0, None),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8", "--quantization fp8", 7.5, 7.5),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "--quantization bitsandbytes", 3.7, 3.7),
        ("team/Llama-3.1-8B-Instruct", "--quantization awq", 4.0, 4.0),
        ("/models/Llama-3.1-8B-Instruct", "--quantization fp8", 7.5, 7.5),
        ("deepseek-ai/DeepSeek-R1", "--quantization fp8 -tp 8", 624.9, 624.9),
        ("team/Llama-3.1-8B-Instruct", "--quantization of-our-own", None, None),
    ],
)
def test_an_engine_that_quantizes_while_loading_reads_what_is_published(
    model: str, arguments: str, stored: float | None, loaded: float | None
) -> None:
    serving = served(model, "h100", arguments)
    assert (serving.stored_gib, serving.weights_gib) == (stored, loaded)
