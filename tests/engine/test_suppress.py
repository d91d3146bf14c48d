import datetime
from pathlib import Path
from typing import Any

import pytest
from repositories import FLOATING, MODEL, write

from scanner.engine.suppress import Policy
from scanner.project.config import load_config
from scanner.scan import ScanOptions, ScanResult, scan

TODAY = datetime.date(2026, 6, 1)


def model(comment: str = "", annotations: str = "") -> str:
    text = MODEL.format(name="a", image=FLOATING + (f"  # {comment}" if comment else ""))
    return text.replace("namespace: inference}", f"namespace: inference, annotations: {{{annotations}}}}}")


def run(root: Path, text: str, entries: str = "", **policy: Any) -> ScanResult:
    write(root, {"apps/a.yaml": text})
    if entries:
        write(root, {".kilter.yaml": entries})
        policy["entries"] = load_config(root / ".kilter.yaml").suppressions
    options = ScanOptions(
        select=("INT001", "INT002"), suppressions=Policy(**policy), today=TODAY, config_directory=root
    )
    return scan([root], options)


def outcome(result: ScanResult) -> tuple[int, list[str]]:
    return len(result.findings), [item.code for item in result.diagnostics]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("kilter:ignore INT001 -- pinned by the mirror", (0, [])),
        ("kilter:ignore floating-image-tag", (0, [])),
        ("kilter:ignore INT001 until=2026-06-01 -- last day", (0, [])),
        ("kilter:ignore INT001 until=2026-05-31 -- over", (1, ["suppression-expired"])),
        ("kilter:ignore INT001 until=soon -- what", (1, ["suppression-date"])),
        ("kilter:ignore INT0O1 -- typo", (1, ["suppression-unknown-rule"])),
        ("kilter:ignore", (1, ["suppression-syntax"])),
        ("kilter:ignore INT002 -- nothing here", (1, ["suppression-unused"])),
        ("kilter:ignore INT001, INT002 -- half of it", (0, ["suppression-unused"])),
    ],
)
def test_comments(tmp_path: Path, comment: str, expected: tuple[int, list[str]]) -> None:
    assert outcome(run(tmp_path, model(comment))) == expected


def test_an_expired_comment_does_not_hide_one_that_holds(tmp_path: Path) -> None:
    text = model("kilter:ignore INT001 until=2020-01-01 -- old")
    text = text.replace("          image:", "          # kilter:ignore INT001 -- still wanted\n          image:")
    assert outcome(run(tmp_path, text)) == (0, ["suppression-expired"])


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ("kilter/ignore.INT001: mirror pins it", (0, [])),
        ('kilter/ignore.INT001: "until=2026-12-31 -- mirror"', (0, [])),
        ('kilter/ignore.INT001: "until=2026-01-31 -- mirror"', (1, ["suppression-expired"])),
        ('kilter/ignore.INT001: ""', (1, ["suppression-without-reason"])),
        ("kilter/ignore.INT0O1: typo", (1, ["suppression-unknown-rule"])),
        ("kilter/ignore.INT002: nothing here", (1, ["suppression-unused"])),
    ],
)
def test_annotations(tmp_path: Path, annotations: str, expected: tuple[int, list[str]]) -> None:
    assert outcome(run(tmp_path, model(annotations=annotations))) == expected


ENTRY = "fail-on: low\nsuppressions:\n  - {{rule: INT001, reason: mirrored{selectors}}}\n"


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ("", (0, [])),
        (", path: apps/*", (0, [])),
        (", path: apps", (0, [])),
        (', path: "**/a.yaml", kind: Deployment, namespace: inference, name: a', (0, [])),
        (", address: Deployment/inference/a", (0, [])),
        (', address: "Deployment/*"', (0, [])),
        (", path: other/*", (1, ["suppression-unused"])),
        (", kind: StatefulSet", (1, ["suppression-unused"])),
        (", namespace: default", (1, ["suppression-unused"])),
        (", until: 2026-05-31", (1, ["suppression-expired"])),
    ],
)
def test_entries_of_the_configuration(tmp_path: Path, selectors: str, expected: tuple[int, list[str]]) -> None:
    assert outcome(run(tmp_path, model(), ENTRY.format(selectors=selectors))) == expected


def test_entries_are_reported_where_they_stand(tmp_path: Path) -> None:
    result = run(tmp_path, model(), ENTRY.format(selectors=", name: z") + "  - {rule: INT0O1, reason: typo}\n")
    places = [(item.code, item.span.file, item.span.start_line) for item in result.diagnostics]
    assert places == [("suppression-unknown-rule", ".kilter.yaml", 4), ("suppression-unused", ".kilter.yaml", 3)]
    assert "did you mean 'INT" in result.diagnostics[0].message


def test_entries_hold_for_json_and_for_a_part_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {".kilter.yaml": ENTRY.format(selectors=", path: apps/a.json")})
    entries = load_config(tmp_path / ".kilter.yaml").suppressions
    text = (
        '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": '
        '[{"name": "vllm", "image": "vllm/vllm-openai:latest"}]}}'
    )
    write(tmp_path, {"apps/a.json": text})
    options = ScanOptions(select=("INT001",), suppressions=Policy(entries=entries), config_directory=tmp_path)
    result = scan([tmp_path / "apps"], options)
    assert (result.findings, [item.reason for item in result.suppressed]) == ([], ["mirrored"])


def test_a_reason_can_be_required(tmp_path: Path) -> None:
    assert outcome(run(tmp_path, model("kilter:ignore INT001"), require_reason=True)) == (
        1,
        ["suppression-without-reason"],
    )
    assert outcome(run(tmp_path, model("kilter:ignore INT001 -- why"), require_reason=True)) == (0, [])


def test_some_rules_cannot_be_suppressed_in_any_way(tmp_path: Path) -> None:
    forbidden = (1, ["suppression-forbidden"])
    fixed = {"unsuppressible": ("floating-image-tag",)}
    assert outcome(run(tmp_path, model("kilter:ignore INT001 -- please"), **fixed)) == forbidden
    assert outcome(run(tmp_path, model(annotations="kilter/ignore.INT001: please"), **fixed)) == forbidden
    assert outcome(run(tmp_path, model(), ENTRY.format(selectors=""), **fixed)) == forbidden


def test_inline_suppressions_can_be_switched_off(tmp_path: Path) -> None:
    text = model("kilter:ignore INT001 -- a", "kilter/ignore.INT001: b")
    assert outcome(run(tmp_path, text, inline=False)) == (1, [])
    assert outcome(run(tmp_path, text, ENTRY.format(selectors=""), inline=False)) == (0, [])


@pytest.mark.parametrize("opening", ["# kilter:ignore {}", "// kilter:ignore {}", "/* kilter:ignore {} */"])
def test_every_comment_of_terraform_holds(tmp_path: Path, opening: str) -> None:
    block = 'resource "aws_s3_bucket" "models" {\n  bucket = "acme-models"\n}\n'
    write(tmp_path, {"main.tf": block})
    rules = {item.rule for item in scan([tmp_path]).findings}
    assert rules
    write(tmp_path, {"main.tf": opening.format(f"{', '.join(sorted(rules))} -- a test") + "\n" + block})
    result = scan([tmp_path])
    assert (result.findings, {item.finding.rule for item in result.suppressed}) == ([], rules)
