"""Dynamic resource allocation (DRA): which devices the claims of a pod stand for.

A pod names claims, a claim is an object or is made from a template for each pod, and each of its requests asks for
devices of a class. Sources: the API reference of resource.k8s.io v1, v1beta2, v1beta1 and v1alpha3;
pkg/scheduler/framework/plugins/dynamicresources of kubernetes/kubernetes 1.35.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scanner.concepts.quantities import settled, whole
from scanner.core import AtLeast, Resource, Unknown, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.facts.accelerators import accelerator
from scanner.facts.device_classes import DeviceDriver, device_classes, device_drivers
from scanner.facts.instances import instance_type
from scanner.graph import ResourceGraph

GROUP = "resource.k8s.io"
COMPUTE_DOMAINS = "resource.nvidia.com"
"""Group of ComputeDomain, whose controller makes the template that the domain names."""
CLASS_AS_RESOURCE = "deviceclass.resource.kubernetes.io/"
"""What an extended resource begins with that stands for the device class behind it."""
MAX_REQUESTS = 32
"""Requests of a claim, and selectors of a request, that the API accepts; ``MAX_ALTERNATIVES``: of one request."""
MAX_ALTERNATIVES = 8
MAX_EXPRESSION = 10_240
"""Characters of a CEL expression that the API accepts."""
_DRIVER = lazy_pattern(r"""\bdevice\.driver\s*==\s*["']([^"']+)["']""")
_ATTRIBUTE = lazy_pattern(r"""\bdevice\.attributes\[["'][^"']+["']\]\.(\w+)\s*==\s*["']([^"']*)["']""", re.ASCII)
_TYPE = lazy_pattern(r"""\bdevice\.attributes\[["'][^"']+["']\]\.type\s*==\s*["'][^"']*["']""")
_BRANCHES = lazy_pattern(r"\|\||\?|!(?!=)")
"""Alternatives and negations: an equation in such an expression need not hold."""


class Request(Struct, frozen=True):
    """Devices of one class that a claim asks for."""

    name: str
    kind: str | Unknown
    """accelerator, network or other; what allocates nothing is other."""
    device_class: str = ""
    amount: int | AtLeast = 0
    vendor: str = ""
    extended: str | None = None
    """The extended resource of the same device; ``None`` if it has none or it cannot be told."""
    mig_profile: str | None = None
    model: str | None = None
    selected: bool = False
    """Whether a selector narrows which devices of the class are taken."""


class Claim(Struct, frozen=True):
    """One entry of a pod's ``resourceClaims``."""

    name: str
    kind: str
    """ResourceClaim, ResourceClaimTemplate or empty."""
    object: str
    requests: tuple[Request, ...] | Unknown
    first: bool = True
    """Whether no pod that was read before shares the claim."""
    only_in: tuple[str, ...] = ()
    """Namespaces in which the unit has the object, where that of the pod is not among them."""
    target: Resource | None = None
    """The object, where the scan has one."""

    @property
    def shared(self) -> bool:
        """Whether all pods that name it share its devices."""
        return self.kind == "ResourceClaim"


class _Class(Struct, frozen=True):
    driver: str
    told: tuple[tuple[str, str], ...] = ()
    selected: bool = False


