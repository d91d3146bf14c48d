"""What a scan leaves behind for the next one: its parts, units and islands as plain data, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from msgspec import Struct, field

from scanner.core import (
    Diagnostic,
    Finding,
    Fix,
    Location,
    Path,
    RelatedSpan,
    Resource,
    Span,
    TextEdit,
    Undetermined,
    Unknown,
)
from scanner.engine.suppress import ANNOTATION

Plain = Any
"""What JSON holds."""


class Remembered:
    """The places of a resource that an earlier scan has looked up."""

    __slots__ = ("_header", "_places")

    def __init__(self, header: Location, places: dict[Path, Location]) -> None:
        self._header = header
        self._places = places

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        return self._places.get(path, self._header)

    def extent(self) -> Span:
        """See ``scanner.core.Locator``; no more than the header is remembered."""
        return self._header.span


class Said(Struct):
    """What was said of one island or of all of them, before anything is suppressed."""

    findings: list[Finding] = field(default_factory=list)
    fixes: dict[int, Fix | None] = field(default_factory=dict)
    """By the identity of the finding."""
    undetermined: list[Undetermined] = field(default_factory=list)
    annotated: list[Resource] = field(default_factory=list)
    """The resources that hold suppressions."""

    def extend(self, other: Said) -> None:
        """Add what was said of further islands."""
        self.findings += other.findings
        self.fixes |= other.fixes
        self.undetermined += other.undetermined
        self.annotated += other.annotated


def suppressions(resource: Resource) -> dict[str, str]:
    """The annotations of an object that suppress something."""
    metadata = resource.attributes.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    pairs = found.items() if isinstance(found, dict) else ()
    return {key: text for key, text in pairs if isinstance(key, str) and key.startswith(ANNOTATION)}


def to_plain(said: Said) -> Plain:
    """The data of an island."""
    resources: list[Resource] = []
    numbers: dict[Resource, int] = {}

    def number(resource: Resource) -> int:
        if resource not in numbers:
            numbers[resource] = len(resources)
            resources.append(resource)
        return numbers[resource]

    findings = [
        [item.rule, item.severity, item.message, number(item.resource), item.path, item.location, item.fingerprint,
         _fix_to_plain(said.fixes.get(id(item)))]
        for item in said.findings
    ]  # fmt: skip
    undetermined = [
        [item.rule, number(item.resource), item.path, [[cause.reason, cause.source] for cause in item.causes]]
        for item in said.undetermined
    ]
    annotated = [number(resource) for resource in said.annotated]
    return [[_resource_to_plain(item) for item in resources], findings, undetermined, annotated]


def from_plain(data: Plain) -> Said:
    """What was said of an island, from its data."""
    plain, findings, undetermined, annotated = data
    resources = [_resource(item) for item in plain]
    said = Said(annotated=[resources[number] for number in annotated])
    for rule, severity, message, number, path, location, fingerprint, fix in findings:
        finding = Finding(rule, severity, message, resources[number], tuple(path), _location(location), fingerprint)
        said.findings.append(finding)
        said.fixes[id(finding)] = _fix(fix)
    for rule, number, path, causes in undetermined:
        unknown = tuple(Unknown(reason, source) for reason, source in causes)
        said.undetermined.append(Undetermined(rule, resources[number], tuple(path), unknown))
    return said


def _fix_to_plain(fix: Fix | None) -> Plain:
    return None if fix is None else [fix.title, fix.edits]


def _fix(data: Plain) -> Fix | None:
    if data is None:
        return None
    return Fix(data[0], tuple(TextEdit(Span(*span), replacement) for span, replacement in data[1]))


def _resource_to_plain(item: Resource) -> Plain:
    ignored = suppressions(item)
    places = [[key, item.locate(("metadata", "annotations", key))] for key in ignored]
    return [item.address, item.type, item.name, item.provider, item.span, item.origin, item.unit, item.api_version,
            item.namespace, item.locate(), ignored, places]  # fmt: skip


def _resource(data: Plain) -> Resource:
    address, kind, name, provider, span, origin, unit, api_version, namespace, header, ignored, places = data
    known = {("metadata", "annotations", key): _location(place) for key, place in places}
    attributes = {"metadata": {"annotations": ignored}} if ignored else {}
    locator = Remembered(_location(header), cast(dict[Path, Location], known))
    return Resource(
        address, kind, name, provider, attributes, Span(*span), locator, origin, unit, api_version, namespace
    )


def _location(data: Plain) -> Location:
    span, related = data
    return Location(Span(*span), tuple(RelatedSpan(Span(*place), message) for place, message in related))


def diagnostics(data: Plain) -> Iterable[Diagnostic]:
    """Diagnostics from their data, which is themselves."""
    return (Diagnostic(level, code, message, Span(*span)) for level, code, message, span in data)
