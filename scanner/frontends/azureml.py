"""Azure ML YAML: endpoints, deployments, compute and jobs as the ``az ml`` command line reads them."""

from __future__ import annotations

import re
from typing import Any

from scanner.core import Diagnostic, Location, Parsed, Path, Resource, SourceFile, Span
from scanner.frontends.kubernetes.locate import DocumentPositions
from scanner.frontends.kubernetes.nodes import Constructor, LimitExceeded, compose

_SCHEMA = re.compile(r"azuremlschemas[^/]*/(?:[^/]+/)*([A-Za-z]+)\.schema\.json")


class DocumentLocator:
    """Locates values of one document; its header is the ``name:`` line, else the ``$schema:`` line."""

    __slots__ = ("_document", "_keys", "_positions")

    def __init__(self, positions: DocumentPositions, document: int, keys: frozenset[str]) -> None:
        self._positions = positions
        self._document = document
        self._keys = keys

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        header: Path = ("name",) if "name" in self._keys else ("$schema",)
        written = path and path[0] in self._keys
        return Location(self._positions.locate(self._document, path if written else header))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._positions.extent(self._document, ())


def read_azureml(file: SourceFile, unit: str) -> Parsed:
    """The documents of ``file`` whose ``$schema`` is one of Azure ML's, and what could not be read."""
    roots, diagnostics = compose(file)
    parsed = Parsed(diagnostics=diagnostics)
    positions = DocumentPositions(file)
    for index, root in enumerate(roots):
        line = root.start_mark.line + 1
        try:
            value = Constructor().value(root)
        except (LimitExceeded, RecursionError) as error:
            message = str(error) if isinstance(error, LimitExceeded) else "nested too deeply"
            span = Span(file.path, line, 1, line, 1)
            parsed.diagnostics.append(Diagnostic("error", "yaml-limit", f"document skipped: {message}", span))
            continue
        kind = _kind(value)
        if kind is not None:
            parsed.resources.append(_resource(value, kind, file, unit, positions, index))
    return parsed


def _kind(value: Any) -> str | None:
    """The kind that the ``$schema`` names: managedOnlineDeployment, commandJob, compute …"""
    schema = value.get("$schema") if isinstance(value, dict) else None
    match = _SCHEMA.search(schema) if isinstance(schema, str) else None
    return match[1] if match is not None else None


def _resource(
    value: dict[str, Any], kind: str, file: SourceFile, unit: str, positions: DocumentPositions, index: int
) -> Resource:
    given = value.get("name")
    name = given if isinstance(given, str) and given else file.path.rpartition("/")[2].rpartition(".")[0]
    tags = value.get("tags")
    return Resource(
        address=f"{kind}/{name}",
        type=f"azureml.{kind}",
        name=name,
        provider="azureml",
        attributes=value,
        span=Span(file.path, 1, 1, 1, 1),
        locator=DocumentLocator(positions, index, frozenset(value)),
        origin="azureml",
        unit=unit,
        labels=tags if isinstance(tags, dict) else {},
    )
