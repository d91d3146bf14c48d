"""Azure ML YAML: endpoints, deployments, compute and jobs as the ``az ml`` command line reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scanner.core import Change, Location, Origin, Parsed, Path, Resource, SourceFile, Span, TextEdit
from scanner.core.patterns import lazy_pattern
from scanner.frontends.kubernetes.locate import DocumentPositions
from scanner.frontends.kubernetes.nodes import compose, construct

_SCHEMA = lazy_pattern(r"azuremlschemas[^/]*/(?:[^/]+/)*([A-Za-z]+)\.schema\.json")

HEADERS = ("name", "displayName", "$schema", "workerPoolSpecs", "jobSpec")


class DocumentLocator:
    """Locates values of one document; its header is the first of ``HEADERS`` that it has."""

    __slots__ = ("_document", "_keys", "_positions")

    def __init__(self, positions: DocumentPositions, document: int, keys: frozenset[str]) -> None:
        self._positions = positions
        self._document = document
        self._keys = keys

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        header = next(((key,) for key in HEADERS if key in self._keys), ())
        written = path and path[0] in self._keys
        return Location(self._positions.locate(self._document, path if written else header))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._positions.extent(self._document, ())

    def edits(self, changes: Sequence[Change], source: SourceFile) -> tuple[TextEdit, ...] | None:
        """See ``scanner.core.Editor``."""
        return self._positions.edits(self._document, changes, source)


def read_azureml(file: SourceFile, unit: str) -> Parsed:
    """The documents of ``file`` whose ``$schema`` is one of Azure ML's, and what could not be read."""
    return read_documents(file, unit, _kind, "azureml")


def read_documents(file: SourceFile, unit: str, kind_of: Callable[[Any], str | None], origin: Origin) -> Parsed:
    """The documents of ``file`` that ``kind_of`` gives a kind, and what could not be read."""
    roots, diagnostics = compose(file)
    documents, problems = construct(roots, file.path)
    parsed = Parsed(diagnostics=[*diagnostics, *problems])
    positions = DocumentPositions(file)
    for index, (_, value) in enumerate(documents):
        kind = kind_of(value)
        if kind is not None:
            locator = DocumentLocator(positions, index, frozenset(value))
            parsed.resources.append(_resource(value, kind, file, unit, locator, origin))
    return parsed


def _kind(value: Any) -> str | None:
    """The kind that the ``$schema`` names: managedOnlineDeployment, commandJob, compute …"""
    schema = value.get("$schema") if isinstance(value, dict) else None
    match = _SCHEMA.search(schema) if isinstance(schema, str) else None
    return match[1] if match is not None else None


def _resource(
    value: dict[str, Any], kind: str, file: SourceFile, unit: str, locator: DocumentLocator, origin: Origin
) -> Resource:
    given = value.get("name", value.get("displayName"))
    name = given if isinstance(given, str) and given else file.path.rpartition("/")[2].rpartition(".")[0]
    tags = value.get("tags", value.get("labels"))
    return Resource(
        address=f"{kind}/{name}",
        type=f"{origin}.{kind}",
        name=name,
        provider=origin,
        attributes=value,
        span=Span(file.path, 1, 1, 1, 1),
        locator=locator,
        origin=origin,
        unit=unit,
        labels=tags if isinstance(tags, dict) else {},
    )
