"""One model of IAM policies, whether they are written as JSON text or as aws_iam_policy_document data sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from scanner.concepts.clouds.common import given
from scanner.core import Path, Resource, Unknown, UnknownText, get, is_unknown, without_gaps
from scanner.graph import ResourceGraph

DOCUMENT = "data.aws_iam_policy_document"
MAX_NESTING = 10


class Statement(Struct):
    """One statement; ``holder`` and ``at`` say where it is written."""

    effect: str
    actions: list[Any]
    resources: list[Any]
    principals: list[Any]
    conditional: Any
    holder: Resource
    at: Path
    not_actions: list[Any] = field(default_factory=list)
    not_resources: list[Any] = field(default_factory=list)


def statements(resource: Resource, attribute: Path, graph: ResourceGraph) -> list[Statement] | Unknown:
    """The statements of the policy in an attribute: its JSON text, or the documents that it refers to."""
    value = get(resource.attributes, *attribute)
    if isinstance(value, str):
        return list(_of_text(value, resource, attribute))
    if isinstance(value, UnknownText):
        value = known_data(value)
    if isinstance(value, dict):
        return list(_of_data(value, resource, attribute))
    documents = [
        neighbour.resource
        for neighbour in graph.neighbours(resource, "references")
        if neighbour.resource.type == DOCUMENT and _refers(resource, attribute, neighbour.resource)
    ]
    if not documents:
        return value if isinstance(value, Unknown) else []
    return [item for document in documents for item in of_document(document, graph)]


def known_data(text: UnknownText) -> Any:
    """What is known of JSON text: its data, with unknowns inside; ``None`` if it is no JSON."""
    if not isinstance(text.data, str):
        return text.data
    try:
        return without_gaps(json.loads(text.data), text)
    except (ValueError, RecursionError):
        return None


def json_data(text: Any) -> Any:
    """The data of JSON text; ``None`` if it is none."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _refers(resource: Resource, attribute: Path, document: Resource) -> bool:
    address = document.address.partition("[")[0]
    return any(target == address and path[:1] == attribute[:1] for path, target in resource.references)


def _of_text(text: str, holder: Resource, at: Path) -> Iterator[Statement]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _of_data(data, holder, at)


def _of_data(data: Any, holder: Resource, at: Path) -> Iterator[Statement]:
    found = data.get("Statement") if isinstance(data, dict) else None
    items = found if isinstance(found, list) else [found]
    for number, item in enumerate(items):
        if isinstance(item, dict):
            place = (*at, "Statement", number) if isinstance(found, list) else (*at, "Statement")
            yield Statement(
                effect=str(item.get("Effect", "Deny")),
                actions=_listed(item.get("Action")),
                resources=_listed(item.get("Resource")),
                principals=_principals(item.get("Principal")),
                conditional=given(item.get("Condition")),
                holder=holder,
                at=place,
                not_actions=_listed(item.get("NotAction")),
                not_resources=_listed(item.get("NotResource")),
            )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _principals(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [item for items in value.values() for item in _listed(items)]
    return _listed(value)


def of_document(document: Resource, graph: ResourceGraph, depth: int = 0) -> Iterator[Statement]:
    """The statements of a document data source and of the documents that it takes over."""
    blocks = document.attributes.get("statement")
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict):
            yield _of_block(block, document, ("statement", number))
    if depth < MAX_NESTING:
        for neighbour in graph.neighbours(document, "references"):
            if neighbour.resource.type == DOCUMENT:
                yield from of_document(neighbour.resource, graph, depth + 1)


def _of_block(block: dict[str, Any], document: Resource, at: Path) -> Statement:
    principals = block.get("principals")
    named = [
        item
        for entry in (principals if isinstance(principals, list) else ())
        for item in _listed(get(entry, "identifiers"))
    ]
    return Statement(
        effect=str(get(block, "effect", default="Allow")) if not is_unknown(block.get("effect")) else "Allow",
        actions=_listed(block.get("actions")),
        resources=_listed(block.get("resources")),
        principals=named,
        conditional=given(block.get("condition")),
        holder=document,
        at=at,
        not_actions=_listed(block.get("not_actions")),
        not_resources=_listed(block.get("not_resources")),
    )
