import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from repositories import FLOATING, MODEL, repository, write

from scanner.cli import cli
from scanner.project.config import Config, ConfigError, find_config, load_config

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "config.schema.json").read_text())
RULE = """id: ACM001
name: names-are-long
title: The name is short
category: gpu
severity: medium
precision: high
select: Deployment
assert: {path: $.metadata.name, matches: "^.{5,}$"}
message: "{name} is a short name"
remediation: Use a longer name.
"""


def kilter(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def shown(*arguments: str) -> Any:
    run = kilter("config", "show", "--format", "json", *arguments)
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


def rules(*arguments: str) -> list[tuple[str, str]]:
    run = kilter("scan", "--format", "json", *arguments)
    assert run.exit_code in (0, 1), run.output
    return [(item["rule"], item["severity"]) for item in json.loads(run.stdout)["findings"]]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(tmp_path / "work", {"apps/a.yaml": MODEL.format(name="a", image=FLOATING)})
    monkeypatch.chdir(root)
    return root


def test_the_schema_has_every_key_and_no_other() -> None:
    keys = {name.replace("_", "-") for name in Config.__struct_fields__} - {"source", "origins"}
    assert set(SCHEMA["properties"]) == keys | {"extends", "$schema"}


def test_toml_and_yaml_say_the_same(work: Path) -> None:
    text = """
[project]
name = "x"

[tool.kilter]
fail-on = "high"
ignore = ["GPU001", "cost"]
require-reason = true

[tool.kilter.parameters.ROL003]
min_replicas = 3

[[tool.kilter.suppressions]]
rule = "INT001"
reason = "mirrored"
until = 2027-01-31
[[tool.kilter.suppressions]]
rule = ["INT002"]
reason = "sized"
path = "apps/*"
"""
    yaml = """
fail-on: high
ignore: [GPU001, cost]
require-reason: true
parameters: {ROL003: {min_replicas: 3}}
suppressions:
  - {rule: INT001, reason: mirrored, until: 2027-01-31}
  - {rule: INT002, reason: sized, path: apps/*}
"""
    write(work, {"pyproject.toml": text})
    from_toml = shown()
    assert find_config(work / "apps") == work / "pyproject.toml"
    places = [item.place.line for item in load_config(work / "pyproject.toml").suppressions]
    assert places == [13, 17]
    write(work, {".kilter.yaml": yaml})
    assert find_config(work / "apps") == work / ".kilter.yaml"
    assert shown() == from_toml
    plain = tomllib.loads(text.replace("until = 2027-01-31", 'until = "2027-01-31"'))["tool"]["kilter"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(plain)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fail_onn: high", "did you mean 'fail-on'"),
        ("fail-on: hihg", "did you mean 'high'"),
        ("ignore: {a: b}", "ignore must be a list"),
        ("ignore: [1]", "ignore must be a list"),
        ("pedantic: sometimes", "boolean"),
        ("severities: {GPU001: worst}", "severities: GPU001"),
        ("parameters: {GPU001: 3}", "parameters: GPU001 must be a mapping"),
        ("suppressions: [{rule: GPU001}]", "must give a reason"),
        ("suppressions: [{reason: x}]", "must name a rule"),
        ("suppressions: [{rule: GPU001, reason: x, untill: 2027-01-01}]", "did you mean 'until'"),
        ("suppressions: [{rule: GPU001, reason: x, until: soon}]", "YYYY-MM-DD"),
        ("extends: ../../other.yaml", "outside the repository"),
        ("extends: missing.yaml", "not a file"),
        ("extends: .kilter.yaml", "extends itself"),
        ("extends: package:nobody", "no installed rule pack is called 'nobody'"),
        ("rules: [/etc]", "outside the repository"),
        ("values: [../../../etc/passwd]", "outside the repository"),
        ("- a\n", "expected a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_mistakes_are_one_line_and_status_two(work: Path, text: str, message: str) -> None:
    write(work, {".kilter.yaml": text})
    with pytest.raises(ConfigError) as error:
        load_config(work / ".kilter.yaml")
    assert message in str(error.value)
    assert ".kilter.yaml" in str(error.value)
    run = kilter("scan")
    assert (run.exit_code, run.stdout) == (2, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("severities: {GPU0O1: high}", "did you mean 'GPU"),
        ("parameters: {ROL0O3: {min_replicas: 3}}", "did you mean 'ROL"),
        ("parameters: {ROL003: {min_replica: 3}}", "ROL003 has no parameter 'min_replica'"),
        ("unsuppressible: [INT001]\nignore: [INT]", "INT001 is unsuppressible"),
    ],
)
def test_names_of_rules_are_checked(work: Path, text: str, message: str) -> None:
    write(work, {".kilter.yaml": text})
    run = kilter("scan")
    assert run.exit_code == 2
    assert message in run.output


def test_severities_are_overridden_by_the_most_specific_key(work: Path) -> None:
    assert ("INT001", "medium") in rules("--select", "INT001")
    write(work, {".kilter.yaml": "severities: {integrity: low, INT001: high}\n"})
    assert rules("--select", "INT001") == [("INT001", "high")]
    write(work, {".kilter.yaml": "severities: {integrity: low}\n"})
    assert rules("--select", "INT001") == [("INT001", "low")]


def test_extended_files_come_first_and_lists_add_up(work: Path) -> None:
    write(
        work,
        {
            "policy/base.yaml": "fail-on: low\nignore: [GPU001]\n"
            "severities: {INT001: high, INT002: low}\nrules: [own]\n",
            "policy/own/ACM001-names-are-long.yaml": RULE,
            ".kilter.yaml": "extends: policy/base.yaml\nfail-on: high\nignore: [GPU002]\nseverities: {INT002: high}\n",
        },
    )
    result = shown("--origins")
    assert result["fail-on"] == {"value": "high", "origins": [".kilter.yaml:2"]}
    assert result["ignore"] == {"value": ["GPU001", "GPU002"], "origins": ["policy/base.yaml:2", ".kilter.yaml:3"]}
    assert result["severities"]["value"] == {"INT001": "high", "INT002": "high"}
    assert result["severities"]["origins"] == ["policy/base.yaml:3", ".kilter.yaml:4"]
    assert result["strict"] == {"value": False, "origins": ["default"]}
    assert rules("--select", "ACM001") == [("ACM001", "medium")]


def test_a_circle_of_files_ends(work: Path) -> None:
    write(work, {"a.yaml": "extends: .kilter.yaml\n", ".kilter.yaml": "extends: a.yaml\n"})
    assert "extends itself" in kilter("scan").output


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that announces a rule pack, and that must not be run."""
    site = tmp_path / "site"
    write(
        site,
        {
            "acme_policies/__init__.py": "raise SystemExit('the code of a pack must not run')\n",
            "acme_policies/strict/rules/ACM001-names-are-long.yaml": RULE,
            "acme_policies-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-policies\nVersion: 1\n",
            "acme_policies-1.dist-info/entry_points.txt": "[kilter.rules]\nacme = acme_policies:strict\n",
        },
    )
    monkeypatch.syspath_prepend(str(site))
    return site / "acme_policies" / "strict"


def test_installed_packs_give_rules_and_settings(work: Path, pack: Path) -> None:
    write(work, {".kilter.yaml": "rules: [package:acme]\n"})
    assert rules("--select", "ACM001") == [("ACM001", "medium")]
    write(work, {".kilter.yaml": "extends: [package:acme]\n"})
    assert rules("--select", "ACM001") == [("ACM001", "medium")]
    write(pack, {"kilter.yaml": "rules: [rules]\nseverities: {ACM001: low}\n"})
    assert rules("--select", "ACM001") == [("ACM001", "low")]
    write(work, {".kilter.yaml": "extends: package:acne\n"})
    assert "did you mean 'acme'" in kilter("scan").output
    (work / ".kilter.yaml").unlink()
    assert rules("--select", "ACM001", "--rules", "package:acme") == [("ACM001", "medium")]


def test_the_command_line_wins_over_the_environment_over_the_file(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown("--origins")["fail-on"] == {"value": "medium", "origins": ["default"]}
    write(work, {".kilter.yaml": "fail-on: low\npedantic: true\nignore: [GPU001]\n"})
    assert shown("--origins")["fail-on"] == {"value": "low", "origins": [".kilter.yaml:1"]}
    monkeypatch.setenv("KILTER_FAIL_ON", "high")
    monkeypatch.setenv("KILTER_PEDANTIC", "false")
    monkeypatch.setenv("KILTER_IGNORE", "GPU002,GPU003")
    monkeypatch.setenv("KILTER_SELECT", "")
    result = shown("--origins")
    assert result["fail-on"] == {"value": "high", "origins": ["environment (KILTER_FAIL_ON)"]}
    assert result["pedantic"]["value"] is False
    assert result["ignore"]["value"] == ["GPU001", "GPU002", "GPU003"]
    assert result["select"] == {"value": [], "origins": ["default"]}
    result = shown("--origins", "--fail-on", "critical", "--no-inline-ignore")
    assert result["fail-on"] == {"value": "critical", "origins": ["command line (--fail-on)"]}
    assert result["inline-ignore"] == {"value": False, "origins": ["command line (--no-inline-ignore)"]}


def test_the_shown_configuration_is_one(work: Path) -> None:
    text = "ignore: [GPU001]\nsuppressions:\n  - {rule: INT001, reason: 'a: b # c', path: apps/*}\n"
    write(work, {".kilter.yaml": text})
    run = kilter("config", "show", "--origins", "--fail-on", "high")
    assert "  - GPU001  # .kilter.yaml:1" in run.stdout.splitlines()
    assert "fail-on: high  # command line (--fail-on)" in run.stdout.splitlines()
    usable = "\n".join(line for line in run.stdout.splitlines() if not line.startswith("baseline"))
    write(work, {".kilter.yaml": usable})
    assert shown()["suppressions"] == [{"rule": "INT001", "path": "apps/*", "reason": "a: b # c"}]


def test_globs_are_relative_to_the_configuration(work: Path) -> None:
    write(work, {".kilter.yaml": "exclude: [apps]\n"})
    assert rules("--select", "INT001") == rules("apps", "--select", "INT001") == []
    write(work, {".kilter.yaml": "exclude: [app]\n"})
    assert len(rules("apps", "--select", "INT001")) == 1
    assert rules("apps", "--select", "INT001", "--exclude", "a.yaml") == []


def test_var_files_are_relative_to_where_they_are_named(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = (
        'variable "access" { type = string }\nresource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n'
        '  role_arn = "r"\n  instance_type = "ml.t3.medium"\n  subnet_id = "subnet-1"\n'
        "  direct_internet_access = var.access\n}\n"
    )
    write(work, {"infra/main.tf": notebook, "vars/open.tfvars": 'access = "Enabled"\n'})
    write(work, {"infra/shut.tfvars": 'access = "Disabled"\n'})
    closed = set(rules("infra", "--var-file", "infra/shut.tfvars"))
    assert closed == set(rules("infra", "--var-file", "shut.tfvars"))
    opened = set(rules("infra", "--var-file", "vars/open.tfvars")) - closed
    assert opened
    write(work, {".kilter.yaml": "var-files: [vars/open.tfvars]\n"})
    monkeypatch.chdir(work / "infra")
    assert opened <= set(rules())
    assert kilter("scan", "--var-file", "none.tfvars").exit_code == 2
