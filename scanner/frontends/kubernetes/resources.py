"""One Kubernetes object to one resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.core import Locator, Origin, Path, Resource, Span
from scanner.facts.kinds import expand_paths, holders
from scanner.frontends.kubernetes.locate import HeldLocator, ManifestLocator

CLUSTER_SCOPED = frozenset(
    """Namespace Node PersistentVolume ClusterRole ClusterRoleBinding StorageClass CustomResourceDefinition
    PriorityClass IngressClass RuntimeClass MutatingWebhookConfiguration ValidatingWebhookConfiguration
    ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding APIService CSIDriver CSINode DeviceClass
    ClusterPolicy NodePool EC2NodeClass NodeClaim NodeClass Provisioner AWSNodeTemplate ClusterServingRuntime
    ClusterBaseModel ClusterTrainingRuntime ClusterQueue ResourceFlavor ClusterIssuer GatewayClass
    ClusterStorageContainer CiliumClusterwideNetworkPolicy GlobalNetworkPolicy NVIDIADriver Topology
    WorkloadPriorityClass ClusterConfig""".split()
)


def object_to_resources(
    value: Any, *, span: Span, locator: Locator, unit: str, origin: Origin, parent: Resource | None = None
) -> Iterator[Resource]:
    """The resource of a manifest and those of the objects that it holds; none if it is not a Kubernetes object."""
    found = _resource(value, span, locator, unit, origin, parent, None)
    if found is not None:
        yield found
        yield from _held(found)


def _held(holder: Resource) -> Iterator[Resource]:
    kind = holders().get((holder.type, holder.group))
    for path, value in expand_paths(holder.attributes, kind.objects) if kind is not None else ():
        locator = _inside(holder.locator, path)
        found = _resource(value, holder.span, locator, holder.unit, holder.origin, holder.parent, holder)
        if found is not None:
            yield found
            yield from _held(found)


def _inside(locator: Locator, base: Path) -> Locator:
    return locator.inside(base) if isinstance(locator, ManifestLocator) else HeldLocator(locator, base)


def _resource(
    value: Any,
    span: Span,
    locator: Locator,
    unit: str,
    origin: Origin,
    parent: Resource | None,
    holder: Resource | None,
) -> Resource | None:
    if not isinstance(value, dict):
        return None
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(api_version, str):
        return None
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = _text(metadata.get("name")) or _text(metadata.get("generateName"))
    namespace = _text(metadata.get("namespace")) or None
    if holder is not None:
        name, namespace = name or holder.name, holder.namespace
    name = name or "(unnamed)"
    labels = metadata.get("labels")
    scope = "" if kind in CLUSTER_SCOPED else f"{namespace or 'default'}/"
    return Resource(
        address=f"{kind}/{scope}{name}",
        type=kind,
        name=name,
        provider="kubernetes",
        attributes=value,
        span=span,
        locator=locator,
        origin=origin,
        unit=unit,
        api_version=api_version,
        namespace=namespace,
        labels=labels if isinstance(labels, dict) else {},
        parent=parent,
        holder=holder,
    )


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
