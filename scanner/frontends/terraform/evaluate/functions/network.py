"""Functions over IP networks."""

from __future__ import annotations

import ipaddress
from typing import Any

from scanner.frontends.terraform.evaluate.functions.function import fixed
from scanner.frontends.terraform.evaluate.values import EvaluationError, to_number, to_text

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(prefix: Any) -> Network:
    return ipaddress.ip_network(to_text(prefix), strict=False)


def cidrhost(prefix: Any, number: Any) -> str:
    """The address with that number; negative numbers count from the end."""
    network, host = _network(prefix), int(to_number(number))
    place = host if host >= 0 else network.num_addresses + host
    if not 0 <= place < network.num_addresses:
        raise EvaluationError("the number is outside the prefix")
    return str(network.network_address + place)


def cidrnetmask(prefix: Any) -> str:
    """The network mask."""
    return str(_network(prefix).netmask)


def cidrsubnet(prefix: Any, bits: Any, number: Any) -> str:
    """The subnet with that number."""
    network, new_bits, place = _network(prefix), int(to_number(bits)), int(to_number(number))
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
        length = network.prefixlen + int(to_number(new_bits))
        if length > network.max_prefixlen:
            raise EvaluationError("the subnet is outside the prefix")
        size = 1 << (network.max_prefixlen - length)
        at = -(-at // size) * size
        if at + size > int(network.network_address) + network.num_addresses:
            raise EvaluationError("the prefix has no room left")
        result.append(f"{type(network.network_address)(at)}/{length}")
        at += size
    return result


def cidrcontains(prefix: Any, other: Any) -> bool:
    """Whether an address or prefix lies inside the prefix."""
    outer, inner = _network(prefix), _network(other)
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


FUNCTIONS = {
    "cidrcontains": fixed(cidrcontains, 2),
    "cidrhost": fixed(cidrhost, 2),
    "cidrnetmask": fixed(cidrnetmask, 1),
    "cidrsubnet": fixed(cidrsubnet, 3),
    "cidrsubnets": fixed(cidrsubnets, 1, None),
}