class Devices:
    """The claims, templates and classes of a scan."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self._objects: dict[tuple[str, str, str], dict[str, list[Resource]]] = {}
        self._namespaces: dict[tuple[str, str, str], set[str | None]] = {}
        self._classes: dict[str, list[Resource]] = {}
        self._named: dict[str, list[Resource]] = {}
        self._shared: set[tuple[str, str, str]] = set()
        self._read: dict[Resource, tuple[Request, ...] | Unknown] = {}
        self._offered: dict[tuple[str, str], Request | None] = {}
        for item in graph.of_type("ResourceClaim", "ResourceClaimTemplate"):
            if item.group == GROUP:
                self._add(item.type, item.name, item)
        for item in graph.of_type("ComputeDomain"):
            name = get(item.attributes, "spec", "channel", "resourceClaimTemplate", "name")
            if item.group == COMPUTE_DOMAINS and isinstance(name, str):
                self._add("ResourceClaimTemplate", name, item)
        for item in graph.of_type("DeviceClass"):
            if item.group == GROUP:
                self._classes.setdefault(item.name, []).append(item)
                name = get(item.attributes, "spec", "extendedResourceName")
                if isinstance(name, str):
                    self._named.setdefault(name, []).append(item)

    def _add(self, kind: str, name: str, item: Resource) -> None:
        by_unit = self._objects.setdefault((kind, _namespace(item), name), {})
        by_unit.setdefault(item.unit, []).append(item)
        self._namespaces.setdefault((kind, name, item.unit), set()).add(item.namespace)

    def offered_as(self, name: str, user: Resource) -> Request | None:
        """The accelerator that a device class offers as the extended resource ``name``, if one does."""
        if not name.startswith(CLASS_AS_RESOURCE) and name not in self._named:
            return None
        key = (name, user.unit)
        if key not in self._offered:
            if name in self._named:
                request = _devices(name, self._same(self._named[name], user), name)
            else:
                request = _devices(name, self._of_class(name.removeprefix(CLASS_AS_RESOURCE), user), name)
            self._offered[key] = request if request.kind == "accelerator" else None
        return self._offered[key]

    def claims(self, user: Resource, entries: list[Any]) -> list[Claim]:
        """What the entries of a pod's ``resourceClaims`` stand for."""
        return [self._claim(user, item) for item in entries if isinstance(item, dict)]

    def _claim(self, user: Resource, entry: dict[str, Any]) -> Claim:
        source = entry.get("source", entry)  # until Kubernetes 1.30
        for kind, field in (
            ("ResourceClaim", "resourceClaimName"),
            ("ResourceClaimTemplate", "resourceClaimTemplateName"),
        ):
            name = settled(get(source, field))
            if isinstance(name, str):
                return self._found(user, str(entry.get("name")), kind, name)
        unknown = next((item for item in (source, name) if isinstance(item, Unknown)), None)
        missing = Unknown("a device claim names no object") if unknown is None else unknown
        return Claim(str(entry.get("name")), "", "", missing)

    def _found(self, user: Resource, entry: str, kind: str, name: str) -> Claim:
        by_unit = self._objects.get((kind, _namespace(user), name), {})
        found = by_unit.get(user.unit) or [item for items in by_unit.values() for item in items]
        near = self._near(user, found)
        read = [self._requests(item) for item in near]
        if not read:
            missing = Unknown(f"the {kind} {name} is not in the scan", name)
            return Claim(entry, kind, name, missing, only_in=self._elsewhere(kind, name, user))
        requests = read[0] if all(item == read[0] for item in read) else Unknown(f"the scan has several {kind}s {name}")
        key = (near[0].unit, _namespace(user), name)
        first = kind != "ResourceClaim" or key not in self._shared
        self._shared.add(key)
        return Claim(entry, kind, name, requests, first, target=near[0])

    def _elsewhere(self, kind: str, name: str, user: Resource) -> tuple[str, ...]:
        """Namespaces of the objects of the user's unit; none where one may be put into any namespace on applying."""
        names = self._namespaces.get((kind, name, user.unit), set())
        return tuple(sorted(name for name in names if name)) if user.namespace and None not in names else ()

    def _requests(self, item: Resource) -> tuple[Request, ...] | Unknown:
        """What an object asks for; its classes are looked up from where it stands."""
        if item not in self._read:
            self._read[item] = self._read_requests(item)
        return self._read[item]

    def _read_requests(self, item: Resource) -> tuple[Request, ...] | Unknown:
        if item.type == "ComputeDomain":
            return (Request("channel", "other"),)
        steps = ("spec", "spec") if item.type == "ResourceClaimTemplate" else ("spec",)
        requests = get(item.attributes, *steps, "devices", "requests")
        if not isinstance(requests, list) or len(requests) > MAX_REQUESTS:
            return requests if isinstance(requests, Unknown) else Unknown(f"{item.address} lists no requests")
        return tuple(self._request(request, item) for request in requests)

    def _request(self, request: Any, owner: Resource) -> Request:
        name = str(get(request, "name"))
        alternatives = get(request, "firstAvailable")
        if isinstance(alternatives, list) and 0 < len(alternatives) <= MAX_ALTERNATIVES:
            return _either(name, [self._exactly(name, item, owner) for item in alternatives])
        return self._exactly(name, get(request, "exactly", default=request), owner)

    def _exactly(self, name: str, asked: Any, owner: Resource) -> Request:
        device_class, admin = settled(get(asked, "deviceClassName")), get(asked, "adminAccess")
        if admin is True:
            return Request(name, "other")
        unknown = next((item for item in (asked, device_class, admin) if isinstance(item, Unknown)), None)
        if unknown is not None:
            return Request(name, unknown)
        if not isinstance(device_class, str):
            return Request(name, Unknown("a device request names no class"))
        told, selected = _told(get(asked, "selectors"))
        found = self._of_class(device_class, owner)
        if isinstance(found, _Class):
            found = replace(found, told=(*found.told, *told), selected=found.selected or selected)
        request = replace(_devices(name, found, device_class), amount=_amount(asked))
        # a share of each device rather than the device (DRAConsumableCapacity)
        return request if get(asked, "capacity") is None else replace(request, extended=None, mig_profile=None)

    def _of_class(self, name: str, user: Resource) -> _Class | Unknown:
        """What the scan says of a class, else what its driver's installation makes it."""
        missing = Unknown(f"which devices the class {name} holds is not in the scan", name)
        written = self._same(self._classes[name], user) if name in self._classes else missing
        known = device_classes().get(name)
        if isinstance(written, _Class) or known is None:
            return written
        return _Class(known.driver, (("type", known.type),) if known.type else ())

    def _same(self, classes: list[Resource], user: Resource) -> _Class | Unknown:
        """The class that all of them are, or those of the user's unit if it has any; unknown if they differ."""
        near = self._near(user, classes)
        told = [_told(get(item.attributes, "spec", "selectors")) for item in near]
        read = {_Class(dict(pairs).get("driver", ""), pairs, selected) for pairs, selected in told}
        only = read.pop() if len(read) == 1 else _Class("")
        return only if only.driver else Unknown(f"what drives the device class {near[0].name} cannot be told")

    def _near(self, user: Resource, found: list[Resource]) -> list[Resource]:
        """Those in the user's file or else in its unit, if there are any: files that declare objects of one name are
        alternatives to each other."""
        near = [item for item in found if item.unit == user.unit] or found
        near = [item for item in near if item.span.file == user.span.file] or near
        for item in near:
            self._graph.tie(user.unit, item.unit)
        return near


