"""Rules, readers and fixtures of AWS, Google Cloud and Azure name attributes that the providers really have."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scanner.concepts.interpret import interpret
from scanner.engine.compile import CONCEPTS
from scanner.engine.rules import load_rules
from scanner.graph import ResourceGraph
from scanner.scan import ScanOptions, scan

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
# Checked against the provider's documentation: attributes that the bindings are too new or too old for.
BESIDES = {
    "google_cloud_run_v2_service": ["scaling.max_instance_count"],
    "google_vertex_ai_endpoint_with_model_garden_deployment": [
        "endpoint_config.private_service_connect_config.enable_private_service_connect"
    ],
    "google_compute_instance_template": ["disk"],
    "azurerm_cognitive_deployment": ["scale.type", "scale.capacity"],
    "azurerm_container_group": ["container.gpu.count", "container.gpu.sku", "container.gpu_limit"],
    "azurerm_kubernetes_cluster": ["api_server_authorized_ip_ranges"],
    "azurerm_kubernetes_cluster_node_pool": ["enable_auto_scaling", "enable_node_public_ip"],
}
ON_TYPES = "aws|google|azurerm"
STEP = re.compile(r"\.([a-z_][a-z0-9_]*)")


@cache
def schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for provider in ("aws", "google", "azurerm"):
        found |= json.loads((HERE / f"terraform-{provider}.json").read_text())
    return found


def has(kind: str, path: list[str]) -> bool:
    """Whether the type has the attribute; keys below an attribute that is no block are the user's own."""
    text = ".".join(path)
    if path[:1] == ["lifecycle"] or path[-1:] == ["id"]:
        return True
    if any(
        extra == text or extra.startswith(f"{text}.") or text.startswith(f"{extra}.") for extra in BESIDES.get(kind, [])
    ):
        return True
    node: Any = schemas()[kind]
    for step in path:
        if node == "":
            return True
        if step not in node:
            return False
        node = node[step]
    return True


def attributes(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from attributes(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from attributes(item, path)


@cache
def cases() -> list[tuple[str, ResourceGraph]]:
    """The resources of every fixture of these providers, read without any rule."""
    files = REPOSITORY.glob("fixtures/*/*/*/*.tf")
    named = {path.parent for path in files if re.search(rf'"({ON_TYPES})_', path.read_text())}
    without_rules = ScanOptions(only_rules=(HERE,))
    return [(f"{path.parent.name}/{path.name}", scan([path], without_rules).graph) for path in sorted(named)]


def test_fixtures_are_valid_for_the_providers() -> None:
    wrong = []
    for case, graph in cases():
        for resource in graph.resources:
            if resource.type in schemas():
                wrong += [
                    f"{case}: {resource.type} has no {'.'.join(path)}"
                    for path in attributes(resource.attributes)
                    if path[0] != "lifecycle" and not has(resource.type, list(path))
                ]
    assert wrong == []


def test_concepts_come_from_attributes_that_exist() -> None:
    wrong = set()
    for _, graph in cases():
        concepts = interpret(graph)
        for concept in (item for items in concepts.by_kind.values() for item in items):
            if concept.resource.type not in schemas():
                continue
            for name, source in concept.sources.items():
                path = [step for step in source if isinstance(step, str)]
                if not has(concept.resource.type, path):
                    wrong.add(f"{type(concept).__name__}.{name} of {concept.resource.type}: {'.'.join(path)}")
    assert sorted(wrong) == []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("related", "present"):
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


@pytest.mark.parametrize("rule", load_rules([REPOSITORY / "rules"]), ids=lambda rule: rule.id)
def test_rules_on_resource_types_name_attributes_that_exist(rule: Any) -> None:
    kinds = [name for name in rule.select if name in schemas()]
    if not kinds or any(name in CONCEPTS for name in rule.select):
        return
    for text in _texts([rule.where, rule.condition, rule.at or "", rule.each or ""]):
        if text.startswith("$."):
            path = STEP.findall(text)
            assert any(has(kind, path) for kind in kinds), f"{rule.id}: {text}"
