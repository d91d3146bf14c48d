"""The models behind the names that operators have for them: typed access to kaito_presets.csv."""

from __future__ import annotations

from functools import cache

from scanner.facts.tables import rows


def kaito_model(preset: str) -> str | None:
    """The model on Hugging Face behind a preset of KAITO; ``None`` if the name is not recorded.

    Newer presets are named as the model on Hugging Face itself. Upper and lower case are the same.
    """
    return preset if "/" in preset else _kaito().get(preset.lower())


@cache
def _kaito() -> dict[str, str]:
    return {row["preset"]: row["model"] for row in rows("kaito_presets")}
