"""The hooks, run by the real pre-commit from a clone of this repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import BUCKET, FLOATING, MODEL, PINNED, commit, git, repository, write

REPOSITORY = Path(__file__).parents[2]
PARTS = ("scanner", "rules", "schemas", "fixtures", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
CLEAN = {"apps/a.yaml": MODEL.format(name="a", image=PINNED), "apps/old.yaml": MODEL.format(name="old", image=FLOATING)}

pytestmark = pytest.mark.skipif(
    not os.environ.get("KILTER_TEST_PRE_COMMIT"),
    reason="installs the hooks from the registry, which takes a minute: set KILTER_TEST_PRE_COMMIT=1 (.ci/run does)",
)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with the hooks, and its commit."""
    place = tmp_path_factory.mktemp("hooks")
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("__pycache__", "data"))
        else:
            shutil.copy(source, place / part)
    repository(place, {})
    return place, git(place, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the hooks' environment, which all tests share."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def work(tmp_path: Path, hooks: tuple[Path, str]) -> Path:
    """A user's repository that has the hooks, with a manifest that is fine and an old finding."""
    place, revision = hooks
    ids = (
        "      - id: kilter\n        args: [--select=INT001]\n      - id: kilter-all\n        args: [--select=INT001]\n"
    )
    config = f"repos:\n  - repo: {place}\n    rev: {revision}\n    hooks:\n{ids}"
    return repository(tmp_path / "work", {**CLEAN, ".pre-commit-config.yaml": config})


def run(work: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PRE_COMMIT_HOME": str(home), "KILTER_CACHE_DIR": str(home / "cache")}
    command = [sys.executable, "-m", "pre_commit", "run", "--color", "never", *arguments]
    return subprocess.run(command, cwd=work, env=environment, check=False, capture_output=True, text=True)


def test_a_commit_is_checked_where_it_changes_something(work: Path, home: Path) -> None:
    write(work, {"apps/new.yaml": MODEL.format(name="new", image=FLOATING)})
    git(work, "add", "-A")
    ended = run(work, home, "kilter")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "INT001" in ended.stdout and "apps/new.yaml" in ended.stdout
    assert "apps/old.yaml" not in ended.stdout
    write(work, {"apps/new.yaml": MODEL.format(name="new", image=PINNED)})
    git(work, "add", "-A")
    assert run(work, home, "kilter").returncode == 0


def test_files_that_hold_nothing_to_scan_run_nothing(work: Path, home: Path) -> None:
    write(work, {"notes.txt": "x"})
    git(work, "add", "-A")
    ended = run(work, home, "kilter")
    assert ended.returncode == 0 and "Skipped" in ended.stdout


def test_a_push_fails_only_on_what_it_introduces(work: Path, home: Path) -> None:
    before = git(work, "rev-parse", "HEAD")
    commit(work, {"infra/main.tf": BUCKET.format(name="a")})
    middle = git(work, "rev-parse", "HEAD")
    stage = ("kilter-all", "--hook-stage", "pre-push")
    assert run(work, home, *stage, "--from-ref", before, "--to-ref", middle).returncode == 0
    commit(work, {"apps/new.yaml": MODEL.format(name="new", image=FLOATING)})
    ended = run(work, home, *stage, "--from-ref", middle, "--to-ref", git(work, "rev-parse", "HEAD"))
    assert ended.returncode == 1
    assert "apps/new.yaml" in ended.stdout and "apps/old.yaml" not in ended.stdout


def test_the_whole_repository_can_be_asked_for(work: Path, home: Path) -> None:
    ended = run(work, home, "kilter-all", "--hook-stage", "manual", "--all-files")
    assert ended.returncode == 1 and "apps/old.yaml" in ended.stdout
