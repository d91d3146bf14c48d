"""A short fuzz of every target with a fixed seed; ``run.py`` and ``objects.py`` run as long as wanted."""

from __future__ import annotations

import random

import pytest
from objects import walk
from seeds import seeds, words
from targets import TARGETS

RUNS = 400
WALKED = 900
MAX_CHARACTERS = 6_000


def mutated(text: str, others: list[str], known: tuple[str, ...], chance: random.Random) -> str:
    """The text with a few pieces removed, doubled, replaced, or taken from elsewhere."""
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice((0, 1, 1, 2, 8, 40, 200)))
        other = chance.choice(others)
        cut = chance.randint(0, len(other))
        piece = chance.choice((
            "", text[start:end] * 2, chance.choice(known), chance.choice(known), chr(chance.randrange(0x300)),
            other[cut : cut + chance.choice((4, 40, 400))], str(10 ** chance.randint(0, 400)),
        ))  # fmt: skip
        text = text[:start] + piece + text[end:]
    return text[:MAX_CHARACTERS]


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_makes_a_reader_fail(target: str) -> None:
    chance = random.Random(target)
    starts, known = seeds(target), words(target)
    for _ in range(RUNS):
        text = mutated(chance.choice(starts), starts, known, chance)
        try:
            TARGETS[target](text.encode("utf-8", "replace"))
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error} for {text!r}")


def test_no_field_makes_anything_fail_that_objects_lead_to() -> None:
    def failed(text: str, error: Exception) -> None:
        pytest.fail(f"{type(error).__name__}: {error} for {text!r}")

    walk(WALKED, random.Random(WALKED), failed)
