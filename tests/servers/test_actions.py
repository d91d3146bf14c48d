"""Suppressions as an editor offers them, over the rules' own fixtures."""

import shutil
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.workspace import PositionCodec

from scanner.scan import ScanOptions
from scanner.servers.lsp.actions import actions_at
from scanner.servers.lsp.check import SUFFIXES, Checked, Document, check
from scanner.servers.lsp.diagnostics import finding_diagnostic

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
FAILING = sorted(path for rule in FIXTURES.iterdir() for path in rule.glob("fail*"))
CODEC = PositionCodec("utf-16")
SAMPLE = FAILING[::17]
"""All of them take minutes; every one was tried when this was written."""


def checked(root: Path, rule: str, texts: dict[Path, str]) -> Checked:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name.endswith(SUFFIXES))
    documents = [Document(path.as_uri(), path, 1, texts.get(path, path.read_text("utf-8"))) for path in files]
    return check(root, documents, ScanOptions(select=(rule,)))


def suppressed(checked: Checked, file: str, place: types.Range) -> str | None:
    """The file's text after the first suppression that is offered there."""
    for action in actions_at(checked, file, place, CODEC, snippets=False):
        if action.title.startswith("Suppress"):
            assert action.edit is not None and action.edit.document_changes is not None
            change = action.edit.document_changes[0]
            assert isinstance(change, types.TextDocumentEdit) and isinstance(change.edits[0], types.TextEdit)
            lines = checked.documents[file].text.splitlines(keepends=True)
            lines.insert(change.edits[0].range.start.line, change.edits[0].new_text)
            return "".join(lines)
    return None


@pytest.mark.parametrize("case", SAMPLE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_suppression_silences_its_finding_and_changes_nothing_else(case: Path, tmp_path: Path) -> None:
    root = tmp_path.resolve() / "case"
    if case.is_dir():
        shutil.copytree(case, root)
    else:
        root.mkdir()
        shutil.copy(case, root)
    rule = case.parent.name
    before = checked(root, rule, {})
    assert before.findings
    for file, findings in before.findings.items():
        text = suppressed(before, file, finding_diagnostic(before, findings[0], CODEC).range)
        assert text is not None
        after = checked(root, rule, {before.documents[file].path: text})
        left = {item.fingerprint for item in after.findings.get(file, ())}
        assert findings[0].fingerprint not in left
        assert left <= {item.fingerprint for item in findings}
        assert [i.code for found in after.diagnostics.values() for i in found] == [
            i.code for found in before.diagnostics.values() for i in found
        ]


def offered(tmp_path: Path, name: str, text: str) -> str | None:
    root = tmp_path.resolve()
    (root / name).write_text(text)
    found = check(root, [Document("file:///x", root / name, 1, text)], ScanOptions(select=("INT001",)))
    finding = found.findings[name][0]
    return suppressed(found, name, finding_diagnostic(found, finding, CODEC).range)


POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - name: vllm\n"
    "      image: vllm/vllm-openai:latest\n{0}"
)


def test_what_has_no_comments_gets_no_suppression(tmp_path: Path) -> None:
    manifest = (
        '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},\n'
        '"spec": {"containers": [{"name": "v", "image": "vllm/vllm-openai:latest"}]}}'
    )
    assert offered(tmp_path, "a.json", manifest) is None


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    text = offered(tmp_path, "a.yaml", POD.format("").replace("\n", "\r\n"))
    assert text is not None and text.count("\n") == text.count("\r\n")


def test_an_embedded_manifest_is_not_written_into(tmp_path: Path) -> None:
    """Inside a heredoc a comment would become part of the text, so it goes above the block that holds it."""
    body = POD.format("").replace("\n", "\n    ")
    text = offered(
        tmp_path, "main.tf", f'resource "kubectl_manifest" "m" {{\n  yaml_body = <<-EOT\n    {body}EOT\n}}\n'
    )
    assert text is not None
    assert text.index("kilter:ignore") < text.index("yaml_body")
