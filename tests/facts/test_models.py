"""The table of models: plausible rows, found under the names that people write."""

from datetime import date

import pytest

from scanner.facts.kinds import runtimes
from scanner.facts.models import (
    gated,
    model,
    models,
    parameters_from_name,
    quantization,
    quantizations,
    quantized_while_loading,
)
from scanner.facts.tables import rows


@pytest.mark.parametrize("table", ["models", "quantizations", "online_quantizations"])
def test_every_row_has_a_source_and_an_iso_date(table: str) -> None:
    wrong = [row for row in rows(table) if not row["source"] or date.fromisoformat(row["date"]) < date(2024, 1, 1)]
    assert wrong == []


def test_ids_are_unique_and_have_an_organisation() -> None:
    ids = [row["id"].lower() for row in rows("models")]
    assert len(set(ids)) == len(ids) >= 150
    assert all(name.count("/") == 1 for name in ids)


def test_no_alias_is_listed_twice() -> None:
    aliases = [alias.lower() for item in models().values() for alias in (item.id, *item.aliases)]
    assert sorted(aliases) == sorted(set(aliases))


def test_every_id_and_alias_finds_its_own_row() -> None:
    for item in models().values():
        for name in (item.id, *item.aliases):
            found = model(name)
            assert found is not None and found.model is item, name


def test_rows_are_plausible() -> None:
    for item in models().values():
        assert item.kind in ("text", "vision", "embedding", "speech", "image"), item
        assert 0.01 <= item.parameters_b <= 1100, item
        assert item.active_b is None or item.active_b < item.parameters_b, item
        assert item.layers is None or 6 <= item.layers <= 130, item
        assert item.kv_heads is None or 1 <= item.kv_heads <= 112, item
        assert item.head_size is None or 64 <= item.head_size <= 256, item
        assert item.context is None or 512 <= item.context <= 10_485_760, item
        assert item.native_bytes is None or 0.5 <= item.native_bytes <= 4, item
        assert (item.cache_layers is None) == (item.window is None) or item.kind == "vision", item
        assert item.cache_layers is None or (item.layers is not None and item.cache_layers < item.layers), item
        assert item.latent is None or item.kv_heads is None, item


def test_a_size_in_the_name_is_near_the_recorded_one() -> None:
    for item in models().values():
        guess = parameters_from_name(item.id)
        if guess and item.kind == "text":
            assert guess.parameters_b == pytest.approx(item.parameters_b, rel=0.2, abs=0.7), item.id


@pytest.mark.parametrize(
    ("name", "expected", "compressed"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B", None),
        ("meta-llama/meta-llama-3.1-8b-instruct", "meta-llama/Llama-3.1-8B", None),
        ("Llama-3.3-70B-Instruct", "meta-llama/Llama-3.3-70B-Instruct", None),
        ("/models/Qwen2.5-72B-Instruct-AWQ", "Qwen/Qwen2.5-72B", "awq"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8", "Qwen/Qwen2.5-7B", "8-bit"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "Qwen/Qwen2.5-7B", "4-bit"),
        ("neuralmagic/Meta-Llama-3.1-70B-Instruct-FP8", "meta-llama/Llama-3.1-70B", "fp8"),
        ("RedHatAI/Meta-Llama-3.1-70B-Instruct-quantized.w4a16", "meta-llama/Llama-3.1-70B", "4-bit"),
        ("acme/Qwen2.5-72B-Instruct-W4A16-G128", "Qwen/Qwen2.5-72B", "4-bit"),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "meta-llama/Llama-3.3-70B-Instruct", "fp8"),
        ("bartowski/Mistral-Nemo-Instruct-2407-GGUF", "mistralai/Mistral-Nemo-Instruct-2407", "gguf"),
        ("Mistral-7B-Instruct-v0.3.Q4_K_M.gguf", "mistralai/Mistral-7B-v0.3", "q4_k_m"),
        ("nvidia/DeepSeek-R1-NVFP4", "deepseek-ai/DeepSeek-V3", "nvfp4"),
        ("unsloth/gemma-2-9b-it-bnb-4bit", "google/gemma-2-9b", "4-bit"),
        ("gemma-3-27b", "google/gemma-3-27b-it", None),
        ("s3://models/llama-3.1-70b-instruct/", "meta-llama/Llama-3.1-70B", None),
    ],
)
def test_models_are_found_under_the_names_that_people_write(name: str, expected: str, compressed: str | None) -> None:
    found = model(name)
    assert found is not None and found.model.id == expected
    assert (found.quantization and found.quantization.name) == compressed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", True),
        ("meta-llama/meta-llama-3-70b-instruct", True),
        ("google/gemma-3-27b-it", True),
        ("NousResearch/Meta-Llama-3.1-8B-Instruct", False),
        ("Llama-3.1-8B-Instruct", False),
        ("/models/meta-llama/Llama-3.1-8B-Instruct", False),
        ("Qwen/Qwen3-8B", False),
    ],
)
def test_only_the_repository_of_the_owner_is_gated(name: str, expected: bool) -> None:
    assert gated(name) is expected


