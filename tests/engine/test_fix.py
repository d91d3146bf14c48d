from pathlib import Path
from typing import Any

import pytest
from repositories import write

from scanner.core.edits import apply_edits
from scanner.engine.compile import compile_rule
from scanner.engine.rules import RuleError, rule_from_data
from scanner.scan import ScanOptions, fix_of, scan

RULE = """id: GPU999
name: sample
title: A sample
category: gpu
severity: medium
precision: high
select: {select}
where: {where}
assert: {{always: false}}
params: {{size: {{default: 3, type: integer, description: A size}}}}
message: "sample"
remediation: Change the sample.
fix:
  title: Change the sample
  edits: {edits}
references: ["https://example.com/"]
"""
REPOSITORY = """resource "aws_ecr_repository" "llm" {
  name                 = "llm"
  image_tag_mutability = MUTABLE
}
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.8.5
"""


def fixed(directory: Path, files: dict[str, str], *select: str, rule: str = "") -> list[str | None]:
    """For each finding of the selected rules the text of its file after its fix; ``None`` where there is none."""
    write(directory / "src", files)
    options = ScanOptions(select=select, pedantic=True)
    if rule:
        write(directory / "rules", {"GPU999-sample.yaml": rule})
        options = ScanOptions(select=select, only_rules=(directory / "rules",))
    result = scan([directory / "src"], options)
    texts: list[str | None] = []
    for finding in result.findings:
        fix, source = fix_of(result, finding), result.source(finding.location.span.file)
        texts.append(apply_edits(source, fix.edits) if fix is not None and source is not None else None)
    return texts


def sample(edits: str, select: str = "Deployment", where: str = "{path: $, exists: true}") -> str:
    return RULE.format(edits=edits, select=select, where=where)


def test_a_literal_is_replaced_and_a_default_is_written_down(tmp_path: Path) -> None:
    (text,) = fixed(tmp_path / "a", {"main.tf": REPOSITORY.replace("MUTABLE", '"MUTABLE"')}, "INT101")
    assert text == REPOSITORY.replace("MUTABLE", '"IMMUTABLE"')
    (text,) = fixed(tmp_path / "b", {"main.tf": 'resource "aws_ecr_repository" "llm" {\n  name = "llm"\n}\n'}, "INT101")
    assert text is not None
    assert '  image_tag_mutability = "IMMUTABLE"\n' in text


def test_what_comes_from_elsewhere_has_no_fix(tmp_path: Path) -> None:
    declared = 'variable "tags" {\n  default = "MUTABLE"\n}\n'
    assert fixed(tmp_path / "a", {"main.tf": declared + REPOSITORY.replace("MUTABLE", "var.tags")}, "INT101") == [None]
    called = 'module "llm" {\n  source = "./registry"\n  tags   = "MUTABLE"\n}\n'
    files = {"main.tf": called, "registry/main.tf": declared + REPOSITORY.replace("MUTABLE", "var.tags")}
    assert fixed(tmp_path / "b", files, "INT101") == [None]


def test_a_block_that_makes_instances_without_the_finding_has_no_fix(tmp_path: Path) -> None:
    bucket = """locals {
  buckets = SET
}
resource "aws_s3_bucket" "all" {
  for_each      = local.buckets
  bucket        = "acme-${each.key}"
  force_destroy = true
}
"""
    some = fixed(tmp_path / "some", {"main.tf": bucket.replace("SET", 'toset(["models", "scratch"])')}, "STO105")
    assert some == [None]
    every = fixed(tmp_path / "all", {"main.tf": bucket.replace("SET", 'toset(["models", "checkpoints"])')}, "STO105")
    assert {text is not None and "force_destroy = false" in text for text in every} == {True}


def test_a_module_is_fixed_only_if_every_call_has_the_finding(tmp_path: Path) -> None:
    module = """variable "name" {}
resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = true
}
"""
    call = 'module "{0}" {{\n  source = "./bucket"\n  name   = "acme-{0}"\n}}\n'
    both = {"main.tf": call.format("models") + call.format("checkpoints"), "bucket/main.tf": module}
    assert None not in fixed(tmp_path / "both", both, "STO105")
    one = {"main.tf": call.format("models") + call.format("scratch"), "bucket/main.tf": module}
    assert fixed(tmp_path / "one", one, "STO105") == [None]


def test_a_fetched_module_has_no_fix(tmp_path: Path) -> None:
    known = '{"Modules": [{"Key": "llm", "Source": "acme/llm/aws", "Dir": ".terraform/modules/llm"}]}'
    files = {
        "main.tf": 'module "llm" {\n  source = "acme/llm/aws"\n}\n',
        ".terraform/modules/modules.json": known,
        ".terraform/modules/llm/main.tf": REPOSITORY.replace("MUTABLE", '"MUTABLE"'),
    }
    assert fixed(tmp_path, files, "INT101") == [None]


