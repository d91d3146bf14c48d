"""Pages about rules: the examples are fixtures, so they cannot be wrong."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scanner.cli import cli
from scanner.engine.examples import examples
from scanner.engine.rules import load_rules
from scanner.report.rule_pages import explain_data, explain_text, index_page, rule_page
from scanner.scan import builtin_fixtures, builtin_rules

RULES = load_rules([builtin_rules()])

RULE = """id: AAA001
name: small-thing
title: Replicas are few
category: gpu
severity: low
precision: high
select: Deployment
assert: {path: $.spec.replicas, gt: {param: least}}
params: {least: {default: 1, type: integer, description: The most that is too few}}
message: "{$.metadata.name} is small"
remediation: Use *more* of them.
references: ["https://example.com/replicas"]
frameworks: {CIS: ["1.2"]}
"""
DEPLOYMENT = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\nspec: {replicas: %d}%s\n"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "AAA001-small-thing.yaml").write_text(RULE)
    cases = tmp_path / "fixtures" / "rules" / "AAA001"
    cases.mkdir(parents=True)
    (cases / "fail.yaml").write_text(DEPLOYMENT % (1, "  # expect: AAA001"))
    (cases / "pass.yaml").write_text(DEPLOYMENT % (3, ""))
    (cases / "near-miss.yaml").write_text(DEPLOYMENT % (2, ""))
    return tmp_path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_explained_with_what_it_reports_and_accepts(rule) -> None:
    bad, good = examples(rule, builtin_fixtures())
    assert bad is not None and good is not None
    assert bad.marked and not good.marked
    assert all(1 <= line <= bad.files[name].count("\n") for name, line in bad.marked)
    text = explain_text(rule, (bad, good))
    page = rule_page(rule, (bad, good))
    for shown in (text, page):
        assert "expect:" not in shown
        assert shown.count(f"# <- {rule.id}") == len(set(bad.marked))
    assert json.loads(json.dumps(explain_data(rule, (bad, good))))["id"] == rule.id


def test_docs_of_a_pack_are_written_and_checked(pack: Path) -> None:
    arguments = ["docs", str(pack / "docs"), "--rules", str(pack / "rules")]
    assert CliRunner().invoke(cli, [*arguments, "--check"]).exit_code == 1
    assert not (pack / "docs").exists()
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert CliRunner().invoke(cli, [*arguments, "--check"]).exit_code == 0
    page = (pack / "docs" / "AAA001.md").read_text()
    assert "spec: {replicas: 1}  # <- AAA001" in page
    assert "spec: {replicas: 3}" in page
    assert "replicas: 2" not in page
    assert "Use \\*more\\* of them" in page
    assert "Shown on: Kubernetes." in page
    assert "| `least` | integer | `1` | The most that is too few |" in page
    assert "| Kubernetes | [AAA001](AAA001.md) small-thing |" in (pack / "docs" / "README.md").read_text()
    (pack / "docs" / "AAA001.md").write_text(page + "edited")
    (pack / "docs" / "OLD001.md").write_text("a rule that is no more")
    outcome = CliRunner().invoke(cli, [*arguments, "--check"])
    assert outcome.exit_code == 1
    assert "AAA001.md is out of date" in outcome.output and "OLD001.md is out of date" in outcome.output


def test_index_has_every_rule_once_by_category() -> None:
    index = index_page(RULES, {})
    for rule in RULES:
        assert index.count(f"[{rule.id}]({rule.id}.md)") == 1


def test_explain_formats_agree() -> None:
    data = json.loads(CliRunner().invoke(cli, ["explain", "GPU001", "--format", "json"]).output)
    assert data["name"] == "accelerator-request-differs-from-limit"
    page = CliRunner().invoke(cli, ["explain", data["name"], "--format", "markdown"]).output
    assert page.startswith("# GPU001 accelerator-request-differs-from-limit\n")
    assert page.count("```yaml") == len(data["reported"]["files"]) + len(data["accepted"]["files"])
