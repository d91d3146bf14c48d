"""Whole set-ups on Kubernetes: a careless one gets the findings that it should, a careful one gets none."""

from pathlib import Path

import pytest

from scanner.scan import ScanOptions, scan

STACKS = Path(__file__).parent.parent.parent / "fixtures" / "stacks"
EXPECTED = {
    "kubernetes-airflow": "REG006 REG010",
    "kubernetes-gpu-operator": "GPU012 GPU022 OBS001",
    "kubernetes-kserve": "CST004 CST008 INT004 INT006 REG001 ROL010",
    "kubernetes-kubeflow": "GPU009 GPU017 GPU024 INT001 INT005 NET010 TRN001 TRN004",
    "kubernetes-mlflow": "REG004 REG006 REG007",
    "kubernetes-monitoring": "DAT005 OBS004 REG006",
    "kubernetes-prefect": "REG011",
    "kubernetes-ray": "CST002 INT011 NET009",
    "kubernetes-tf-serving": "GPU017 INT001 NET004 ROL001 ROL003 ROL005",
    "kubernetes-tgi": "GPU007 GPU009 GPU017 INT001 NET003 ROL001 ROL003 ROL005 ROL008 STO001",
    "kubernetes-triton": "GPU017 INT007 NET003 ROL001 ROL003 ROL005",
    "kubernetes-vllm": "GPU007 GPU009 GPU017 INT001 INT002 NET003 REG006 ROL002 ROL003 ROL005 ROL008 ROL010 STO001",
}


def findings(stack: str, variant: str) -> dict[str, list[str]]:
    result = scan([STACKS / stack / variant], ScanOptions())
    assert [item.message for item in result.diagnostics if item.level == "error"] == []
    found: dict[str, list[str]] = {}
    for finding in result.findings:
        found.setdefault(finding.rule, []).append(finding.message)
    return found


def test_every_stack_is_expected_to_show_something() -> None:
    assert {path.name for path in STACKS.glob("kubernetes-*")} == set(EXPECTED)


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careless_set_up_is_reported(stack: str) -> None:
    assert set(EXPECTED[stack].split()) == set(findings(stack, "bad"))


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careful_set_up_gives_no_finding(stack: str) -> None:
    assert findings(stack, "good") == {}
