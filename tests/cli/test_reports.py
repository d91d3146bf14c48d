"""Writing reports, and the action that reads them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLE = REPOSITORY / "fixtures" / "stacks" / "example"
FORMATS = ("text", "json", "sarif", "junit", "gitlab", "github", "markdown", "html", "csv")


def kilter(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from scanner.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def test_every_format_in_one_run(tmp_path: Path) -> None:
    reports = [argument for name in FORMATS for argument in ("--report", f"{name}={tmp_path / name}")]
    run = kilter("scan", str(EXAMPLE), "--format", "csv", *reports)
    assert run.returncode == 1
    assert run.stdout.replace("\r\n", "\n") == (tmp_path / "csv").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FORMATS)


def test_a_failed_write_is_status_two_and_loses_no_other_report(tmp_path: Path) -> None:
    wrong, right = tmp_path / "missing" / "a.json", tmp_path / "right.json"
    (tmp_path / "directory").mkdir()
    run = kilter(
        *("scan", str(EXAMPLE), "--report", f"json={wrong}", "--report", f"csv={tmp_path / 'directory'}"),
        *("--report", f"json={right}"),
    )
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1 and str(wrong) in run.stderr and "directory cannot be written" in run.stderr
    assert json.loads(right.read_text())["findings"]
    assert "findings" in run.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "right.json"]


def test_a_report_keeps_the_mode_and_the_link_of_the_file_that_it_replaces(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    kilter("scan", str(EXAMPLE), "-o", str(link))
    assert link.is_symlink() and "findings" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("value", ["sarf=x", "json", "json="])
def test_a_wrong_report_option_is_one_line(value: str) -> None:
    run = kilter("scan", str(EXAMPLE), "--report", value)
    assert run.returncode == 2 and run.stderr.count("\n") == 1 and "FORMAT=FILE" in run.stderr


def action(tmp_path: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    command = tmp_path / "kilter"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from scanner.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    output, summary = tmp_path / "output", tmp_path / "summary"
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "KILTER_COMMAND": str(command),
        "KILTER_PATH": str(EXAMPLE),
        "KILTER_SELECT": "",
        "KILTER_IGNORE": "",
        "KILTER_FAIL_ON": "high",
        "KILTER_EXIT_ZERO": "false",
        "KILTER_SARIF": str(tmp_path / "k.sarif"),
        **inputs,
    }
    script = ["bash", str(REPOSITORY / ".github" / "action-scan.sh")]
    run = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=120, check=False)
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return run, outputs, summary.read_text() if summary.exists() else ""


def test_the_action_annotates_summarises_and_gives_outputs(tmp_path: Path) -> None:
    run, outputs, summary = action(tmp_path, KILTER_SELECT="INT, NET003", KILTER_IGNORE="INT001")
    assert run.returncode == 1, run.stderr
    assert outputs == {
        "sarif-file": str(tmp_path / "k.sarif"),
        "exit-code": "1",
        "findings": "2",
        "highest-severity": "high",
    }
    assert summary.startswith("## Kilter: 2 findings")
    stop = next(line for line in run.stdout.splitlines() if line.startswith("::stop-commands::"))
    _, _, after = run.stdout.partition(f"\n::{stop.removeprefix('::stop-commands::')}::\n")
    assert [line.split(" ")[0] for line in after.splitlines()] == ["::error", "::error"]
    assert not list(tmp_path.glob("kilter-reports*"))


def test_the_action_leaves_out_what_is_switched_off(tmp_path: Path) -> None:
    run, outputs, summary = action(
        tmp_path, KILTER_ANNOTATIONS="false", KILTER_SUMMARY="false", KILTER_EXIT_ZERO="true"
    )
    assert run.returncode == 0 and outputs["exit-code"] == "0" and int(outputs["findings"]) > 5
    assert summary == "" and "::error" not in run.stdout


def test_the_action_passes_inputs_as_data(tmp_path: Path) -> None:
    run, outputs, _ = action(
        tmp_path, KILTER_PATH="$(touch pwned); --format", KILTER_SARIF=f"{tmp_path}/a\nfindings=99"
    )
    assert run.returncode == 2 and "no such file" in run.stderr
    assert outputs["findings"] == "" and outputs["sarif-file"] == f"{tmp_path}/afindings=99"


def test_the_action_of_a_clean_scan_has_no_severity(tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "a.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    run, outputs, summary = action(tmp_path, KILTER_PATH=str(tmp_path / "clean"))
    assert run.returncode == 0
    assert (outputs["findings"], outputs["highest-severity"]) == ("0", "none")
    assert summary.startswith("## Kilter: No findings")
