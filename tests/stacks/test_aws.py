"""Whole set-ups on AWS: a careless one gets the findings that it should, a careful one gets none."""

from pathlib import Path

import pytest

from scanner.scan import ScanOptions, scan

STACKS = Path(__file__).parent.parent.parent / "fixtures" / "stacks"
EXPECTED = {
    "aws-batch": "CST111 GPU101 TRN101",
    "aws-bedrock": "CST109 DAT102 INT103 INT104 NET108 OBS102 OBS105 REG108 REG111",
    "aws-budget": "CST115",
    "aws-data-preparation": "CST114 DAT104 DAT107 DAT108",
    "aws-ec2-gpu": "CST110 GPU106 INT106 NET106 NET306",
    "aws-eks": "CST117 GPU011 GPU101 GPU103 GPU105 NET105 NET106 NET111 OBS104 ROL107",
    "aws-feature-store-and-model-registry": "INT101 REG102 REG109",
    "aws-inferentia-and-trainium": "GPU101 GPU103 GPU105 GPU108 GPU109",
    "aws-karpenter": "CST006 CST007 GPU011 INT109",
    "aws-model-storage": "REG104 REG106 STO104 STO105 STO201 STO202",
    "aws-notebooks-and-studio": "CST104 CST105 INT105 INT106 NET103 NET104 NET107",
    "aws-public-modules": "CST006 CST102 CST117 GPU011 GPU101 GPU103 NET105 NET106 REG104 REG105 ROL105 STO105 STO201",
    "aws-sagemaker-endpoint": (
        "CST102 CST103 GPU107 GPU108 INT108 NET101 NET109 NET110 OBS103 REG101 ROL101 ROL102 ROL103 ROL104 ROL105"
    ),
    "aws-sagemaker-serverless-and-async": "CST103 CST116 OBS103 OBS107 ROL109",
    "aws-sagemaker-training": "NET114 REG103 REG105 REG107 TRN102 TRN103",
}


def findings(stack: str, variant: str) -> dict[str, list[str]]:
    result = scan([STACKS / stack / variant], ScanOptions())
    assert [item.message for item in result.diagnostics if item.level == "error"] == []
    found: dict[str, list[str]] = {}
    for finding in result.findings:
        found.setdefault(finding.rule, []).append(finding.message)
    return found


def test_every_stack_is_expected_to_show_something() -> None:
    assert {path.name for path in STACKS.glob("aws-*")} == set(EXPECTED)


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careless_set_up_is_reported(stack: str) -> None:
    missing = set(EXPECTED[stack].split()) - set(findings(stack, "bad"))
    assert missing == set()


@pytest.mark.parametrize("stack", EXPECTED)
def test_a_careful_set_up_gives_no_finding(stack: str) -> None:
    assert findings(stack, "good") == {}
