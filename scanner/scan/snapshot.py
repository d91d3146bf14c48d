"""What a scan leaves behind for the next one: its parts, units and islands as plain data, and back."""

from __future__ import annotations

from msgspec import Struct, field

from scanner.core import (
    Diagnostic,
    Finding,
    Fix,
    Location,
    Path,
    Resource,
    Severity,
    Span,
    Undetermined,
    Unknown,
)
from scanner.core.resources import Origin
from scanner.engine.suppress import ANNOTATION
from scanner.project.discovery import Sources
from scanner.project.survey import Listing, Stamp
from scanner.scan.islands import Unit

MAX_LINE = 1_000
"""Characters of a line that is kept; a longer one is read again where a report shows it."""


class KeptResource(Struct, array_like=True, gc=False):
    """A resource without its attributes, except those that suppress something."""

    address: str
    type: str
    name: str
    provider: str
    span: Span
    origin: Origin
    unit: str
    api_version: str
    namespace: str | None
    header: Location
    suppressing: list[tuple[str, str, Location]]
    """The key and text of each annotation that suppresses something, and where it stands."""
    holder: int | None
    """The number of the object that it stands in, which is kept before it."""


class KeptFinding(Struct, array_like=True, gc=False):
    """A finding with its fix and the line that it stands in."""

    rule: str
    severity: Severity
    message: str
    resource: int
    """Its number among those of the island."""
    path: Path
    location: Location
    fingerprint: str
    fix: Fix | None
    line: str | None


class KeptUndetermined(Struct, array_like=True, gc=False):
    """An undetermined result, with (reason, source) of each cause."""

    rule: str
    resource: int
    path: Path
    causes: list[tuple[str, str]]


class Island(Struct):
    """The units of an island, and what was said of them before anything was suppressed."""

    units: list[str]
    resources: list[KeptResource]
    findings: list[KeptFinding]
    undetermined: list[KeptUndetermined]
    annotated: list[int]
    """The numbers of the resources that hold suppressions."""


class KeptPart(Struct):
    """What a part of the scan looked at; directories with a digest of what is in them."""

    kind: str
    path: str
    units: list[str]
    files: list[str]
    directories: dict[str, str]
    below: dict[str, str]
    consulted: list[str]
    templates: list[str]
    charts: list[str]
    diagnostics: list[Diagnostic]


class Snapshot(Struct):
    """All that a scan leaves behind."""

    taken: int
    """When the files were looked over, in nanoseconds since the epoch."""
    listings: dict[str, Listing]
    relevant: str
    """A digest of the paths that matter to a scan."""
    stamps: dict[str, tuple[Stamp, str]]
    """Of each file that was looked at: its stamp and a digest of its content."""
    sources: Sources
    files: int
    calls: dict[str, list[str]]
    rendered: list[str]
    built: list[str]
    marked: list[str]
    """The files with comments that suppress something."""
    parts: list[KeptPart]
    units: dict[str, Unit]
    directories: dict[str, list[str]]
    islands: list[Island]


class Remembered(Struct, gc=False):
    """The places of a resource that an earlier scan has looked up."""

    header: Location
    places: dict[Path, Location]

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        return self.places.get(path, self.header)

    def extent(self) -> Span:
        """See ``scanner.core.Locator``; no more than the header is remembered."""
        return self.header.span


class Said(Struct):
    """What was said of one island or of all of them, before anything is suppressed."""

    findings: list[Finding] = field(default_factory=list)
    fixes: dict[int, Fix | None] = field(default_factory=dict)
    """By the identity of the finding."""
    lines: dict[int, str] = field(default_factory=dict)
    """The lines that they stand in, by the identity of the finding, as far as they are known without reading."""
    undetermined: list[Undetermined] = field(default_factory=list)
    annotated: list[Resource] = field(default_factory=list)
    """The resources that hold suppressions."""

    def add(self, island: Island) -> None:
        """Add what was said of an island. Raises ``IndexError`` where a resource is not there."""
        resources: list[Resource] = []
        for each in island.resources:
            resources.append(_resource(each))
            if each.holder is not None:
                resources[-1].holder = resources[: len(resources) - 1][each.holder]
        found = [
            Finding(it.rule, it.severity, it.message, resources[it.resource], it.path, it.location, it.fingerprint)
            for it in island.findings
        ]
        self.findings += found
        self.fixes.update(zip(map(id, found), [it.fix for it in island.findings], strict=True))
        lines = zip(map(id, found), [it.line for it in island.findings], strict=True)
        self.lines.update({number: line for number, line in lines if line is not None})
        for item in island.undetermined:
            causes = tuple(Unknown(reason, source) for reason, source in item.causes)
            self.undetermined.append(Undetermined(item.rule, resources[item.resource], item.path, causes))
        self.annotated += [resources[number] for number in island.annotated]


def suppressions(resource: Resource) -> dict[str, str]:
    """The annotations of an object that suppress something."""
    metadata = resource.attributes.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    pairs = found.items() if isinstance(found, dict) else ()
    return {key: text for key, text in pairs if isinstance(key, str) and key.startswith(ANNOTATION)}


class Keeper:
    """Gathers what is said of one island; each resource is kept once."""

    def __init__(self, units: list[str]) -> None:
        self.island = Island(units, [], [], [], [])
        self._numbers: dict[Resource, int] = {}

    def finding(self, item: Finding, fix: Fix | None, line: str | None) -> None:
        """Keep a finding and the line that it stands in."""
        number = self._number(item.resource)
        line = line if line is None or len(line) <= MAX_LINE else None
        self.island.findings.append(
            KeptFinding(
                item.rule, item.severity, item.message, number, item.path, item.location, item.fingerprint, fix, line
            )
        )

    def undetermined(self, item: Undetermined) -> None:
        """Keep an undetermined result."""
        causes = [(cause.reason, cause.source) for cause in item.causes]
        self.island.undetermined.append(KeptUndetermined(item.rule, self._number(item.resource), item.path, causes))

    def annotated(self, resource: Resource) -> None:
        """Keep a resource that holds suppressions."""
        self.island.annotated.append(self._number(resource))

    def _number(self, resource: Resource) -> int:
        if resource not in self._numbers:
            holder = None if resource.holder is None else self._number(resource.holder)
            self._numbers[resource] = len(self.island.resources)
            self.island.resources.append(_kept(resource, holder))
        return self._numbers[resource]


def _kept(item: Resource, holder: int | None) -> KeptResource:
    suppressing = [
        (key, text, item.locate(("metadata", "annotations", key))) for key, text in suppressions(item).items()
    ]
    return KeptResource(
        item.address,
        item.type,
        item.name,
        item.provider,
        item.span,
        item.origin,
        item.unit,
        item.api_version,
        item.namespace,
        item.locate(),
        suppressing,
        holder,
    )


def _resource(kept: KeptResource) -> Resource:
    known: dict[Path, Location] = {("metadata", "annotations", key): place for key, _, place in kept.suppressing}
    annotations = {key: text for key, text, _ in kept.suppressing}
    attributes = {"metadata": {"annotations": annotations}} if annotations else {}
    return Resource(
        kept.address,
        kept.type,
        kept.name,
        kept.provider,
        attributes,
        kept.span,
        Remembered(kept.header, known),
        kept.origin,
        kept.unit,
        kept.api_version,
        kept.namespace,
    )
