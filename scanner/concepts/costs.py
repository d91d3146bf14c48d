"""What a platform costs a month at list price: at least, if nothing is asked of it, and at most, if all of it runs.

Floors and ceilings are bounds, not forecasts. A machine pool's floor is its smallest size on its cheapest type, its
ceiling its largest size on its dearest one. A workload takes the share of a machine that its accelerators are: of the
pools that can host it, or, where none is in the scan, of the cheapest machine that offers the accelerator. What ends
by itself (jobs, training runs) has a floor of nothing and a ceiling of running the whole month.

Sums count money once: a workload runs on machines that a pool already has in its sum, so pools and workloads that are
joined count as the larger of the two at the floor, and as the pools alone at the ceiling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from scanner.concepts.interpret import Concepts
from scanner.concepts.machines import CLOUDS, fewest_replicas, monthly
from scanner.concepts.model import AcceleratorPool, Concept, ModelEndpoint, Notebook, PodSet
from scanner.concepts.prices import HOURS_A_MONTH, Quote, quote
from scanner.concepts.workload_prices import per_machine, pod_numbers, share_of_machine
from scanner.core import AtLeast, Unknown, is_unknown
from scanner.facts.instances import Price
from scanner.graph import ResourceGraph

TEMPLATES = ("aws_launch_template", "google_compute_instance_template", "google_compute_region_instance_template")
"""Descriptions of machines, of which something else makes any number."""
ENDPOINT_CLOUDS = {**CLOUDS, "cloud-run": "gcp", "container-apps": "azure"}
MORE_THAN_LISTED = {
    "cloud-run": "the price of the GPU alone; processors and memory come on top",
    "vertex-ai": "Compute Engine's price; Vertex AI charges more for the same machine",
}
"""Platforms whose price of a machine is not recorded, and what the one that is taken leaves out."""
SINGLE = ("aws_instance", "google_tpu_v2_vm")
"""Types of which a resource is one machine."""


class CostLine(Struct, frozen=True, kw_only=True):
    """What one pool, endpoint, notebook or workload costs. Amounts are USD a month (730 hours)."""

    kind: str
    """``pool``, ``endpoint``, ``notebook`` or ``workload``."""
    concept: Concept
    what: str
    """The machines, or the share of them, in words."""
    fewest: int | None = None
    most: int | None = None
    """Machines, replicas or pods; ``None``: cannot be told, or has no bound."""
    hourly_usd: float | None = None
    """Of one of them, at least."""
    floor_usd: float | None = None
    ceiling_usd: float | None = None
    market: str = ""
    prices: tuple[Price, ...] = ()
    why: tuple[str, ...] = ()
    """Why an amount is missing, or what it rests on."""
    on: tuple[AcceleratorPool, ...] = ()
    """Pools that host the workload, whose machines it shares."""


class Costs(Struct, frozen=True):
    """All lines, the dearest first, and their sums, which leave out what is not known."""

    lines: list[CostLine] = field(default_factory=list)
    floor_usd: float = 0.0
    ceiling_usd: float = 0.0
    without_floor: int = 0
    """Lines whose floor is not known and not covered by a pool in the sum; likewise for the ceiling."""
    without_ceiling: int = 0


def costs(concepts: Concepts, graph: ResourceGraph) -> Costs:
    """The cost of everything with accelerators, and of managed endpoints and notebooks."""
    lines = sorted(_lines(concepts, graph), key=_order)
    groups = list(_groups(lines))
    floors, ceilings = [_floor(group) for group in groups], [_ceiling(group) for group in groups]
    return Costs(
        lines,
        round(sum(usd for usd, _ in floors), 2),
        round(sum(usd for usd, _ in ceilings), 2),
        sum(missing for _, missing in floors),
        sum(missing for _, missing in ceilings),
    )


def _order(line: CostLine) -> tuple[float, float, str, str]:
    return (-(line.floor_usd or 0.0), -(line.ceiling_usd or 0.0), line.concept.resource.unit, line.concept.address)


def _lines(concepts: Concepts, graph: ResourceGraph) -> Iterator[CostLine]:
    for kind in ("AcceleratorPool", "ModelEndpoint", "Notebook", "PodSet"):
        for item in concepts.of_kind(kind):
            if isinstance(item, AcceleratorPool):
                yield from _pool(item)
            elif isinstance(item, ModelEndpoint):
                yield from _endpoint(item)
            elif isinstance(item, Notebook):
                yield from _notebook(item)
            elif isinstance(item, PodSet) and not item.definition and item.role != "system":
                yield from _workload(item, graph)


def _pool(pool: AcceleratorPool) -> Iterator[CostLine]:
    if pool.doubt is not None:
        return
    fewest, most = (None if is_unknown(size) else size for size in (pool.fewest_machines, pool.most_machines))
    floor, ceiling = _amount(pool.monthly_floor_usd), _amount(pool.monthly_ceiling_usd)
    why = []
    if pool.kind in TEMPLATES:
        why.append("a template: how many machines are made of it is not in the scan")
    elif pool.platform == "karpenter":
        fewest, floor = 0, 0.0
        most, ceiling, text = _karpenter_ceiling(pool)
        why.append(text)
    elif pool.kind in SINGLE and fewest is None:
        fewest = most = 1
        floor, ceiling = _single(pool.hourly_usd), _single(pool.hourly_most_usd)
    why += [*_missing(pool, floor, ceiling), *_old_spot(pool.prices, pool.market)]
    yield CostLine(
        kind="pool",
        concept=pool,
        what=_machines(pool),
        fewest=fewest,
        most=most,
        hourly_usd=_amount(pool.hourly_usd),
        floor_usd=floor,
        ceiling_usd=ceiling,
        market=pool.market,
        prices=tuple(pool.prices),
        why=tuple(filter(None, why)),
    )


def _single(hourly: object) -> float | None:
    return monthly(1, hourly) if isinstance(hourly, int | float) else None


def _amount(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _karpenter_ceiling(pool: AcceleratorPool) -> tuple[int | None, float | None, str]:
    """What the pool's own limit on accelerators allows."""
    limit, types = pool.limit_accelerators, per_machine(pool)
    if not isinstance(limit, int):
        return None, None, "Karpenter makes machines for pods, and the pool has no limit on accelerators"
    if not types or pool.hourly_most_usd is None:
        return None, None, f"Karpenter makes machines for pods, up to {limit} accelerators"
    dearest = max(most / count for _, most, count in types)
    machines = int(limit // min(count for _, _, count in types))
    return machines, round(limit * dearest * HOURS_A_MONTH, 2), f"at most {limit} accelerators, by the pool's limit"


def _missing(pool: AcceleratorPool, floor: float | None, ceiling: float | None) -> list[str]:
    if pool.kind in TEMPLATES or (floor is not None and ceiling is not None):
        return []
    unknown = next((item for item in (pool.min_size, pool.max_size, pool.instance_types) if is_unknown(item)), None)
    if isinstance(unknown, Unknown):
        return [unknown.reason]
    if pool.hourly_most_usd is None:
        return [f"no price of {_machines(pool)} is recorded"]
    if floor is None and pool.hourly_usd is None:
        return ["spot prices move, and none is recorded"]
    return [] if pool.platform == "karpenter" else ["its size has no bound in the source"]


def _old_spot(prices: Iterable[Price], market: str) -> list[str]:
    """That spot prices are old, and what they are good for."""
    days = sorted({price.spot_date for price in prices if price.spot_is_old}) if market != "on-demand" else []
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""
    return [f"spot prices of {when}, which bound the floor; the ceiling is the price on demand"] if when else []


def _machines(pool: AcceleratorPool) -> str:
    types = [item for item in _known(pool.instance_types) if isinstance(item, str)]
    if isinstance(pool.attached_accelerator, str):
        return f"{_listed(types) or 'machine'} with {pool.attached_count} x {pool.attached_accelerator}"
    named = types or [f"{family}.*" for family in pool.instance_families] or list(pool.accelerators)
    return _listed(named) or "machines of unknown type"


def _known(items: list[str]) -> list[str]:
    return [] if is_unknown(items) else items


def _listed(items: list[str]) -> str:
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


def _endpoint(endpoint: ModelEndpoint) -> Iterator[CostLine]:
    if endpoint.doubt is not None or endpoint.serverless is True or endpoint.platform not in ENDPOINT_CLOUDS:
        return
    if endpoint.instance_type is None and endpoint.accelerator is None:
        return
    floor, ceiling = _amount(endpoint.monthly_floor_usd), _amount(endpoint.monthly_ceiling_usd)
    fewest, most = (None if is_unknown(n) else n for n in (fewest_replicas(endpoint), endpoint.max_replicas))
    if endpoint.autoscaled is not False and most is None:
        ceiling = None
    elif most is None:
        most = fewest
    machine = endpoint.instance_type if isinstance(endpoint.instance_type, str) else str(endpoint.accelerator or "")
    found = quote(ENDPOINT_CLOUDS[endpoint.platform], [machine])
    hourly = _amount(endpoint.hourly_usd)
    more = MORE_THAN_LISTED.get(endpoint.platform) if found is not None else None
    if more is not None and found is not None:
        hourly = found.least_usd
        floor, ceiling = _times(fewest, hourly), 0.0 if most == 0 else None
    elif fewest == 0:
        floor = 0.0
    why = [] if floor is not None and ceiling is not None else [more or _why_endpoint(endpoint, found)]
    yield CostLine(
        kind="endpoint",
        concept=endpoint,
        what=machine if not is_unknown(endpoint.instance_type) else "machines of unknown type",
        fewest=fewest,
        most=most,
        hourly_usd=hourly,
        floor_usd=floor,
        ceiling_usd=ceiling,
        market="spot" if endpoint.spot is True else "on-demand",
        prices=found.prices if found is not None else (),
        why=tuple(why),
    )


def _why_endpoint(endpoint: ModelEndpoint, found: Quote | None) -> str:
    values: tuple[object, ...] = (
        endpoint.instance_type,
        endpoint.min_replicas,
        endpoint.max_replicas,
        endpoint.autoscaled,
    )
    unknown = next((item for item in values if isinstance(item, Unknown)), None)
    if unknown is not None:
        return unknown.reason
    if found is None:
        return f"no price of {endpoint.instance_type or endpoint.accelerator} is recorded"
    return "its number of instances has no bound in the source"


def _notebook(notebook: Notebook) -> Iterator[CostLine]:
    if notebook.doubt is not None or notebook.platform not in CLOUDS or notebook.instance_type is None:
        return
    hourly = _amount(notebook.hourly_usd)
    kind = notebook.instance_type
    found = quote(CLOUDS[notebook.platform], [kind]) if isinstance(kind, str) else None
    why = kind.reason if isinstance(kind, Unknown) else f"no price of {kind} is recorded"
    yield CostLine(
        kind="notebook",
        concept=notebook,
        what="machine of unknown type" if isinstance(kind, Unknown) else str(kind),
        fewest=0 if notebook.idle_shutdown is True else 1,
        most=1,
        hourly_usd=hourly,
        floor_usd=0.0 if notebook.idle_shutdown is True else None if hourly is None else monthly(1, hourly),
        ceiling_usd=None if hourly is None else monthly(1, hourly),
        market="on-demand",
        prices=found.prices if found is not None else (),
        why=(why,) if hourly is None else ("it stops when idle",) if notebook.idle_shutdown is True else (),
    )


def _workload(pods: PodSet, graph: ResourceGraph) -> Iterator[CostLine]:
    if pods.doubt is not None or not (is_unknown(pods.accelerator_count) or pods.accelerator_count > 0):
        return
    share = share_of_machine(pods, graph)
    fewest, most, reason = pod_numbers(pods, graph)
    shared = _shared_devices(pods)
    why = [share.basis, reason, *_old_spot(share.prices, share.market)]
    why += [f"the devices of {', '.join(shared)} are shared by all pods that name it"] if shared else []
    yield CostLine(
        kind="workload",
        concept=pods,
        what=_asked(pods),
        fewest=fewest,
        most=most,
        hourly_usd=None if share.least_usd is None else round(share.least_usd, 4),
        floor_usd=_times(_paid(pods, fewest), share.least_usd),
        ceiling_usd=_times(_paid(pods, most), share.most_usd),
        market=share.market,
        prices=share.prices,
        why=tuple(filter(None, why)),
        on=share.pools,
    )


def _shared_devices(pods: PodSet) -> list[str]:
    return [f"claim {claim.object}" for claim in pods.device_claims if claim.shared and claim.accelerators]


def _paid(pods: PodSet, number: int | None) -> float | None:
    """How many pods' worth of accelerators so many pods take: what all pods share counts once."""
    own, each = pods.own_accelerators, pods.accelerator_count
    if is_unknown(own) or is_unknown(each) or own == each or number == 0:
        return number
    ours = sum(claim.accelerator_count for claim in pods.device_claims if claim.shared and not claim.counted)
    return (own * number + ours) / each if number is not None else None if own else ours / each


def _times(number: float | None, hourly: float | None) -> float | None:
    if number == 0:
        return 0.0
    return None if number is None or hourly is None else round(number * hourly * HOURS_A_MONTH, 2)


def _asked(pods: PodSet) -> str:
    if not pods.accelerator_resources and pods.device_claims:
        return f"unknown devices of claim {', '.join(claim.object or claim.name for claim in pods.device_claims)}"
    number = pods.accelerator_count
    least = f"at least {number.least}" if isinstance(number, AtLeast) else "unknown number of"
    count = least if is_unknown(number) else str(number)
    chosen = f" ({pods.accelerator})" if isinstance(pods.accelerator, str) else ""
    return f"{count} x {_listed(pods.accelerator_resources)}{chosen}"


def _groups(lines: Iterable[CostLine]) -> Iterator[list[CostLine]]:
    """Lines that share machines: pools with the workloads that run on them; everything else by itself."""
    group: dict[int, list[CostLine]] = {}
    for line in lines:
        members = (line.concept, *line.on)
        merged = [line]
        for other in {id(found): found for item in members if (found := group.get(id(item))) is not None}.values():
            merged += other
        keys = [id(item) for entry in merged for item in (entry.concept, *entry.on)]
        group.update(dict.fromkeys(keys, merged))
    yield from {id(found): found for found in group.values()}.values()


def _floor(group: list[CostLine]) -> tuple[float, int]:
    """What the group costs at least, and how many lines that leaves out."""
    pools = [line for line in group if line.kind == "pool"]
    others = [line for line in group if line.kind != "pool"]
    missing = sum(line.floor_usd is None for line in pools)
    work = sum(line.floor_usd or 0.0 for line in others)
    if not pools:
        return work, sum(line.floor_usd is None for line in others)
    single = 0.0
    for pool in pools:
        alone = sum(line.floor_usd or 0.0 for line in others if line.on == (pool.concept,))
        single += max(pool.floor_usd or 0.0, alone)
    return max(single, work), missing


def _ceiling(group: list[CostLine]) -> tuple[float, int]:
    """What the group costs at most, and how many lines that leaves out."""
    pools = [line for line in group if line.kind == "pool"]
    counted = pools or group
    return sum(line.ceiling_usd or 0.0 for line in counted), sum(line.ceiling_usd is None for line in counted)
