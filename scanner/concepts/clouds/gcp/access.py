"""Grants, firewall rules and budgets of Google Cloud."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.common import ANYWHERE, Reader, common, either, given, negated, port_range, referred
from scanner.concepts.model import AccessGrant, Budget, Concept, NetworkBoundary
from scanner.core import Resource, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

ANYONE = frozenset(("allUsers", "allAuthenticatedUsers"))
GRANTED_ON = (
    "google_project", "google_folder", "google_organization", "google_storage_bucket",
    "google_artifact_registry_repository", "google_cloud_run_v2_service", "google_cloud_run_service",
    "google_vertex_ai_endpoint", "google_vertex_ai_featurestore", "google_vertex_ai_feature_online_store",
    "google_vertex_ai_feature_group", "google_vertex_ai_reasoning_engine", "google_workbench_instance",
    "google_notebooks_instance", "google_colab_runtime_template", "google_bigquery_dataset",
)  # fmt: skip
ADMINISTRATORS = ("roles/owner", "roles/editor")
WORKLOAD_TYPES = (
    "google_container_node_pool", "google_container_cluster", "google_compute_instance",
    "google_compute_instance_template", "google_cloud_run_v2_service", "google_cloud_run_v2_job",
    "google_workbench_instance", "google_notebooks_instance", "google_tpu_v2_vm",
)  # fmt: skip
_WORKLOAD_NAME = lazy_pattern(
    r"(^|[-_@.:/])(vertex|notebooks?|workbench|jupyter(hub)?|train(ing|er)?|inference|serving|vllm|triton|kserve|kubeflow"
    r"|ray|mlflow|gpu|tpu|llm|ml|ai|finetun\w*|models?)($|[-_@.])",
    re.IGNORECASE,
)
_PIPELINE_NAME = lazy_pattern(
    r"(^|[-_:])(ci|cd|cicd|terraform|tf|deploy(er|ment)?|github|gitlab|admin)($|[-_@])", re.IGNORECASE
)


def members(attributes: dict[str, Any]) -> list[Any]:
    """The principals of an IAM member or binding."""
    many = attributes.get("members")
    values = many if isinstance(many, list) else [] if many is None else [many]
    return [*values, *([attributes["member"]] if attributes.get("member") is not None else [])]


def lets_everyone_in(resource: Resource) -> Any:
    """Whether the principals of an IAM member or binding hold everybody; unknown if one of them may."""
    found = members(resource.attributes)
    if any(item in ANYONE for item in found if isinstance(item, str)):
        return True
    # what refers to another resource is that resource's account
    own = referred(resource, "member") or referred(resource, "members")
    return False if own else next((item for item in found if is_unknown(item)), False)


def account(resource: Resource, email: Any, *path: str | int) -> Any:
    """The service account at ``path``: its email, or the address of the resource that it refers to."""
    target = referred(resource, *path) if is_unknown(email) else None
    if target is None:
        return email
    return "default" if target.startswith("data.google_compute_default_service_account.") else target


def _grant(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    grant = AccessGrant(**common(resource), platform="gcp")
    grant.principals = members(attributes)
    grant.role = attributes.get("role")
    grant.actions = [grant.role] if grant.role is not None else []
    grant.conditional = given(attributes.get("condition"))
    grant.resources = [resource.type.rpartition("_iam_")[0]]
    grant.public = lets_everyone_in(resource)
    grant.administrator = grant.role if is_unknown(grant.role) else grant.role in ADMINISTRATORS  # type: ignore[assignment]
    grant.workload = _workload(resource, grant.principals, graph)
    field = "members" if "members" in attributes else "member"
    grant.sources |= {"public": (field,), "principals": (field,), "role": ("role",), "administrator": ("role",)}
    return grant


def _workload(resource: Resource, principals: list[Any], graph: ResourceGraph) -> bool:
    """Whether a service account among the principals is used by AI machines, or is named after AI work."""
    for text in principals:
        if isinstance(text, str) and text.startswith("serviceAccount:") and _named_after_ai(text.split("@")[0]):
            return True
    for neighbour in graph.neighbours(resource, "references"):
        account = neighbour.resource
        if account.type != "google_service_account":
            continue
        identifier = account.attributes.get("account_id")
        if _named_after_ai(account.name) or (isinstance(identifier, str) and _named_after_ai(identifier)):
            return True
        if any(n.resource.type in WORKLOAD_TYPES for n in graph.neighbours(account, "references", "in")):
            return True
    return False


def _named_after_ai(text: str) -> bool:
    """Whether an account is named after AI work, and not after the pipeline that sets it up."""
    return bool(_WORKLOAD_NAME.search(text)) and not _PIPELINE_NAME.search(text)


def _firewall(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    attributes = resource.attributes
    if get(attributes, "direction", default="INGRESS") != "INGRESS" or attributes.get("disabled") is True:
        return []
    origins = attributes.get("source_ranges")
    sourced = any(given(attributes.get(name)) is not False for name in ("source_tags", "source_service_accounts"))
    if origins is None:
        # without any source the provider lets in every address
        origins = [] if sourced else ["0.0.0.0/0"]
    listed = origins if isinstance(origins, list) else [origins]
    world: Any = bool(ANYWHERE & {item for item in listed if isinstance(item, str)})
    if not world:
        world = next((item for item in listed if is_unknown(item)), False)
    result: list[Concept] = []
    blocks = attributes.get("allow")
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict):
            boundary = NetworkBoundary(**common(resource), platform="gcp", at=("allow", number))
            boundary.origins, boundary.open_to_world = listed, world
            boundary.ports = _ports(block)
            boundary.sources["open_to_world"] = ("source_ranges",)
            result.append(boundary)
    return result


def _ports(block: dict[str, Any]) -> list[dict[str, Any]]:
    protocol = str(get(block, "protocol", default="all"))
    if protocol not in ("tcp", "udp", "all", "6", "17"):
        return []
    texts = block.get("ports")
    if is_unknown(texts):
        return [{"from": texts, "to": texts, "protocol": protocol}]
    if not isinstance(texts, list) or not texts:
        return [{"from": 0, "to": 65535, "protocol": protocol}]
    return [port_range(text, protocol) for text in texts]


def _budget(resource: Resource, graph: ResourceGraph) -> Concept:
    budget = Budget(**common(resource), platform="gcp")
    units = get(resource.attributes, "amount", 0, "specified_amount", 0, "units")
    budget.amount = float(units) if isinstance(units, str | int) and str(units).isdecimal() else None
    budget.notifies = _notifies(resource.attributes)
    budget.sources["notifies"] = ("threshold_rules",)
    return budget


def _notifies(attributes: dict[str, Any]) -> Any:
    """Whether a threshold is set and somebody hears of it: by default those who administer the billing account."""
    rules = given(attributes.get("threshold_rules"))
    settings = get(attributes, "all_updates_rule", 0, default={})
    topic = given(get(settings, "pubsub_topic"))
    if topic is True:
        return True
    silenced = get(settings, "disable_default_iam_recipients", default=False)
    channels = given(get(settings, "monitoring_notification_channels"))
    projects = get(settings, "enable_project_level_recipients", default=False)
    heard = either(negated(silenced), channels, projects, topic)
    if rules is False or heard is False:
        return False
    return next((value for value in (rules, heard) if is_unknown(value)), True)


READERS: dict[str, Reader] = {
    **{f"{kind}_iam_{form}": _grant for kind in GRANTED_ON for form in ("member", "binding")},
    "google_compute_firewall": _firewall,
    "google_billing_budget": _budget,
}
