import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import commit, git, repository, write

from scanner.core.edits import apply_edits
from scanner.project.write import NotWritten, rewrite
from scanner.report.formats import render
from scanner.scan import ScanOptions, fix_of, repair, scan

CRON = """apiVersion: batch/v1
kind: CronJob # nightly
metadata: {{name: {name}}}
spec:
  schedule: "0 1 * * *"
  concurrencyPolicy: Allow  # for now
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: eval
              image: ghcr.io/acme/eval:1.4
              resources: {{limits: {{nvidia.com/gpu: 1}}}}
"""
ECR = 'resource "aws_ecr_repository" "llm" {\n  name = "llm"\n}\n'
SELECT = ("--select", "CST013,INT101")


def kilter(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from scanner.cli import main; main()", *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "CI"} | (env or {})
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=120, check=False)


def cron(name: str) -> str:
    return CRON.format(name=name)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {"jobs/eval.yaml": cron("eval"), "infra/main.tf": ECR, "ok.yaml": cron("ok").replace("Allow", "Forbid")},
    )
    return tmp_path


def test_fixes_are_written_and_what_remains_is_reported(work: Path) -> None:
    run = kilter("scan", ".", "--fix", "--select", "CST013,INT101,CST001", cwd=work)
    assert run.returncode == 1
    assert (work / "jobs/eval.yaml").read_text() == cron("eval").replace("Allow", "Forbid")
    assert (work / "infra/main.tf").read_text() == ECR.replace("}", '\n  image_tag_mutability = "IMMUTABLE"\n}')
    assert b"2 fixed in 2 files" in run.stdout
    assert b"fixable" not in run.stdout
    assert run.stdout.count(b"[CST001]") == 2
    assert kilter("scan", ".", *SELECT, cwd=work).returncode == 0


def test_fixing_twice_changes_nothing_more(work: Path) -> None:
    kilter("scan", ".", "--fix", "--pedantic", cwd=work)
    once = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    assert b" fixed in " not in kilter("scan", ".", "--fix", "--pedantic", cwd=work).stdout
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == once


def test_a_dry_run_prints_a_diff_that_applies_and_changes_nothing(work: Path) -> None:
    write(work, {"infra/main.tf": ECR.rstrip()})
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    run = kilter("scan", ".", "--fix", "--dry-run", *SELECT, cwd=work)
    assert run.returncode == 1
    assert b"kilter: 2 of 2 findings would be fixed in 2 files; nothing was written" in run.stderr
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before
    subprocess.run(["git", "apply", "-"], input=run.stdout, cwd=work, check=True)
    clean = kilter("scan", ".", "--fix", "--dry-run", *SELECT, cwd=work)
    assert (clean.returncode, clean.stdout) == (0, b"")


def test_a_dry_run_can_still_write_reports(work: Path) -> None:
    run = kilter("scan", ".", "--fix", "--dry-run", *SELECT, "--report", "json=out.json", cwd=work)
    assert run.stdout.startswith(b"--- a/infra/main.tf\n")
    assert json.loads((work / "out.json").read_text())["summary"]["fixable"] == 2


def test_a_diff_in_a_log_steers_nothing(work: Path) -> None:
    write(work, {"infra/main.tf": ECR.replace("}", "  # \x1b[31m\n  /*\n  ::error::x\n  */\n}")})
    raw = kilter("scan", ".", "--fix", "--dry-run", *SELECT, cwd=work)
    log = kilter("scan", ".", "--fix", "--dry-run", *SELECT, cwd=work, env={"CI": "true"})
    assert b"\x1b" in raw.stdout
    assert b"\x1b" not in log.stdout
    assert not any(line.lstrip().startswith(b"::") for line in log.stdout.splitlines())
    assert b"IMMUTABLE" in log.stdout


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_say_nothing_are_kept(tmp_path: Path, mark: bytes) -> None:
    content = mark + cron("é").replace("\n", "\r\n").rstrip().encode()
    (tmp_path / "a.yaml").write_bytes(content)
    (tmp_path / "a.yaml").chmod(0o640)
    kilter("scan", ".", "--fix", *SELECT, cwd=tmp_path)
    assert (tmp_path / "a.yaml").read_bytes() == content.replace(b"Allow", b"Forbid")
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_utf_16_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xfe\xff" + cron("a").encode("utf-16-be"))
    kilter("scan", ".", "--fix", *SELECT, cwd=tmp_path)
    assert (tmp_path / "a.yaml").read_bytes() == b"\xfe\xff" + cron("a").replace("Allow", "Forbid").encode("utf-16-be")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"real/a.yaml": cron("a")})
    (tmp_path / "a.yaml").symlink_to("real/a.yaml")
    kilter("scan", "a.yaml", "--fix", *SELECT, cwd=tmp_path)
    assert (tmp_path / "a.yaml").is_symlink()
    kilter("scan", ".", "--fix", *SELECT, cwd=tmp_path)
    assert "Forbid" in (tmp_path / "real/a.yaml").read_text()


def test_a_file_that_changed_meanwhile_is_an_error_and_nothing_is_written(work: Path) -> None:
    repairs = repair([work], ScanOptions(select=("CST013", "INT101")))
    (work / "jobs/eval.yaml").write_text("# somebody else was here\n" + cron("eval"))
    with pytest.raises(NotWritten, match=r"jobs/eval\.yaml has changed since it was read"):
        rewrite(repairs.before.tree, repairs.texts)
    assert (work / "infra/main.tf").read_text() == ECR
    assert [path.name for path in work.rglob(".kilter-*")] == []


