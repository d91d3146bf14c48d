"""Paths of rules find what RFC 9535 says, and unknown values on the way are found as such."""

from __future__ import annotations

from typing import Any

import jsonpath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core import Resource, Span, Unknown, get
from scanner.engine.paths import Found, Frame, PathError, compile_path

NAMES = st.sampled_from(["a", "b", "c-d", "_e"])
QUOTED = st.sampled_from(["a", "b", "nvidia.com/gpu", "c d", "ä"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("xyz", max_size=2),
    # an empty list in a mapping is taken for absent, as an empty dynamic block is
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES | QUOTED, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.one_of(
    NAMES.map(lambda name: (f".{name}", f"['{name}']")),
    QUOTED.map(lambda name: (f"['{name}']",) * 2),
    st.integers(-3, 3).map(lambda number: (f"[{number}]",) * 2),
    st.just(("[*]",) * 2),
)


class Nowhere:
    def locate(self, path: Any) -> Any:
        raise AssertionError


RESOURCE = Resource("a.b", "a", "b", "a", {}, Span("a.tf", 1, 1, 1, 1), Nowhere(), "terraform", "")


def find(path: str, value: Any) -> list[Found]:
    subject = Found(value, ())
    return compile_path(path).find(Frame(subject, subject, subject, RESOURCE))


@given(VALUES, st.lists(STEPS, max_size=4))
def test_paths_find_what_the_standard_says(value: Any, steps: list[tuple[str, str]]) -> None:
    ours = "$" + "".join(step for step, _ in steps)
    standard = "$" + "".join(step for _, step in steps)
    assert [item.value for item in find(ours, value)] == jsonpath.findall(standard, value)


@given(VALUES, st.lists(STEPS, max_size=4))
def test_the_source_of_a_value_leads_to_it(value: Any, steps: list[tuple[str, str]]) -> None:
    for item in find("$" + "".join(step for step, _ in steps), value):
        assert item.source is not None
        assert item.value is None or get(value, *item.source) is item.value


@given(st.lists(STEPS, max_size=4))
def test_what_lies_inside_an_unknown_value_is_that_unknown_value(steps: list[tuple[str, str]]) -> None:
    unknown = Unknown("not set", "var.a")
    assert [item.value for item in find("$.a" + "".join(step for step, _ in steps), {"a": unknown})] == [unknown]


@given(st.text(max_size=20))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        compile_path(text)
    except PathError:
        return
    assert text[0] in "$@^"


@pytest.mark.parametrize("text", ["", "a", "$.", "$a", "$[a]", "$..a", "$[?@.a]", "$[1:2]", "$['a", "$.a "])
def test_what_the_subset_leaves_out_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        compile_path(text)
