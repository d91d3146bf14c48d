"""What the model that a container serves takes on disk and of each accelerator, and what it gets."""

from __future__ import annotations

import re

from scanner.concepts.memory import DEFAULT_BYTES, GIB, bytes_per_parameter, memory_needed
from scanner.concepts.model import Container, PodSet, Serving
from scanner.core import is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.facts.models import (
    Guess,
    Model,
    Quantization,
    gated,
    model,
    parameters_from_name,
    quantization,
    quantized_while_loading,
)

FULL_CONTEXT_ENGINES = frozenset(("vllm",))
"""Engines that refuse to start when the KV cache cannot hold one sequence of the longest context."""
SHARDS_OVER_ALL = frozenset(("tgi", "nim", "ollama", "llama.cpp", "huggingfaceserver"))
"""Engines that spread over every accelerator of the container unless told otherwise."""
UTILIZATION = {"vllm": 0.9, "sglang": 0.9}
"""The share of memory that an engine takes by default (vLLM ``--gpu-memory-utilization``, SGLang's is about that)."""
MINIMAL_CONTEXT = 2048
GUESSABLE = frozenset(("vllm", "sglang", "tgi", "lmdeploy", "nim", "tensorrt-llm", "huggingfaceserver"))
_HUB_NAME = lazy_pattern(r"\w[\w.-]*/[\w.-]+", re.ASCII)
"""A model of a hub by organisation and name; folders hold what anybody put there under any name."""


def estimate(pods: PodSet) -> None:
    """Fill in the memory fields of every container's ``serving``."""
    for container in pods.containers:
        if container.serving is not None and container.runtime in GUESSABLE and not _takes_other_memory(container):
            estimate_container(container, container.serving, pods.accelerator_memory_gib)


def _takes_other_memory(container: Container) -> bool:
    """Whether KServe's Hugging Face server is told to load the model with Transformers, which puts on the CPU what does
    not fit; otherwise vLLM runs what it can."""
    words = [word.removeprefix("--backend=") for word in container.argv if isinstance(word, str)]
    return container.runtime == "huggingfaceserver" and "huggingface" in words


def estimate_container(container: Container, serving: Serving, accelerator_memory_gib: float | None) -> None:
    """Fill in what facts say of the model of ``serving``, and its sizes, for accelerators of this size."""
    if not isinstance(serving.model, str):
        return
    found, stored = _lookup(serving.model)
    if found is None:
        return
    serving.parameters_b = found.parameters_b
    serving.gated = gated(serving.model)
    flagged = None
    if serving.quantization is not None:
        flagged = quantization(serving.quantization) if isinstance(serving.quantization, str) else None
        if flagged is None or flagged.bytes_per_parameter is None:
            return
    size = _stored_bytes(serving, found, stored, flagged)
    serving.stored_gib = None if size is None or serving.on_node else round(found.parameters_b * 1e9 * size / GIB, 1)
    shards = _shards(container, serving)
    if shards is None or serving.expert_parallel or serving.cpu_offload_gib is not None:
        return
    context = serving.context_length if isinstance(serving.context_length, int) else None
    if container.runtime not in FULL_CONTEXT_ENGINES or (context is not None and context < 1):
        # another engine, or vLLM told to choose (-1), takes the context that fits
        context = None if context is None or context < 1 else context
        context = min(context or MINIMAL_CONTEXT, MINIMAL_CONTEXT)
    dtype = serving.dtype if isinstance(serving.dtype, str) else None
    needed = memory_needed(
        found,
        dtype=dtype,
        quantization=flagged or stored,
        context_length=context,
        tensor_parallel=shards,
        kv_bytes=1.0 if str(serving.kv_cache_dtype or "").startswith("fp8") else DEFAULT_BYTES,
    )
    if needed is None:
        return
    # the parts are rounded first, so that the sum in a message adds up
    weights, cache = round(needed.weights_gib, 1), round(needed.kv_cache_gib or 0.0, 1)
    serving.weights_gib = round(needed.weights_gib * shards, 1)
    serving.needed_gib = round(weights + cache, 1)
    serving.memory_sum = _sum(found, shards, weights, cache, context)
    if isinstance(accelerator_memory_gib, int | float):
        share = serving.gpu_memory_utilization
        share = share if isinstance(share, int | float) else UTILIZATION.get(container.runtime or "", 1.0)
        serving.offered_gib = round(accelerator_memory_gib * share, 1)


def _stored_bytes(
    serving: Serving, found: Model | Guess, named: Quantization | None, flagged: Quantization | None
) -> float | None:
    """Bytes that a parameter takes in the checkpoint.

    A quantisation that the engine only reads is the checkpoint's. One that it can apply while loading says nothing of
    a checkpoint, whose name does: on a hub a quantized one is named so, in a folder it need not be.
    """
    stored = named or (found.quantization if isinstance(found, Guess) else None)
    published = bytes_per_parameter(found.native_bytes if isinstance(found, Model) else None, None, stored)
    if flagged is None or not isinstance(serving.quantization, str):
        return published
    if not quantized_while_loading(serving.runtime, serving.quantization):
        return flagged.bytes_per_parameter if stored is None or published is None else published
    if published is None or _HUB_NAME.fullmatch(str(serving.model)):
        return published
    return min(published, flagged.bytes_per_parameter or published)


def _lookup(name: str) -> tuple[Model | Guess | None, Quantization | None]:
    named = model(name)
    if named is not None:
        return named.model, named.quantization
    return parameters_from_name(name), None


def _shards(container: Container, serving: Serving) -> int | None:
    """Accelerators that share one copy of the model; ``None`` if that is unknown."""
    parallel = (serving.tensor_parallel, serving.pipeline_parallel)
    if any(is_unknown(value) or not isinstance(value, int) or value < 1 for value in parallel):
        return None
    told = bool(serving.sources.keys() & {"tensor_parallel", "pipeline_parallel"})
    if not told and container.runtime in SHARDS_OVER_ALL:
        counted = container.accelerator_count
        return counted if isinstance(counted, int) and counted > 0 else None
    return serving.tensor_parallel * serving.pipeline_parallel or None


def _sum(found: Model | Guess, shards: int, weights: float, cache: float, context: int | None) -> str:
    text = f"{weights:.1f} GiB of weights"
    if cache:
        tokens = context or (found.context if isinstance(found, Model) else None)
        text += f" and {cache:.1f} GiB of KV cache for one sequence of {tokens} tokens"
    return text + (f" on each of {shards} accelerators" if shards > 1 else "")