def test_a_file_that_cannot_be_written_is_an_error_and_nothing_is_written(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repairs = repair([work], ScanOptions(select=("CST013", "INT101")))
    monkeypatch.setattr(os, "access", lambda path, mode: "eval" not in str(path))
    with pytest.raises(NotWritten, match=r"jobs/eval\.yaml cannot be written"):
        rewrite(repairs.before.tree, repairs.texts)
    assert (work / "infra/main.tf").read_text() == ECR
    assert [path.name for path in work.rglob(".kilter-*")] == []


def test_only_what_is_reported_is_fixed(tmp_path: Path) -> None:
    root = repository(tmp_path / "work", {"old.yaml": cron("old")})
    commit(root, {"new.yaml": cron("new"), "main.tf": ECR})
    run = kilter("scan", ".", "--fix", "--diff", "HEAD~1", *SELECT, cwd=root)
    assert git(root, "status", "--porcelain", "--untracked-files=no").split() == ["M", "main.tf", "M", "new.yaml"]
    assert b"2 fixed in 2 files" in run.stdout
    git(root, "checkout", "-q", ".")
    baseline = kilter("baseline", ".", "--output", "known.json", "--select", "CST013", cwd=root)
    assert baseline.returncode == 0
    kilter("scan", ".", "--fix", "--baseline", "known.json", *SELECT, cwd=root)
    assert git(root, "status", "--porcelain", "--untracked-files=no").split() == ["M", "main.tf"]


def test_suppressed_findings_are_not_fixed(work: Path) -> None:
    write(work, {"jobs/eval.yaml": cron("eval").replace("# for now", "# kilter:ignore CST013 -- for now")})
    kilter("scan", ".", "--fix", *SELECT, cwd=work)
    assert "Allow" in (work / "jobs/eval.yaml").read_text()


def test_fixes_that_touch_each_other_are_all_made(tmp_path: Path) -> None:
    container = "            - {name: NAME, image: 'ghcr.io/acme/train:1', resources: {limits: {nvidia.com/gpu: 8}}}\n"
    job = cron("train").partition("            - name")[0]
    write(tmp_path, {"a.yaml": job + container.replace("NAME", "one") + container.replace("NAME", "two")})
    repairs = repair([tmp_path], ScanOptions(select=("GPU009", "CST013")))
    assert repairs.fixed == {"GPU009": 2, "CST013": 1}
    assert repairs.texts["a.yaml"].count("name: dshm") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("scan", "--dry-run"), "--dry-run goes with --fix"), (("scan", "-", "--fix"), "--fix needs files")],
)
def test_fix_options_that_make_no_sense_are_errors(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    run = kilter(*arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr.decode()


def test_reports_carry_fixes_that_give_what_fix_writes(work: Path) -> None:
    options = ScanOptions(select=("CST013", "INT101"))
    result = scan([work], options)
    sarif = json.loads(render(result, "sarif"))["runs"][0]
    assert sarif["columnKind"] == "unicodeCodePoints"
    written = repair([work], options).texts
    for item in sarif["results"]:
        (change,) = item["fixes"][0]["artifactChanges"]
        text = (work / change["artifactLocation"]["uri"]).read_text()
        for replacement in reversed(change["replacements"]):
            region = replacement["deletedRegion"]
            starts = [0]
            for line in text.split("\n"):
                starts.append(starts[-1] + len(line) + 1)
            first, last = (starts[region[f"{at}Line"] - 1] + region[f"{at}Column"] - 1 for at in ("start", "end"))
            text = text[:first] + replacement["insertedContent"]["text"] + text[last:]
        assert text == written[change["artifactLocation"]["uri"]]
    report = json.loads(render(result, "json"))
    assert report["summary"]["fixable"] == 2
    assert {finding["fix"]["title"] for finding in report["findings"]} == {"Forbid moving tags", "Let no run start while one is running"}  # fmt: skip  # noqa: E501
    assert render(result, "text").count("(fixable with --fix)") == 2


def test_a_fix_applies_to_the_text_of_its_scan(work: Path) -> None:
    result = scan([work], ScanOptions(select=("CST013",)))
    (finding,) = result.findings
    fix, source = fix_of(result, finding), result.source("jobs/eval.yaml")
    assert fix is not None
    assert source is not None
    assert apply_edits(source, fix.edits) == cron("eval").replace("Allow", "Forbid")


def test_rules_with_a_fix_are_marked(tmp_path: Path) -> None:
    rules = json.loads(kilter("rules", "--format", "json", cwd=tmp_path).stdout)
    marked = [rule for rule in rules if rule["fixable"]]
    assert len(marked) >= 25
    assert len({rule["category"] for rule in marked}) >= 5
    assert b"INT101*" in kilter("rules", cwd=tmp_path).stdout
    assert b"Fixable with kilter scan --fix: Forbid moving tags" in kilter("explain", "INT101", cwd=tmp_path).stdout


def test_a_suppression_holds_in_what_a_round_does_not_read_again(work: Path) -> None:
    """The chart is taken over from the scan before the fix; its comments count all the same."""
    template = cron("charted").replace(
        "  concurrencyPolicy", "  # kilter:ignore CST013 -- one a night\n  concurrencyPolicy"
    )
    chart = {"chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "chart/templates/job.yaml": template}
    write(work, chart)
    ended = kilter("scan", ".", *SELECT, "--fix", "--format", "json", cwd=work)
    report = json.loads(ended.stdout)
    assert [item["location"]["file"] for item in report["findings"]] == []
    assert [item["rule"] for item in report["suppressed"]] == ["CST013"]
    assert (work / "chart" / "templates" / "job.yaml").read_text() == template
