"""The devices that containers get by the claims of their pod, beside what they ask of device plugins.

Claims are allocated for the whole pod, whichever of its containers use them; containers that use the same claim share
its devices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scanner.concepts.amounts import Amounts
from scanner.concepts.devices import Claim, Devices, Request
from scanner.concepts.model import Accelerators, Container, DeviceClaim, PodSet
from scanner.core import AtLeast, Path, Unknown, get, is_unknown


def read_claims(
    pods: PodSet,
    entries: Any,
    at: Path,
    containers: Iterable[tuple[Container, dict[str, Any]]],
    devices: Devices,
    amounts: Amounts,
) -> None:
    """Add what the claims at ``at`` give to the pod and to its containers, which come as they are written.

    Raises ``WorkloadLimit``.

    A claim that cannot be resolved gives no accelerators to a pod that asks a device plugin for some: the plugin and
    the driver for the same devices exclude each other on a node (NVIDIA's and AWS Neuron's documentation of their
    drivers), so such claims are for network adapters and IMEX channels.
    """
    plugin = any(not is_unknown(item.accelerators) and item.accelerators for item in pods.every_container)
    if not isinstance(entries, list):
        if isinstance(entries, Unknown) and not plugin:
            _leave_open(pods, entries, (item for item, raw in containers if _uses(raw)))
        return
    amounts.add_requests(pods.resource, len(entries))
    claims = devices.claims(pods.resource, entries)
    amounts.add_requests(pods.resource, sum(_length(claim) for claim in claims))
    named = {claim.name: claim for claim in claims}
    for container, raw in containers:
        uses = _uses(raw)
        used = [named.get(str(get(use, "name"))) for use in uses] if isinstance(uses, list) else []
        amounts.add_requests(pods.resource, sum(_length(claim) for claim in used if claim is not None))
        _give(container, uses, named, plugin=plugin)
    views = [_view(claim, (*at, number)) for number, claim in enumerate(claims)]
    pods.device_claims = views
    for view, claim in zip(views, claims, strict=True):
        given = _known(claim) if plugin else view.accelerator_count
        pods.accelerator_count = _sum(pods.accelerator_count, given)
        if not view.shared:
            pods.own_accelerators = _sum(pods.own_accelerators, given)


def _length(claim: Claim) -> int:
    return 1 if isinstance(claim.requests, Unknown) else 1 + len(claim.requests)


def _uses(raw: dict[str, Any]) -> Any:
    return get(raw, "resources", "claims")


def _leave_open(pods: PodSet, doubt: Unknown, containers: Iterable[Container]) -> None:
    pods.accelerator_count = pods.own_accelerators = doubt  # type: ignore[assignment]
    for container in containers:
        container.accelerators = container.accelerator_count = doubt  # type: ignore[assignment]


def _give(container: Container, uses: Any, named: dict[str, Claim], *, plugin: bool) -> None:
    """The devices of the claims, or of the requests in them, that a container uses."""
    if uses is None or is_unknown(container.accelerators):
        return
    doubt = uses if isinstance(uses, Unknown) else None
    for number, use in enumerate(uses if isinstance(uses, list) else ()):
        claim = named.get(str(get(use, "name")))
        if claim is None:
            continue
        doubt = _doubt(claim) if doubt is None else doubt
        only = get(use, "request")
        for request in () if isinstance(claim.requests, Unknown) else claim.requests:
            # a request among alternatives may be named with the alternative
            if request.kind == "accelerator" and (only is None or str(only).partition("/")[0] == request.name):
                given = _accelerators(request, claim.name, (*container.at, "resources", "claims", number))
                container.accelerators.append(given)
                container.accelerator_count = _sum(container.accelerator_count, given.count)
    if doubt is not None and not plugin:
        container.accelerator_count = _sum(container.accelerator_count, doubt)
        if not container.accelerators:
            container.accelerators = doubt  # type: ignore[assignment]


def _doubt(claim: Claim) -> Unknown | None:
    """Why a claim may hold accelerators that are not seen."""
    if isinstance(claim.requests, Unknown):
        return claim.requests
    return next((item.kind for item in claim.requests if isinstance(item.kind, Unknown)), None)


def _accelerators(request: Request, claim: str, at: Path) -> Accelerators:
    return Accelerators(
        at=at,
        resource=request.device_class,
        extended=request.extended,
        claim=claim,
        vendor=request.vendor,
        count=request.amount,  # type: ignore[arg-type]
        mig_profile=request.mig_profile,
        model=request.model,
        selected=request.selected,
    )


def _view(claim: Claim, at: Path) -> DeviceClaim:
    view = DeviceClaim(at=at, name=claim.name, kind=claim.kind, object=claim.object, shared=claim.shared)
    view.counted, view.only_in, view.target = not claim.first, list(claim.only_in), claim.target
    doubt = _doubt(claim)
    requests = () if isinstance(claim.requests, Unknown) else claim.requests
    view.accelerators = [_accelerators(item, claim.name, at) for item in requests if item.kind == "accelerator"]
    view.accelerator_count = _known(claim) if doubt is None else _sum(_known(claim), doubt)
    view.network = any(item.kind == "network" for item in requests)
    if doubt is not None and not view.network:
        view.network = doubt  # type: ignore[assignment]
    return view


def _known(claim: Claim) -> Any:
    """Accelerators of the requests that can be told to ask for some."""
    total: Any = 0
    for request in () if isinstance(claim.requests, Unknown) else claim.requests:
        if request.kind == "accelerator":
            total = _sum(total, request.amount)
    return total


def _sum(one: Any, other: Any) -> Any:
    """The sum of two counts; what is known of them is the least that it can be."""
    unknown = next((part for part in (one, other) if isinstance(part, Unknown)), None)
    if unknown is None:
        return one + other
    least = sum(part.least if isinstance(part, AtLeast) else part for part in (one, other) if _bounded(part))
    return AtLeast(unknown.reason, unknown.source, least) if least > 0 else unknown


def _bounded(part: Any) -> bool:
    return isinstance(part, AtLeast) or not is_unknown(part)
