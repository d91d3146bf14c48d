"""Label selectors connect what they select, in both of their forms."""

import json
from typing import Any

import pytest

from scanner.concepts.interpret import interpret
from scanner.core import SourceFile
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

POD = {"spec": {"containers": [{"name": "main", "image": "example.com/server:1"}]}}


def disrupted(selector: Any, labels: dict[str, Any]) -> bool:
    """Whether a PodDisruptionBudget with this selector is joined to a Deployment whose pods have these labels."""
    template = {**POD, "metadata": {"labels": labels}}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": template}},
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "a"},
            "spec": {"maxUnavailable": 1, **({} if selector is None else {"selector": selector})},
        },
    ]
    text = "\n---\n".join(map(json.dumps, objects))
    graph = ResourceGraph(read_manifests(SourceFile("a.yaml", text), "").resources)
    interpret(graph)
    return any(kind == "disrupts" for _, _, kind, _ in graph.edges())


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"matchLabels": {"app": "a"}}, True),
        ({"matchLabels": {"app": "b"}}, False),
        ({"matchLabels": {"app": "a", "tier": "gpu"}}, True),
        ({"matchLabels": {"app": "a", "tier": "cpu"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["b"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["b"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "other", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
        ({}, True),
        (None, False),
    ],
)
def test_a_disruption_budget_is_joined_to_the_pods_that_it_selects(selector: Any, selected: bool) -> None:
    assert disrupted(selector, {"app": "a", "tier": "gpu"}) is selected
