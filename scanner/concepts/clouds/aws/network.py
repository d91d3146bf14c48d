"""Security groups and budgets."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import ANYWHERE, Reader, common, given
from scanner.concepts.model import Budget, Concept, NetworkBoundary
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, is_unknown
from scanner.graph import ResourceGraph


def _ingress_blocks(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    blocks = resource.attributes.get("ingress")
    result: list[Concept] = []
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict):
            result.append(_rule(resource, block, ("ingress", number), ("cidr_blocks", "ipv6_cidr_blocks")))
    return result


def _security_group_rule(resource: Resource, graph: ResourceGraph) -> Concept | None:
    if resource.attributes.get("type") != "ingress":
        return None
    return _rule(resource, resource.attributes, (), ("cidr_blocks", "ipv6_cidr_blocks"))


def _ingress_rule(resource: Resource, graph: ResourceGraph) -> Concept:
    return _rule(resource, resource.attributes, (), ("cidr_ipv4", "cidr_ipv6"))


def _rule(resource: Resource, block: dict[str, Any], at: Path, fields: tuple[str, ...]) -> NetworkBoundary:
    boundary = NetworkBoundary(**common(resource), platform="aws", at=at)
    origins: list[Any] = []
    for field in fields:
        value = block.get(field)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if ANYWHERE & {item for item in values if isinstance(item, str)}:
            boundary.sources["open_to_world"] = (*at, field)
        origins.extend(values)
    boundary.origins = origins
    world = bool(ANYWHERE & {item for item in origins if isinstance(item, str)})
    boundary.open_to_world = world or next((item for item in origins if is_unknown(item)), False)  # type: ignore[assignment]
    protocol = str(block.get("protocol", block.get("ip_protocol", "tcp")))
    first, last = whole(block.get("from_port")), whole(block.get("to_port"))
    if protocol == "-1":
        first, last = 0, 65535
    boundary.ports = [{"from": first, "to": last, "protocol": protocol}]
    return boundary


def _budget(resource: Resource, graph: ResourceGraph) -> Concept:
    budget = Budget(**common(resource), platform="aws")
    amount = resource.attributes.get("limit_amount")
    budget.amount = whole(amount)
    budget.notifies = given(resource.attributes.get("notification"))
    return budget


READERS: dict[str, Reader] = {
    "aws_security_group": _ingress_blocks,
    "aws_security_group_rule": _security_group_rule,
    "aws_vpc_security_group_ingress_rule": _ingress_rule,
    "aws_budgets_budget": _budget,
}
