"""``azapi_resource`` is read as what it stands for: type, attributes, places and references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.cli.graph_command import render_graph
from scanner.core import Resource, Span, is_unknown
from scanner.facts.twins import azapi_twins
from scanner.frontends.twins import twins
from scanner.scan import ScanOptions, scan

SCHEMAS = Path(__file__).parent.parent.parent / "schemas"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["properties", "kind", "sku"]), inner),
    max_leaves=8,
)


class Nowhere:
    def locate(self, path: Any) -> Any:
        raise AssertionError("nothing asks for a place")


def azapi(kind: str, body: Any) -> Resource:
    return Resource(
        address="azapi_resource.a",
        type="azapi_resource",
        name="a",
        provider="azapi",
        attributes={"type": kind, "name": "a", "body": body},
        span=Span("main.tf", 1, 1, 1, 1),
        locator=Nowhere(),
        origin="terraform",
        unit="",
    )


def attributes(kind: str, body: Any) -> dict[str, Any]:
    (twin,) = twins([azapi(kind, body)])
    return twin.attributes


def test_an_account_becomes_a_cognitive_account() -> None:
    body = {
        "kind": "OpenAI",
        "properties": {"publicNetworkAccess": "Disabled", "networkAcls": {"defaultAction": "Deny"}},
    }
    assert attributes("Microsoft.CognitiveServices/accounts@2024-10-01", body) == {
        "name": "a",
        "kind": "OpenAI",
        "public_network_access_enabled": False,
        "network_acls": [{"default_action": "Deny"}],
    }


def test_a_body_in_json_is_the_same() -> None:
    body = {"kind": "OpenAI", "properties": {"disableLocalAuth": True}}
    kind = "microsoft.cognitiveservices/accounts@2024-10-01"
    assert attributes(kind, json.dumps(body)) == attributes(kind, body)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Hub", "azurerm_ai_foundry"),
        ("Project", "azurerm_ai_foundry_project"),
        ("Default", "azurerm_machine_learning_workspace"),
        (None, "azurerm_machine_learning_workspace"),
    ],
)
def test_the_kind_of_a_workspace_decides_its_type(kind: str | None, expected: str) -> None:
    (twin,) = twins([azapi("Microsoft.MachineLearningServices/workspaces@2024-10-01", {"kind": kind})])
    assert twin.type == expected


def test_types_that_are_not_in_facts_are_left_alone() -> None:
    assert twins([azapi("Microsoft.Network/virtualNetworks@2024-05-01", {})]) == []


def test_what_is_unknown_stays_unknown(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        """
        variable "access" {}
        resource "azapi_resource" "a" {
          type = "Microsoft.Search/searchServices@2023-11-01"
          name = "a"
          body = { properties = { publicNetworkAccess = var.access } }
        }
        """
    )
    (search,) = scan([tmp_path], ScanOptions(only_rules=(SCHEMAS,))).graph.of_type("azurerm_search_service")
    assert is_unknown(search.attributes["public_network_access_enabled"])


def test_references_lead_to_and_from_the_twin(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        """
        resource "azapi_resource" "account" {
          type = "Microsoft.CognitiveServices/accounts@2024-10-01"
          name = "a"
          body = { kind = "OpenAI" }
        }
        resource "azurerm_monitor_diagnostic_setting" "a" {
          name               = "a"
          target_resource_id = azapi_resource.account.id
        }
        """
    )
    graph = scan([tmp_path], ScanOptions(only_rules=(SCHEMAS,))).graph
    (account,) = graph.of_type("azurerm_cognitive_account")
    sources = {item.resource.type for item in graph.neighbours(account, "references", "in")}
    assert sources == {"azapi_resource", "azurerm_monitor_diagnostic_setting"}


@given(ANYTHING)
def test_no_body_makes_it_fail(body: Any) -> None:
    for kind in ("workspaces", "workspaces/computes", "workspaces/onlineEndpoints"):
        twins([azapi(f"Microsoft.MachineLearningServices/{kind}@2024-10-01", body)])


def test_fields_in_facts_are_attributes_of_the_provider() -> None:
    schemas = json.loads((SCHEMAS / "terraform-azurerm.json").read_text())
    kinds = (
        "CognitiveServices/accounts", "CognitiveServices/accounts/deployments",
        "CognitiveServices/accounts/raiPolicies",
        "MachineLearningServices/workspaces", "MachineLearningServices/workspaces/computes", "Search/searchServices",
        "Storage/storageAccounts", "ContainerService/managedClusters/agentPools", "App/containerApps",
        "Purview/accounts", "DataFactory/factories", "Network/privateEndpoints", "Insights/diagnosticSettings",
    )  # fmt: skip
    wrong = []
    for kind in kinds:
        assert azapi_twins(f"Microsoft.{kind}@2024-01-01"), kind
        for twin in azapi_twins(f"Microsoft.{kind}@2024-01-01"):
            for place in twin.fields:
                node = schemas[twin.type]
                for step in (step for step in place if isinstance(step, str)):
                    if step not in node:
                        wrong.append(f"{twin.type} has no {step}")
                        break
                    node = node[step]
    assert wrong == []


def test_the_graph_shows_a_resource_once_with_the_edges_of_both_spellings(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        """
        resource "azapi_resource" "account" {
          type = "Microsoft.CognitiveServices/accounts@2024-10-01"
          name = "a"
          body = { kind = "OpenAI" }
        }
        resource "azurerm_monitor_diagnostic_setting" "a" {
          name               = "a"
          target_resource_id = azapi_resource.account.id
        }
        """
    )
    result = scan([tmp_path], ScanOptions(only_rules=(SCHEMAS,)))
    graph = json.loads(render_graph(result, "json"))
    setting, account = "azurerm_monitor_diagnostic_setting.a", "azapi_resource.account"
    assert sorted(item["address"] for item in graph["resources"]) == [account, setting]
    assert graph["edges"] == [{"from": setting, "to": account, "kind": "references"}]
    assert render_graph(result, "html").count(">account<") == render_graph(result, "dot").count(f'"{account}"') == 1
