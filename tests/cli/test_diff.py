import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from repositories import BUCKET, FLOATING, MODEL, PINNED, commit, git, repository, write

from scanner.project.git import GitError, GitTree, find_base
from scanner.project.tree import Unreadable
from scanner.scan import ScanOptions, scan


def kilter(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from scanner.cli import main; main()", *arguments]
    environment = os.environ | (env or {})
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def new(root: Path, revision: str = "main", select: str = "INT001") -> list[tuple[str, str]]:
    result = scan([root], ScanOptions(select=(select,), diff=revision))
    return [(item.location.span.file, item.resource.address) for item in result.findings]


def model(name: str, image: str = FLOATING) -> str:
    return MODEL.format(name=name, image=image)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A branch of a repository that has one old finding."""
    root = repository(tmp_path / "work", {"apps/old.yaml": model("old"), "apps/good.yaml": model("good", PINNED)})
    git(root, "checkout", "-q", "-b", "change")
    return root


def test_only_what_the_change_introduces_is_reported(work: Path) -> None:
    assert new(work) == []
    commit(work, {"apps/good.yaml": model("good"), "apps/old.yaml": "# a comment\n\n" + model("old")})
    assert new(work) == [("apps/good.yaml", "Deployment/inference/good")]
    write(work, {"apps/untracked.yaml": model("untracked")})
    assert len(new(work)) == 2


def test_the_summary_says_what_was_left_out(work: Path) -> None:
    run = kilter("scan", "--diff", "main", "--select", "INT001", cwd=work)
    assert run.returncode == 0
    assert "0 new findings" in run.stdout
    assert "1 already in main (" in run.stdout


def test_a_base_that_moved_on_does_not_count(work: Path) -> None:
    git(work, "checkout", "-q", "main")
    commit(work, {"apps/old.yaml": model("old", PINNED)})
    git(work, "checkout", "-q", "change")
    assert new(work) == []


def test_moved_files_and_blocks_are_not_new_but_copies_are(work: Path) -> None:
    git(work, "mv", "apps/old.yaml", "apps/renamed.yaml")
    assert new(work) == []
    write(work, {"apps/renamed.yaml": model("good", PINNED), "apps/good.yaml": "---\n" + model("old")})
    assert new(work) == []
    write(work, {"apps/copy.yaml": model("old")})
    assert len(new(work)) == 1


def test_a_second_finding_of_the_same_kind_is_new(work: Path) -> None:
    two = model("old") + "        - name: second\n          image: vllm/vllm-openai:latest\n"
    write(work, {"apps/old.yaml": two})
    result = scan([work], ScanOptions(select=("INT001",), diff="main"))
    assert [item.location.span.start_line for item in result.findings] == [14]


def test_a_removed_suppression_is_a_new_finding(tmp_path: Path) -> None:
    held = model("a", f"{FLOATING}  # kilter:ignore INT001 -- mirror")
    root = repository(tmp_path, {"a.yaml": held})
    write(root, {"a.yaml": model("a")})
    assert len(new(root, "HEAD")) == 1


def test_the_base_is_evaluated_as_a_whole(tmp_path: Path) -> None:
    """A change in a variables file shows in a resource that did not change."""
    text = (
        'variable "public" { type = bool }\nresource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n'
        '  role_arn = "r"\n  instance_type = "ml.t3.medium"\n  subnet_id = "subnet-1"\n'
        '  direct_internet_access = var.public ? "Enabled" : "Disabled"\n}\n'
    )
    root = repository(tmp_path, {"main.tf": text, "terraform.tfvars": "public = false\n"})
    before = {item.rule for item in scan([root]).findings}
    write(root, {"terraform.tfvars": "public = true\n"})
    added = {item.rule for item in scan([root]).findings} - before
    assert added
    assert {item.rule for item in scan([root], ScanOptions(diff="HEAD")).findings} == added


def test_a_scan_of_a_part_compares_that_part(work: Path) -> None:
    write(work, {"apps/new.yaml": model("new"), "other/new.yaml": model("other")})
    assert new(work / "apps") == [("new.yaml", "Deployment/inference/new")]
    assert new(work / "other") == [("new.yaml", "Deployment/inference/other")]
    assert new(work / "apps" / "old.yaml") == []


def test_ignored_files_belong_to_both_sides(tmp_path: Path) -> None:
    root = repository(
        tmp_path, {".gitignore": "secret.auto.tfvars\n.terraform/\ngenerated/\n", "main.tf": "# nothing\n"}
    )
    write(root, {"generated/a.yaml": model("a"), "secret.auto.tfvars": "a = 1\n"})
    assert new(root, "HEAD") == []
    tree = GitTree(root, find_base(root, "HEAD"))
    assert tree.read("secret.auto.tfvars").text == "a = 1\n"
    assert tree.list("") == [".gitignore", "generated", "main.tf", "secret.auto.tfvars"]


def test_a_commit_reads_like_the_directory_it_was_made_from(tmp_path: Path) -> None:
    files = {"a/b/c.yaml": "c", "a/d.tf": "d", "ünï/x y.yaml": "x", ".terraform/m/x.tf": "skipped"}
    root = repository(tmp_path, files)
    (root / "link.yaml").symlink_to("a/b/c.yaml")
    (root / "linked").symlink_to("a")
    (root / "outside.yaml").symlink_to("../../etc/passwd")
    (root / "loop").symlink_to("loop")
    commit(root, {})
    from scanner.project.tree import Tree

    disk, commit_tree = Tree(root), GitTree(root, find_base(root, "HEAD"))
    loose = {".git", "loop", "outside.yaml"}
    assert [p for p in commit_tree.walk("") if p not in loose] == [p for p in disk.walk("") if p not in loose]
    for path in ("a", "a/d.tf", "linked/b/c.yaml", "link.yaml", "missing", "outside.yaml", "loop", "../x", ""):
        assert commit_tree.is_file(path) == disk.is_file(path), path
        assert commit_tree.is_dir(path) == disk.is_dir(path), path
    assert commit_tree.list("linked") == disk.list("linked") == ["b", "d.tf"]
    assert commit_tree.read("linked/b/c.yaml").text == "c"
    assert commit_tree.read("ünï/x y.yaml").text == "x"
    for path in ("outside.yaml", "loop", "missing.yaml"):
        with pytest.raises(Unreadable):
            commit_tree.read_bytes(path)
    copied = commit_tree.absolute("a")
    assert copied is not None
    assert sorted(p.name for p in copied.rglob("*.*")) == ["c.yaml", "d.tf"]


@pytest.mark.parametrize(
    ("revision", "advice"),
    [("nonsense", "git rev-parse"), ("--output=x", "git rev-parse"), ("HEAD~9", "fetch")],
)
def test_a_missing_revision_is_one_line_with_advice(work: Path, revision: str, advice: str) -> None:
    with pytest.raises(GitError, match=advice) as error:
        find_base(work, revision)
    assert "\n" not in str(error.value)
    run = kilter("scan", f"--diff={revision}", cwd=work)
    assert (run.returncode, run.stdout) == (2, "")
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_directory_outside_git_says_so(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": model("a")})
    run = kilter("scan", "--diff", "main", cwd=tmp_path, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert run.returncode == 2
    assert "needs a git repository" in run.stderr


def test_a_shallow_clone_names_the_fetch_that_helps(work: Path, tmp_path: Path) -> None:
    commit(work, {"apps/new.yaml": model("new")})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--branch", "change", f"file://{work}", str(clone))
    with pytest.raises(GitError, match="git fetch --depth=1 origin \\+refs/heads/main:refs/remotes/origin/main"):
        find_base(clone, "origin/main")
    git(clone, "fetch", "-q", "--depth=1", "origin", "+refs/heads/main:refs/remotes/origin/main")
    result = scan([clone], ScanOptions(select=("INT001",), diff="origin/main"))
    assert [item.location.span.file for item in result.findings] == ["apps/new.yaml"]
    assert [item.code for item in result.diagnostics] == ["diff-base"]


def test_pre_commit_gives_the_base(work: Path) -> None:
    commit(work, {"apps/new.yaml": model("new")})

    def found(**env: str) -> Any:
        run = kilter("scan", "--select", "INT001", "--format", "json", cwd=work, env=env)
        return [item["location"]["file"] for item in json.loads(run.stdout)["findings"]]

    assert len(found()) == 2
    assert found(PRE_COMMIT_FROM_REF="main", PRE_COMMIT_TO_REF="HEAD") == ["apps/new.yaml"]
    assert len(found(PRE_COMMIT_FROM_REF="0" * 40, PRE_COMMIT_TO_REF="HEAD")) == 2


def test_gits_own_hook_variables_do_not_mislead(work: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"a.txt": ""})
    run = kilter(
        "scan", "--diff", "main", cwd=work, env={"GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": "/dev/null"}
    )
    assert "already in main" in run.stdout


def test_fingerprints_do_not_depend_on_the_scanned_part(work: Path) -> None:
    whole = {item.fingerprint for item in scan([work], ScanOptions(select=("INT001",))).findings}
    part = {item.fingerprint for item in scan([work / "apps"], ScanOptions(select=("INT001",))).findings}
    assert whole == part


def test_a_chart_of_the_base_is_rendered(tmp_path: Path) -> None:
    chart = {
        "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
        "chart/values.yaml": f"image: {FLOATING}\n",
        "chart/templates/d.yaml": model("a", "{{ .Values.image }}"),
    }
    root = repository(tmp_path, chart)
    if any(item.code == "helm-engine-missing" for item in scan([root]).diagnostics):
        pytest.skip("no Helm engine")
    assert new(root, "HEAD") == []
    write(root, {"chart/templates/e.yaml": model("b", "{{ .Values.image }}")})
    assert new(root, "HEAD") == [("chart/templates/e.yaml", "Deployment/inference/b")]


def test_terraform_findings_survive_a_move_between_files(tmp_path: Path) -> None:
    root = repository(tmp_path, {"main.tf": BUCKET.format(name="a")})
    old = scan([root]).findings
    git(root, "mv", "main.tf", "storage.tf")
    result = scan([root], ScanOptions(diff="HEAD"))
    assert (len(result.findings), result.unchanged) == (0, len(old))


STACK = {
    "infra/prod/main.tf": 'variable "access" { type = string }\nmodule "n" {\n  source = "../modules/n"\n'
    "  access = var.access\n}\n",
    "infra/prod/terraform.tfvars": 'access = "Disabled"\n',
    "infra/dev/main.tf": 'module "n" {\n  source = "../modules/n"\n'
    '  access = trimspace(file("${path.module}/access"))\n}\n',
    "infra/dev/access": "Disabled\n",
    "infra/modules/n/main.tf": 'variable "access" { type = string }\n'
    'resource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n  role_arn = "r"\n'
    '  instance_type = "ml.t3.medium"\n  subnet_id = "subnet-1"\n  direct_internet_access = var.access\n}\n',
    "apps/a.yaml": MODEL.format(name="a", image=PINNED),
    "apps/b.json": '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}',
}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("infra/prod/terraform.tfvars", 'access = "Enabled"\n'),
        ("infra/dev/access", "Enabled\n"),
        ("infra/modules/n/main.tf", STACK["infra/modules/n/main.tf"].replace("var.access\n", '"Enabled"\n')),
        ("infra/new/main.tf", BUCKET.format(name="new")),
        ("infra/prod/more.tf", BUCKET.format(name="more")),
        ("apps/a.yaml", MODEL.format(name="a", image=FLOATING)),
        ("README.md", "nothing that matters"),
    ],
)
def test_what_is_new_is_what_two_separate_scans_differ_in(tmp_path: Path, path: str, text: str) -> None:
    before = repository(tmp_path / "before", STACK)
    after = repository(tmp_path / "after", STACK)
    write(after, {path: text})
    old = {item.fingerprint for item in scan([before]).findings}
    whole = {item.fingerprint for item in scan([after]).findings}
    result = scan([after], ScanOptions(diff="HEAD"))
    assert {item.fingerprint for item in result.findings} == whole - old
    assert result.unchanged == len(whole & old)
    assert bool(result.findings) == (path != "README.md")
