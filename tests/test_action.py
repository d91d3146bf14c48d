"""The action, its script, and the workflow that ``kilter init`` writes, before the linters of their users."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner
from repositories import git
from ruamel.yaml import YAML

from scanner.cli import cli

REPOSITORY = Path(__file__).parent.parent
yaml = YAML(typ="safe")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def tool(name: str) -> str:
    """The executable that the test extra installs."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    assert found is not None, f"{name} is part of the extra kilter[test]"
    return found


def run(*command: str, directory: Path) -> str:
    ended = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the action in it, and with a workflow that uses it by commit."""
    git(tmp_path, "init", "-q", "-b", "main")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["init", "--github", "--no-pre-commit"]).exit_code == 0
    workflow = tmp_path / ".github" / "workflows" / "kilter.yml"
    text = workflow.read_text()
    assert "<owner>/kilter@<commit>" in text
    workflow.write_text(text.replace("<owner>/kilter@<commit>", f"acme/kilter@{COMMIT}"))
    shutil.copy(REPOSITORY / "action.yml", tmp_path)
    return tmp_path


def test_the_workflow_pleases_actionlint(work: Path) -> None:
    run(tool("actionlint"), "-no-color", "-shellcheck", tool("shellcheck"), directory=work)


def test_workflow_and_action_please_zizmor(work: Path) -> None:
    run(tool("zizmor"), "--offline", "--no-progress", "--no-config", ".", directory=work)


def test_zizmor_sees_the_action(work: Path) -> None:
    """Were a check of the action's script to go silent, the test above would not say so."""
    action = work / "action.yml"
    action.write_text(
        action.read_text().replace('bash "$KILTER_SOURCE/', 'echo "${{ inputs.path }}"; bash "$KILTER_SOURCE/')
    )
    command = [tool("zizmor"), "--offline", "--no-progress", "--no-config", "--format", "plain", "."]
    ended = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True)
    assert ended.returncode != 0 and "template-injection" in ended.stdout


def test_action_and_workflow_follow_the_schemas_of_github(work: Path) -> None:
    check = (tool("check-jsonschema"), "--builtin-schema")
    run(*check, "vendor.github-actions", "action.yml", directory=work)
    run(*check, "vendor.github-workflows", ".github/workflows/kilter.yml", directory=work)


def test_the_action_installs_with_no_module_of_the_checkout(tmp_path: Path) -> None:
    """The step runs in the checkout, which may be that of a pull request."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("venv", "pip", "json", "ensurepip"):
        (checkout / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    step = yaml.load((REPOSITORY / "action.yml").read_text())["runs"]["steps"][0]
    given = {"KILTER_PYTHON": sys.executable, "KILTER_SOURCE": "/missing", "RUNNER_TEMP": str(tmp_path)}
    ended = subprocess.run(
        ["bash", "-e", "-c", step["run"]], cwd=checkout, env=os.environ | given, check=False, capture_output=True
    )
    assert b"/missing" in ended.stderr and b"Traceback" not in ended.stderr, ended.stderr
    assert not (tmp_path / "ran").exists()


def test_the_hook_keeps_names_of_files_from_being_options() -> None:
    hooks = {hook["id"]: hook for hook in yaml.load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())}
    assert hooks["kilter"]["args"][-1] == "--"
    assert hooks["kilter-all"]["pass_filenames"] is False


def test_the_hooks_follow_the_schema_of_pre_commit() -> None:
    run(tool("pre-commit"), "validate-manifest", ".pre-commit-hooks.yaml", directory=REPOSITORY)


@pytest.mark.parametrize("script", [".github/action-scan.sh", ".ci/run"])
def test_the_scripts_please_shellcheck(script: str) -> None:
    run(tool("shellcheck"), str(REPOSITORY / script), directory=REPOSITORY)
