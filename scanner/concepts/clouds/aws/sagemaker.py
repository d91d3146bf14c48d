"""SageMaker endpoints, notebooks, Studio domains, feature groups; Bedrock throughput."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, common, differs, either, families_of, given
from scanner.concepts.model import Concept, FeatureStore, ModelEndpoint, Notebook
from scanner.concepts.quantities import whole
from scanner.core import Resource, Unknown, get, is_unknown
from scanner.graph import ResourceGraph


def _endpoint_configuration(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    result: list[Concept] = []
    variants = resource.attributes.get("production_variants")
    for number, variant in enumerate(variants if isinstance(variants, list) else ()):
        if isinstance(variant, dict):
            result.append(_variant(resource, variant, number, graph))
    return result


def _variant(resource: Resource, variant: dict[str, Any], number: int, graph: ResourceGraph) -> ModelEndpoint:
    at = ("production_variants", number)
    endpoint = ModelEndpoint(**common(resource), platform="sagemaker", at=at)
    endpoint.name = str(variant.get("variant_name", resource.name))
    endpoint.instance_type = variant.get("instance_type")
    endpoint.serverless = given(variant.get("serverless_config"))
    family = families_of("aws", endpoint.instance_type)
    endpoint.accelerator = (
        family if isinstance(family, Unknown) else family[0].accelerator if family else None  # type: ignore[assignment]
    )
    target = _scaling_target(resource, graph)
    endpoint.autoscaled = target if is_unknown(target) else target is not None  # type: ignore[assignment]
    if target is not None:
        most = target if is_unknown(target) else whole(get(target.attributes, "max_capacity"))
        endpoint.max_replicas = most  # type: ignore[assignment]
    endpoint.min_replicas = (
        None if endpoint.serverless is not False else whole(get(variant, "initial_instance_count", default=1))
    )
    endpoint.data_capture = _captures(resource)
    endpoint.encrypted_with_own_key = given(resource.attributes.get("kms_key_arn"))
    endpoint.sources |= {
        "instance_type": (*at, "instance_type"),
        "min_replicas": (*at, "initial_instance_count"),
        "data_capture": ("data_capture_config",),
        "encrypted_with_own_key": ("kms_key_arn",),
    }
    return endpoint


def _captures(resource: Resource) -> Any:
    block = get(resource.attributes, "data_capture_config", 0)
    return block if block is None or is_unknown(block) else get(block, "enable_capture", default=True)


def _scaling_target(resource: Resource, graph: ResourceGraph) -> Any:
    """The scalable target of the same root that reaches this configuration's endpoint; unknown if it may be one."""
    targets = [t for t in graph.of_type("aws_appautoscaling_target") if t.unit == resource.unit]
    endpoints = [
        n.resource
        for n in graph.neighbours(resource, "references", "in")
        if n.resource.type == "aws_sagemaker_endpoint"
    ]
    for target in targets:
        linked = {n.resource for n in graph.neighbours(target, "references")}
        if linked & {resource, *endpoints}:
            return target
        identifier = target.attributes.get("resource_id")
        if is_unknown(identifier):
            return identifier
        names = [e.attributes.get("name") for e in endpoints]
        if isinstance(identifier, str) and any(isinstance(n, str) and f"endpoint/{n}/" in identifier for n in names):
            return target
    return None


def _notebook(resource: Resource, graph: ResourceGraph) -> Concept:
    notebook = Notebook(**common(resource), platform="sagemaker")
    attributes = resource.attributes
    notebook.direct_internet = _word(attributes.get("direct_internet_access", "Enabled"), "Disabled")
    notebook.root_access = _word(attributes.get("root_access", "Enabled"), "Disabled")
    notebook.instance_type = attributes.get("instance_type")
    family = families_of("aws", notebook.instance_type)
    notebook.accelerator = (
        family if isinstance(family, Unknown) else family[0].accelerator if family else None  # type: ignore[assignment]
    )
    notebook.idle_shutdown = given(attributes.get("lifecycle_config_name"))
    notebook.encrypted_with_own_key = given(attributes.get("kms_key_id"))
    version = get(attributes, "instance_metadata_service_configuration", 0, "minimum_instance_metadata_service_version")
    notebook.metadata_v1 = version if is_unknown(version) else str(version) != "2"  # type: ignore[assignment]
    notebook.sources |= {
        "direct_internet": ("direct_internet_access",),
        "root_access": ("root_access",),
        "instance_type": ("instance_type",),
        "idle_shutdown": ("lifecycle_config_name",),
        "encrypted_with_own_key": ("kms_key_id",),
        "metadata_v1": (
            "instance_metadata_service_configuration", 0, "minimum_instance_metadata_service_version",
        ),
    }  # fmt: skip
    return notebook


def _word(value: Any, off: str) -> Any:
    """Whether a switch spelt in words is on."""
    return value if is_unknown(value) else value != off


def _domain(resource: Resource, graph: ResourceGraph) -> Concept:
    notebook = Notebook(**common(resource), platform="sagemaker-studio")
    access = resource.attributes.get("app_network_access_type", "PublicInternetOnly")
    notebook.direct_internet = _word(access, "VpcOnly")
    settings = get(resource.attributes, "default_user_settings", 0, "jupyter_lab_app_settings", 0, default={})
    idle = get(settings, "app_lifecycle_management", 0, "idle_settings", 0, "lifecycle_management")
    notebook.idle_shutdown = False if idle is None else differs(idle, "DISABLED")
    notebook.encrypted_with_own_key = given(resource.attributes.get("kms_key_id"))
    notebook.sources |= {
        "direct_internet": ("app_network_access_type",),
        "idle_shutdown": ("default_user_settings", 0, "jupyter_lab_app_settings", 0, "app_lifecycle_management"),
        "encrypted_with_own_key": ("kms_key_id",),
    }
    return notebook


def _feature_group(resource: Resource, graph: ResourceGraph) -> Concept:
    store = FeatureStore(**common(resource), platform="sagemaker")
    offline = get(resource.attributes, "offline_store_config", 0, "s3_storage_config", 0, "kms_key_id")
    online = get(resource.attributes, "online_store_config", 0, "security_config", 0, "kms_key_id")
    keys = [given(offline), given(online)]
    store.encrypted_with_own_key = either(*keys)
    store.sources["encrypted_with_own_key"] = ("offline_store_config", 0, "s3_storage_config", 0, "kms_key_id")
    return store


READERS: dict[str, Reader] = {
    "aws_sagemaker_endpoint_configuration": _endpoint_configuration,
    "aws_sagemaker_notebook_instance": _notebook,
    "aws_sagemaker_domain": _domain,
    "aws_sagemaker_feature_group": _feature_group,
}
