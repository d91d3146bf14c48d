"""Whole set-ups on Azure: a careless one gets the findings that it should, a careful one gets none."""

from pathlib import Path

import pytest

from scanner.scan import ScanOptions, scan

STACKS = Path(__file__).parent.parent.parent / "fixtures" / "stacks"
EXPECTED = {
    "azure-ai-foundry": "INT303 NET301 NET302 NET303 OBS301 REG304 ROL303",
    "azure-aks": "CST203 GPU011 GPU302 GPU304 NET106 NET305 NET306 ROL304",
    "azure-container-apps": "CST201 CST307 INT204 NET204 REG306",
    "azure-container-instances": "GPU305 NET312",
    "azure-data-platform": "CST210 DAT304 NET311 REG305 REG307 STO201",
    "azure-ml-files": "CST301 CST302 GPU306 INT302 NET304 NET306 OBS302 REG306 ROL302 ROL306 ROL308 ROL309 TRN301",
    "azure-ml-workspace": "CST301 CST302 GPU303 NET205 NET301 NET302 NET306 NET309 NET310 OBS301 REG301 REG302 REG303",
    "azure-openai": "CST306 INT301 INT303 NET303 NET311 OBS301 REG304 ROL303 ROL307",
}


def findings(stack: str, variant: str) -> dict[str, list[str]]:
    result = scan([STACKS / stack / variant], ScanOptions())
    assert [item.message for item in result.diagnostics if item.level == "error"] == []
    found: dict[str, list[str]] = {}
    for finding in result.findings:
        found.setdefault(finding.rule, []).append(finding.message)
    return found


def test_every_stack_is_expected_to_show_something() -> None:
    assert {path.name for path in STACKS.glob("azure-*")} == set(EXPECTED)


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careless_set_up_is_reported(stack: str) -> None:
    missing = set(EXPECTED[stack].split()) - set(findings(stack, "bad"))
    assert missing == set()


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careful_set_up_gives_no_finding(stack: str) -> None:
    assert findings(stack, "good") == {}