@pytest.mark.parametrize("name", ["", "acme/support-model", "/models/current", "llama", "qwen-instruct", "AWQ", "70B"])
def test_unrecorded_models_are_not_found(name: str) -> None:
    assert model(name) is None


@pytest.mark.parametrize(
    ("name", "billions", "active", "compressed"),
    [
        ("acme/Support-70B-Instruct-AWQ", 70, None, "awq"),
        ("acme/finetune-1.5b", 1.5, None, None),
        ("acme/tiny-350M", 0.35, None, None),
        ("acme/Sparse-30B-A3B-FP8", 30, 3, "fp8"),
        ("acme/old-1_6b", 1.6, None, None),
        ("acme/Support-70B-AWQ-custom", 70, None, "awq"),
        ("acme/Support-7B-exl2", 7, None, "of-any-width"),
        ("llama3.1:8b", 8, None, "4-bit"),
        ("llama3.1:8b-instruct-q8_0", 8, None, "q8_0"),
        ("llama3.1:8b-instruct-fp16", 8, None, None),
    ],
)
def test_the_size_in_a_name_is_read(name: str, billions: float, active: float | None, compressed: str | None) -> None:
    guess = parameters_from_name(name)
    assert guess is not None
    assert (guess.parameters_b, guess.active_b) == (billions, active)
    assert (guess.quantization and guess.quantization.name) == compressed


@pytest.mark.parametrize(
    "name",
    ["", "acme/support", "acme/Mix-8x7B", "acme/Big-17B-16E", "merge-7B-and-13B", "model-4bit", "phi-3-mini-128k"],
)
def test_names_without_one_clear_size_say_nothing(name: str) -> None:
    assert parameters_from_name(name) is None


def test_quantisations_are_known_as_runtimes_spell_them() -> None:
    expected = {"awq_marlin": "awq", "modelopt_fp4": "nvfp4", "bitsandbytes-nf4": "4-bit", "Q4_K_M": "q4_k_m"}
    assert {name: (item := quantization(name)) and item.name for name in expected} == expected
    assert quantization("some-new-method") is None
    several = quantization("compressed-tensors")
    assert several is not None and several.bytes_per_parameter is None
    assert all(0.3 < (item.bytes_per_parameter or 1) < 1.1 for item in quantizations().values())


def test_quantizations_of_a_running_engine_are_known_with_their_size() -> None:
    for row in rows("online_quantizations"):
        assert row["runtime"] in runtimes()["serving"]
        for name in row["quantizations"].split(";"):
            known = quantization(name)
            assert known is not None and known.bytes_per_parameter is not None, name


@pytest.mark.parametrize(
    ("runtime", "name", "online"),
    [
        ("vllm", "FP8", True),
        ("vllm", "awq", False),
        ("vllm", "modelopt", False),
        ("vllm", "compressed-tensors", False),
        ("sglang", "modelopt_fp8", True),
        ("sglang", "w8a8_int8", False),
        ("tgi", "eetq", True),
        ("tgi", "gptq", False),
        ("lmdeploy", "fp8", False),
    ],
)
def test_an_engine_quantizes_while_loading_or_reads_quantized_weights(runtime: str, name: str, online: bool) -> None:
    assert quantized_while_loading(runtime, name) is online
