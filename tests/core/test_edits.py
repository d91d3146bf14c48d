import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core import Change, SourceFile, Span, TextEdit
from scanner.core.edits import apply_edits, changed, same, text_edits

LINES = st.lists(st.text("ab é\u2028\t\r", max_size=6), max_size=8)


@given(LINES, LINES)
def test_edits_turn_one_text_into_the_other(old: list[str], new: list[str]) -> None:
    source = SourceFile("a", "\n".join(old))
    edits = text_edits(source, "\n".join(new))
    assert apply_edits(source, edits) == "\n".join(new)
    assert all(edit.span.start_line >= 1 and edit.span.start_column >= 1 for edit in edits)


@given(LINES, LINES, LINES)
def test_edits_of_some_lines_leave_the_others_alone(above: list[str], old: list[str], new: list[str]) -> None:
    source = SourceFile("a", "\n".join([*above, *(old or [""]), "last"]))
    edits = text_edits(source, "\n".join(new), len(above), len(old or [""]))
    assert apply_edits(source, edits) == "\n".join([*above, *(new or [""]), "last"])


def test_an_edit_covers_only_what_differs() -> None:
    source = SourceFile("a", "x: 1 # one\ny: 2\n")
    assert text_edits(source, "x: 12 # one\ny: 2\n") == (TextEdit(Span("a", 1, 5, 1, 5), "2"),)
    assert text_edits(source, "x: 1 # one\n") == (TextEdit(Span("a", 2, 1, 3, 1), ""),)


def test_overlapping_edits_are_refused() -> None:
    source = SourceFile("a", "abc")
    with pytest.raises(ValueError, match="overlap at line 1"):
        apply_edits(source, [TextEdit(Span("a", 1, 1, 1, 3), "x"), TextEdit(Span("a", 1, 2, 1, 4), "y")])


def test_a_change_creates_what_leads_to_it() -> None:
    assert changed({}, Change("set", ("a", 0, "b"), 1)) == {"a": [{"b": 1}]}
    assert changed({"a": [1]}, Change("add", ("a",), 2)) == {"a": [1, 2]}
    assert changed({"a": None}, Change("add", ("a",), 2)) == {"a": [2]}
    assert changed({"a": 1, "b": [1, 2]}, Change("remove", ("b", 0))) == {"a": 1, "b": [2]}
    with pytest.raises(LookupError):
        changed({"a": 1}, Change("set", ("a", "b"), 1))


def test_values_of_other_types_are_not_the_same() -> None:
    assert not same({"a": [1]}, {"a": [True]})
    assert not same("1", 1)
    assert same({"a": [None, {"b": 1.5}]}, {"a": [None, {"b": 1.5}]})
