"""One Kubernetes object to one resource."""

from __future__ import annotations

from typing import Any

from scanner.core import Locator, Origin, Resource, Span

CLUSTER_SCOPED = frozenset(
    """Namespace Node PersistentVolume ClusterRole ClusterRoleBinding StorageClass CustomResourceDefinition
    PriorityClass IngressClass RuntimeClass MutatingWebhookConfiguration ValidatingWebhookConfiguration
    ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding APIService CSIDriver CSINode DeviceClass
    ClusterPolicy NodePool EC2NodeClass NodeClaim NodeClass Provisioner AWSNodeTemplate ClusterServingRuntime
    ClusterBaseModel ClusterTrainingRuntime ClusterQueue ResourceFlavor ClusterIssuer GatewayClass
    ClusterStorageContainer CiliumClusterwideNetworkPolicy GlobalNetworkPolicy NVIDIADriver Topology
    WorkloadPriorityClass ClusterConfig""".split()
)


def object_to_resource(
    value: Any, *, span: Span, locator: Locator, unit: str, origin: Origin, parent: Resource | None = None
) -> Resource | None:
    """The resource of a manifest, or ``None`` if it is not a Kubernetes object (no apiVersion and kind)."""
    if not isinstance(value, dict):
        return None
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(api_version, str):
        return None
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = _text(metadata.get("name")) or _text(metadata.get("generateName")) or "(unnamed)"
    namespace = _text(metadata.get("namespace")) or None
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
    )


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