def test_overlays_and_their_bases_have_no_fix(tmp_path: Path) -> None:
    cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: eval}\nspec:\n  schedule: '0 1 * * *'\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'a:1', resources: {limits: {nvidia.com/gpu: 1}}}]}}}}\n"  # fmt: skip  # noqa: E501
    files = {"base/cron.yaml": cron, "base/kustomization.yaml": "resources: [cron.yaml]\n"}
    assert fixed(tmp_path / "a", files, "CST013") == [None]
    assert fixed(tmp_path / "b", {"cron.yaml": cron}, "CST013") == [f"{cron}  concurrencyPolicy: Forbid\n"]


def test_values_hold_parameters_paths_and_placeholders(tmp_path: Path) -> None:
    edits = """
    - {set: $.spec.revisionHistoryLimit, value: {param: size}}
    - {set: $.spec.minReadySeconds, value: {path: $.spec.replicas}}
    - {add: $.metadata.finalizers, value: "example.com/{$.metadata.name}-{param.size}"}
    - {set: $.spec.paused, value: true, when: {path: $.spec.replicas, gt: 5}}"""
    (text,) = fixed(tmp_path, {"a.yaml": DEPLOYMENT}, rule=sample(edits))
    assert text is not None
    assert "revisionHistoryLimit: 3\n" in text
    assert "minReadySeconds: 2\n" in text
    assert "metadata: {name: llm, finalizers: [example.com/llm-3]}\n" in text
    assert "paused" not in text


def test_a_concept_and_its_items_lead_to_what_was_written(tmp_path: Path) -> None:
    edits = """
    - {set: "@.written.imagePullPolicy", value: Always}
    - {set: "@.image", value: busybox}
    - {set: $.written.terminationGracePeriodSeconds, value: 60}"""
    rule = sample(edits, "PodSet").replace("assert:", "each: $.containers[*]\nassert:")
    (text,) = fixed(tmp_path, {"a.yaml": DEPLOYMENT}, rule=rule)
    spec = "          image: busybox\n          imagePullPolicy: Always\n      terminationGracePeriodSeconds: 60\n"
    assert text == DEPLOYMENT[: DEPLOYMENT.index("          image")] + spec


@pytest.mark.parametrize(
    "edit",
    [
        "{set: $.spec.a, value: {path: $.spec.absent}}",
        "{set: $.spec.a, value: '{$.spec.absent}'}",
        "{set: $.spec.a, value: 1, when: {path: $.spec.replicas, gt: 5}}",
        "{set: $.metadata.name.x, value: 1}",
        "{remove: $.spec.absent}",
    ],
)
def test_what_does_not_apply_gives_no_fix(tmp_path: Path, edit: str) -> None:
    assert fixed(tmp_path, {"a.yaml": DEPLOYMENT}, rule=sample(f"[{edit}]")) == [None]


def test_an_undecided_condition_gives_no_fix(tmp_path: Path) -> None:
    rule = sample("[{set: $.image_tag_mutability, value: IMMUTABLE, when: {path: $.name, equals: x}}]", "aws_ecr_repository")  # fmt: skip  # noqa: E501
    text = 'variable "name" {}\nresource "aws_ecr_repository" "llm" {\n  name = var.name\n}\n'
    assert fixed(tmp_path, {"main.tf": text}, rule=rule) == [None]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"set": "$.spec.a"}, "must be set or add with a value, or remove"),
        ({"change": "$.spec.a", "value": 1}, "must be set or add with a value, or remove"),
        ({"set": "$.spec.a[*]", "value": 1}, "changes one place"),
        ({"remove": "$.spec.a[-1]"}, "changes one place"),
        ({"remove": "spec.a"}, "must start with"),
        ({"remove": "$.spec.a", "when": {"path": "$.spec", "exist": True}}, "did you mean 'exists'"),
    ],
)
def test_a_mistake_in_a_fix_is_an_error_that_names_it(edit: dict[str, Any], message: str) -> None:
    data = {
        "id": "GPU999", "name": "sample", "title": "A sample", "category": "gpu", "severity": "low",
        "precision": "high", "select": "Deployment", "assert": {"always": False}, "message": "sample",
        "remediation": "Change it.", "fix": {"title": "Change it", "edits": [edit]},
    }  # fmt: skip
    with pytest.raises(RuleError, match=message):
        compile_rule(rule_from_data(data, "sample.yaml"))
