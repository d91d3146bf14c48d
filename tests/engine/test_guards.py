"""Guards leave out only subjects that the whole condition leaves out as well."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanner.concepts.interpret import Concepts
from scanner.concepts.model import PodSet
from scanner.core import Location, Resource, Span, Unknown
from scanner.engine.conditions import Names, World, compile_condition
from scanner.engine.guards import Subjects, guards_of
from scanner.engine.paths import Found, Frame
from scanner.graph import ResourceGraph

VALUES = st.sampled_from(
    ["serving", "training", True, False, 0, 1, 2.0, None, ["serving"], Unknown("not set", "var.a")]
)
LITERALS = st.sampled_from(["serving", "training", True, False, 0, 1, 2.0])
FIELDS = st.sampled_from(["role", "runtime", "replicas", "host_network"])
TESTS = st.one_of(
    st.builds(lambda field, value: {"path": f"$.{field}", "equals": value}, FIELDS, LITERALS),
    st.builds(lambda field, values: {"path": f"$.{field}", "in": values}, FIELDS, st.lists(LITERALS, max_size=3)),
    st.builds(lambda field, value: {"path": f"$.{field}", "not_equals": value}, FIELDS, LITERALS),
    st.builds(lambda field: {"path": f"$.{field}", "exists": True}, FIELDS),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)


class Nowhere:
    def locate(self, path: Any) -> Location:
        return Location(self.extent())

    def extent(self) -> Span:
        return Span("a.yaml", 1, 1, 1, 1)


def pods(values: dict[str, Any]) -> PodSet:
    resource = Resource("Pod/a", "Pod", "a", "kubernetes", {}, Span("a.yaml", 1, 1, 1, 1), Nowhere(), "kubernetes", "")
    return PodSet(resource=resource, **values)


@given(
    CONDITIONS, st.lists(st.fixed_dictionaries(dict.fromkeys(("role", "runtime", "replicas", "host_network"), VALUES)))
)
def test_no_subject_that_a_condition_admits_is_left_out(where: Any, values: list[dict[str, Any]]) -> None:
    found = [(Found(item, ()), item.resource) for item in map(pods, values)]
    condition = compile_condition(where, Names({}, frozenset(), frozenset()))
    world = World(ResourceGraph(), Concepts())
    admitted = [
        resource
        for subject, resource in found
        if condition(Frame(subject, subject, subject, resource), world) is not False
    ]
    chosen = [resource for _, resource in Subjects({"PodSet": found}).of("PodSet", guards_of(where))]
    assert [resource for resource in chosen if resource in admitted] == admitted


def test_guards_leave_out_what_cannot_apply() -> None:
    found = [(Found(item, ()), item.resource) for item in (pods({"role": role}) for role in ("serving", "batch", None))]
    where = {"all": [{"path": "$.role", "in": ["serving", "training"]}, {"path": "$.replicas", "gt": 1}]}
    assert Subjects({"PodSet": found}).of("PodSet", guards_of(where)) == found[:1]
    assert Subjects({"PodSet": []}).of("PodSet", guards_of(where)) == []
