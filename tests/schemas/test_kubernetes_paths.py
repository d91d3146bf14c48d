"""Kinds, rules and fixtures of Kubernetes name fields that the APIs really have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from kubernetes_schemas import field_paths, groups_of, has, in_pod_spec, known

from scanner.engine.compile import CONCEPTS
from scanner.engine.rules import Rule, load_rules
from scanner.facts.kinds import Holder, WorkloadKind, holders, workload_kinds
from scanner.graph import ResourceGraph
from scanner.scan import ScanOptions, scan

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
EARLIER_VERSIONS = {"RayJob": ("spec.deletionPolicy",)}
"""Fields of released versions that the fetched definitions no longer have."""
NO_SCHEMA = {
    "machinelearning.seldon.io/SeldonDeployment": "Seldon Core 1 is no longer in its project's repository",
    "nvidia.com/DynamoGraphDeployment": "the project's repository is too large to fetch",
    "nvidia.com/DynamoComponentDeployment": "the project's repository is too large to fetch",
    "eksctl.io/ClusterConfig": "eksctl reads it; it is no resource of a cluster",
    "cloud.google.com/BackendConfig": "GKE makes its definition in code",
    "traefik.containo.us/IngressRoute": "the earlier name of Traefik's group, which its third version has dropped",
    "cilium.io/CiliumNetworkPolicy": "the project's repository is too large to fetch",
}
"""Kinds whose definitions could not be had, and why."""
STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['([^']+)'\]")


def steps(text: str) -> tuple[str, ...]:
    return tuple(match[1] or match[2] for match in STEP.finditer(text))


def rows() -> list[WorkloadKind]:
    return [row for group in workload_kinds().values() for row in group]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.group}/{row.kind}-{'.'.join(row.template)}")
def test_kinds_are_where_their_api_has_them(row: WorkloadKind) -> None:
    if f"{row.group}/{row.kind}" in NO_SCHEMA:
        return
    assert known(row.group, row.kind)
    template = _named(row.template)
    if row.shape:
        assert has(row.group, row.kind, template), "template"
    else:
        pod_spec = template if row.pod_spec else (*template, "spec")
        assert has(row.group, row.kind, (*pod_spec, "containers")), "template"
    places = {
        "replicas": row.replicas,
        "minimum": row.minimum,
        "maximum": row.maximum,
        "group_size": row.group_size,
        "job": (*row.job, "backoffLimit") if row.job else (),
        "ray": row.ray,
        "named": row.named,
        "metadata": (*row.metadata, "labels") if row.metadata else (),
        "times": row.times,
        "sets": row.sets,
    }
    for name, path in places.items():
        if path:
            assert has(row.group, row.kind, _from(row.template, path)), name


@pytest.mark.parametrize("holder", holders().values(), ids=lambda holder: f"{holder.group}/{holder.kind}")
def test_held_objects_are_where_their_api_has_them(holder: Holder) -> None:
    assert known(holder.group, holder.kind)
    for path in (holder.objects, holder.copies):
        assert not path or has(holder.group, holder.kind, _named(path))


def _named(path: tuple[str, ...]) -> tuple[str, ...]:
    """Lists are left out of schema paths; any key of a mapping stands for all."""
    return tuple("Worker" if step == "{*}" else step for step in path if step != "[*]")


def _from(template: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...]:
    if path[0] == "@":
        return _named((*template, *path[1:]))
    if path[0] != "..":
        return _named(path)
    while path and path[0] == "..":
        template, path = template[:-1], path[1:]
    return _named((*template, *path))


@cache
def graphs() -> list[tuple[str, ResourceGraph]]:
    """The resources of every fixture of Kubernetes rules and stacks, read without any rule."""
    without_rules = ScanOptions(only_rules=(HERE,))
    fixtures = REPOSITORY / "fixtures"
    cases = sorted([*fixtures.glob("rules/???0*/*"), *fixtures.glob("stacks/kubernetes-*/*")])
    return [(f"{case.parent.name}/{case.name}", scan([case], without_rules).graph) for case in cases]


def test_fixtures_are_valid_for_their_apis() -> None:
    wrong = []
    for case, graph in graphs():
        for resource in graph.resources:
            group = resource.api_version.rpartition("/")[0]
            if not resource.api_version or not known(group, resource.type):
                continue
            wrong += [
                f"{case}: {group}/{resource.type} has no {'.'.join(path)}"
                for path in field_paths(resource.attributes)
                if not has(group, resource.type, path)
            ]
    assert wrong == []


def test_every_fixture_kind_has_a_schema() -> None:
    kinds = {
        (resource.api_version.rpartition("/")[0], resource.type)
        for _, graph in graphs()
        for resource in graph.resources
        if resource.api_version
    }
    unknown = {f"{group}/{kind}" for group, kind in kinds if not known(group, kind)}
    assert sorted(unknown - NO_SCHEMA.keys()) == []


def _leaves(value: Any) -> Iterator[str]:
    """The paths of a condition; those inside of some, every and none go on from the list that these are about."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in ("some", "every", "none") and isinstance(value.get("path"), str):
                yield from (f"{value['path']}{text[1:]}" if text.startswith("@") else text for text in _leaves(item))
            elif name not in ("related", "present"):
                yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)


