"""Calls of public modules are read as what they create: with the modules' defaults, places and unknowns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner.core import Resource, is_unknown
from scanner.facts.twins import module_twins
from scanner.graph import ResourceGraph
from scanner.scan import ScanOptions, scan

SCHEMAS = Path(__file__).parent.parent.parent / "schemas"


def read(tmp_path: Path, text: str) -> ResourceGraph:
    (tmp_path / "main.tf").write_text(text)
    return scan([tmp_path], ScanOptions(only_rules=(SCHEMAS,))).graph


def only(graph: ResourceGraph, kind: str) -> Resource:
    (found,) = graph.of_type(kind)
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("terraform-google-modules/cloud-storage/google//modules/simple_bucket", ["google_storage_bucket"]),
        (
            "git::https://github.com/terraform-google-modules/terraform-google-cloud-storage?ref=v11",
            ["google_storage_bucket"],
        ),
        ("terraform-google-modules/kubernetes-engine/google", ["google_container_cluster"]),
        (
            "terraform-google-modules/kubernetes-engine/google//modules/beta-private-cluster",
            ["google_container_cluster"],
        ),
        ("terraform-google-modules/kubernetes-engine/google//modules/workload-identity", []),
        ("acme/cloud-storage/google", []),
        ("./modules/openai", []),
    ],
)
def test_modules_are_known_by_their_source(source: str, expected: list[str]) -> None:
    assert [twin.type for twin in module_twins(source)] == expected


def test_what_a_call_leaves_out_has_the_modules_default(tmp_path: Path) -> None:
    bucket = only(
        read(
            tmp_path,
            """
            module "models" {
              source     = "terraform-google-modules/cloud-storage/google//modules/simple_bucket"
              name       = "models"
              versioning = false
            }
            """,
        ),
        "google_storage_bucket",
    )
    assert bucket.address == "module.models"
    assert bucket.attributes == {
        "name": "models",
        "uniform_bucket_level_access": True,
        "versioning": [{"enabled": False}],
    }


def test_a_default_that_depends_on_the_version_is_unknown(tmp_path: Path) -> None:
    source = "Azure/avm-res-cognitiveservices-account/azurerm"
    graph = read(tmp_path, f'module "ai" {{\n  source = "{source}"\n  kind = "OpenAI"\n}}\n')
    attributes = only(graph, "azurerm_cognitive_account").attributes
    assert is_unknown(attributes["public_network_access_enabled"])


def test_each_item_of_an_input_is_a_resource_with_its_place(tmp_path: Path) -> None:
    graph = read(
        tmp_path,
        """
        module "ai" {
          source = "Azure/openai/azurerm"
          deployment = {
            chat  = { name = "chat", model_format = "OpenAI", model_name = "gpt-4o", model_version = "2024-11-20" }
            embed = { name = "embed", model_format = "OpenAI", model_name = "text-embedding-3-large" }
          }
        }
        """,
    )
    deployments = graph.of_type("azurerm_cognitive_deployment")
    assert [item.attributes["model"][0]["name"] for item in deployments] == ["gpt-4o", "text-embedding-3-large"]
    assert [item.locate(("model", 0, "name")).span.start_line for item in deployments] == [5, 6]


def test_what_one_module_creates_belongs_together(tmp_path: Path) -> None:
    graph = read(
        tmp_path,
        """
        module "ai" {
          source             = "Azure/openai/azurerm"
          diagnostic_setting = { all = { name = "all" } }
        }
        """,
    )
    account = only(graph, "azurerm_cognitive_account")
    assert "azurerm_monitor_diagnostic_setting" in {
        item.resource.type for item in graph.neighbours(account, "references", "in")
    }


@pytest.mark.parametrize("value", ["7", "null", '"x"', "[1]", "{ a = 3 }", "var.unset"])
@pytest.mark.parametrize("name", ["deployment", "network_acls", "private_endpoint"])
def test_no_input_makes_it_fail(tmp_path: Path, name: str, value: Any) -> None:
    text = f'variable "unset" {{}}\nmodule "ai" {{\n  source = "Azure/openai/azurerm"\n  {name} = {value}\n}}\n'
    assert len(read(tmp_path, text).of_type("azurerm_cognitive_account")) == 1
