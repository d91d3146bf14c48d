"""Storage accounts, registries and feature stores of Azure."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, ai_purpose, common, differs, given, negated
from scanner.concepts.model import Bucket, Concept, FeatureStore, ModelRegistry
from scanner.core import Resource, get, is_unknown
from scanner.graph import ResourceGraph

WORKSPACES = (
    "azurerm_machine_learning_workspace",
    "azurerm_ai_foundry",
    "azurerm_machine_learning_datastore_blobstorage",
    "azurerm_machine_learning_datastore_datalake_gen2",
)

CONTAINERS = ("azurerm_storage_container", "azurerm_storage_data_lake_gen2_filesystem")


def _storage_account(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    bucket = Bucket(**common(resource), platform="azure-blob")
    around = [neighbour.resource for neighbour in graph.neighbours(resource, "references", "in")]
    containers = [item for item in around if item.type in CONTAINERS]
    purposes = [ai_purpose(resource, "name", "tags"), *(ai_purpose(item, "name") for item in containers)]
    bucket.ai_purpose = next((purpose for purpose in purposes if purpose), None)
    if bucket.ai_purpose is None and any(item.type in WORKSPACES for item in around):
        bucket.ai_purpose = "the data of an Azure ML workspace"
    bucket.public_access = _public(containers)
    # the provider's default changed between its major versions: only what is written counts
    allowed = attributes.get("allow_nested_items_to_be_public")
    bucket.public_access_blocked = differs(allowed, True)
    blob = get(attributes, "blob_properties", 0, default={})
    bucket.versioning = get(blob, "versioning_enabled", default=False)
    retained = get(blob, "delete_retention_policy")
    bucket.soft_delete = given(retained)
    bucket.lifecycle = any(item.type == "azurerm_storage_management_policy" for item in around)
    key = attributes.get("customer_managed_key")
    own = any(item.type == "azurerm_storage_account_customer_managed_key" for item in around)
    bucket.encrypted_with_own_key = True if own else given(key)
    bucket.sources |= {
        "public_access_blocked": ("allow_nested_items_to_be_public",),
        "versioning": ("blob_properties", 0, "versioning_enabled"),
        "soft_delete": ("blob_properties", 0, "delete_retention_policy"),
        "encrypted_with_own_key": ("customer_managed_key",),
    }
    return bucket


def _public(containers: list[Resource]) -> Any:
    """Whether a container of the account lets anonymous readers in."""
    accesses = [get(item.attributes, "container_access_type", default="private") for item in containers]
    if any(access in ("blob", "container") for access in accesses if isinstance(access, str)):
        return True
    return next((access for access in accesses if is_unknown(access)), False)


def _registry(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    registry = ModelRegistry(**common(resource), platform="acr")
    registry.admin_account = get(attributes, "admin_enabled", default=False)
    anonymous = get(attributes, "anonymous_pull_enabled", default=False)
    registry.authenticated = negated(anonymous)
    registry.public = get(attributes, "public_network_access_enabled", default=True)
    key = attributes.get("encryption")
    registry.encrypted_with_own_key = given(key)
    registry.sources |= {
        "admin_account": ("admin_enabled",),
        "authenticated": ("anonymous_pull_enabled",),
        "public": ("public_network_access_enabled",),
        "encrypted_with_own_key": ("encryption",),
    }
    return registry


def _workspace(resource: Resource, graph: ResourceGraph) -> Concept | None:
    if get(resource.attributes, "kind", default="Default") != "FeatureStore":
        return None
    store = FeatureStore(**common(resource), platform="azureml")
    store.public = get(resource.attributes, "public_network_access_enabled", default=True)
    key = resource.attributes.get("encryption")
    store.encrypted_with_own_key = given(key)
    store.sources |= {"public": ("public_network_access_enabled",), "encrypted_with_own_key": ("encryption",)}
    return store


READERS: dict[str, Reader] = {
    "azurerm_storage_account": _storage_account,
    "azurerm_container_registry": _registry,
    "azurerm_machine_learning_workspace": _workspace,
}
