# ruff: noqa: E501
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scanner.report.fingerprints import fingerprints, line_hashes
from scanner.report.json_report import render_json
from scanner.report.sarif import render_sarif
from scanner.report.text import render_text
from scanner.scan import ScanResult, scan

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLE = REPOSITORY / "fixtures" / "stacks" / "example"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def example() -> ScanResult:
    return scan([EXAMPLE])


def test_text_report_is_the_golden_one(example: ScanResult) -> None:
    text = render_text(example)
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / "example.txt").write_text(text)
    assert text == (GOLDEN / "example.txt").read_text()


def test_json_report_follows_its_schema(example: ScanResult) -> None:
    schema = json.loads((REPOSITORY / "schemas" / "report.schema.json").read_text())
    assert list(Draft202012Validator(schema).iter_errors(json.loads(render_json(example)))) == []


def test_sarif_has_what_code_scanning_needs(example: ScanResult) -> None:
    example.repository_prefix = "infra/"
    run = json.loads(render_sarif(example))["runs"][0]
    example.repository_prefix = ""
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
    levels = [result["level"] for result in run["results"]]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    for result in run["results"]:
        place = result["locations"][0]
        region = place["physicalLocation"]["region"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert place["physicalLocation"]["artifactLocation"]["uri"].startswith("infra/")
        assert place["logicalLocations"][0]["fullyQualifiedName"]
        assert region["startLine"] >= 1 and region["endColumn"] > region["startColumn"]
        assert set(result["partialFingerprints"]) == {"kilter/v1", "primaryLocationLineHash"}


def test_sarif_of_a_clean_scan_has_results(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    assert json.loads(render_sarif(scan([tmp_path])))["runs"][0]["results"] == []


def test_fingerprints_survive_edits_above(tmp_path: Path) -> None:
    text = (EXAMPLE / "manifests" / "vllm.yaml").read_text()
    (tmp_path / "a.yaml").write_text(text)
    before = fingerprints(scan([tmp_path]))
    (tmp_path / "a.yaml").write_text("# a comment\n\n" + text)
    assert fingerprints(scan([tmp_path])) == before
    assert len(set(before)) == len(before)


def test_line_hashes_are_those_of_code_scanning() -> None:
    # expected values: tests of github/codeql-action, src/fingerprints.test.ts
    assert line_hashes("")[0] == "c129715d7a2bc9a3:1"
    assert line_hashes(" a\nb\n  \t\tc\n d")[:4] == [
        "271789c17abda88f:1",
        "54703d4cd895b18:1",
        "180aee12dab6264:1",
        "a23a3dc5e078b07b:1",
    ]


def test_hostile_text_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        'apiVersion: v1\nkind: Pod\nmetadata: {name: "\\e[31mred\\a"}\nspec:\n  containers:\n'
        '    - {name: "x\\e]0;title\\a", image: "vllm/vllm-openai:latest", resources: {limits: {nvidia.com/gpu: 0.5}}}\n'
    )
    result = scan([tmp_path])
    assert result.findings
    assert "\x1b" not in render_text(result) and "\x07" not in render_text(result)


def multitool() -> str | None:
    """The native binary of the npm package @microsoft/sarif-multitool, where SARIF_MULTITOOL names it."""
    return os.environ.get("SARIF_MULTITOOL") or shutil.which("Sarif.Multitool")


def test_sarif_is_valid_for_microsofts_validator(example: ScanResult, tmp_path: Path) -> None:
    binary = multitool()
    if binary is None:
        pytest.skip("set SARIF_MULTITOOL to the binary of @microsoft/sarif-multitool to run this")
    log, report = tmp_path / "example.sarif", tmp_path / "report.sarif"
    log.write_text(render_sarif(example))
    command = [
        binary,
        "validate",
        str(log),
        "--rule-kind",
        "Sarif;Ghas",
        "--output",
        str(report),
        "--log",
        "ForceOverwrite",
    ]
    subprocess.run(command, check=False, capture_output=True, timeout=120)
    found = json.loads(report.read_text())["runs"][0].get("results", [])
    assert [item for item in found if item.get("level", "warning") in ("error", "warning")] == []
