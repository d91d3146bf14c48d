import json
import os
import subprocess
from pathlib import Path as FilePath
from typing import Any

import pytest
from frontends.terraform.oracle import terraform_binary
from hypothesis import given
from hypothesis import strategies as st

from scanner.core import Change, Path
from scanner.core.edits import apply_edits, changed, same
from scanner.frontends.terraform import TerraformOptions, read_root
from scanner.project.tree import Tree

ENVIRONMENT = {**os.environ, "CHECKPOINT_DISABLE": "1"}


def resources(text: str, name: str = "main.tf") -> tuple[Tree, list[Any]]:
    tree = Tree(FilePath("/nonexistent"), {name: text})
    tree.list = lambda directory: [name]  # type: ignore[method-assign]
    parsed = read_root(tree, "", TerraformOptions())
    assert parsed.diagnostics == []
    return tree, parsed.resources


def edited(text: str, *changes: Change, name: str = "main.tf") -> str | None:
    """The text with the changes made in its first resource; ``None`` if they are refused."""
    tree, found = resources(text, name)
    source = tree.read(name)
    edits = found[0].locator.edits(changes, source)
    return None if edits is None else apply_edits(source, edits)


def put(path: Path, value: Any) -> Change:
    return Change("set", path, value)


def block(*lines: str) -> str:
    return "\n".join(['resource "a" "b" {', *(f"  {line}" if line else "" for line in lines), "}", ""])


