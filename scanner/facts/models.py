"""Models that are widely served, and quantisations: typed access to models.csv and the two tables of quantisations."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from scanner.core.patterns import lazy_pattern
from scanner.facts.tables import names, number, rows, whole

_SIZE = lazy_pattern(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_ACTIVE = lazy_pattern(r"(?<![a-z0-9.])a(\d+(?:\.\d+)?)b(?![a-z0-9])")
_EXPERTS = lazy_pattern(r"(?<![a-z0-9])(\d+x\d+(?:\.\d+)?b|\d+e)(?![a-z0-9])")
_GROUP_SIZE = lazy_pattern(r"-(?:gs?\d+|\d+g)\Z")
_VARIANT = lazy_pattern(r"-(instruct|chat|it|base|hf|pt|bf16|fp16)$")


class Model(Struct, frozen=True):
    """What decides how much memory a model takes. A field is ``None`` where the fact is not recorded."""

    id: str
    kind: str
    """``text``, ``vision`` (text from text and images), ``embedding``, ``speech`` or ``image``."""
    parameters_b: float
    """All parameters in billions; of an image pipeline, those of its encoders too."""
    active_b: float | None
    """Parameters that take part in one token, in billions, for mixtures of experts."""
    layers: int | None
    kv_heads: int | None
    head_size: int | None
    context: int | None
    """The longest context in tokens."""
    native_bytes: float | None
    """Bytes a parameter takes in the published weights."""
    cache_layers: int | None
    """Layers that keep keys and values of the whole context, where not all do."""
    window: int | None
    """Tokens that the other layers keep; 0 if their state does not grow with the context."""
    latent: int | None
    """Values that a token's keys and values are compressed to in a layer (multi-head latent attention)."""
    gated: bool
    """Whether its owner's repository on Hugging Face gives the weights to accounts only that were let in."""
    aliases: tuple[str, ...]
    source: str
    date: str


class Quantization(Struct, frozen=True):
    """How weights are compressed."""

    name: str
    bytes_per_parameter: float | None
    """The least that it takes; ``None`` if the name leaves it open."""
    aliases: tuple[str, ...]


class NamedModel(Struct, frozen=True):
    """What a model's name says."""

    model: Model
    quantization: Quantization | None
    """``None`` if the name has none."""


class Guess(Struct, frozen=True):
    """What the name of an unrecorded model says of its size."""

    parameters_b: float
    active_b: float | None
    quantization: Quantization | None


@cache
def models() -> dict[str, Model]:
    """Every model by its id on Hugging Face."""
    return {row["id"]: _model(row) for row in rows("models")}


@cache
def quantizations() -> dict[str, Quantization]:
    """Every quantisation by name."""
    return {
        row["name"]: Quantization(row["name"], number(row["bytes_per_parameter"]), names(row["aliases"]))
        for row in rows("quantizations")
    }


def quantization(name: str) -> Quantization | None:
    """A quantisation as names of models and flags of runtimes spell it; ``None`` if it is not known.

    A flag that is not known is no reason to take weights as uncompressed: what they take cannot be told then.
    """
    return _quantization_names().get(name.strip().lower())


def quantized_while_loading(runtime: str, name: str) -> bool:
    """Whether a runtime also takes weights in full precision for this quantisation, and applies it while it loads them.

    ``name`` is what its flag says. Other quantisations are of the checkpoint.
    """
    return name.strip().lower() in _online_quantizations().get(runtime, ())


def model(name: str) -> NamedModel | None:
    """A recorded model by id, alias or path; ``None`` if it is not recorded or the name fits several.

    Upper and lower case are the same. The organisation may be another one or missing, and folders before the name do
    not matter. Suffixes for a quantisation (``-AWQ``, ``-GPTQ-Int4``, ``-FP8``) are taken off and reported; suffixes
    such as ``-Instruct`` may be missing or be added where the record covers both.
    """
    full = name.strip().rstrip("/").lower()
    if full in _by_name():
        return _found(_by_name()[full], None)
    bare, compressed = _split_quantization(_last(full))
    for key in (bare, _VARIANT.sub("", bare)):
        if key in _by_name():
            return _found(_by_name()[key], compressed)
    return None


def gated(name: str) -> bool:
    """Whether the hub gates the repository of this name: that of the model's owner, not a copy of somebody else."""
    found = model(name) if name.count("/") == 1 else None
    owner = name.strip().lower().partition("/")[0]
    return found is not None and found.model.gated and found.model.id.lower().partition("/")[0] == owner


