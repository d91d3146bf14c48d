"""What machines cost an hour: list prices of facts for the machine types and the market that a source names."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from scanner.facts.instances import Price, price

HOURS_A_MONTH = 730
"""Hours in a month, as the clouds reckon: 8,760 / 12."""


class Quote(Struct, frozen=True):
    """What one machine costs an hour, in USD, before taxes and discounts."""

    least_usd: float | None
    """Of the cheapest type; ``None`` where the machines may be spot capacity whose price is not recorded."""
    most_usd: float
    """Of the dearest type. A spot machine costs at most what it costs on demand."""
    market: str
    """``on-demand``, ``spot`` or ``spot or on-demand``."""
    prices: tuple[Price, ...]
    """The records behind the numbers, one for each machine type."""


def quote(cloud: str, types: Iterable[object], market: str = "on-demand", region: str = "") -> Quote | None:
    """The price of a machine of any of ``types``; ``None`` if facts lack the price of one of them.

    A type without a price in ``region`` is taken at the price of the cloud's reference region: ``prices`` says which.
    """
    found = [price(cloud, name, region) or price(cloud, name) for name in types if isinstance(name, str)]
    known = tuple(item for item in found if item is not None)
    if not known or len(known) < len(found):
        return None
    bounds = [hourly_bounds(item, market) for item in known]
    least = [low for low, _ in bounds if low is not None]
    return Quote(min(least) if len(least) == len(known) else None, max(most for _, most in bounds), market, known)


def hourly_bounds(item: Price, market: str) -> tuple[float | None, float]:
    """What a machine costs an hour at least and at most, in USD, on a market as in ``Quote``.

    A spot price that is old still says how cheap a machine can be, but no longer how dear.
    """
    if market == "on-demand":
        return item.on_demand_usd, item.on_demand_usd
    bound = item.spot_usd if market == "spot" and not item.spot_is_old else None
    return item.spot_usd, item.on_demand_usd if bound is None else bound


def market_of(spot: object) -> str:
    """The market of machines: ``spot`` is whether they are spot capacity, or not known (either may be)."""
    if spot is True:
        return "spot"
    return "on-demand" if spot is False or spot is None else "spot or on-demand"
