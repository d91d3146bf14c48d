"""Manifests: every Kubernetes object in a YAML or JSON file, however it is packed."""

from __future__ import annotations

import re
from typing import Any

from scanner.core import Diagnostic, Origin, Parsed, Path, SourceFile, Span
from scanner.frontends.kubernetes.locate import DocumentPositions, ManifestLocator
from scanner.frontends.kubernetes.nodes import Constructor, LimitExceeded, compose
from scanner.frontends.kubernetes.resources import object_to_resource

_SOURCE = re.compile(r"^# Source: (\S+)", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#(.*)$")


def read_manifests(file: SourceFile, unit: str, origin: Origin = "kubernetes") -> Parsed:
    """The Kubernetes objects of ``file``, items of ``List`` kinds unpacked, and what could not be read.

    Documents that are no Kubernetes objects are left out without a word: YAML has other uses.
    """
    roots, diagnostics = compose(file)
    parsed = Parsed(diagnostics=diagnostics)
    positions = DocumentPositions(file)
    for index, root in enumerate(roots):
        line = root.start_mark.line + 1
        try:
            value = Constructor().value(root)
        except (LimitExceeded, RecursionError) as error:
            message = str(error) if isinstance(error, LimitExceeded) else "nested too deeply"
            parsed.diagnostics.append(
                Diagnostic("error", "yaml-limit", f"document skipped: {message}", Span(file.path, line, 1, line, 1))
            )
            continue
        _collect(value, (), index, positions, file, unit, origin, parsed)
    return parsed


def _collect(
    value: Any,
    base: Path,
    document: int,
    positions: DocumentPositions,
    file: SourceFile,
    unit: str,
    origin: Origin,
    parsed: Parsed,
) -> None:
    if not isinstance(value, dict):
        return
    items = value.get("items")
    if isinstance(items, list) and str(value.get("kind", "")).endswith("List"):
        for number, item in enumerate(items):
            _collect(item, (*base, "items", number), document, positions, file, unit, origin, parsed)
        return
    locator = ManifestLocator(positions, document, base)
    resource = object_to_resource(value, span=Span(file.path, 1, 1, 1, 1), locator=locator, unit=unit, origin=origin)
    if resource is not None:
        parsed.resources.append(resource)


def rendered_sources(text: str) -> list[str]:
    """The templates that ``# Source:`` comments of ``helm template`` name, in order."""
    return _SOURCE.findall(text)


def comments(file: SourceFile) -> list[tuple[int, str]]:
    """(line number, text after ``#``) of the comments that could hold a suppression."""
    if "kilter:" not in file.text:
        return []
    return [
        (number, match[1].strip())
        for number, line in enumerate(file.lines, 1)
        if "kilter:" in line and (match := _COMMENT.search(line))
    ]
