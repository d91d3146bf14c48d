"""Kubernetes access: RBAC bindings to grants."""

from __future__ import annotations

from typing import Any

from scanner.concepts.amounts import WorkloadLimit
from scanner.concepts.model import AccessGrant
from scanner.core import Resource, get
from scanner.graph import ResourceGraph

BROAD_SUBJECTS = ("system:authenticated", "system:unauthenticated", "system:anonymous")
MAX_KINDS = 10_000
"""Groups times resources of one rule of a role."""


def access_grants(resource: Resource, graph: ResourceGraph) -> list[AccessGrant]:
    """One grant for each rule of the role that a binding binds; one with ``role`` only for built-in roles."""
    if resource.type not in ("RoleBinding", "ClusterRoleBinding"):
        return []
    subjects = get(resource.attributes, "subjects", default=[])
    principals = (
        [_principal(item, resource) for item in subjects if isinstance(item, dict)]
        if isinstance(subjects, list)
        else []
    )
    role = str(get(resource.attributes, "roleRef", "name", default=""))
    base: dict[str, Any] = {
        "resource": resource,
        "kind": resource.type,
        "name": resource.name,
        "address": resource.address,
        "namespace": resource.namespace,
        "platform": "kubernetes",
        "principals": principals,
        "role": role,
        "public": any(_broad(principal) for principal in principals),
        "workload": any(principal.startswith("ServiceAccount:") for principal in principals),
        "sources": {"role": ("roleRef", "name"), "principals": ("subjects",), "public": ("subjects",)},
    }
    rules = [
        rule
        for neighbour in graph.neighbours(resource, "binds")
        if neighbour.resource.type in ("Role", "ClusterRole")
        for rule in _rules(neighbour.resource)
    ]
    administrator = role == "cluster-admin" and resource.type == "ClusterRoleBinding"
    if not rules:
        return [AccessGrant(**base, administrator=administrator)] if principals else []
    grants = []
    for actions, resources, named in rules:
        everything = "*" in actions and any(item in ("*/*", "*") for item in resources)
        grants.append(
            AccessGrant(
                **base,
                actions=actions,
                resources=resources,
                conditional=named,
                administrator=administrator or (everything and not named),
            )
        )
    return grants


def _principal(subject: dict[str, Any], binding: Resource) -> str:
    kind, name = str(subject.get("kind", "")), str(subject.get("name", ""))
    if kind == "ServiceAccount":
        return f"ServiceAccount:{subject.get('namespace') or binding.namespace or 'default'}/{name}"
    return f"{kind}:{name}"


def _broad(principal: str) -> bool:
    name = principal.partition(":")[2]
    return name in BROAD_SUBJECTS or name.startswith("system:serviceaccounts")


def _rules(role: Resource) -> list[tuple[list[str], list[str], bool]]:
    """(verbs, ``group/resource``, whether resourceNames limit it to named objects) for each rule of a role."""
    rules = get(role.attributes, "rules", default=[])
    result = []
    for rule in rules if isinstance(rules, list) else ():
        if not isinstance(rule, dict):
            continue
        verbs, groups, kinds = (texts(rule.get(key)) for key in ("verbs", "apiGroups", "resources"))
        if len(groups) * len(kinds) > MAX_KINDS:
            raise WorkloadLimit(f"a rule of {role.address} names more than the limit of {MAX_KINDS:,} kinds of objects")
        named = bool(rule.get("resourceNames"))
        result.append((verbs, [f"{group}/{kind}" for group in groups or [""] for kind in kinds], named))
    return result


def texts(value: Any) -> list[str]:
    """The texts of a list; empty for what is none."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