RULES = load_rules([REPOSITORY / "rules"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rules_on_kinds_name_fields_that_exist(rule: Rule) -> None:
    kinds = [name for name in rule.select if groups_of(name)]
    if not kinds or any(name in CONCEPTS for name in rule.select):
        return
    for text in _leaves([rule.where, rule.condition, rule.at or "", rule.each or ""]):
        if text.startswith("$."):
            assert any(has(group, kind, steps(text)) for kind in kinds for group in groups_of(kind)), text


def _earlier(path: tuple[str, ...]) -> bool:
    return any(".".join(path) in fields for fields in EARLIER_VERSIONS.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rules_on_pods_name_fields_that_exist(rule: Rule) -> None:
    if "PodSet" not in rule.select:
        return
    kinds = {(row.group, row.kind) for row in rows()}
    for text in _leaves([rule.where, rule.condition, rule.at or "", rule.each or ""]):
        path = steps(text)
        if text.startswith("$.resource.") and not _earlier(path[1:]):
            assert any(has(group, kind, path[1:]) for group, kind in kinds), text
        elif text.startswith("$.pod_spec."):
            assert in_pod_spec(path[1:]) or any(
                has(row.group, row.kind, (*_named(row.template), *path[1:])) for row in rows() if row.pod_spec
            ), text
        elif text.startswith("$.affinity."):
            assert in_pod_spec(path), text


def _questions(value: Any) -> Iterator[tuple[list[str], str]]:
    """(kinds, path from ``@``) for each path into resources that ``related`` or ``present`` look at."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in ("related", "present"):
                kinds = item.get("to", item.get("type", []))
                inner = [item.get(key) for key in ("some", "every", "none", "where") if key in item]
                for text in _leaves(inner):
                    if text.startswith("@."):
                        yield ([kinds] if isinstance(kinds, str) else list(kinds)), text
            yield from _questions(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _questions(item)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rules_ask_related_objects_for_fields_that_exist(rule: Rule) -> None:
    for kinds, text in _questions([rule.where, rule.condition]):
        found = [(group, kind) for kind in kinds if kind not in CONCEPTS for group in groups_of(kind)]
        if found:
            assert any(has(group, kind, steps(text)) for group, kind in found), text


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "spec.template.spec.readinessprobe"),
        ("Deployment", "spec.template.spec.containers.resource"),
        ("RayJob", "spec.rayClusterSpec.workerGroupSpecs.template.spec.container"),
        ("HorizontalPodAutoscaler", "spec.minReplica"),
    ],
)
def test_a_misspelt_field_is_found(kind: str, path: str) -> None:
    assert not any(has(group, kind, tuple(path.split("."))) for group in groups_of(kind))
