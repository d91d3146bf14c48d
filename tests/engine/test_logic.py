import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core import Unknown
from scanner.engine.logic import Truth, Undecided, all_of, any_of, negate

CAUSE = Unknown("variable x has no value", "var.x")
TRUTHS = st.sampled_from([True, False, None])


def truth(value: bool | None) -> Truth:
    return Undecided([CAUSE]) if value is None else value


def plain(value: Truth) -> bool | None:
    return None if isinstance(value, Undecided) else value


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, None, None, True),
        (False, False, False, False),
        (False, None, False, None),
        (None, None, None, None),
    ],
)
def test_kleene_truth_table(left: bool | None, right: bool | None, both: bool | None, either: bool | None) -> None:
    for pair in ((left, right), (right, left)):
        assert plain(all_of(truth(item) for item in pair)) is both
        assert plain(any_of(truth(item) for item in pair)) is either


@given(st.lists(TRUTHS))
def test_de_morgan_holds(values: list[bool | None]) -> None:
    negated = negate(all_of(truth(value) for value in values))
    assert plain(negated) is plain(any_of(negate(truth(value)) for value in values))


@given(st.lists(TRUTHS, min_size=1))
def test_deciding_an_unknown_never_flips_a_decided_result(values: list[bool | None]) -> None:
    result = plain(all_of(truth(value) for value in values))
    for guess in (True, False):
        decided = plain(all_of(truth(guess if value is None else value) for value in values))
        assert result is None or result is decided


def test_an_undecided_condition_has_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(Undecided([CAUSE]))


def test_causes_are_kept_once() -> None:
    result = all_of([Undecided([CAUSE]), Undecided([CAUSE])])
    assert isinstance(result, Undecided)
    assert result.causes == (CAUSE,)