def _namespace(item: Resource) -> str:
    return item.namespace or "default"


def _amount(asked: Any) -> int | AtLeast:
    """Devices of a request, which the API refuses if there are none."""
    mode, count = get(asked, "allocationMode"), whole(get(asked, "count", default=1))
    if mode == "All":
        return AtLeast("the claim takes all devices of its class that a node has", "", 1)
    unknown = next((part for part in (mode, count) if isinstance(part, Unknown)), None)
    if unknown is not None:
        return AtLeast(unknown.reason, unknown.source, 1)
    return count if isinstance(count, int) else AtLeast("the count of a device request is no number", "", 1)


def _least(amounts: list[int | AtLeast]) -> int | AtLeast:
    """How many devices alternatives allocate."""
    if all(amount == amounts[0] for amount in amounts):
        return amounts[0]
    least = min(amount.least if isinstance(amount, AtLeast) else amount for amount in amounts)
    return AtLeast("which alternative of a device request is allocated is not known", "", least)


def _told(selectors: Any) -> tuple[tuple[tuple[str, str], ...], bool]:
    """What the selectors' expressions equate, ``driver`` among it, and whether they narrow more than the type."""
    told: list[tuple[str, str]] = []
    narrowed = is_unknown(selectors) or (isinstance(selectors, list) and len(selectors) > MAX_REQUESTS)
    for selector in selectors if isinstance(selectors, list) and len(selectors) <= MAX_REQUESTS else ():
        text = get(selector, "cel", "expression")
        if not isinstance(text, str) or len(text) > MAX_EXPRESSION:
            narrowed = True
            continue
        rest = _TYPE.sub("", text)
        narrowed = narrowed or "device.attributes" in rest or "device.capacity" in rest
        if not _BRANCHES.search(text):
            told += [("driver", name) for name in _DRIVER.findall(text)]
            told += _ATTRIBUTE.findall(text)
    return tuple(told), narrowed


def _devices(name: str, found: _Class | Unknown, device_class: str) -> Request:
    """One device of a class."""
    if isinstance(found, Unknown):
        return Request(name, found, device_class)
    driver = device_drivers().get(found.driver)
    if driver is None:
        return Request(name, Unknown(f"what devices the driver {found.driver} gives is not known"), device_class)
    if driver.kind != "accelerator":
        return Request(name, driver.kind, device_class)
    told = dict(found.told)
    profile = told.get(driver.profile) if driver.profile else None
    kind = "mig" if profile is not None else told.get("type", "*")
    extended = driver.types.get(kind) or None
    if extended is not None and extended.endswith("-"):
        extended = extended + profile.replace("+", ".") if profile is not None else None
    model = _model(driver, told)
    return Request(name, "accelerator", device_class, 1, driver.vendor, extended, profile, model, found.selected)


def _model(driver: DeviceDriver, told: dict[str, str]) -> str | None:
    if driver.machine in told:
        machine = instance_type("aws", told[driver.machine])
        return machine.accelerator if machine is not None else None
    names = [f"{prefix}{told[attribute]}" for attribute, prefix in driver.model.items() if attribute in told]
    known = accelerator(names[0]) if names else None
    return known.name if known is not None else None


def _either(name: str, alternatives: list[Request]) -> Request:
    """What holds of the devices whichever of the alternatives is taken."""
    first = alternatives[0]
    unknown = next((item.kind for item in alternatives if isinstance(item.kind, Unknown)), None)
    kinds = {item.kind for item in alternatives if isinstance(item.kind, str)}
    if unknown is not None:
        return Request(name, unknown)
    if len(kinds) > 1:
        return Request(name, Unknown("the alternatives of a device request are devices of several kinds"))
    amounts = [item.amount for item in alternatives]
    fields = {
        field: getattr(first, field)
        for field in ("vendor", "extended", "mig_profile", "model")
        if all(getattr(item, field) == getattr(first, field) for item in alternatives)
    }
    return Request(
        name,
        first.kind,
        " or ".join(dict.fromkeys(item.device_class for item in alternatives)),
        _least(amounts),
        selected=all(item.selected for item in alternatives),
        **fields,
    )
