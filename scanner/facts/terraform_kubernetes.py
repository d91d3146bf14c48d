"""The Terraform provider for Kubernetes: typed access to terraform_kubernetes.yaml."""

from __future__ import annotations

from functools import cache
from typing import Any

from scanner.core.patterns import lazy_pattern
from scanner.facts.tables import document

_VERSION = lazy_pattern(r"_v\d+(?:(?:alpha|beta)\d+)?$")
_WORD = lazy_pattern(r"_([a-z0-9])")


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = document("terraform_kubernetes")
    return loaded


def declared_object(resource_type: str) -> tuple[str, str] | None:
    """(apiVersion, kind) of the object that a Terraform type such as ``kubernetes_deployment_v1`` declares."""
    found = _data()["types"].get(_VERSION.sub("", resource_type))
    return (found[0], found[1]) if found else None


def list_field(block: str) -> str | None:
    """The field that holds the list of such blocks; ``None`` where a block is one object."""
    field: str | None = _data()["lists"].get(block)
    return field


def is_single(parent: str, block: str) -> bool:
    """Whether a block that is a list elsewhere is one object inside ``parent``."""
    return block in _data()["single"].get(parent, ())


def field_name(name: str) -> str:
    """The API's name of an attribute or block."""
    known: str | None = _data()["names"].get(name)
    return known if known is not None else _WORD.sub(lambda match: match[1].upper(), name)
