"""S3 buckets with their companions, and ECR repositories."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, ai_purpose, common, equals, given
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
    rules = [rule for item in of("lifecycle_configuration") for rule in _blocks(item.attributes.get("rule"))]
    rules += _blocks(resource.attributes.get("lifecycle_rule"))
    bucket.lifecycle = bool(rules)
    bucket.expires_noncurrent = any("noncurrent_version_expiration" in rule for rule in rules)
    bucket.aborts_uploads = any("abort_incomplete_multipart_upload" in rule for rule in rules)
    bucket.encrypted_with_own_key = _own_key(of("server_side_encryption_configuration"))
    bucket.access_logged = bool(of("logging")) or given(resource.attributes.get("logging"))
    bucket.force_destroy = get(resource.attributes, "force_destroy", default=False)
    bucket.sources |= {"force_destroy": ("force_destroy",), "public_access": ("acl",)}
    return bucket


def _blocks(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


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
