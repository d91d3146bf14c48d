# ruff: noqa: E501
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanner.core import SourceFile
from scanner.frontends.kubernetes import read_manifests

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def read(text: str) -> Any:
    return read_manifests(SourceFile("x.yaml", text), "")


def test_documents_lists_and_json_become_resources() -> None:
    text = (
        POD
        + "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: s, namespace: n}}\n"
        + '---\n{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}\n'
    )
    assert [item.address for item in read(text).resources] == ["Pod/default/a", "Service/n/s", "Namespace/n"]


def test_a_broken_document_costs_only_itself() -> None:
    parsed = read(POD + "---\nkind: [oops\n---\n" + POD.replace("name: a", "name: b"))
    assert [item.name for item in parsed.resources] == ["a", "b"]
    assert [(item.code, item.span.start_line) for item in parsed.diagnostics] == [("yaml-syntax", 6)]


def test_scalars_are_read_as_kubernetes_reads_them() -> None:
    parsed = read(POD + "spec: {a: yes, b: 'yes', c: 012, d: 1.5, e: 2001-01-01, f: ~, g: 0x1F, h: 5m}\n")
    assert parsed.resources[0].attributes["spec"] == {
        "a": True,
        "b": "yes",
        "c": 10,
        "d": 1.5,
        "e": "2001-01-01",
        "f": None,
        "g": 31,
        "h": "5m",
    }


def test_anchors_and_merge_keys_are_resolved() -> None:
    parsed = read("x: &x {cpu: 1, memory: 2}\napiVersion: v1\nkind: Pod\nspec: {<<: *x, cpu: 3}\n")
    assert parsed.resources[0].attributes["spec"] == {"cpu": 3, "memory": 2}


def test_alias_bombs_end_in_a_diagnostic() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    parsed = read("\n".join([*lines, POD]))
    assert parsed.resources == []
    assert [item.code for item in parsed.diagnostics] == ["yaml-limit"]


def test_deep_nesting_ends_in_a_diagnostic() -> None:
    for text in ("a: " + "[" * 100_000, "a: " + "{a: " * 50_000, "- " * 50_000 + "a"):
        parsed = read(POD + "---\n" + text)
        assert parsed.diagnostics


def test_places_are_those_of_the_attribute() -> None:
    resource = read(POD + "spec:\n  containers:\n    - name: c\n      image: x:1\n").resources[0]
    span = resource.locate(("spec", "containers", 0, "image")).span
    assert (span.start_line, span.start_column, span.end_column) == (7, 7, 17)
    assert resource.locate(("spec", "missing")).span.start_line == 4
    assert resource.locate().span.start_line == 2


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#\n \t,?%@", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    parsed = read(text)
    for resource in parsed.resources:
        resource.locate(("metadata",))


def test_rendered_charts_name_the_template() -> None:
    parsed = read(f"---\n# Source: llm/templates/a.yaml\n{POD}---\n# Source: llm/templates/b.yaml\n{POD}")
    messages = [item.locate().related[0].message for item in parsed.resources]
    assert messages == ["rendered from llm/templates/a.yaml", "rendered from llm/templates/b.yaml"]
    assert {item.origin for item in parsed.resources} == {"helm"}


def test_a_directive_inside_a_document_is_a_syntax_error() -> None:
    parsed = read("kind: Pod\nmetadata:\n  labels: {app :vllm}\nspec:\n%YAML 1.1\na: b\n")
    assert [item.code for item in parsed.diagnostics] == ["yaml-syntax"]
