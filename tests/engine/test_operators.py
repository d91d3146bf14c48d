"""Comparisons of what is no number, is not known yet, or is long."""

import operator

import pytest

from scanner.concepts.interpret import Concepts
from scanner.core import AtLeast, Location, Resource, Span, Unknown
from scanner.engine.conditions import Names, World, compile_condition
from scanner.engine.evaluate import shown
from scanner.engine.limits import MAX_STEPS, StepLimit, Stopwatch
from scanner.engine.logic import Undecided
from scanner.engine.operators import compare, matches
from scanner.engine.paths import Found, Frame
from scanner.graph import ResourceGraph


class Nowhere:
    def locate(self, path: object) -> Location:
        return Location(Span("a.yaml", 1, 1, 1, 1))


RESOURCE = Resource("A/a", "A", "a", "kubernetes", {}, Span("a.yaml", 1, 1, 1, 1), Nowhere(), "kubernetes", "")


@pytest.mark.parametrize(
    "value", ["nan", "snan", float("nan"), "", "x", None, True, [], {}, [1], "1e9999999999999999999"]
)
@pytest.mark.parametrize("kind", ["number", "quantity", "duration"])
def test_what_is_no_number_compares_as_false(value: object, kind: str) -> None:
    assert compare(operator.lt, kind)(value, 1) is False
    assert compare(operator.lt, kind)(1, value) is False


def test_a_quantity_that_is_still_to_be_filled_in_is_unknown() -> None:
    assert isinstance(compare(operator.ge, "quantity")("${SIZE}", 1), Unknown)
    assert isinstance(compare(operator.ge, "quantity")("1Gi", "$SIZE"), Unknown)


@pytest.mark.parametrize("pattern", ["^a+$", "b|a", "^(a|b)?a", r"(a)\1"])
@pytest.mark.parametrize("length", [0, 1, 2, 20, 300, 9_999])
def test_a_pattern_finds_the_same_however_its_time_is_bounded(pattern: str, length: int) -> None:
    assert matches("a" * length, pattern, Stopwatch()) is (length >= (2 if "1" in pattern else 1))


def test_the_items_of_a_path_are_those_of_the_current_item() -> None:
    names = Names({}, frozenset(), pointing=False)
    condition = compile_condition({"path": "@.a[*]", "equals": 1}, names)
    world = World(ResourceGraph(), Concepts())
    subject = Found({}, ())
    for value in ([1], [2], [], [2, 1]):
        item = Found({"a": value}, ())
        assert condition(Frame(subject, item, subject, RESOURCE), world) is (1 in value)


def test_long_lists_are_gone_through_up_to_a_limit_for_each_file() -> None:
    condition = compile_condition({"path": "$.a", "none": {"path": "@", "equals": 1}}, Names({}, frozenset()))
    world = World(ResourceGraph(), Concepts())
    subject = Found({"a": [0] * 1_000}, ())
    frame = Frame(subject, subject, subject, RESOURCE)
    for file in ("a.yaml", "b.yaml"):
        world.steps.file = file
        for _ in range(MAX_STEPS // 1_000):
            assert condition(frame, world) is True
        with pytest.raises(StepLimit, match="for this file"):
            condition(frame, world)


def test_what_stands_anywhere_is_looked_for_once_unless_it_depends_on_the_subject() -> None:
    graph = ResourceGraph([RESOURCE])
    subjects = [Found({"name": name}, ()) for name in ("a", "b")]
    RESOURCE.attributes["name"] = "a"
    for operand, expected in (({"path": "$.name"}, [True, False]), ("a", [True, True])):
        data = {"present": {"type": "A", "where": {"path": "@.name", "equals": operand}}}
        condition = compile_condition(data, Names({}, frozenset()))
        world = World(graph, Concepts())
        assert [condition(Frame(item, item, item, RESOURCE), world) for item in subjects] == expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ({"gt": 0}, True),
        ({"ge": 2}, True),
        ({"gt": 2}, None),
        ({"lt": 2}, False),
        ({"le": 1}, False),
        ({"le": 2}, None),
        ({"equals": 2}, None),
    ],
)
def test_the_least_of_a_count_decides_what_it_can(comparison: dict[str, int], expected: bool | None) -> None:
    count = AtLeast("all devices of a node", "", 2)
    condition = compile_condition({"path": "$.a", **comparison}, Names({}, frozenset()))
    subject = Found({"a": count}, ())
    truth = condition(Frame(subject, subject, subject, RESOURCE), World(ResourceGraph(), Concepts()))
    assert (None if isinstance(truth, Undecided) else truth) is expected
    assert shown(count) == "at least 2"
