import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core import Change, Path, SourceFile
from scanner.core.edits import apply_edits, changed, same
from scanner.frontends.kubernetes import read_manifests

HEAD = "apiVersion: v1\nkind: Thing\nmetadata:\n  name: x\n"


def edited(text: str, *changes: Change, number: int = 0) -> str | None:
    """The text with the changes made in one of its resources; ``None`` if they are refused."""
    source = SourceFile("a.yaml", text)
    edits = read_manifests(source, "").resources[number].locator.edits(changes, source)  # type: ignore[attr-defined]
    return None if edits is None else apply_edits(source, edits)


def values(text: str) -> list[Any]:
    parsed = read_manifests(SourceFile("a.yaml", text), "")
    assert parsed.diagnostics == []
    return [resource.attributes for resource in parsed.resources]


def put(path: Path, value: Any) -> Change:
    return Change("set", path, value)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("spec:\n  a: 1 # why\n", put(("spec", "a"), 2), "spec:\n  a: 2 # why\n"),
        ("spec: {a: 1}\n", put(("spec", "b"), "x y"), "spec: {a: 1, b: x y}\n"),
        ("spec: {}\n", put(("spec", "b", "c"), True), "spec: {b: {c: true}}\n"),
        ("spec:\n", put(("spec", "b"), 1), "spec:\n  b: 1\n"),
        ("spec: # why\n", put(("spec", "b"), 1), "spec: # why\n  b: 1\n"),
        ("spec:\n    a: 'x'", put(("spec", "a"), "it's"), "spec:\n    a: 'it''s'"),
        ("spec:\n  a: x\n  # end\n", put(("spec", "b"), "true"), 'spec:\n  a: x\n  b: "true"\n  # end\n'),
        ("spec:\n  a: |\n    x\n\n", put(("spec", "b"), 1), "spec:\n  a: |\n    x\n  b: 1\n\n"),
        ("spec:\n  l:\n  - a: 1\n", Change("add", ("spec", "l"), {"a": 3}), "spec:\n  l:\n  - a: 1\n  - a: 3\n"),
        ("spec:\n  l: [1]\n", Change("add", ("spec", "l"), 2), "spec:\n  l: [1, 2]\n"),
        ("spec:\n  l: []\n", Change("add", ("spec", "l"), {"a": 1}), "spec:\n  l: [{a: 1}]\n"),
        ("spec:\n  a: 1\n", Change("add", ("spec", "l"), {"a": [1]}), "spec:\n  a: 1\n  l:\n    - a:\n        - 1\n"),
        ("spec:\n  a: 1\n  b: 2 # gone\n", Change("remove", ("spec", "b")), "spec:\n  a: 1\n"),
        ("spec: {a: 1, b: 2}\n", Change("remove", ("spec", "a")), "spec: {b: 2}\n"),
        ("spec:\n  l:\n  - a: 1\n    b: 2\n", Change("remove", ("spec", "l", 0, "a")), "spec:\n  l:\n  - b: 2\n"),
        ("spec:\n  l:\n  - 1\n  - 2\n", Change("remove", ("spec", "l", 0)), "spec:\n  l:\n  - 2\n"),
    ],
)  # fmt: skip
def test_a_change_touches_nothing_else(before: str, change: Change, after: str) -> None:
    assert edited(HEAD + before, change) == HEAD + after


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("spec: &s {a: 1}\nother: *s\n", put(("spec", "a"), 2)),
        ("spec: &s\n  a: 1\nother: *s\n", put(("other", "a"), 2)),
        ("base: &s\n  a: 1\nspec:\n  <<: *s\n  b: 1\n", put(("base", "a"), "x")),
        ("spec:\n  a: |\n    x\n", put(("spec", "a"), "y")),
        ("spec:\n  a: !!int 1\n", put(("spec", "a"), 2)),
        ("spec:\n  a: ${REPLICAS}\n", put(("spec", "a"), 2)),
        ("spec:\n  a: {b: 1}\n", put(("spec", "a"), 2)),
        ("spec:\n  a: 1\n", put(("spec", "a", "b"), 2)),
        ("spec:\n  a: 1\n", Change("remove", ("spec", "a"))),
        ("spec:\n  l:\n  - 1\n", Change("remove", ("spec", "l", 0))),
    ],
)
def test_what_is_shared_or_not_literal_is_left_alone(text: str, change: Change) -> None:
    assert edited(HEAD + text, change) is None


def test_a_merged_value_is_overridden_where_it_is_merged_into() -> None:
    text = HEAD + "base: &s\n  a: 1\nspec:\n  <<: *s\n  b: 1\n"
    assert edited(text, put(("spec", "a"), 2)) == text + "  a: 2\n"
    assert edited(text, Change("remove", ("spec", "c"))) == text


def test_a_document_among_others_is_changed_where_it_stands() -> None:
    text = f"---\n{HEAD}spec:\n  a: 1\n---\n# two\n{HEAD}spec:\n  a: 1\n"
    assert edited(text, put(("spec", "a"), 2), number=1) == text[: text.rindex("1")] + "2\n"
    assert edited(text, put(("spec", "b"), 2)) == text.replace("a: 1\n---", "a: 1\n  b: 2\n---")


def test_removing_the_last_line_leaves_no_half_line_end() -> None:
    text = f"{HEAD}spec:\n  a: 1\n  b: 2".replace("\n", "\r\n")
    assert edited(text, Change("remove", ("spec", "b"))) == text.removesuffix("\r\n  b: 2")
    followed = f"{text}\r\n---\r\n{HEAD}"
    assert edited(followed, Change("remove", ("spec", "b"))) == followed.replace("\r\n  b: 2", "")


