"""Security groups and budgets."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.aws.policies import json_data, known_data
from scanner.concepts.clouds.common import ANYWHERE, Reader, common, either, given
from scanner.concepts.model import Budget, Concept, Network, NetworkBoundary
from scanner.concepts.quantities import whole
from scanner.core import GAP, Path, Resource, UnknownText, get, is_unknown
from scanner.graph import ResourceGraph


def _ingress_blocks(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    blocks = resource.attributes.get("ingress")
    result: list[Concept] = []
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict):
            result.append(rule(resource, block, ("ingress", number), ("cidr_blocks", "ipv6_cidr_blocks")))
    return result


def _security_group_rule(resource: Resource, graph: ResourceGraph) -> Concept | None:
    if resource.attributes.get("type") != "ingress":
        return None
    return rule(resource, resource.attributes, (), ("cidr_blocks", "ipv6_cidr_blocks"))


def _ingress_rule(resource: Resource, graph: ResourceGraph) -> Concept:
    return rule(resource, resource.attributes, (), ("cidr_ipv4", "cidr_ipv6"))


def rule(resource: Resource, block: dict[str, Any], at: Path, fields: tuple[str, ...]) -> NetworkBoundary:
    """One rule of a security group, which stands at ``at``; ``fields`` hold its ranges."""
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


def _collection_policy(resource: Resource, graph: ResourceGraph) -> Concept | None:
    """Who reaches collections of OpenSearch Serverless, as its network policies say."""
    if resource.attributes.get("type") != "network":
        return None
    boundary = NetworkBoundary(**common(resource), platform="opensearch-serverless")
    text = resource.attributes.get("policy")
    data = known_data(text) if isinstance(text, UnknownText) else json_data(text)
    rules = data if isinstance(data, list) else [data]
    unknown = text if is_unknown(text) and data is None else False
    boundary.open_to_world = either(*(get(rule, "AllowFromPublic", default=False) for rule in rules), unknown)
    boundary.sources["open_to_world"] = ("policy",)
    return boundary


def _vpc(resource: Resource, graph: ResourceGraph) -> Concept:
    gateways = any(gateway.unit == resource.unit for gateway in graph.of_type("aws_nat_gateway"))
    return network(resource, graph, nat=gateways)


def network(resource: Resource, graph: ResourceGraph, *, nat: Any) -> Network:
    """A VPC with the endpoints of its root module, whether they are resources or a module's inputs."""
    found = Network(**common(resource), platform="aws", nat=nat)
    endpoints = [item for item in graph.of_type("aws_vpc_endpoint") if item.unit == resource.unit]
    found.endpoints = [_service(item.attributes.get("service_name", "")) for item in endpoints]
    calls = [call for call in graph.of_type("module") if call.unit == resource.unit]
    for call in calls:
        if "vpc-endpoints" in str(call.attributes.get("source")):
            inputs = call.attributes.get("endpoints")
            listed = list(inputs.values()) if isinstance(inputs, dict) else [inputs] if is_unknown(inputs) else []
            found.endpoints += [get(item, "service", default=get(item, "service_endpoint")) for item in listed]
    return found


def _service(name: Any) -> Any:
    """The service of an endpoint, which its last labels tell even where the region is unknown."""
    text = name.data if isinstance(name, UnknownText) else None
    return text if isinstance(text, str) and not text.endswith(GAP) else name


def _budget(resource: Resource, graph: ResourceGraph) -> Concept:
    budget = Budget(**common(resource), platform="aws")
    amount = resource.attributes.get("limit_amount")
    budget.amount = whole(amount)
    budget.notifies = given(resource.attributes.get("notification"))
    budget.sources |= {"amount": ("limit_amount",), "notifies": ("notification",)}
    return budget


READERS: dict[str, Reader] = {
    "aws_security_group": _ingress_blocks,
    "aws_security_group_rule": _security_group_rule,
    "aws_vpc_security_group_ingress_rule": _ingress_rule,
    "aws_opensearchserverless_security_policy": _collection_policy,
    "aws_vpc": _vpc,
    "aws_budgets_budget": _budget,
}
