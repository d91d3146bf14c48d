"""What a search with a pattern may take, worked out from its text."""

import math
import re
import sys

import pytest

from scanner.engine.backtracking import Effort, Ways, effort
from scanner.engine.limits import Stopwatch
from scanner.engine.operators import matches


@pytest.mark.parametrize(
    ("pattern", "choices", "repetitions", "anchored"),
    [
        ("abc", 1, 0, False),
        ("^abc$", 1, 0, True),
        ("(?i)^abc", 1, 0, True),
        ("^a|b", 2, 0, False),
        ("^(a|b)$", 2, 0, True),
        ("a|b|c", 3, 0, False),
        ("(a|b)(c|d)e?", 8, 0, False),
        ("(?:a|b(?P<name>c)?)", 3, 0, False),
        ("a*b+?c{2,3}d{4}", 1, 3, False),
        ("a*|b*c*|d", 3, 2, False),
        (r"\(\|[(|*+?]]?\)", 2, 0, False),
        (r"[]|(]", 1, 0, False),
        (r"[^]\]|(]+", 1, 1, False),
        ("a(?!b|c)(?<=d)", 2, 0, False),
    ],
)
def test_choices_add_up_and_multiply(pattern: str, choices: float, repetitions: int, anchored: bool) -> None:
    re.compile(pattern)
    assert effort(pattern) == Effort(Ways(choices, repetitions), anchored)


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "(a|a)*b", "(?:a){2,9}b", r"(a)\1", "(?P<n>a)(?P=n)", "(a)(?(1)b|c)", "(?x)a b", "(?#(|)a"]
)
def test_what_repeats_groups_or_refers_to_them_counts_as_endless(pattern: str) -> None:
    re.compile(pattern)
    assert effort(pattern).longest(10**9) < 0


def test_the_longest_text_is_the_last_within_the_limit() -> None:
    assert effort("^(a|b)c*").longest(2_000) == pytest.approx(999)
    assert effort("^(a|b)c*").longest(2_000, steps=True) == pytest.approx(math.sqrt(1_000) - 1)
    assert effort("^(a|b)$").longest(2) == math.inf
    assert effort("^(a|b)$").longest(1) < 0


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(/[a-z/]*/)?(nvidia|rocm)-smi;?$",
        r"^(-[a-z]+|--|(/usr)?(/bin/)?(ba|da|a)?sh|tail|\d+[smhd]?;?|true;?|:;?|done;?|wait)$",
        r"(?i)(^|[-_])(ml|train\w*|feature\w*|embedding\w*)($|[-_0-9])",
    ],
)
def test_most_patterns_do_without_a_bound_on_their_time(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "regex", None)
    assert not matches("x" * 200, pattern, Stopwatch())
