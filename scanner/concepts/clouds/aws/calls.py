"""Buckets, security groups, roles and endpoints that public modules make of their inputs.

The modules' inputs and defaults: terraform-aws-modules/s3-bucket 3.9 to 5, /security-group 4 and 5, /iam 5 and 6,
aws-ia/eks-data-addons, philschmid/sagemaker-huggingface and aws-ia/sagemaker-endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from scanner.concepts.clouds.aws.access import ADMINISTRATORS, WORKLOAD_SERVICES
from scanner.concepts.clouds.aws.network import network, rule
from scanner.concepts.clouds.aws.storage import SWITCHES
from scanner.concepts.clouds.common import ai_purpose, common, either, equals, families_of, given
from scanner.concepts.clouds.karpenter import node_pool
from scanner.concepts.model import AccessGrant, Bucket, Concept, ModelEndpoint
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, SourceFile, Unknown, UnknownText, get, is_unknown, without_gaps
from scanner.core.patterns import lazy_pattern
from scanner.frontends.kubernetes.nodes import Constructor, LimitExceeded, compose
from scanner.graph import ResourceGraph

MANAGED_POLICY = ":aws:policy/"
ROLE_POLICIES = ("custom_role_policy_arns", "role_policy_arns", "policies", "additional_policy_arns")
"""Inputs of the role modules that hold ARNs of policies, as a list or a map."""


def _bucket(resource: Resource) -> list[Concept]:
    attributes = resource.attributes
    bucket = Bucket(**common(resource), platform="s3")
    bucket.ai_purpose = ai_purpose(resource, "bucket", "bucket_prefix", "tags")
    switches = [get(attributes, switch, default=True) for switch in SWITCHES]
    off = next((name for name, value in zip(SWITCHES, switches, strict=True) if value is False), None)
    unknown = next((value for value in switches if is_unknown(value)), None)
    bucket.public_access_blocked = False if off is not None else either(unknown is None, unknown)
    acl = attributes.get("acl")
    bucket.public_access = isinstance(acl, str) and acl.startswith("public-")
    enabled = get(attributes, "versioning", "enabled", default=get(attributes, "versioning", "status"))
    bucket.versioning = either(*(equals(enabled, word) for word in ("true", "Enabled")), enabled)
    rules = attributes.get("lifecycle_rule")
    items = [item for item in rules if isinstance(item, dict)] if isinstance(rules, list) else []
    bucket.lifecycle = given(rules)
    bucket.expires_noncurrent = _any_has(rules, items, "noncurrent_version_expiration")
    bucket.aborts_uploads = _any_has(rules, items, "abort_incomplete_multipart_upload_days")
    bucket.access_logged = given(attributes.get("logging"))
    bucket.force_destroy = get(attributes, "force_destroy", default=False)
    bucket.sources |= {
        "public_access_blocked": (off or "bucket",),
        "public_access": ("acl",),
        "versioning": ("versioning",),
        "lifecycle": ("lifecycle_rule",),
        "force_destroy": ("force_destroy",),
    }
    return [bucket]


def _any_has(rules: Any, items: list[dict[str, Any]], key: str) -> Any:
    return rules if is_unknown(rules) else any(item.get(key) is not None for item in items)


def _security_group(resource: Resource) -> list[Concept]:
    found: list[Concept] = []
    for name, field in (
        ("ingress_with_cidr_blocks", "cidr_blocks"),
        ("ingress_with_ipv6_cidr_blocks", "ipv6_cidr_blocks"),
    ):
        blocks = resource.attributes.get(name)
        for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
            if isinstance(block, dict):
                ranges = get(block, field, default=resource.attributes.get(name.replace("with_", "")))
                listed = ranges.split(",") if isinstance(ranges, str) else ranges
                found.append(rule(resource, {**block, field: listed}, (name, number), (field,)))
    return found


def _role(resource: Resource) -> list[Concept]:
    """The policies of AWS that a role module attaches; a role for service accounts is a workload's by its nature."""
    source = str(resource.attributes["source"])
    services = get(resource.attributes, "trusted_role_services", default=[])
    trusted = services if isinstance(services, list) else []
    workload = bool(re.search(r"service-accounts|pod-identity", source)) or any(
        isinstance(service, str) and WORKLOAD_SERVICES.search(service) for service in trusted
    )
    names = [resource.name, *(resource.attributes.get(key) for key in ("role_name", "name", "role_name_prefix"))]
    found: list[Concept] = []
    for name in ROLE_POLICIES:
        arns = resource.attributes.get(name)
        entries = list(arns.items() if isinstance(arns, dict) else enumerate(arns) if isinstance(arns, list) else ())
        for key, arn in entries:
            if isinstance(arn, str) and MANAGED_POLICY in arn:
                grant = AccessGrant(**common(resource), platform="aws", role=arn.rpartition("/")[2], at=(name, key))
                grant.allowed = grant.role or ""
                grant.workload = workload
                grant.trusted_names = any(isinstance(text, str) and ADMINISTRATORS.search(text) for text in names)
                grant.administrator = grant.role == "AdministratorAccess"
                grant.sources |= dict.fromkeys(("actions", "role", "administrator"), (name, key))
                found.append(grant)
    return found