def test_items_of_lists_and_json_are_changed_in_their_own_style() -> None:
    text = '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Thing", "spec": {"a": "x"}}]}'
    assert edited(text, put(("spec", "b"), "y")) == text.replace('"a": "x"', '"a": "x", "b": "y"')


def test_what_was_rendered_is_not_edited() -> None:
    assert edited(f"---\n# Source: chart/templates/a.yaml\n{HEAD}spec:\n  a: 1\n", put(("spec", "a"), 2)) is None


def test_an_outdated_text_is_not_edited() -> None:
    source = SourceFile("a.yaml", HEAD)
    locator: Any = read_manifests(source, "").resources[0].locator
    assert locator.edits([put(("metadata", "name"), "y")], SourceFile("a.yaml", HEAD + "\n")) is None


WORDS = st.sampled_from(
    ["x", "on", "nvidia.com/gpu", "a b", "1", "#x", "- x", "it's", 'say "x"', "é: ü", "", "{x}", "~"]
)
SCALARS = st.one_of(WORDS, st.integers(-9, 99), st.booleans(), st.none())
NAMES = st.sampled_from(["a", "b", "c-d", "e/f", "true", "1"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


class Layout:
    """A way to write a value as YAML: indentation, style, comments and line ends as they are drawn."""

    def __init__(self, data: st.DataObject) -> None:
        self._draw = data.draw
        self.indent = self._draw(st.sampled_from([2, 4]))
        self.dash = self._draw(st.sampled_from([0, 2]))
        self.comments = self._draw(st.booleans())
        self.flow = self._draw(st.integers(0, 3))

    def document(self, value: dict[str, Any]) -> str:
        return "\n".join(self._mapping(value)) + "\n"

    def _end(self) -> str:
        return self._draw(st.sampled_from(["", " # why", "  "])) if self.comments else ""

    def _mapping(self, value: dict[str, Any]) -> list[str]:
        lines = []
        for key, item in value.items():
            if self.comments and self._draw(st.booleans()):
                lines.append("# above")
            lines += self._entry(f"{self._scalar(key)}:", item)
        return lines

    def _entry(self, head: str, item: Any) -> list[str]:
        if not isinstance(item, dict | list) or not item or self._draw(st.integers(0, 3)) < self.flow:
            return [f"{head} {self._inline(item)}{self._end()}"]
        step = self.indent if isinstance(item, dict) else self.dash
        lines = self._mapping(item) if isinstance(item, dict) else self._list(item)
        return [head + self._end(), *(" " * step + line for line in lines)]

    def _list(self, value: list[Any]) -> list[str]:
        lines = []
        for item in value:
            if isinstance(item, dict) and item:
                first, *rest = [line for line in self._mapping(item) if not line.startswith("#")]
                lines += [f"- {first}", *(f"  {line}" for line in rest)]
            else:
                lines.append(f"- {self._inline(item)}{self._end()}")
        return lines

    def _inline(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._scalar(k)}: {self._inline(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._inline, value)) + "]"
        return self._scalar(value)

    def _scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        style = self._draw(st.sampled_from(["'", '"']))
        quoted = value.replace("'", "''") if style == "'" else value.replace("\\", "\\\\").replace('"', '\\"')
        return value if value in ("x", "a", "b", "c-d", "e/f", "nvidia.com/gpu", "a b") else f"{style}{quoted}{style}"


def places(value: Any, base: Path = ()) -> list[Path]:
    """Every path to something in a value, and one beside each mapping's entries."""
    found = [base]
    if isinstance(value, dict):
        found.append((*base, "new"))
        for key, item in value.items():
            found += places(item, (*base, key))
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += places(item, (*base, number))
    return found


@given(st.data(), st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_any_change_that_is_written_changes_that_value_alone(data: st.DataObject, spec: dict[str, Any]) -> None:
    text = HEAD + Layout(data).document({"spec": spec})
    if data.draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    if data.draw(st.booleans()):
        text = text.rstrip()
    text = data.draw(st.sampled_from(["", f"---\n{HEAD}---\n"])) + text
    before = values(text)
    path = data.draw(st.sampled_from([path for path in places(spec, ("spec",)) if len(path) > 1]))
    kind = data.draw(st.sampled_from(["set", "add", "remove"]))
    change = Change(kind, path, None if kind == "remove" else data.draw(VALUES))
    result = edited(text, change, number=len(before) - 1)
    if result is None:
        return
    assert same(values(result), [*before[:-1], changed(before[-1], change)])
    kept = [line for line in text.splitlines() if line.strip().startswith("#")]
    assert [line for line in result.splitlines() if line.strip().startswith("#")] == kept or kind == "remove"
    assert ("\r\n" in text) == ("\r\n" in result) or "\n" not in result
    assert "\r" not in result.replace("\r\n", "")
    if kind == "set":
        assert edited(result, change, number=len(before) - 1) == result


@given(
    st.data(),
    st.dictionaries(NAMES, SCALARS, min_size=1, max_size=4),
    st.one_of(WORDS, st.integers(0, 9), st.booleans()),
)
def test_a_literal_can_always_be_replaced_and_a_key_always_be_added(
    data: st.DataObject, spec: dict[str, Any], value: Any
) -> None:
    text = HEAD + Layout(data).document({"spec": spec})
    assert edited(text, put(("spec", data.draw(st.sampled_from(list(spec)))), value)) is not None
    assert edited(text, put(("spec", "added", "below"), value)) is not None