CASES = [
    (["x = 1 # why"], put(("x",), 2), ["x = 2 # why"]),
    (['x = "a"'], put(("x",), '"${b}"'), ['x = "\\"$${b}\\""']),
    (["long = 1"], put(("x",), True), ["long = 1", "x    = true"]),
    (["x = 1"], put(("long",), True), ["x = 1", "", "long = true"]),
    (["x = 1", "t = {", "}"], put(("long",), True), ["x = 1", "t = {", "}", "", "long = true"]),
    ([], put(("x",), None), ["x = null"]),
    (["x = 1"], put(("m", 0, "y"), "z"), ["x = 1", "", "m {", '  y = "z"', "}"]),
    (["m { y = 1 }"], put(("m", 0, "zz"), 2), ["m {", "  y  = 1", "  zz = 2", "}"]),
    (["m {}"], put(("m", 0, "n", 0, "y"), 2), ["m {", "  n {", "    y = 2", "  }", "}"]),
    (["m {", "}", "m {", "}"], put(("m", 1, "y"), 2), ["m {", "}", "m {", "  y = 2", "}"]),
    (["l = [1]"], Change("add", ("l",), 2), ["l = [1, 2]"]),
    (["l = []"], Change("add", ("l",), "x"), ['l = ["x"]']),
    (["l = [", "  1 # one", "]"], Change("add", ("l",), 2), ["l = [", "  1, # one", "  2", "]"]),
    (["l = [", "  1,", "]"], Change("add", ("l",), 2), ["l = [", "  1,", "  2,", "]"]),
    (["t = { a = 1 }"], put(("t", "b-c"), "x"), ['t = { a = 1, b-c = "x" }']),
    (['t = { "a" : 1 }'], put(("t", "b"), "x"), ['t = { "a" : 1, "b" : "x" }']),
    (["t = {", "  aa = 1", "}"], put(("t", "b"), 2), ["t = {", "  aa = 1", "  b  = 2", "}"]),
    (["x = 1"], put(("t", "b/c"), 2), ["x = 1", 't = { "b/c" = 2 }']),
    (["m {", "}"], Change("add", ("m",), {"a": 1, "bb": "x"}),
     ["m {", "}", "", "m {", "  a  = 1", '  bb = "x"', "}"]),
    (["x = 1", "yy = 2", "z = 3"], Change("remove", ("yy",)), ["x = 1", "z = 3"]),
    (["x = 1", "", "m {", "}"], Change("remove", ("m", 0)), ["x = 1"]),
    (["h = <<-EOT", "  x = 1", "EOT"], put(("y",), 1), ["h = <<-EOT", "  x = 1", "EOT", "", "y = 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "change", "after"), CASES)
def test_a_change_touches_nothing_else(before: list[str], change: Change, after: list[str]) -> None:
    assert edited(block(*before), change) == block(*after)


def test_what_terraform_fmt_accepts_it_still_accepts(tmp_path: FilePath) -> None:
    binary = terraform_binary()
    assert binary is not None
    for number, (before, change, _) in enumerate(CASES):
        for directory, text in (("before", block(*before)), ("after", edited(block(*before), change) or "")):
            (tmp_path / directory).mkdir(exist_ok=True)
            (tmp_path / directory / f"{number}.tf").write_text(text)

    def unformatted(directory: str) -> set[str]:
        command = [str(binary), "fmt", "-check", "-list=true"]
        run = subprocess.run(command, cwd=tmp_path / directory, env=ENVIRONMENT, capture_output=True, check=False)
        assert run.returncode in (0, 3)
        return set(run.stdout.decode().split())

    assert unformatted("after") <= unformatted("before")
    assert len(unformatted("before")) < len(CASES) / 2


@pytest.mark.parametrize(
    ("lines", "change"),
    [
        (["x = var.y"], put(("x",), 1)),
        (['x = "${1}-a"'], put(("x",), 1)),
        (["x = (1)"], put(("x",), 1)),
        (["x = <<EOT", "a", "EOT"], put(("x",), "b")),
        (["x = [1]"], put(("x",), 1)),
        (['dynamic "m" {', "  for_each = [1]", "  content {}", "}"], put(("m", 0, "x"), 1)),
        (["t = merge({}, {})"], put(("t", "x"), 1)),
        (["l = concat([1], [2])"], Change("add", ("l",), 3)),
        (["m { x = 1 }"], put(("m", 0, "n", 0, "y"), 1)),
        (["x = 1 /* two", "  lines */"], put(("long",), 1)),
    ],
)
def test_what_is_not_literal_is_left_alone(lines: list[str], change: Change) -> None:
    text = 'variable "y" {\n  default = 2\n}\n' + block(*lines)
    assert edited(text, change) is None


def test_json_is_not_edited() -> None:
    assert edited('{"resource": {"a": {"b": {"x": 1}}}}', put(("x",), 2), name="main.tf.json") is None


def test_an_attribute_of_an_override_file_is_not_edited() -> None:
    tree = Tree(FilePath("/nonexistent"), {"main.tf": block("x = 1"), "main_override.tf": block("x = 2")})
    tree.list = lambda directory: ["main.tf", "main_override.tf"]  # type: ignore[method-assign]
    locator: Any = read_root(tree, "", TerraformOptions()).resources[0].locator
    assert locator.edits([put(("x",), 3)], tree.read("main.tf")) is None


WORDS = st.sampled_from(["x", "a b", "${y}", "%{ if", 'say "x"', "é", "", "#", "\\"])
SCALARS = st.one_of(WORDS, st.integers(0, 99), st.booleans(), st.none())
NAMES = st.sampled_from(["a", "b", "cc", "d_d", "long_name"])


class Layout:
    """A way to write attributes and blocks as Terraform: styles, comments and line ends as they are drawn."""

    def __init__(self, data: st.DataObject) -> None:
        self._draw = data.draw

    def body(self, value: dict[str, Any]) -> list[str]:
        lines = []
        for name, item in value.items():
            if self._draw(st.integers(0, 4)) == 0:
                lines.append(self._draw(st.sampled_from(["", "# above", "// above", "/* above */"])))
            if isinstance(item, list) and item and isinstance(item[0], dict):
                lines += [line for entry in item for line in self._block(name, entry)]
            else:
                lines += self._attribute(name, item)
        return lines

    def _end(self) -> str:
        return self._draw(st.sampled_from(["", "", " # why", "  "]))

    def _block(self, name: str, value: dict[str, Any]) -> list[str]:
        inner = self.body(value)
        if len(inner) <= 1 and not any("#" in line or "//" in line for line in inner) and self._draw(st.booleans()):
            return [f"{name} {{ {inner[0]} }}" if inner and inner[0].strip() else f"{name} {{}}"]
        return [f"{name} {{{self._end()}", *(f"  {line}" for line in inner), f"}}{self._end()}"]

    def _attribute(self, name: str, item: Any) -> list[str]:
        gap = self._draw(st.sampled_from([" ", " ", "   "]))
        if isinstance(item, list) and item and self._draw(st.booleans()):
            comma = self._draw(st.sampled_from(["", ","]))
            rows = [f"  {scalar(x)}," for x in item[:-1]] + [f"  {scalar(item[-1])}{comma}"]
            return [f"{name}{gap}= [", *(row + self._end() for row in rows), "]"]
        if isinstance(item, list):
            return [f"{name}{gap}= [{', '.join(map(scalar, item))}]{self._end()}"]
        return [f"{name}{gap}= {scalar(item)}{self._end()}"]


def scalar(value: Any) -> str:
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
        return f'"{text}"'
    return json.dumps(value)


ATTRIBUTES = st.dictionaries(NAMES, st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), max_size=4)
BLOCKS = st.dictionaries(st.sampled_from(["m", "n"]), st.lists(ATTRIBUTES, min_size=1, max_size=2), max_size=2)


def values(text: str) -> list[Any]:
    return [resource.attributes for resource in resources(text)[1]]


@given(st.data(), ATTRIBUTES, BLOCKS)
def test_any_change_that_is_written_changes_that_value_alone(
    data: st.DataObject, attributes: dict[str, Any], blocks: dict[str, Any]
) -> None:
    heredoc = data.draw(st.sampled_from([[], ["h = <<-EOT", "  m {", "  a = 1", "  EOT"]]))
    body = [*Layout(data).body(attributes), *heredoc, *Layout(data).body(blocks)]
    text = block(*body) + data.draw(st.sampled_from(["", "\n" + block("z = 1").replace('"b"', '"other"')]))
    if data.draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    if data.draw(st.booleans()):
        text = text.rstrip()
    inside = [(name, n) for name, items in blocks.items() for n in range(len(items))]
    base = data.draw(st.sampled_from([(), *inside, ("new", 0)]))
    path = (*base, data.draw(NAMES))
    kind = data.draw(st.sampled_from(["set", "set", "add", "remove"]))
    change = Change(kind, path, None if kind == "remove" else data.draw(SCALARS))
    before, result = values(text), edited(text, change)
    if result is None:
        return
    if kind == "remove" and base == ("new", 0):
        assert result == text
        return
    assert same(values(result), [changed(before[0], change), *before[1:]])
    kept = [line for line in text.splitlines() if line.strip().startswith(("#", "//", "/*"))]
    assert [line for line in result.splitlines() if line.strip().startswith(("#", "//", "/*"))] == kept
    assert "\r" not in result.replace("\r\n", "")
    assert "\r" not in text or "\n" not in result.replace("\r\n", "")
    if kind == "set":
        assert edited(result, change) == result


@given(st.data(), ATTRIBUTES, SCALARS)
def test_a_literal_can_always_be_replaced_and_an_attribute_always_be_added(
    data: st.DataObject, attributes: dict[str, Any], value: Any
) -> None:
    text = block(*Layout(data).body(attributes))
    literal = [name for name, item in attributes.items() if not isinstance(item, list)]
    for name in literal:
        assert edited(text, put((name,), value)) is not None
    assert edited(text, put(("added",), value)) is not None
    assert edited(text, put(("nested", 0, "added"), value)) is not None
