"""Resources: what a source file declares, in the form that every later step works on."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct, field

from scanner.core.sources import Span
from scanner.core.values import Path

Origin = Literal["terraform", "plan", "kubernetes", "helm", "kustomize", "azureml", "vertex"]
"""The source language that a resource was read from."""


class RelatedSpan(NamedTuple):
    """A further place that helps to understand a location, such as the variable that a value came from."""

    span: Span
    message: str


class Location(NamedTuple):
    """Where a value stands: the line that the user can change, and the chain that led from there."""

    span: Span
    related: tuple[RelatedSpan, ...] = ()


class Locator(Protocol):
    """Finds places on demand, so that a scan without findings never pays for positions."""

    def locate(self, path: Path) -> Location:
        """The place of the value at ``path``, or of its nearest ancestor that is written down.

        The empty path is the resource's header (the block header, or ``kind:`` and ``name:`` lines).
        """
        ...

    def extent(self) -> Span:
        """All that declares the resource: the whole block, the whole object."""
        ...


class Resource(Struct, eq=False):
    """One declared object: a Terraform resource instance, a Kubernetes object, a module call.

    ``address`` is Terraform's own (``module.a.aws_x.y["k"]``) or ``Kind/namespace/name``; it is unique
    within ``unit``. ``type`` is the Terraform type (data sources: ``data.aws_x``; module calls: ``module``)
    or the Kubernetes kind. Nested Terraform blocks are lists of mappings in ``attributes``, as in state;
    a Kubernetes object's attributes are its whole manifest. ``unit`` names the set that the resource is
    deployed with: a root module's directory, a chart, an overlay, a directory of manifests. ``module_path`` holds
    the steps to it as they stand in addresses (``module.pool["a"]``).
    Resources compare by identity.
    """

    address: str
    type: str
    name: str
    provider: str
    attributes: dict[str, Any]
    span: Span
    locator: Locator
    origin: Origin
    unit: str
    api_version: str = ""
    namespace: str | None = None
    labels: dict[str, Any] = field(default_factory=dict)
    module_path: tuple[str, ...] = ()
    instance_key: str | int | None = None
    references: tuple[tuple[Path, str], ...] = ()
    """Terraform: (attribute path, address referred to without instance key) for each reference."""
    parent: Resource | None = None
    """The Terraform resource that declares this object, if one does; another spelling of it has the same address."""
    holder: Resource | None = None
    """The Kubernetes object that this one is written in, whose controller creates it."""

    @property
    def group(self) -> str:
        """The API group of a Kubernetes object; empty for the core group, and for other resources."""
        return self.api_version.rpartition("/")[0]

    @property
    def written(self) -> Resource:
        """The resource that stands in the source: this one, or the one that it is another spelling of."""
        parent = self.parent
        return parent.written if parent is not None and parent.address == self.address else self

    def locate(self, path: Path = ()) -> Location:
        """See ``Locator.locate``."""
        return self.locator.locate(path)

    def extent(self) -> Span:
        """See ``Locator.extent``."""
        return self.locator.extent()
