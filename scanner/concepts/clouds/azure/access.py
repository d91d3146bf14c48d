"""Role assignments, network security rules and budgets of Azure."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.common import ANYWHERE, Reader, common, either, given, port_range
from scanner.concepts.model import AccessGrant, Budget, Concept, NetworkBoundary
from scanner.core import Path, Resource, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

EVERYWHERE = ANYWHERE | {"*", "Internet", "Any", "internet", "any"}
ADMINISTRATORS = ("Owner", "Contributor", "User Access Administrator", "Role Based Access Control Administrator")
WORKLOAD_TYPES = (
    "azurerm_machine_learning_compute_cluster",
    "azurerm_machine_learning_compute_instance",
    "azurerm_machine_learning_inference_cluster",
    "azurerm_cognitive_account",
    "azurerm_ai_services",
    "azurerm_ai_foundry_project",
    "azurerm_search_service",
)
WORKSPACE_TYPES = ("azurerm_machine_learning_workspace", "azurerm_ai_foundry")
"""Their identities manage the resources around them, and are documented to need Contributor for that."""
_WORKLOAD_NAME = lazy_pattern(
    r"(^|[-_.])(aml|azureml|ml|notebooks?|jupyter(hub)?|train(ing|er)?|inference|serving|vllm|triton|kserve|kubeflow|ray"
    r"|mlflow|gpu|llm|ai|openai|finetun\w*|models?)($|[-_.])",
    re.IGNORECASE,
)


def _role_assignment(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    grant = AccessGrant(**common(resource), platform="azure")
    grant.role = attributes.get("role_definition_name")
    grant.actions = [grant.role] if grant.role is not None else []
    grant.principals = [item for item in (attributes.get("principal_id"),) if item is not None]
    grant.resources = [item for item in (attributes.get("scope"),) if item is not None]
    grant.conditional = attributes.get("condition") is not None
    grant.administrator = grant.role if is_unknown(grant.role) else grant.role in ADMINISTRATORS  # type: ignore[assignment]
    grant.public = False
    grant.workload = _workload(resource, graph)
    grant.sources |= {"role": ("role_definition_name",), "administrator": ("role_definition_name",)}
    return grant


def _workload(resource: Resource, graph: ResourceGraph) -> bool:
    """Whether the principal is the identity of an AI service, or one that is used by or named after AI work."""
    named = {target for path, target in resource.references if path[:1] == ("principal_id",)}
    for neighbour in graph.neighbours(resource, "references"):
        principal = neighbour.resource
        if principal.address not in named and principal.address.rpartition("[")[0] not in named:
            continue
        if principal.type in WORKLOAD_TYPES:
            return True
        if principal.type == "azurerm_user_assigned_identity":
            users = [n.resource.type for n in graph.neighbours(principal, "references", "in")]
            if any(user in WORKLOAD_TYPES for user in users):
                return True
            if _WORKLOAD_NAME.search(principal.name) and not any(user in WORKSPACE_TYPES for user in users):
                return True
    return False


def _security_rule(resource: Resource, graph: ResourceGraph) -> Concept | None:
    return _boundary(resource, resource.attributes, ())


def _security_group(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    blocks = resource.attributes.get("security_rule")
    found = (
        _boundary(resource, block, ("security_rule", number))
        for number, block in enumerate(blocks if isinstance(blocks, list) else ())
        if isinstance(block, dict)
    )
    return [boundary for boundary in found if boundary is not None]


def _boundary(resource: Resource, block: dict[str, Any], at: Path) -> NetworkBoundary | None:
    if block.get("direction") != "Inbound" or block.get("access") != "Allow":
        return None
    boundary = NetworkBoundary(**common(resource), platform="azure", at=at)
    for field in ("source_address_prefix", "source_address_prefixes"):
        value = block.get(field)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if EVERYWHERE & {item for item in values if isinstance(item, str)}:
            boundary.sources["open_to_world"] = (*at, field)
        boundary.origins.extend(values)
    boundary.open_to_world = "open_to_world" in boundary.sources or next(  # type: ignore[assignment]
        (item for item in boundary.origins if is_unknown(item)), False
    )
    protocol = str(get(block, "protocol", default="*"))
    if protocol.lower() not in ("icmp", "esp", "ah"):
        boundary.ports = _ports(block, protocol)
    return boundary


def _ports(block: dict[str, Any], protocol: str) -> list[dict[str, Any]]:
    many = block.get("destination_port_ranges")
    texts = many if isinstance(many, list) else [] if many is None else [many]
    single = block.get("destination_port_range")
    return [port_range(text, protocol) for text in ([*texts, single] if single is not None else texts)]


def _budget(resource: Resource, graph: ResourceGraph) -> Concept:
    budget = Budget(**common(resource), platform="azure")
    budget.amount = resource.attributes.get("amount")
    blocks = resource.attributes.get("notification")
    budget.notifies = either(*(_heard(block) for block in blocks)) if isinstance(blocks, list) else given(blocks)
    budget.sources["notifies"] = ("notification",)
    return budget


def _heard(notification: Any) -> Any:
    """Whether a notification is on and names somebody."""
    if get(notification, "enabled", default=True) is False:
        return False
    return either(*(given(get(notification, name)) for name in ("contact_emails", "contact_groups", "contact_roles")))


READERS: dict[str, Reader] = {
    "azurerm_role_assignment": _role_assignment,
    "azurerm_network_security_rule": _security_rule,
    "azurerm_network_security_group": _security_group,
    "azurerm_consumption_budget_subscription": _budget,
    "azurerm_consumption_budget_resource_group": _budget,
    "azurerm_consumption_budget_management_group": _budget,
}
