"""Functions over IP networks."""

from __future__ import annotations

import ipaddress
from typing import Any

from scanner.frontends.terraform.evaluate.functions.function import function, integer, whole
from scanner.frontends.terraform.evaluate.types import NUMBER, STRING
from scanner.frontends.terraform.evaluate.values import EvaluationError, ListValue

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(prefix: str) -> Network:
    address, slash, length = prefix.partition("/")
    if not slash or not length.isdigit():
        raise EvaluationError(f"{prefix!r} is not an address prefix such as 10.0.0.0/8")
    if ":" not in address:
        # a leading zero does not make a part octal
        address = ".".join(part.lstrip("0") or part[:1] for part in address.split("."))
    return ipaddress.ip_network(f"{address}/{length}", strict=False)


def cidrhost(prefix: Any, number: Any) -> str:
    """The address with that number; negative numbers count from the end."""
    network, host = _network(prefix), integer(number)
    place = host if host >= 0 else network.num_addresses + host
    if not 0 <= place < network.num_addresses:
        raise EvaluationError("the number is outside the prefix")
    return str(network.network_address + place)


def cidrnetmask(prefix: Any) -> str:
    """The network mask."""
    network = _network(prefix)
    if network.version != 4:
        raise EvaluationError("only IPv4 has netmasks")
    return str(network.netmask)


def cidrsubnet(prefix: Any, bits: Any, number: Any) -> str:
    """The subnet with that number."""
    network, new_bits, place = _network(prefix), whole(bits), integer(number)
    length = network.prefixlen + new_bits
    if new_bits < 0 or length > network.max_prefixlen or not 0 <= place < 2**new_bits:
        raise EvaluationError("the subnet is outside the prefix")
    start = int(network.network_address) + (place << (network.max_prefixlen - length))
    return f"{type(network.network_address)(start)}/{length}"


def cidrsubnets(prefix: Any, *bits: Any) -> list[str]:
    """Consecutive subnets of the given sizes."""
    network = _network(prefix)
    at = int(network.network_address)
    result = []
    for new_bits in bits:
        length = network.prefixlen + whole(new_bits)
        if not network.prefixlen < length <= network.max_prefixlen:
            raise EvaluationError("the subnet is outside the prefix")
        size = 1 << (network.max_prefixlen - length)
        at = -(-at // size) * size
        if at + size > int(network.network_address) + network.num_addresses:
            raise EvaluationError("the prefix has no room left")
        result.append(f"{type(network.network_address)(at)}/{length}")
        at += size
    return ListValue(result, STRING)


def cidrcontains(prefix: Any, other: Any) -> bool:
    """Whether an address or prefix lies inside the prefix."""
    outer = _network(prefix)
    inner = _network(other if "/" in other else f"{other}/{32 if ':' not in other else 128}")
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


FUNCTIONS = {
    "cidrcontains": function(cidrcontains, STRING, STRING),
    "cidrhost": function(cidrhost, STRING, NUMBER),
    "cidrnetmask": function(cidrnetmask, STRING),
    "cidrsubnet": function(cidrsubnet, STRING, NUMBER, NUMBER),
    "cidrsubnets": function(cidrsubnets, STRING, rest=NUMBER),
}
