"""Nothing that is scanned runs: no module, no option of an engine, no program that a repository's git knows."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from limited import HEALTHY, Run, kilter, scan
from repositories import git, repository

CHART = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
RELEASE = """\
resource "helm_release" "r" {{
  name      = {name}
  namespace = {name}
  chart     = "./c"
  set {{
    name  = {name}
    value = "x"
  }}
}}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A directory to scan with a chart in it."""
    scanned = tmp_path / "scanned"
    (scanned / "c" / "templates").mkdir(parents=True)
    (scanned / "c" / "Chart.yaml").write_text(CHART)
    (scanned / "c" / "templates" / "a.yaml").write_text(HEALTHY)
    return scanned


def test_modules_beside_the_sources_are_not_imported(chart: Path, tmp_path: Path) -> None:
    pytest.importorskip("helm_python")
    for name in ("json", "sys", "helm_python", "sitecustomize", "encodings", "click", "yaml", "regex"):
        (chart / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    run = kilter("scan", ".", "--format", "json", "--exit-zero", "--no-cache", cwd=chart)
    assert run.files_with_findings() == {"c/templates/a.yaml"}, run.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["--post-renderer=./evil", "-h", "--", "a b"])
def test_names_of_releases_are_no_options_of_helm(name: str, chart: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "helm").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{tmp_path}/arguments"\n')
    (programs / "helm").chmod(0o755)
    (chart / "main.tf").write_text(RELEASE.format(name=json.dumps(name)))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    assert kilter("scan", str(chart), "--no-cache", variables={"PATH": path}).status == 0
    given = (tmp_path / "arguments").read_text().splitlines()
    # what an option takes as its value is no option, whatever it looks like
    assert given[:6] == ["template", "--skip-tests", "--namespace", name, "--set", f"{name}=x"]
    assert given[6:] == ["--", name, str(chart.resolve() / "c")]


PROGRAMS = (
    "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.e.v/i.l.clean", "diff.evil.textconv",
    "diff.evil.command", "diff.external", "core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass",
    "gpg.program", "credential.helper", "core.alternateRefsCommand", "uploadpack.packObjectsHook",
)  # fmt: skip
"""Keys of git's configuration whose values are commands."""


def booby_trap(directory: Path, ran: Path) -> None:
    """Let everything that git may run leave a file behind."""
    for key in PROGRAMS:
        git(directory, "config", key, f"touch {ran}/{key.replace('/', '_')}; cat")
    git(directory, "config", "filter.evil.required", "true")
    hooks = directory / "traps"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "pre-auto-gc", "post-checkout", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}/{name}\n")
        (hooks / name).chmod(0o755)
    git(directory, "config", "core.hooksPath", str(hooks))


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A repository with a changed file whose configuration names programs; ``ran`` beside it shows what ran."""
    (tmp_path / "ran").mkdir()
    attributes = "*.yaml filter=evil diff=evil\nb.yaml filter=e.v/i.l\n"
    made = repository(tmp_path / "repository", {"a.yaml": HEALTHY, "b.yaml": "a: 1\n", ".gitattributes": attributes})
    (made / "a.yaml").write_text(HEALTHY.replace("name: healthy", "name: other"))
    (made / "b.yaml").write_text("a: 2\n")
    booby_trap(made, tmp_path / "ran")
    return made


def compared(directory: Path, revision: str = "main") -> Run:
    return kilter("scan", str(directory), "--diff", revision, "--no-cache", "--format", "json", "--exit-zero")


def test_programs_of_a_repositorys_configuration_do_not_run(trapped: Path, tmp_path: Path) -> None:
    run = compared(trapped)
    assert run.files_with_findings() == {"a.yaml"}, run.stderr
    assert kilter("init", "--dry-run", cwd=trapped).status == 0
    assert [path.name for path in (tmp_path / "ran").iterdir()] == []


def test_a_filter_that_cannot_be_turned_off_is_refused(trapped: Path, tmp_path: Path) -> None:
    git(trapped, "config", "filter.a=b.clean", f"touch {tmp_path}/ran/it; cat")
    run = compared(trapped)
    assert (run.status, run.stderr.count("\n")) == (2, 1)
    assert "has = in its name" in run.stderr
    assert [path.name for path in (tmp_path / "ran").iterdir()] == []


def test_a_repository_among_the_sources_is_none(trapped: Path, tmp_path: Path) -> None:
    """What looks like a repository's inside may be committed as files, its configuration included."""
    inside = trapped / "inside"
    shutil.copytree(trapped / ".git", inside)
    git(inside, "config", "core.worktree", str(inside))
    (inside / "a.yaml").write_text(HEALTHY)
    run = compared(inside)
    assert (run.status, "is not in one that git accepts" in run.stderr) == (2, True), run.stderr
    assert [path.name for path in (tmp_path / "ran").iterdir()] == []


def test_a_submodules_configuration_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "ran").mkdir()
    outer, module = tmp_path / "outer", tmp_path / "outer" / "module"
    repository(module, {"m.yaml": "a: 1\n", ".gitattributes": "* filter=evil\n"})
    repository(outer, {"a.yaml": HEALTHY})
    assert git(outer, "ls-files", "--stage", "module").startswith("160000")
    booby_trap(module, tmp_path / "ran")
    for path in (tmp_path / "ran").iterdir():
        path.unlink()
    (module / "m.yaml").write_text("a: 2\n")
    run = compared(outer)
    assert run.status == 0, run.stderr
    assert [path.name for path in (tmp_path / "ran").iterdir()] == []


def test_missing_objects_are_not_fetched(trapped: Path, tmp_path: Path) -> None:
    git(trapped, "config", "core.repositoryFormatVersion", "1")
    git(trapped, "config", "extensions.partialClone", "origin")
    git(trapped, "config", "remote.origin.url", f"ext::sh -c touch% {tmp_path}/ran/fetch")
    git(trapped, "config", "remote.origin.promisor", "true")
    git(trapped, "config", "protocol.allow", "always")
    git(trapped, "config", "protocol.ext.allow", "always")
    blob = git(trapped, "rev-parse", "main:a.yaml")
    (trapped / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    run = compared(trapped)
    assert (run.status, run.stderr.count("\n")) == (2, 1), run.stderr
    assert [path.name for path in (tmp_path / "ran").iterdir()] == []


def test_an_archive_or_a_chart_beside_all_this_is_still_read(chart: Path) -> None:
    pytest.importorskip("helm_python")
    assert "c/templates/a.yaml" in scan(chart).files_with_findings()
