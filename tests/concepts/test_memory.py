"""Memory estimates of known models against what is known to fit and not to fit."""

import pytest

from scanner.concepts.memory import Estimate, bytes_per_parameter, memory_needed
from scanner.facts.accelerators import accelerator
from scanner.facts.models import Model, model, parameters_from_name, quantization


def recorded(name: str) -> Model:
    found = model(name)
    assert found is not None
    return found.model


def estimate(name: str, **options: object) -> Estimate:
    needed = memory_needed(recorded(name), **options)  # type: ignore[arg-type]
    assert needed is not None
    return needed


def fits(needed: Estimate, memory_gib: float, utilization: float = 1.0) -> bool:
    return needed.total_gib <= memory_gib * utilization


def usable(name: str) -> float:
    found = accelerator(name)
    assert found is not None
    return found.usable_gib


def test_llama_70b_in_bfloat16_takes_131_gib_and_fits_no_single_l4() -> None:
    needed = estimate("Llama-3.1-70B-Instruct", dtype="bfloat16", context_length=8192)
    assert needed.weights_gib == pytest.approx(131, abs=1)
    assert not fits(needed, usable("nvidia-l4"))
    assert not fits(needed, usable("nvidia-h100-80gb"))


def test_llama_70b_fits_four_h100_with_its_whole_context() -> None:
    needed = estimate("Llama-3.1-70B-Instruct", tensor_parallel=4)
    assert needed.kv_cache_gib == pytest.approx(10, abs=0.1)
    assert fits(needed, usable("nvidia-h100-80gb"), 0.9)


def test_llama_70b_at_four_bits_fits_48_gb_with_a_short_context_only() -> None:
    compressed = quantization("awq")
    short = estimate("Llama-3.1-70B-Instruct", quantization=compressed, context_length=8192)
    assert fits(short, usable("nvidia-l40s"), 0.9)
    whole = estimate("Llama-3.1-70B-Instruct", quantization=compressed)
    assert not fits(whole, usable("nvidia-l40s"), 0.9)


def test_llama_8b_fits_a_24_gb_gpu_but_its_whole_context_does_not() -> None:
    assert fits(estimate("Llama-3.1-8B", context_length=8192), usable("nvidia-a10g"), 0.9)
    assert not fits(estimate("Llama-3.1-8B"), usable("nvidia-a10g"), 0.9)


def test_the_cache_of_llama_2_7b_is_half_a_mebibyte_a_token() -> None:
    needed = estimate("Llama-2-7b", context_length=4096)
    assert needed.kv_cache_gib == pytest.approx(2.0)


def test_deepseek_v3_needs_more_than_eight_h100_and_fits_eight_h200() -> None:
    needed = estimate("deepseek-ai/DeepSeek-V3", tensor_parallel=8, context_length=32768)
    assert needed.weights_gib * 8 == pytest.approx(625, abs=2)
    assert not fits(needed, usable("nvidia-h100-80gb"), 0.9)
    assert fits(needed, usable("nvidia-h200"), 0.9)


def test_latent_attention_is_not_split_over_tensor_parallel_shards() -> None:
    one, eight = (estimate("deepseek-ai/DeepSeek-V3", tensor_parallel=n, context_length=32768) for n in (1, 8))
    assert one.kv_cache_gib == eight.kv_cache_gib == pytest.approx(61 * 576 * 2 * 32768 / 2**30)


def test_kv_heads_are_split_until_each_shard_has_one() -> None:
    caches = [estimate("Qwen2.5-7B", tensor_parallel=n, context_length=4096).kv_cache_gib for n in (1, 4, 8)]
    assert caches[1] == caches[2] == pytest.approx((caches[0] or 0) / 4)


def test_sliding_windows_keep_the_cache_small() -> None:
    needed = estimate("google/gemma-3-27b-it", context_length=131072)
    everything = 62 * 131072 * 2 * 16 * 128 * 2 / 2**30
    assert needed.kv_cache_gib is not None and needed.kv_cache_gib < everything / 5


def test_published_four_bit_weights_stay_small_whatever_the_dtype() -> None:
    assert estimate("openai/gpt-oss-120b", dtype="bfloat16").weights_gib == pytest.approx(61, abs=1)


def test_a_pipeline_splits_weights_and_layers() -> None:
    one, two = (estimate("Llama-3.1-8B", pipeline_parallel=n, context_length=8192) for n in (1, 2))
    assert two.weights_gib == pytest.approx(one.weights_gib / 2)
    assert two.kv_cache_gib == pytest.approx((one.kv_cache_gib or 0) / 2)


def test_encoders_keep_no_cache() -> None:
    assert estimate("BAAI/bge-m3").kv_cache_gib == 0


def test_a_guess_from_a_name_gives_weights_and_leaves_the_cache_open() -> None:
    guess = parameters_from_name("acme/Support-70B-Instruct-AWQ")
    assert guess is not None
    needed = memory_needed(guess)
    assert needed is not None and needed.kv_cache_gib is None
    assert needed.weights_gib == pytest.approx(34.6, abs=0.1)
    assert needed.total_gib == needed.weights_gib + needed.overhead_gib


def test_weights_of_unsaid_width_give_no_estimate() -> None:
    assert memory_needed(recorded("Llama-3.1-8B"), quantization=quantization("gguf")) is None
    assert memory_needed(recorded("Llama-3.1-8B"), dtype="int7") is None


def test_an_unrecorded_layer_count_leaves_the_cache_open() -> None:
    assert estimate("nvidia/Llama-3_3-Nemotron-Super-49B-v1").kv_cache_gib is None


def test_thirty_two_bit_weights_are_loaded_in_sixteen_unless_asked() -> None:
    assert bytes_per_parameter(4) == bytes_per_parameter(4, "auto") == 2
    assert bytes_per_parameter(4, "float32") == 4


def test_shards_must_be_positive() -> None:
    with pytest.raises(ValueError):
        memory_needed(recorded("Llama-3.1-8B"), tensor_parallel=0)
