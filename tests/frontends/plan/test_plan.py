"""Plans: values, unknowns, deletions, references and places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scanner.core import SourceFile, Unknown, is_unknown
from scanner.frontends.plan import read_plan
from scanner.frontends.terraform import read_root
from scanner.project.tree import Tree
from scanner.scan import ScanOptions, scan


def plan(resources: list[dict[str, Any]], **more: Any) -> str:
    return json.dumps({"format_version": "1.2", "planned_values": {"root_module": {"resources": resources}}, **more})


def planned(address: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    kind, name = address.split("[")[0].split(".")[-2:]
    return {"address": address, "mode": "managed", "type": kind, "name": name, "values": values,
            "provider_name": "registry.terraform.io/hashicorp/aws", **more}  # fmt: skip


def read(text: str) -> dict[str, Any]:
    return {resource.address: resource for resource in read_plan(SourceFile("envs/plan.json", text)).resources}


def test_values_unknowns_and_instance_keys_are_read() -> None:
    resource = planned('aws_s3_bucket.b["a"]', {"bucket": "models", "acl": None, "tags": {}, "rule": []}, index="a")
    change = {"address": 'aws_s3_bucket.b["a"]', "change": {"actions": ["create"], "after_unknown": {"arn": True}}}
    found = read(plan([resource], resource_changes=[change]))['aws_s3_bucket.b["a"]']
    assert found.attributes["bucket"] == "models"
    assert isinstance(found.attributes["arn"], Unknown)
    assert "acl" not in found.attributes
    assert "rule" not in found.attributes
    assert (found.instance_key, found.provider, found.unit) == ("a", "aws", "envs")


def test_an_unknown_inside_a_nested_block_does_not_hide_its_neighbours() -> None:
    resource = planned("aws_x.y", {"block": [{"size": 3}]})
    change = {"address": "aws_x.y", "change": {"after_unknown": {"block": [{"id": True}]}}}
    block = read(plan([resource], resource_changes=[change]))["aws_x.y"].attributes["block"][0]
    assert block["size"] == 3
    assert isinstance(block["id"], Unknown)


def test_what_the_plan_deletes_is_not_there() -> None:
    change = {"address": "aws_x.gone", "change": {"actions": ["delete"], "before": {"a": 1}, "after": None}}
    assert read(plan([], resource_changes=[change])) == {}


def test_references_pass_through_variables_and_outputs() -> None:
    configuration = {
        "root_module": {
            "resources": [
                {"address": "aws_a.top", "expressions": {"id": {"references": ["module.m.out", "module.m"]}}}
            ],
            "module_calls": {
                "m": {
                    "expressions": {"bucket": {"references": ["aws_b.shared.id", "aws_b.shared"]}},
                    "module": {
                        "outputs": {"out": {"expression": {"references": ["aws_c.inner.arn", "aws_c.inner"]}}},
                        "resources": [
                            {"address": "aws_c.inner", "expressions": {"x": [{"y": {"references": ["var.bucket"]}}]}}
                        ],
                    },
                }
            },
        }
    }
    text = json.dumps(
        {
            "planned_values": {
                "root_module": {
                    "resources": [planned("aws_a.top", {})],
                    "child_modules": [{"address": "module.m", "resources": [planned("module.m.aws_c.inner", {})]}],
                }
            },
            "configuration": configuration,
        }
    )
    found = read(text)
    assert found["aws_a.top"].references == ((("id",), "module.m.aws_c.inner"),)
    assert found["module.m.aws_c.inner"].references == ((("x", 0, "y"), "aws_b.shared"),)
    assert found["module.m.aws_c.inner"].module_path == ("module.m",)


@pytest.mark.parametrize("text", ["{", "[]", '{"planned_values": 3}', '{"planned_values": {"root_module": [1]}}'])
def test_a_broken_plan_gives_no_traceback(text: str) -> None:
    parsed = read_plan(SourceFile("plan.json", text))
    assert parsed.resources == []
    assert all(item.code == "plan-syntax" for item in parsed.diagnostics)


def test_a_plan_replaces_its_root_module_and_points_into_its_files(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "open" {}\nresource "aws_security_group_rule" "ray" {\n  type = "ingress"\n'
        '  from_port = 8265\n  to_port = 8265\n  protocol = "tcp"\n  cidr_blocks = var.open\n}\n'
    )
    values = {"type": "ingress", "from_port": 8265, "to_port": 8265, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}
    (tmp_path / "plan.json").write_text(plan([planned("aws_security_group_rule.ray", values)]))
    result = scan([tmp_path], ScanOptions(select=("NET106",)))
    assert [(f.location.span.file, f.location.span.start_line) for f in result.findings] == [("main.tf", 7)]
    assert result.findings[0].location.related[-1].span.file == "plan.json"
    assert len(result.graph) == 1


def test_a_real_plan_and_its_sources_agree() -> None:
    """``real`` holds a configuration of built-in resources and the plan that Terraform 1.11 made of it."""
    directory = Path(__file__).parent / "real"
    planned_resources = read((directory / "plan.json").read_text("utf-8"))
    written = {resource.address: resource for resource in read_root(Tree(directory), "").resources}
    assert written.keys() == planned_resources.keys()
    for address, resource in written.items():
        found = planned_resources[address]
        assert repr(found.attributes.get("input")).count("Unknown") == repr(resource.attributes["input"]).count(
            "Unknown"
        )
        if not is_unknown(resource.attributes["input"]):
            assert found.attributes["input"] == resource.attributes["input"]
        assert found.module_path == resource.module_path
        assert found.instance_key == resource.instance_key
        assert {target for _, target in found.references} == {target for _, target in resource.references}
