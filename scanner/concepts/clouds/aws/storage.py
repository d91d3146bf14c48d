"""S3 buckets with their companions, and ECR repositories."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, ai_purpose, common, either, equals, given
from scanner.concepts.model import Bucket, Concept, ModelRegistry
from scanner.core import Resource, get, is_unknown
from scanner.graph import ResourceGraph

SWITCHES = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def _bucket(resource: Resource, graph: ResourceGraph) -> Concept:
    bucket = Bucket(**common(resource), platform="s3")
    bucket.ai_purpose = ai_purpose(resource, "bucket", "bucket_prefix", "tags")
    companions = [n.resource for n in graph.neighbours(resource, "references", "in")]

    def of(kind: str) -> list[Resource]:
        return [companion for companion in companions if companion.type == f"aws_s3_bucket_{kind}"]

    bucket.public_access_blocked = _switches(of("public_access_block"))
    acls = [resource.attributes.get("acl"), *(acl.attributes.get("acl") for acl in of("acl"))]
    bucket.public_access = any(isinstance(acl, str) and acl.startswith("public-") for acl in acls)
    bucket.versioning = _versioning(resource, of("versioning"))
    lists = [item.attributes.get("rule") for item in of("lifecycle_configuration")]
    lists.append(resource.attributes.get("lifecycle_rule"))
    bucket.lifecycle = either(*(given(rules) for rules in lists))
    bucket.expires_noncurrent = _any_rule(lists, "noncurrent_version_expiration")
    bucket.aborts_uploads = _any_rule(lists, "abort_incomplete_multipart_upload")
    bucket.encrypted_with_own_key = _own_key(of("server_side_encryption_configuration"))
    bucket.access_logged = bool(of("logging")) or given(resource.attributes.get("logging"))
    bucket.force_destroy = get(resource.attributes, "force_destroy", default=False)
    bucket.sources |= {"force_destroy": ("force_destroy",), "public_access": ("acl",), "versioning": ("versioning",)}
    return bucket


def _any_rule(lists: list[Any], key: str) -> Any:
    """Whether any lifecycle rule has the block; unknown if none has and some rules are unknown."""
    rules = [rule for rules in lists for rule in (rules if isinstance(rules, list) else [rules])]
    return either(*(rule if is_unknown(rule) else isinstance(rule, dict) and given(rule.get(key)) for rule in rules))


def _versioning(resource: Resource, companions: list[Resource]) -> Any:
    states = [get(item.attributes, "versioning_configuration", 0, "status") for item in companions]
    states.append(get(resource.attributes, "versioning", 0, "enabled"))
    return next((state for state in states if is_unknown(state)), any(state in ("Enabled", True) for state in states))


def _own_key(companions: list[Resource]) -> Any:
    at = ("rule", 0, "apply_server_side_encryption_by_default", 0, "sse_algorithm")
    names = [get(item.attributes, *at) for item in companions]
    unknown = next((name for name in names if is_unknown(name)), None)
    return unknown if unknown is not None else any(str(name).startswith("aws:kms") for name in names)


def _switches(blocks: list[Resource]) -> Any:
    values = [block.attributes.get(switch, False) for block in blocks[:1] for switch in SWITCHES]
    if any(value is False or value is None for value in values):
        return False
    return next((value for value in values if is_unknown(value)), bool(values))


def _repository(resource: Resource, graph: ResourceGraph) -> Concept:
    registry = ModelRegistry(**common(resource), platform="ecr")
    mutability = resource.attributes.get("image_tag_mutability", "MUTABLE")
    registry.immutable_tags = mutability if is_unknown(mutability) else str(mutability).startswith("IMMUTABLE")  # type: ignore[assignment]
    registry.scan_on_push = get(resource.attributes, "image_scanning_configuration", 0, "scan_on_push", default=False)
    kind = get(resource.attributes, "encryption_configuration", 0, "encryption_type", default="AES256")
    registry.encrypted_with_own_key = equals(kind, "KMS")
    registry.sources |= {
        "immutable_tags": ("image_tag_mutability",),
        "scan_on_push": ("image_scanning_configuration",),
        "encrypted_with_own_key": ("encryption_configuration",),
    }
    return registry


READERS: dict[str, Reader] = {"aws_s3_bucket": _bucket, "aws_ecr_repository": _repository}