def parameters_from_name(name: str) -> Guess | None:
    """The size that a model's name states, such as 70 for ``…-70B-Instruct-AWQ``.

    ``None`` if it states none or several, or counts experts instead (``8x7B``, ``17B-16E``), whose total the name
    does not say. A tag after a colon (``llama3.1:8b``) names a model of Ollama, which has four bits a weight unless the
    tag says otherwise.
    """
    full = _last(name.strip().rstrip("/").lower())
    bare = re.sub(r"(\d)_(\d)", r"\1.\2", _split_quantization(full)[0])
    sizes = {float(size) / (1 if unit == "b" else 1000) for size, unit in _SIZE.findall(bare)}
    if len(sizes) != 1 or _EXPERTS.search(bare):
        return None
    active = _ACTIVE.search(bare)
    return Guess(sizes.pop(), float(active[1]) if active else None, _stated_quantization(full))


def _stated_quantization(name: str) -> Quantization | None:
    """The most exact quantisation that a name says in any place."""
    found = [_quantization_names()[word] for word in _quantization_word().findall(name)]
    if not found and ":" in name and not re.search(r"(fp|bf|f)(16|32)\b", name):
        return quantizations()["4-bit"]
    return min(found, key=_vagueness, default=None)


@cache
def _online_quantizations() -> dict[str, frozenset[str]]:
    return {row["runtime"]: frozenset(names(row["quantizations"])) for row in rows("online_quantizations")}


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _found(known: Model | None, compressed: Quantization | None) -> NamedModel | None:
    return None if known is None else NamedModel(known, compressed)


def _split_quantization(name: str) -> tuple[str, Quantization | None]:
    """The name without the words at its end that say the quantisation, and the most exact one that they say."""
    found: list[Quantization] = []
    rest = name.removesuffix(".gguf")
    while said := _said_at_the_end(rest):
        rest, item = said
        found.append(item)
    return rest, min(found, key=_vagueness, default=None)


def _said_at_the_end(name: str) -> tuple[str, Quantization] | None:
    """The name without its last words, and the quantisation that they say, if they do.

    They may have the size of its groups with them (``-w4a16-g128``).
    """
    known = _quantization_names()
    for index, sign in enumerate(name):
        if sign in "-._:":
            words = name[index + 1 :].removeprefix("quantized.").removeprefix("quantized-")
            item = known.get(words) or known.get(_GROUP_SIZE.sub("", words))
            if item is not None:
                return name[:index], item
    return None


def _vagueness(item: Quantization) -> int:
    """Lower for what settles the size: a width beside the name of a method counts more than the method."""
    if item.bytes_per_parameter is None:
        return 2
    return 1 if item.name in ("gptq", "awq", "bitsandbytes") else 0


@cache
def _quantization_names() -> dict[str, Quantization]:
    return {name: item for item in quantizations().values() for name in (item.name, *item.aliases)}


@cache
def _quantization_word() -> re.Pattern[str]:
    alternatives = "|".join(sorted((re.escape(name) for name in _quantization_names()), key=len, reverse=True))
    return re.compile(rf"(?<![a-z0-9])({alternatives})(?![a-z0-9])")


@cache
def _by_name() -> dict[str, Model | None]:
    """Models by lower-case id and alias, with and without organisation; ``None`` where several have the name."""
    table: dict[str, Model | None] = {}
    for item in models().values():
        given = {name.lower() for name in (item.id, *item.aliases)}
        bare = {_last(name) for name in given}
        for key in given | bare | {_VARIANT.sub("", name) for name in bare}:
            table[key] = item if table.get(key, item) is item else None
    table.update({name.lower(): item for item in models().values() for name in (item.id, *item.aliases) if "/" in name})
    return table


def _model(row: dict[str, str]) -> Model:
    return Model(
        id=row["id"],
        kind=row["kind"],
        parameters_b=float(row["parameters_b"]),
        active_b=number(row["active_b"]),
        layers=whole(row["layers"]),
        kv_heads=whole(row["kv_heads"]),
        head_size=whole(row["head_size"]),
        context=whole(row["context"]),
        native_bytes=number(row["native_bytes"]),
        cache_layers=whole(row["cache_layers"]),
        window=whole(row["window"]),
        latent=whole(row["latent"]),
        gated=row["gated"] == "yes",
        aliases=names(row["aliases"]),
        source=row["source"],
        date=row["date"],
    )
