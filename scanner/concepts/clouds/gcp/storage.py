"""Buckets, registries and feature stores of Google Cloud."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, ai_purpose, common, differs, equals, given, negated
from scanner.concepts.clouds.gcp.access import lets_everyone_in
from scanner.concepts.model import Bucket, Concept, FeatureStore, ModelRegistry
from scanner.core import Path, Resource, get, is_unknown
from scanner.graph import ResourceGraph

BUCKET_GRANTS = ("google_storage_bucket_iam_member", "google_storage_bucket_iam_binding")
PRIVATE_SERVING: Path = ("dedicated_serving_endpoint", 0, "private_service_connect_config", 0)


def _bucket(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    bucket = Bucket(**common(resource), platform="gcs")
    bucket.ai_purpose = ai_purpose(resource, "name", "labels")
    bucket.public_access_blocked = equals(get(attributes, "public_access_prevention", default="inherited"), "enforced")
    bucket.uniform_access = get(attributes, "uniform_bucket_level_access", default=False)
    bucket.public_access = _public(resource, graph)
    bucket.versioning = get(attributes, "versioning", 0, "enabled", default=False)
    retention = get(attributes, "soft_delete_policy", 0, "retention_duration_seconds", default=604800)
    bucket.soft_delete = differs(retention, 0, "0")
    rules = attributes.get("lifecycle_rule")
    bucket.lifecycle = given(rules)
    bucket.force_destroy = get(attributes, "force_destroy", default=False)
    key = get(attributes, "encryption", 0, "default_kms_key_name")
    bucket.encrypted_with_own_key = given(key)
    bucket.access_logged = given(attributes.get("logging"))
    bucket.sources |= {
        "public_access_blocked": ("public_access_prevention",),
        "uniform_access": ("uniform_bucket_level_access",),
        "versioning": ("versioning", 0, "enabled"),
        "soft_delete": ("soft_delete_policy", 0, "retention_duration_seconds"),
        "lifecycle": ("lifecycle_rule",),
        "force_destroy": ("force_destroy",),
        "encrypted_with_own_key": ("encryption", 0, "default_kms_key_name"),
    }
    return bucket


def _public(resource: Resource, graph: ResourceGraph) -> Any:
    """Whether a grant of the same root lets everybody in."""
    unknown = None
    for neighbour in graph.neighbours(resource, "references", "in"):
        if neighbour.resource.type not in BUCKET_GRANTS:
            continue
        public = lets_everyone_in(neighbour.resource)
        if public is True:
            return True
        unknown = public if is_unknown(public) else unknown
    return False if unknown is None else unknown


def _artifact_registry(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    mode = get(attributes, "mode", default="STANDARD_REPOSITORY")
    if attributes.get("format") != "DOCKER" or mode != "STANDARD_REPOSITORY":
        return None
    registry = ModelRegistry(**common(resource), platform="artifact-registry")
    registry.immutable_tags = get(attributes, "docker_config", 0, "immutable_tags", default=False)
    registry.encrypted_with_own_key = given(attributes.get("kms_key_name"))
    scanning = get(attributes, "vulnerability_scanning_config", 0, "enablement_config", default="INHERITED")
    registry.scan_on_push = differs(scanning, "DISABLED")
    registry.sources |= {
        "immutable_tags": ("docker_config", 0, "immutable_tags"),
        "scan_on_push": ("vulnerability_scanning_config", 0, "enablement_config"),
        "encrypted_with_own_key": ("kms_key_name",),
    }
    return registry


def _feature_store(resource: Resource, graph: ResourceGraph) -> Concept:
    store = _destructible(resource)
    store.encrypted_with_own_key = given(resource.attributes.get("encryption_spec"))
    store.sources["encrypted_with_own_key"] = ("encryption_spec",)
    return store


def _destructible(resource: Resource) -> FeatureStore:
    store = FeatureStore(**common(resource), platform="vertex-ai")
    store.force_destroy = get(resource.attributes, "force_destroy", default=False)
    store.sources["force_destroy"] = ("force_destroy",)
    return store


def _online_store(resource: Resource, graph: ResourceGraph) -> Concept:
    """An online store; those for optimized serving have an address of their own, public unless made private."""
    store = _destructible(resource)
    private = get(resource.attributes, *PRIVATE_SERVING, "enable_private_service_connect", default=False)
    optimized = given(resource.attributes.get("optimized"))
    store.public = optimized if optimized is not True else negated(private)
    store.sources["public"] = (*PRIVATE_SERVING, "enable_private_service_connect")
    return store


READERS: dict[str, Reader] = {
    "google_storage_bucket": _bucket,
    "google_artifact_registry_repository": _artifact_registry,
    "google_vertex_ai_featurestore": _feature_store,
    "google_vertex_ai_feature_online_store": _online_store,
}
