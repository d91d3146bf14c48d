"""IAM policies and attachments, resource policies and trust to access grants."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.aws.policies import Statement, statements
from scanner.concepts.clouds.common import Reader, common
from scanner.concepts.model import AccessGrant, Concept
from scanner.core import Resource, Unknown, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

IDENTITY = {
    "aws_iam_policy": "policy",
    "aws_iam_role_policy": "policy",
    "aws_iam_user_policy": "policy",
    "aws_iam_group_policy": "policy",
}
"""Types whose policy says what an identity may do."""
RESOURCE = {
    "aws_s3_bucket_policy": "policy",
    "aws_sagemaker_model_package_group_policy": "resource_policy",
    "aws_ecr_repository_policy": "policy",
    "aws_sqs_queue_policy": "policy",
    "aws_kms_key": "policy",
}
"""Types whose policy says who may use a resource."""
ATTACHMENTS = ("aws_iam_role_policy_attachment", "aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment")
WORKLOAD_SERVICES = lazy_pattern(
    r"(sagemaker|bedrock|ec2|batch|ecs-tasks|glue|lambda|pods\.eks|elasticmapreduce)\.amazonaws\.com|oidc-provider"
)
ADMINISTRATORS = lazy_pattern(
    r"admin|break.?glass|terraform|deploy|github|gitlab|atlantis|\bci\b|pipeline|bootstrap|karpenter|controller"
    r"|operator",
    re.IGNORECASE,
)
"""Names of roles that administer by nature."""


def _identity(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    found = statements(resource, (IDENTITY[resource.type],), graph)
    if isinstance(found, Unknown):
        return []
    roles = _roles(resource, graph)
    workload = _workload(roles, graph)
    return [_grant(resource, item, graph, roles, workload=workload) for item in found]


def _resource_policy(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    found = statements(resource, (RESOURCE[resource.type],), graph)
    return [] if isinstance(found, Unknown) else [_grant(resource, item, graph, [], workload=None) for item in found]


def _attachment(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    arn = resource.attributes.get("policy_arn")
    if not isinstance(arn, str) or ":aws:policy/" not in arn:
        return []
    roles = _roles(resource, graph)
    grant = AccessGrant(**common(resource), platform="aws", role=arn.rpartition("/")[2])
    grant.principals = [role.name for role in roles]
    grant.workload = _workload(roles, graph)
    grant.administrator = grant.role == "AdministratorAccess"
    # the attachment's own name tells of the policy, not of who gets it
    grant.trusted_names = any(_names(role, []) for role in roles) if roles else _names(resource, [])
    grant.allowed = grant.role or ""
    grant.sources |= {"role": ("policy_arn",), "administrator": ("policy_arn",)}
    return [grant]


def _grant(
    resource: Resource, item: Statement, graph: ResourceGraph, roles: list[Resource], *, workload: Any
) -> AccessGrant:
    own = item.holder is resource
    grant = AccessGrant(**common(resource), platform="aws", at=item.at if own else ())
    if not own:
        # the line to change is in the document
        grant.resource, grant.at = item.holder, item.at
    grant.effect = item.effect
    grant.actions, grant.resources, grant.principals = item.actions, item.resources, item.principals
    grant.allowed = ", ".join(action for action in item.actions if isinstance(action, str))
    grant.conditional = item.conditional
    grant.public = _public(item)
    grant.administrator = item.effect == "Allow" and "*" in item.actions and "*" in item.resources
    grant.workload = workload
    grant.trusted_names = _names(resource, roles)
    base = item.at
    capital = bool(base) and base[-1] != "statement" and "Statement" in base
    names = {"actions": "Action", "resources": "Resource", "principals": "Principal"} if capital else {}
    for field in ("actions", "resources", "principals"):
        grant.sources[field] = (*base, names.get(field, field))
    grant.sources |= {"public": grant.sources["principals"], "administrator": grant.sources["actions"]}
    return grant


def _public(item: Statement) -> Any:
    unknown = next((value for value in item.principals if is_unknown(value)), None)
    return True if "*" in item.principals else unknown if unknown is not None else False


def _roles(resource: Resource, graph: ResourceGraph) -> list[Resource]:
    """The roles that a policy is attached to: by its own reference, or by attachments that refer to it."""
    linked = [n.resource for n in graph.neighbours(resource, "references")]
    for neighbour in graph.neighbours(resource, "references", "in"):
        if neighbour.resource.type in (*ATTACHMENTS, "aws_iam_policy_attachment"):
            linked += [n.resource for n in graph.neighbours(neighbour.resource, "references")]
    return [item for item in dict.fromkeys(linked) if item.type == "aws_iam_role"]


def _workload(roles: list[Resource], graph: ResourceGraph) -> Any:
    """Whether a service that runs workloads may assume one of the roles; unknown where trust is."""
    answers = [_runs_workloads(role, graph) for role in roles]
    if any(answer is True for answer in answers):
        return True
    return next((answer for answer in answers if is_unknown(answer)), False if roles else None)


def _runs_workloads(role: Resource, graph: ResourceGraph) -> Any:
    found = statements(role, ("assume_role_policy",), graph)
    if isinstance(found, Unknown):
        return found
    principals = [value for item in found for value in item.principals]
    if any(isinstance(value, str) and WORKLOAD_SERVICES.search(value) for value in principals):
        return True
    return next((value for value in principals if is_unknown(value)), False)


def _names(resource: Resource, roles: list[Resource]) -> bool:
    """Whether the names of the policy or its roles say that they administer."""
    texts = [resource.name, resource.attributes.get("name")]
    texts += [value for role in roles for value in (role.name, role.attributes.get("name"))]
    return any(isinstance(text, str) and ADMINISTRATORS.search(text) for text in texts)


def _trust(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """Who may assume a role, as a grant of sts:AssumeRole."""
    found = statements(resource, ("assume_role_policy",), graph)
    if isinstance(found, Unknown):
        return []
    grants: list[Concept] = []
    for item in found:
        grant = _grant(resource, item, graph, [resource], workload=None)
        grant.kind = "aws_iam_role"
        grants.append(grant)
    return grants


READERS: dict[str, Reader] = {
    **dict.fromkeys(IDENTITY, _identity),
    **dict.fromkeys(RESOURCE, _resource_policy),
    **dict.fromkeys(ATTACHMENTS, _attachment),
    "aws_iam_role": _trust,
}