def _huggingface(resource: Resource) -> list[Concept]:
    attributes = resource.attributes
    endpoint = _endpoint(resource, attributes.get("instance_type"), get(attributes, "instance_count", default=1))
    endpoint.serverless = given(get(attributes, "serverless_config", "max_concurrency"))
    endpoint.asynchronous = given(get(attributes, "async_config", "s3_output_path"))
    endpoint.autoscaled = given(get(attributes, "autoscaling", "max_capacity"))
    endpoint.max_replicas = whole(get(attributes, "autoscaling", "max_capacity"))
    endpoint.sources |= {"instance_type": ("instance_type",), "min_replicas": ("instance_count",)}
    return [endpoint] if endpoint.instance_type is not None else []


def _endpoint_module(resource: Resource) -> list[Concept]:
    variant = get(resource.attributes, "production_variant", default={})
    kind = get(variant, "instance_type", default="ml.t2.medium")
    endpoint = _endpoint(resource, kind, get(variant, "initial_instance_count", default=1))
    endpoint.autoscaled = given(resource.attributes.get("autoscaling_config"))
    endpoint.max_replicas = whole(get(resource.attributes, "autoscaling_config", "max_capacity"))
    endpoint.encrypted_with_own_key = given(resource.attributes.get("kms_key_arn"))
    endpoint.sources |= {
        "instance_type": ("production_variant", "instance_type"),
        "min_replicas": ("production_variant", "initial_instance_count"),
    }
    return [endpoint]


def _endpoint(resource: Resource, instance_type: Any, count: Any) -> ModelEndpoint:
    endpoint = ModelEndpoint(**common(resource), platform="sagemaker", instance_type=instance_type)
    family = families_of("aws", instance_type)
    endpoint.accelerator = family if isinstance(family, Unknown) else family[0].accelerator if family else None  # type: ignore[assignment]
    endpoint.min_replicas = whole(count)
    return endpoint


def _vpc(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    found = network(resource, graph, nat=get(resource.attributes, "enable_nat_gateway", default=False))
    found.endpoints += ["s3"] if resource.attributes.get("enable_s3_endpoint") is True else []
    return [found]


def _data_addons(resource: Resource) -> list[Concept]:
    """The Karpenter pools among the values that aws-ia/eks-data-addons hands to its chart."""
    if resource.attributes.get("enable_karpenter_resources") is False:
        return []
    releases = resource.attributes.get("karpenter_resources_helm_config")
    found: list[Concept] = []
    for key, release in releases.items() if isinstance(releases, dict) else ():
        at: Path = ("karpenter_resources_helm_config", key)
        values = get(release, "values", 0)
        pool = node_pool(resource, {"spec": _node_pool_spec(_yaml(values, resource))})
        if pool is not None:
            pool.at, pool.name = at, str(key)
            pool.sources = dict.fromkeys(pool.sources, at)
            found.append(pool)
    return found


def _node_pool_spec(values: Any) -> dict[str, Any]:
    """The NodePool that the chart makes of its values."""
    settings = get(values, "nodePool", default={})
    labels = get(settings, "labels", default=[])
    pairs = labels if isinstance(labels, list) else [labels]
    merged = {key: value for pair in pairs if isinstance(pair, dict) for key, value in pair.items()}
    spec = {key: get(settings, key) for key in ("taints", "requirements")}
    template = {"metadata": {"labels": merged}, "spec": spec}
    return {"template": template, "limits": get(settings, "limits"), "disruption": get(settings, "disruption")}


def _yaml(text: Any, resource: Resource) -> Any:
    known = text.data if isinstance(text, UnknownText) else text
    if not isinstance(known, str):
        return None
    roots, _ = compose(SourceFile(resource.span.file, known))
    try:
        value = Constructor().value(roots[0]) if roots else None
    except (LimitExceeded, RecursionError):
        return None
    return without_gaps(value, text) if isinstance(text, UnknownText) else value


MODULES: tuple[tuple[re.Pattern[str], Callable[[Resource], list[Concept]]], ...] = tuple(
    (re.compile(rf"(^|/){pattern}(//|\.git|$|\?)"), read_call)
    for pattern, read_call in (
        (r"terraform-aws-(modules/)?s3-bucket(/aws)?", _bucket),
        (r"terraform-aws-(modules/)?security-group(/aws)?", _security_group),
        (r"terraform-aws-(modules/)?iam(/aws)?", _role),
        (r"aws-ia/(terraform-aws-)?eks-data-addons(/aws)?", _data_addons),
        (r"philschmid/(terraform-aws-)?sagemaker-huggingface(/aws)?", _huggingface),
        (r"aws-ia/(terraform-aws-)?sagemaker-endpoint(/aws)?", _endpoint_module),
    )
)
"""Sources of modules, from the registry or from git, and their readers."""

VPC = lazy_pattern(r"(^|/)terraform-aws-(modules/)?vpc(/aws)?(//|\.git|$|\?)")


def read(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The concepts of a call of one of the modules."""
    source = resource.attributes.get("source")
    if not isinstance(source, str):
        return []
    if VPC.search(source) and "vpc-endpoints" not in source:
        return _vpc(resource, graph)
    return next((read_call(resource) for pattern, read_call in MODULES if pattern.search(source)), [])
