"""Label selectors connect what they select, and names what they name."""

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


BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "b"},
    "roleRef": {"kind": "ClusterRole", "name": "r"},
    "subjects": [{"kind": "Group", "name": "g"}],
}


def role(verb: str) -> dict[str, Any]:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]
    return {"apiVersion": BINDING["apiVersion"], "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}


@pytest.mark.parametrize(
    ("roles", "bound"),
    [
        ({"b/own.yaml": "get"}, ["get"]),
        ({"z/far.yaml": "get"}, ["get"]),
        ({"b/own.yaml": "get", "z/far.yaml": "*"}, ["get"]),
        ({"a/far.yaml": "get", "z/far.yaml": "*"}, []),
        ({"a/far.yaml": "get", "z/far.yaml": "get"}, ["get"]),
    ],
)
def test_a_binding_binds_the_nearest_role_of_its_name(roles: dict[str, str], bound: list[str]) -> None:
    objects = {"b/binding.yaml": BINDING, **{file: role(verb) for file, verb in roles.items()}}
    graph = ResourceGraph(
        resource
        for file, item in objects.items()
        for resource in read_manifests(SourceFile(file, json.dumps(item)), file.partition("/")[0]).resources
    )
    interpret(graph)
    found = [target for _, target, kind, _ in graph.edges() if kind == "binds"]
    assert [item.attributes["rules"][0]["verbs"][0] for item in found] == bound
