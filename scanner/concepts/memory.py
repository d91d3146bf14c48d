"""How much accelerator memory a model takes at least.

The estimate is a lower bound that any serving engine needs, per shard (one accelerator):

- weights: parameters * bytes per parameter / (tensor parallel * pipeline parallel). All experts of a mixture count,
  for all of them are resident.
- KV cache: sequences * context length * bytes a token, where a layer keeps 2 (key and value) * KV heads * head size
  values for a token. KV heads are split over the tensor-parallel shards until each has one; layers are split over the
  pipeline stages. Sliding-window layers keep their window only. Multi-head latent attention keeps one compressed
  vector a token and layer, which every tensor-parallel shard holds whole.
- overhead: CUDA context, communication buffers and workspace of one process.

Sources: "Efficient Memory Management for Large Language Model Serving with PagedAttention" (Kwon et al. 2023, section
2 on the size of the KV cache), "GQA" (Ainslie et al. 2023), "DeepSeek-V2" (2024, section 2.1 on latent attention) and
vLLM's documentation on conserving memory.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from scanner.facts.models import Guess, Model, Quantization

GIB = 2**30
OVERHEAD_GIB = 1.0
"""What one process takes at least beside weights and KV cache; engines commonly take one to three GiB."""
DEFAULT_BYTES = 2.0
"""Bytes a parameter or cached value takes where nothing says otherwise: bfloat16 or float16."""
_DTYPES = {
    "float32": 4.0,
    "float": 4.0,
    "fp32": 4.0,
    "bfloat16": 2.0,
    "bf16": 2.0,
    "float16": 2.0,
    "half": 2.0,
    "fp16": 2.0,
}


class Estimate(NamedTuple):
    """GiB that one shard needs at least."""

    weights_gib: float
    kv_cache_gib: float | None
    """``None`` if it cannot be told: the layers or the context length are not known."""
    overhead_gib: float

    @property
    def total_gib(self) -> float:
        """The sum of what is known, hence still a lower bound if the KV cache is not."""
        return self.weights_gib + (self.kv_cache_gib or 0.0) + self.overhead_gib


def bytes_per_parameter(
    native_bytes: float | None = None, dtype: str | None = None, quantization: Quantization | None = None
) -> float | None:
    """Bytes that a parameter takes once loaded; ``None`` if the quantisation leaves it open or the dtype is unknown.

    A quantisation decides before the dtype. Weights that are published in less than 16 bits stay so whatever the
    dtype of the computation, and engines load 32-bit weights in 16 bits unless the dtype says otherwise.
    """
    if quantization is not None:
        return quantization.bytes_per_parameter
    if native_bytes is not None and native_bytes < DEFAULT_BYTES:
        return native_bytes
    return DEFAULT_BYTES if dtype in (None, "", "auto") else _DTYPES.get(dtype.lower())


def memory_needed(
    model: Model | Guess,
    *,
    dtype: str | None = None,
    quantization: Quantization | None = None,
    context_length: int | None = None,
    sequences: int = 1,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    kv_bytes: float = DEFAULT_BYTES,
) -> Estimate | None:
    """The least memory that each shard of a served model needs; ``None`` if its weights cannot be told.

    ``quantization`` is how the weights are stored; for a guess from a name, the one in the name is taken unless one is
    given. ``context_length`` is in tokens and defaults to the longest context of the model. ``sequences`` is how many
    contexts of that length fit at the same time; ``kv_bytes`` is the size of a cached value (1 for an fp8 cache).
    Raises ``ValueError`` if a number of shards is not positive.
    """
    if tensor_parallel < 1 or pipeline_parallel < 1:
        raise ValueError("A model has at least one shard")
    known = model if isinstance(model, Model) else None
    stored = quantization or (model.quantization if isinstance(model, Guess) else None)
    size = bytes_per_parameter(known.native_bytes if known else None, dtype, stored)
    if size is None:
        return None
    weights = model.parameters_b * 1e9 * size / (tensor_parallel * pipeline_parallel)
    cache = (
        None if known is None else _cached_bytes(known, context_length, tensor_parallel, pipeline_parallel, kv_bytes)
    )
    return Estimate(weights / GIB, None if cache is None else sequences * cache / GIB, OVERHEAD_GIB)


def _cached_bytes(model: Model, context: int | None, tensor: int, pipeline: int, kv_bytes: float) -> float | None:
    """Bytes of KV cache that one shard keeps for one sequence; ``None`` if it cannot be told."""
    if model.kind in ("embedding", "image"):
        return 0.0
    tokens = context or model.context
    if model.layers is None or tokens is None:
        return None
    if model.latent is not None:
        values = float(model.latent)
    elif model.kv_heads is not None and model.head_size is not None:
        values = 2.0 * ceil(model.kv_heads / tensor) * model.head_size
    else:
        return None
    whole = model.layers if model.cache_layers is None else model.cache_layers
    windowed = (model.layers - whole) * min(model.window or 0, tokens)
    return (whole * tokens + windowed) / pipeline * values * kv_bytes
