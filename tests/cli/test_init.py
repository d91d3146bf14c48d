import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from repositories import BUCKET, FLOATING, MODEL, repository, write
from ruamel.yaml import YAML

from scanner.cli import cli
from scanner.project.config import Config, load_config


def kilter(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "infra/prod/main.tf": 'module "a" { source = "../modules/a" }\n',
        "infra/prod/prod.tfvars": "",
        "infra/prod/terraform.tfvars": "",
        "infra/modules/a/main.tf": BUCKET.format(name="a"),
        "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
        "chart/values-prod.yaml": "",
        "apps/a.yaml": MODEL.format(name="a", image=FLOATING),
        "vendor/x/a.yaml": MODEL.format(name="a", image=FLOATING),
    }
    root = repository(tmp_path, files)
    monkeypatch.chdir(root)
    return root


def test_the_configuration_names_what_was_found_and_changes_nothing(work: Path) -> None:
    run = kilter("init")
    assert run.exit_code == 0
    assert "1 Terraform root module (infra/prod), 1 chart (chart), 2 manifests" in run.output
    text = (work / ".kilter.yaml").read_text()
    assert '# var-files: ["infra/prod/prod.tfvars"]' in text
    assert '# values: ["chart/values-prod.yaml"]' in text
    assert '# exclude: ["**/vendor"]' in text
    config = load_config(work / ".kilter.yaml")
    assert (config.fail_on, config.exclude) == (Config().fail_on, ())
    assert not (work / ".pre-commit-config.yaml").exists()
    assert not (work / ".github").exists()


def test_what_is_commented_out_can_be_used(work: Path) -> None:
    kilter("init")
    lines = (work / ".kilter.yaml").read_text().splitlines()
    keys = ("# baseline:", "# var-files:", "# values:", "# exclude:", "# suppressions:", "#   - {")
    write(work, {".kilter.yaml": "\n".join(line[2:] if line.startswith(keys) else line for line in lines)})
    config = load_config(work / ".kilter.yaml")
    assert config.var_files == (str(work / "infra" / "prod" / "prod.tfvars"),)
    assert len(config.suppressions) == 1


def test_hook_and_workflow_are_written_on_request(work: Path) -> None:
    run = kilter("init", "--pre-commit", "--github")
    assert "replace <owner> and <commit>" in run.output
    hooks = YAML(typ="safe").load((work / ".pre-commit-config.yaml").read_text())
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]] == ["kilter", "kilter-all"]
    workflow = YAML(typ="safe").load((work / ".github" / "workflows" / "kilter.yml").read_text())
    assert workflow["on"]["push"]["branches"] == ["main"]
    inputs = YAML(typ="safe").load((Path(__file__).parents[2] / "action.yml").read_text())["inputs"]
    assert set(workflow["jobs"]["kilter"]["steps"][1]["with"]) <= set(inputs)


def test_nothing_is_overwritten_without_force(work: Path) -> None:
    write(work, {".kilter.yaml": "fail-on: high\n", ".pre-commit-config.yaml": "repos: []\n"})
    run = kilter("init", "--pre-commit")
    assert run.exit_code == 2
    assert "left alone" in run.output
    assert "add this below `repos:`" in run.output
    assert (work / ".kilter.yaml").read_text() == "fail-on: high\n"
    assert (work / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert kilter("init", "--force").exit_code == 0
    assert "fail-on: medium" in (work / ".kilter.yaml").read_text()


def test_a_dry_run_prints_and_writes_nothing(work: Path) -> None:
    run = kilter("init", "--dry-run", "--github")
    assert run.exit_code == 0
    assert "fail-on: medium" in run.output
    assert "permissions: {}" in run.output
    assert not (work / ".kilter.yaml").exists()


def test_an_existing_hook_is_seen(work: Path) -> None:
    write(work, {".pre-commit-config.yaml": "repos:\n  - repo: x\n    hooks: [{id: kilter}]\n"})
    assert "has a kilter hook already" in kilter("init").output


def test_hostile_names_stay_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path, {"a\nfail-on: low\n#/b/main.tf": BUCKET.format(name="a")})
    monkeypatch.chdir(root)
    kilter("init")
    assert load_config(root / ".kilter.yaml").fail_on == "medium"


def test_an_empty_directory_says_so(tmp_path: Path) -> None:
    assert "nothing to scan yet" in kilter("init", str(tmp_path)).output
    assert kilter("init", str(tmp_path / "missing")).exit_code == 2


def test_the_schema_can_be_printed() -> None:
    assert json.loads(kilter("config", "schema").output)["title"].startswith("Kilter configuration")
