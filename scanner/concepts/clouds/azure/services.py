"""Managed inference: Azure OpenAI and AI services, Container Apps with GPUs."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.common import Reader, common, environment, equals, given
from scanner.concepts.model import Concept, ModelEndpoint
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

MODEL_KINDS = ("OpenAI", "AIServices")
_GPU_PROFILE = lazy_pattern(r"gpu|a100|nc24|nc48|nc96|t4", re.IGNORECASE)


def _cognitive_account(resource: Resource, graph: ResourceGraph) -> Concept | None:
    kind = resource.attributes.get("kind")
    if not is_unknown(kind) and kind not in MODEL_KINDS:
        return None
    endpoint = _account(resource, "public_network_access_enabled", True, "local_auth_enabled")
    endpoint.doubt = kind if is_unknown(kind) else None
    return endpoint


def _ai_services(resource: Resource, graph: ResourceGraph) -> Concept:
    return _account(resource, "public_network_access", "Enabled", "local_authentication_enabled")


def _account(resource: Resource, switch: str, default: Any, keys: str) -> ModelEndpoint:
    attributes = resource.attributes
    endpoint = ModelEndpoint(**common(resource), platform="azure-ai", serverless=True, authenticated=True)
    access = get(attributes, switch, default=default)
    rules = get(attributes, "network_acls", 0, "default_action", default="Allow")
    enabled = access if is_unknown(access) else access == default
    denied = equals(rules, "Deny")
    endpoint.public = _outward(enabled, denied)
    endpoint.local_auth = get(attributes, keys, default=True)
    key = attributes.get("customer_managed_key")
    endpoint.encrypted_with_own_key = given(key)
    endpoint.sources |= {
        "public": (switch,),
        "local_auth": (keys,),
        "encrypted_with_own_key": ("customer_managed_key",),
    }
    return endpoint


def _outward(enabled: Any, limited: Any) -> Any:
    """Whether an address is open to all: switched on, and not limited to some callers."""
    if enabled is False or limited is True:
        return False
    return next((value for value in (limited, enabled) if is_unknown(value)), enabled)


def _container_app(resource: Resource, graph: ResourceGraph) -> Concept | None:
    """A container app, if its workload profile has GPUs."""
    attributes = resource.attributes
    profile = _profile_type(resource, attributes.get("workload_profile_name"), graph)
    if not isinstance(profile, str) or not _GPU_PROFILE.search(profile):
        return None
    endpoint = ModelEndpoint(**common(resource), platform="container-apps", accelerator="nvidia")
    at: Path = ("template", 0)
    template = get(attributes, *at, default={})
    endpoint.instance_type = profile
    endpoint.min_replicas = whole(get(template, "min_replicas", default=0))
    endpoint.max_replicas = whole(get(template, "max_replicas", default=10))
    endpoint.autoscaled = True
    endpoint.newest_takes_all = _newest_takes_all(attributes)
    endpoint.image = get(template, "container", 0, "image")
    endpoint.sources["image"] = (*at, "container", 0, "image")
    variables = get(template, "container", 0, "env")
    endpoint.env = environment(variables, (*at, "container", 0, "env"), ("secret_name",))
    external = get(attributes, "ingress", 0, "external_enabled", default=False)
    limited = given(get(attributes, "ingress", 0, "ip_security_restriction"))
    endpoint.public = _outward(external, limited)
    certificates = get(attributes, "ingress", 0, "client_certificate_mode", default="ignore")
    endpoint.authenticated = equals(certificates, "require")
    endpoint.sources |= {
        "min_replicas": (*at, "min_replicas"),
        "max_replicas": (*at, "max_replicas"),
        "public": ("ingress", 0, "external_enabled"),
        "instance_type": ("workload_profile_name",),
        "newest_takes_all": ("revision_mode",),
    }
    return endpoint


def _newest_takes_all(attributes: dict[str, Any]) -> Any:
    """Whether a new revision replaces the old one at once, or is given all traffic by its being the latest."""
    mode = get(attributes, "revision_mode", default="Single")
    if is_unknown(mode) or mode == "Single":
        return mode if is_unknown(mode) else True
    weights = get(attributes, "ingress", 0, "traffic_weight", default=[])
    shares = [item for item in weights if get(item, "latest_revision") is True] if isinstance(weights, list) else []
    return weights if is_unknown(weights) else any(whole(get(item, "percentage")) == 100 for item in shares)


def _profile_type(resource: Resource, name: Any, graph: ResourceGraph) -> Any:
    """The type of the environment's workload profile of that name; the name itself where that is not in the scan."""
    for neighbour in graph.neighbours(resource, "references"):
        if neighbour.resource.type == "azurerm_container_app_environment":
            profiles = neighbour.resource.attributes.get("workload_profile")
            for profile in profiles if isinstance(profiles, list) else ():
                if isinstance(profile, dict) and profile.get("name") == name:
                    return profile.get("workload_profile_type")
    return name


def _deployment(resource: Resource, graph: ResourceGraph) -> Concept:
    """A model deployment of an Azure OpenAI or AI services account."""
    attributes = resource.attributes
    endpoint = ModelEndpoint(**common(resource), platform="azure-openai-deployment", authenticated=True)
    endpoint.serverless = True
    endpoint.model = get(attributes, "model", 0, "name")
    # version 3 of the provider says scale, version 4 says sku
    block, field = ("sku", "name") if "sku" in attributes else ("scale", "type")
    endpoint.instance_type = get(attributes, block, 0, field)
    capacity = whole(get(attributes, block, 0, "capacity", default=1))
    endpoint.min_replicas = endpoint.max_replicas = capacity
    endpoint.sources |= {
        "model": ("model", 0, "name"),
        "instance_type": (block, 0, field),
        "min_replicas": (block, 0, "capacity"),
    }
    return endpoint


READERS: dict[str, Reader] = {
    "azurerm_cognitive_account": _cognitive_account,
    "azurerm_ai_services": _ai_services,
    "azurerm_cognitive_deployment": _deployment,
    "azurerm_container_app": _container_app,
}
