"""Manifests: every Kubernetes object in a YAML or JSON file, however it is packed."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scanner.core import Diagnostic, Origin, Parsed, Path, RelatedSpan, SourceFile, Span
from scanner.core.patterns import lazy_pattern
from scanner.frontends.kubernetes.locate import DocumentPositions, ManifestLocator
from scanner.frontends.kubernetes.nodes import MAX_DOCUMENTS, compose, construct, plain_documents
from scanner.frontends.kubernetes.resources import object_to_resources
from scanner.project.cache import NO_CACHE, Cache

_SOURCE = lazy_pattern(r"# Source: (\S+)")


def read_manifests(file: SourceFile, unit: str, origin: Origin = "kubernetes", cache: Cache = NO_CACHE) -> Parsed:
    """The Kubernetes objects of ``file``, items of ``List`` kinds unpacked, and what could not be read.

    Documents that are no Kubernetes objects are left out without a word: YAML has other uses.
    """
    documents, diagnostics = _cached(file, cache)
    parsed = Parsed(diagnostics=diagnostics)
    positions = DocumentPositions(file, [line for line, _ in documents])
    sources = _rendered_from(file)
    for index, (line, value) in enumerate(documents):
        place = _Place(index, positions, unit, "helm" if sources else origin, _template(sources, line))
        if not _collect(value, (), place, file, parsed):
            message = f"more than the limit of {MAX_DOCUMENTS} objects in one file; those after them are not read"
            parsed.diagnostics.append(Diagnostic("error", "yaml-limit", message, Span(file.path, line, 1, line, 1)))
            break
    return parsed


def _cached(file: SourceFile, cache: Cache) -> tuple[list[tuple[int, Any]], list[Diagnostic]]:
    """The documents, from the cache where the same text was read before. Files with diagnostics are read again."""
    key = cache.key("manifest", file.text)
    stored = cache.get(key)
    if isinstance(stored, list):
        return [(line, value) for line, value in stored], []
    documents, diagnostics = _documents(file)
    if not diagnostics:
        cache.put(key, documents)
    return documents, diagnostics


def _documents(file: SourceFile) -> tuple[list[tuple[int, Any]], list[Diagnostic]]:
    """(line, value) of each document that could be read in part at least."""
    quick = plain_documents(file)
    if quick is not None:
        return quick, []
    roots, diagnostics = compose(file)
    documents, problems = construct(roots, file.path)
    return documents, [*diagnostics, *problems]


class _Place(Struct, frozen=True):
    """What all objects of one document share."""

    document: int
    positions: DocumentPositions
    unit: str
    origin: Origin
    related: tuple[RelatedSpan, ...]


def _collect(value: Any, base: Path, place: _Place, file: SourceFile, parsed: Parsed) -> bool:
    """Add the objects of a document; whether there is room for all of them."""
    if not isinstance(value, dict):
        return True
    items = value.get("items")
    if isinstance(items, list) and str(value.get("kind", "")).endswith("List"):
        return all(_collect(item, (*base, "items", n), place, file, parsed) for n, item in enumerate(items))
    found = object_to_resources(
        value,
        span=Span(file.path, 1, 1, 1, 1),
        locator=ManifestLocator(place.positions, place.document, base, place.related),
        unit=place.unit,
        origin=place.origin,
    )
    for resource in found:
        if len(parsed.resources) >= MAX_DOCUMENTS:
            return False
        parsed.resources.append(resource)
    return True


def _rendered_from(file: SourceFile) -> list[tuple[int, RelatedSpan]]:
    """(line, place) of the ``# Source:`` comments that ``helm template`` writes."""
    if "# Source: " not in file.text:
        return []
    return [
        (number, RelatedSpan(Span(file.path, number, 1, number, len(line) + 1), f"rendered from {match[1]}"))
        for number, line in enumerate(file.lines, 1)
        if (match := _SOURCE.match(line))
    ]


def _template(sources: list[tuple[int, RelatedSpan]], line: int) -> tuple[RelatedSpan, ...]:
    """The template that the document starting at ``line`` was rendered from."""
    above = [related for number, related in sources if number <= line]
    return tuple(above[-1:])
