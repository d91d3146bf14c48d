"""SageMaker endpoints, notebooks, Studio domains, feature groups; Bedrock throughput."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.aws.hosting import estimated
from scanner.concepts.clouds.common import Reader, common, differs, either, equals, families_of, given, referred
from scanner.concepts.model import Concept, EnvironmentVariable, FeatureStore, ModelEndpoint, Notebook
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.facts.instances import instance_type
from scanner.graph import ResourceGraph

MODEL = "aws_sagemaker_model"
TRAINING_SIDE = ("aws_batch_compute_environment", "aws_sagemaker_notebook_instance", "aws_sagemaker_domain")
"""Types that run training or people's own code."""


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
    _scaling(endpoint, resource, graph)
    endpoint.asynchronous = given(resource.attributes.get("async_inference_config"))
    scaled = get(variant, "managed_instance_scaling", 0, "status", default="DISABLED")
    endpoint.autoscaled = either(endpoint.autoscaled, equals(scaled, "ENABLED"))
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
        "asynchronous": ("async_inference_config",),
        "boundary_shared_with": (*at, "model_name"),
        "unsupported": (*at, "serverless_config"),
    }
    model = _model(resource, (*at, "model_name"), graph)
    if model is not None:
        _read_model(endpoint, model, graph)
    endpoint.unsupported = _unsupported(resource, endpoint, model)
    return endpoint


def _model(resource: Resource, at: Path, graph: ResourceGraph) -> Resource | None:
    """The model of the same root that a variant names."""
    address = referred(resource, *at)
    models = (neighbour.resource for neighbour in graph.neighbours(resource, "references"))
    return next((m for m in models if m.type == MODEL and address == m.address.partition("[")[0]), None)


def _read_model(endpoint: ModelEndpoint, model: Resource, graph: ResourceGraph) -> None:
    container = get(model.attributes, "primary_container", 0, default=get(model.attributes, "container", 0))
    endpoint.image = get(container, "image")
    variables = get(container, "environment", default={})
    endpoint.env = [
        EnvironmentVariable(name=name, value=value)
        for name, value in (variables.items() if isinstance(variables, dict) else ())
    ]
    endpoint.boundary_shared_with = _neighbours_in_groups(model, graph)
    if endpoint.serverless is False and isinstance(endpoint.instance_type, str):
        endpoint.serving = estimated(endpoint.instance_type, endpoint.image, variables)
        known = instance_type("aws", endpoint.instance_type)
        endpoint.accelerator_count = None if known is None else int(known.accelerator_count)


def _neighbours_in_groups(model: Resource, graph: ResourceGraph) -> list[str]:
    """Batch environments and notebooks in the security groups of a model."""
    groups = [n.resource for n in graph.neighbours(model, "references") if n.resource.type == "aws_security_group"]
    found = [n.resource for group in groups for n in graph.neighbours(group, "references", "in")]
    return sorted({other.address for other in found if other.type in TRAINING_SIDE})


def _unsupported(resource: Resource, endpoint: ModelEndpoint, model: Resource | None) -> list[str]:
    """What a serverless variant is configured with although serverless inference does not offer it
    (https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html)."""
    if endpoint.serverless is not True:
        return []
    found = ["data capture"] if _captures(resource) is True else []
    variants = resource.attributes.get("production_variants")
    found += ["several variants"] if isinstance(variants, list) and len(variants) > 1 else []
    attributes = model.attributes if model is not None else {}
    found += ["a VPC"] if given(attributes.get("vpc_config")) is True else []
    return found + (["network isolation"] if attributes.get("enable_network_isolation") is True else [])


def _captures(resource: Resource) -> Any:
    block = get(resource.attributes, "data_capture_config", 0)
    return block if block is None or is_unknown(block) else get(block, "enable_capture", default=True)


def _scaling(endpoint: ModelEndpoint, resource: Resource, graph: ResourceGraph) -> None:
    """What the scalable target of the same root says that reaches this configuration's endpoint."""
    endpoint.autoscaled = False
    users = (n.resource for n in graph.neighbours(resource, "references", "in"))
    endpoints = [user for user in users if user.type == "aws_sagemaker_endpoint"]
    for target in graph.of_type("aws_appautoscaling_target"):
        reaches = _reaches(target, resource, endpoints, graph) if target.unit == resource.unit else False
        if reaches is True:
            endpoint.autoscaled = True
            endpoint.least_replicas = whole(target.attributes.get("min_capacity"))
            endpoint.max_replicas = whole(target.attributes.get("max_capacity"))
            return
        if is_unknown(reaches):
            endpoint.autoscaled = reaches  # type: ignore[assignment]


def _reaches(target: Resource, resource: Resource, endpoints: list[Resource], graph: ResourceGraph) -> Any:
    linked = {n.resource for n in graph.neighbours(target, "references")}
    if linked & {resource, *endpoints}:
        return True
    identifier = target.attributes.get("resource_id")
    if is_unknown(identifier):
        return identifier
    names = [item.attributes.get("name") for item in endpoints]
    return isinstance(identifier, str) and any(isinstance(n, str) and f"endpoint/{n}/" in identifier for n in names)


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
