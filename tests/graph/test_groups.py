"""Union-find, against networkx."""

from hypothesis import given
from hypothesis import strategies as st
from networkx.utils import UnionFind

from scanner.graph.groups import Groups

NAMES = st.sampled_from("abcdefgh")


@given(st.sets(NAMES), st.lists(st.lists(NAMES, min_size=1, max_size=4)))
def test_groups_are_those_of_networkx(names: set[str], joins: list[list[str]]) -> None:
    groups, expected = Groups(names), UnionFind(names)
    for join in joins:
        groups.join(*join)
        expected.union(*join)
    assert {frozenset(found) for found in groups.all()} == {frozenset(found) for found in expected.to_sets() if found}
