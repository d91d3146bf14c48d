"""Places in the units of editors and in ours."""

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.workspace import PositionCodec

from scanner.core import Span
from scanner.servers.lsp.positions import place_of, range_of

ENCODINGS = st.sampled_from([PositionCodec(name) for name in ("utf-8", "utf-16", "utf-32")])
LINES = st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), max_size=20), min_size=1)


@given(LINES, ENCODINGS, st.data())
def test_a_place_survives_the_way_there_and_back(lines: list[str], codec: PositionCodec, data: st.DataObject) -> None:
    line = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(1, len(lines[line - 1]) + 1))
    end = data.draw(st.integers(column, len(lines[line - 1]) + 1))
    found = range_of(Span("a", line, column, line, end), lines, codec)
    if column < end:
        assert place_of(found.start, lines, codec) == (line, column)
    else:
        assert found.start == types.Position(line - 1, 0)
    assert place_of(found.end, lines, codec)[1] == (end if column < end else len(lines[line - 1]) + 1)


@given(LINES, ENCODINGS, st.integers(0, 40), st.integers(0, 100))
def test_every_position_of_an_editor_is_a_place(
    lines: list[str], codec: PositionCodec, line: int, character: int
) -> None:
    row, column = place_of(types.Position(line, character), lines, codec)
    assert row == line + 1
    assert 1 <= column <= (len(lines[line]) if line < len(lines) else 0) + 1


@given(LINES, ENCODINGS)
def test_a_span_that_no_longer_fits_is_still_a_range(lines: list[str], codec: PositionCodec) -> None:
    found = range_of(Span("a", 30, 5, 31, 7), lines, codec)
    assert (found.start.line, found.start.character) <= (found.end.line, found.end.character)


def test_a_carriage_return_is_not_part_of_a_line() -> None:
    found = range_of(Span("a", 1, 1, 1, 1), ["name: x\r", ""], PositionCodec("utf-16"))
    assert found == types.Range(types.Position(0, 0), types.Position(0, 7))
