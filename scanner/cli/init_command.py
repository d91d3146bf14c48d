"""``kilter init``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import Struct

from scanner.cli.shared import Failure, failures, say, write

CONFIG = ".kilter.yaml"
PRE_COMMIT = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/kilter.yml"
SHOWN = 5
SELDOM_DEPLOYED = frozenset({"vendor", "third_party", "testdata", "fixtures", "examples"})
"""Directories that usually hold what nobody deploys; they are suggested, not left out."""


class Found(Struct, frozen=True):
    """What there is to scan and what is set up already. Paths are relative to the repository."""

    roots: tuple[str, ...]
    charts: tuple[str, ...]
    overlays: tuple[str, ...]
    manifests: tuple[str, ...]
    var_files: tuple[str, ...]
    values: tuple[str, ...]
    undeployed: tuple[str, ...]
    branch: str


@click.command(name="init")
@click.argument("directory", default=".", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the files instead of writing them.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--pre-commit/--no-pre-commit", default=None, help=f"Write {PRE_COMMIT}.  [default: ask on a terminal]")
@click.option("--github/--no-github", default=None, help=f"Write {WORKFLOW}.  [default: ask on a terminal]")
def command(directory: Path, dry_run: bool, force: bool, pre_commit: bool | None, github: bool | None) -> None:
    """Set Kilter up in a repository: a configuration, and on request a pre-commit hook and a GitHub workflow.

    Files that exist are left alone unless --force is given.
    """
    if not directory.is_dir():
        raise Failure(f"{directory}: no such directory")
    with failures():
        found = look(directory)
    say(_summary(found))
    if (directory / PRE_COMMIT).is_file() and not force:
        _explain_hook(directory, pre_commit)
        pre_commit = False
    files = {CONFIG: config_text(found)}
    if _wanted(pre_commit, f"Write {PRE_COMMIT}?"):
        files[PRE_COMMIT] = f"repos:\n{HOOK}"
    if _wanted(github, f"Write {WORKFLOW}?"):
        files[WORKFLOW] = WORKFLOW_TEXT.replace("BRANCH", found.branch)
    left_alone = [name for name, text in files.items() if not _put(directory, name, text, dry_run, force)]
    for name in left_alone:
        say(f"{directory / name} exists and is left alone (--force overwrites it)", err=True)
    if not dry_run:
        click.echo(_next_steps(files, pre_commit, github))
    raise click.exceptions.Exit(2 if len(left_alone) == len(files) else 0)


def look(directory: Path) -> Found:
    """What the repository holds."""
    from scanner.frontends.terraform import root_modules
    from scanner.project.discovery import discover
    from scanner.project.git import default_branch
    from scanner.project.tree import Tree

    tree = Tree(directory)
    sources = discover(tree)
    paths = list(tree.walk(""))
    names = [(path, path.rpartition("/")[2]) for path in paths]
    return Found(
        tuple(root_modules(tree, sources.terraform_directories)) if sources.terraform_directories else (),
        tuple(sources.charts),
        tuple(sources.kustomizations),
        tuple(sources.manifests),
        tuple(p for p, name in names if name.endswith((".tfvars", ".tfvars.json")) and not _automatic(name)),
        tuple(p for p, name in names if name.startswith("values-") and name.endswith((".yaml", ".yml"))),
        tuple(sorted({step for path in paths for step in path.split("/")[:-1] if step in SELDOM_DEPLOYED})),
        default_branch(directory),
    )


def _automatic(name: str) -> bool:
    """Whether Terraform reads a variables file by itself."""
    return name.startswith("terraform.tfvars") or name.endswith((".auto.tfvars", ".auto.tfvars.json"))


def _summary(found: Found) -> str:
    parts = [
        _some(found.roots, "Terraform root module"),
        _some(found.charts, "chart"),
        _some(found.overlays, "Kustomize overlay"),
        f"{len(found.manifests)} manifest{'s' * (len(found.manifests) != 1)}" if found.manifests else "",
    ]
    return f"Found {', '.join(part for part in parts if part) or 'nothing to scan yet'}."


def _some(paths: Sequence[str], noun: str) -> str:
    if not paths:
        return ""
    from scanner.report.clean import one_line

    shown = ", ".join(one_line(path) or "." for path in paths[:SHOWN]) + (", …" if len(paths) > SHOWN else "")
    return f"{len(paths)} {noun}{'s' * (len(paths) != 1)} ({shown})"


def config_text(found: Found) -> str:
    """A configuration that changes nothing and shows what could be changed."""
    blocks = [
        f"# Kilter's configuration; `kilter config show --origins` shows what it comes to.\n# {_summary(found)}",
        "# Lowest severity that fails a scan: critical, high, medium or low.\nfail-on: medium",
        "# Known findings that do not fail a scan: `kilter baseline` writes them.\n# baseline: .kilter-baseline.json",
    ]
    if found.var_files:
        blocks.append(
            "# Variables files that Terraform does not read by itself; they apply to every root module.\n"
            f"# var-files: {_listed(found.var_files)}"
        )
    if found.values:
        blocks.append(f"# Values files; they apply to every chart.\n# values: {_listed(found.values)}")
    if found.undeployed:
        blocks.append(f"# Leave out what nobody deploys.\n# exclude: {_listed([f'**/{n}' for n in found.undeployed])}")
    blocks.append(
        "# Accepted findings. Comments do the same: # kilter:ignore CODE until=YYYY-MM-DD -- reason\n"
        "# suppressions:\n"
        "#   - {rule: INT001, path: apps/dev/*, reason: images of the sandbox may float, until: 2030-01-31}"
    )
    return "\n\n".join(blocks) + "\n"


def _listed(paths: Sequence[str]) -> str:
    import json

    return json.dumps(list(paths[:SHOWN]))


def _wanted(choice: bool | None, question: str) -> bool:
    if choice is None:
        asked = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
        return asked and click.confirm(question, default=False)
    return choice


def _explain_hook(directory: Path, wanted: bool | None) -> None:
    if "kilter" in (directory / PRE_COMMIT).read_text("utf-8", "replace"):
        click.echo(f"{PRE_COMMIT} has a kilter hook already.")
    elif wanted is not False:
        click.echo(f"{PRE_COMMIT} exists; to run Kilter in it, add this below `repos:`\n\n{HOOK}")


def _put(directory: Path, name: str, text: str, dry_run: bool, force: bool) -> bool:
    """Write or print a file; whether it was done."""
    target = directory / name
    if dry_run:
        say(f"\n# ----- {target}\n{text.removesuffix(chr(10))}")
        return True
    if (target.exists() or target.is_symlink()) and not force:
        return False
    if not target.parent.resolve().is_relative_to(directory.resolve()):
        raise Failure(f"{target} is not written: a link leads out of {directory}")
    target.parent.mkdir(parents=True, exist_ok=True)
    write(text, str(target))
    say(f"wrote {target}")
    return True


def _next_steps(files: dict[str, str], pre_commit: bool | None, github: bool | None) -> str:
    steps = [
        "kilter scan           see what there is",
        "kilter baseline       accept it for now and fail only on new findings",
    ]
    if PRE_COMMIT not in files and pre_commit is None:
        steps.append("kilter init --pre-commit   set up the pre-commit hook")
    if WORKFLOW not in files and github is None:
        steps.append("kilter init --github       set up the GitHub workflow")
    if PRE_COMMIT in files or WORKFLOW in files:
        steps.append("replace <owner> and <commit> in the files above with where you keep Kilter")
    return "Next:\n" + "\n".join(f"  {step}" for step in steps)


HOOK = """  # <owner>: where Kilter's repository is kept; <commit>: the full id of the commit to use (tags can be moved)
  - repo: https://github.com/<owner>/kilter
    rev: <commit>
    hooks:
      - id: kilter        # on commit: the root modules, charts and manifests that hold the changed files
      - id: kilter-all    # on push: what the pushed commits introduce
"""
WORKFLOW_TEXT = """name: kilter
on:
  pull_request:
  push:
    branches: [BRANCH]

permissions: {}

concurrency:
  group: kilter-${{ github.ref }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}

jobs:
  kilter:
    name: Kilter
    runs-on: ubuntu-latest
    permissions:
      contents: read
      security-events: write # for the upload to code scanning
    steps:
      # Actions are named by commit because tags can be moved; the comment is the tag, which update bots understand.
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          fetch-depth: 0 # so that the commit where the change began is known
          persist-credentials: false
      # <owner>: where Kilter's repository is kept; <commit>: the full id of the commit to use.
      - uses: <owner>/kilter@<commit>
        with:
          # A pull request fails only on what it introduces; a push to BRANCH is scanned as a whole.
          diff: ${{ github.base_ref && format('origin/{0}', github.base_ref) || '' }}
          sarif-file: kilter.sarif
      # Only whole scans are uploaded: code scanning takes findings that are missing for fixed.
      - uses: github/codeql-action/upload-sarif@8aad20d150bbac5944a9f9d289da16a4b0d87c1e # v4.36.2
        if: ${{ !cancelled() && github.event_name == 'push' }}
        with:
          sarif_file: kilter.sarif
"""
