"""Whole set-ups on Google Cloud: a careless one gets the findings that it should, a careful one gets none."""

from pathlib import Path

import pytest

from scanner.scan import ScanOptions, scan

STACKS = Path(__file__).parent.parent.parent / "fixtures" / "stacks"
EXPECTED = {
    "gcp-cloud-run-gpu": "CST201 CST202 GPU208 GPU212 INT204 NET204 REG203 ROL202",
    "gcp-data-pipeline": "DAT202 DAT203 DAT204 DAT205 REG104",
    "gcp-feature-store": "NET211 STO206",
    "gcp-gke-autopilot": "INT001 NET203 REG206",
    "gcp-gke-standard": "CST204 GPU202 GPU204 GPU304 NET203 NET206 OBS202 REG203 REG206 ROL204",
    "gcp-model-store": "DAT203 INT202 REG201 STO201 STO205",
    "gcp-project-and-budget": "CST210 NET210 OBS204",
    "gcp-tpu": "GPU206 NET306 REG203 TRN201",
    "gcp-training-machines": "NET306 REG203 REG306 TRN201 TRN202",
    "gcp-vector-search": "DAT203 NET202 REG201",
    "gcp-vertex-endpoint": "CST102 NET201 OBS201 REG201 ROL206",
    "gcp-vertex-training": "INT205 REG306 TRN301",
    "gcp-workbench": "CST205 NET205 REG202 REG203",
}


def findings(stack: str, variant: str) -> dict[str, list[str]]:
    result = scan([STACKS / stack / variant], ScanOptions())
    assert [item.message for item in result.diagnostics if item.level == "error"] == []
    found: dict[str, list[str]] = {}
    for finding in result.findings:
        found.setdefault(finding.rule, []).append(finding.message)
    return found


def test_every_stack_is_expected_to_show_something() -> None:
    assert {path.name for path in STACKS.glob("gcp-*")} == set(EXPECTED)


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careless_set_up_is_reported(stack: str) -> None:
    missing = set(EXPECTED[stack].split()) - set(findings(stack, "bad"))
    assert missing == set()


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careful_set_up_gives_no_finding(stack: str) -> None:
    assert findings(stack, "good") == {}
