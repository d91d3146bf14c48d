"""What the guides tell people to copy."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from scanner.cli import cli

REPOSITORY = Path(__file__).parent.parent
GUIDES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def blocks(path: Path, language: str) -> list[str]:
    return [text for name, text in _BLOCK.findall(path.read_text("utf-8")) if name == language]


def yaml(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_what_is_to_be_copied_can_be_read_and_links_lead_somewhere(guide: Path) -> None:
    for text in blocks(guide, "yaml"):
        yaml(text)
    for text in blocks(guide, "json"):
        json.loads(text)
    for text in blocks(guide, "toml"):
        tomllib.loads(text)
    for target in _LINK.findall(guide.read_text("utf-8")):
        assert (guide.parent / target).exists(), target


def test_the_guide_to_pipelines_shows_what_init_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["init", "--github", "--pre-commit"]).exit_code == 0
    shown = [yaml(text) for text in blocks(REPOSITORY / "docs" / "ci.md", "yaml")]
    assert yaml((tmp_path / ".github" / "workflows" / "kilter.yml").read_text()) in shown
    assert yaml((tmp_path / ".pre-commit-config.yaml").read_text()) in shown


def test_the_guide_to_pipelines_names_every_input_and_output_of_the_action() -> None:
    action, text = yaml((REPOSITORY / "action.yml").read_text()), (REPOSITORY / "docs" / "ci.md").read_text()
    for name in (*action["inputs"], *action["outputs"]):
        assert f"`{name}`" in text, name


def test_the_guide_to_pipelines_has_a_job_that_gitlab_takes(tmp_path: Path) -> None:
    job = next(text for text in blocks(REPOSITORY / "docs" / "ci.md", "yaml") if "GIT_DEPTH" in text)
    place = tmp_path / ".gitlab-ci.yml"
    place.write_text(job)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(place)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_command_of_the_gitlab_job_runs_in_a_shell(tmp_path: Path) -> None:
    """With and without the variable that only pipelines of merge requests have."""
    job = next(text for text in blocks(REPOSITORY / "docs" / "ci.md", "yaml") if "GIT_DEPTH" in text)
    line = yaml(job)["kilter"]["script"][-1]
    for variables, expected in (({}, ["scan"]), ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": "abc"}, ["scan", "--diff", "abc"])):
        script = f'kilter() {{ printf "%s\\n" "$@"; }}\n{line}'
        ended = subprocess.run(["sh", "-c", script], env=variables, check=True, capture_output=True, text=True)
        assert ended.stdout.split("\n")[: len(expected)] == expected
        assert "--report" in ended.stdout
