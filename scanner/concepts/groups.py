"""Pods that serve one copy of a model, or run one job, together: what accelerators they have in all."""

from __future__ import annotations

from typing import Any

from scanner.concepts import ray
from scanner.concepts.model import PodSet
from scanner.concepts.operators import llmaz, ome, role_groups
from scanner.concepts.quantities import product, total, whole
from scanner.core import Unknown, get, is_unknown

RAY_KINDS = ("RayCluster", "RayJob", "RayCronJob", "RayService", "RayClusterFleet")
GROUPS_OF_EQUAL_PODS = (
    "NIMService", "NIMPipeline", "DynamoGraphDeployment", "DynamoComponentDeployment", "StormService", "RoleSet",
    "ModelBooster",
)  # fmt: skip
"""Kinds whose pods serve one copy of a model in groups of equal pods."""
JOBS = frozenset(("PyTorchJob", "JobSet"))
"""Kinds of which the pods of all components train together."""
SERVERS_AND_WORKERS = (
    ("predictor", "worker"), ("", "worker"), ("prefill", "prefill-worker"),
    ("engine", "engine-worker"), ("decoder", "decoder-worker"),
)  # fmt: skip
"""Components of KServe's and OME's kinds that serve one copy of a model together."""


def complete_groups(sets: list[PodSet]) -> None:
    """A leader with its workers, or a Ray head with its groups, has the accelerators of all of them."""
    if not sets:
        return
    if sets[0].kind == "LeaderWorkerSet" or sets[0].resource.group == llmaz.GROUP:
        together = _leader_and_workers(sets)
    elif sets[0].kind in RAY_KINDS and len(sets) > 1:
        ray.compare_versions(sets)
        together = total([_accelerators_of_all(pods) for pods in sets])
    elif sets[0].kind in ("LLMInferenceService", "InferenceService", "ServingRuntime", "ClusterServingRuntime"):
        _group_of_servers(sets)
        return
    elif sets[0].kind in GROUPS_OF_EQUAL_PODS:
        _pipelines(sets)
        return
    elif sets[0].kind in role_groups.KINDS:
        for group in role_groups.copies(sets):
            _group_of_roles(group)
        return
    else:
        return
    _share_accelerators(sets, together)


def count_members(sets: list[PodSet]) -> None:
    """Count the pods that start as one, once the pods of each set are counted."""
    if not sets:
        return
    first, spec = sets[0], sets[0].resource.attributes.get("spec")
    members: Any = None
    if first.kind == "LeaderWorkerSet" or first.kind in role_groups.KINDS:
        members = first.group_size
    elif first.kind in JOBS and get(spec, "elasticPolicy") is None:
        members = total([pods.pod_count for pods in sets])
    elif get(spec, "completionMode") == "Indexed":
        members = first.pod_count
    for pods in sets:
        pods.members = members


def _share_accelerators(sets: list[PodSet], together: Any) -> None:
    if any(claim.shared and claim.accelerators for pods in sets for claim in pods.device_claims):
        together = Unknown("pods of the group share the devices of a claim")
    for pods in sets:
        pods.group_accelerators = together


def _group_of_roles(sets: list[PodSet]) -> None:
    """Leaders with their workers, components, or cliques that scale together."""
    _share_accelerators(sets, total([product(pods.pods_per_replica, pods.accelerator_count) for pods in sets]))
    size = total([pods.pods_per_replica for pods in sets])
    for pods in sets:
        pods.group_size = size


def _leader_and_workers(sets: list[PodSet]) -> Any:
    """Accelerators of one group: the leader's and those of the ``size - 1`` workers."""
    leader = next((pods for pods in sets if pods.component == "leader"), None)
    worker = next((pods for pods in sets if pods.component == "worker"), sets[0])
    size: Any = worker.group_size
    if leader is not None and worker is not leader:
        leader.pods_per_replica = 1
        worker.pods_per_replica = size if is_unknown(size) else size - 1  # type: ignore[assignment]
    own = worker if leader is None else leader
    own.follower = False
    parts: list[Any] = [own.accelerator_count, size, worker.accelerator_count]
    unknown = next((part for part in parts if is_unknown(part)), None)
    return own.accelerator_count + worker.accelerator_count * (size - 1) if unknown is None else unknown


def _accelerators_of_all(pods: PodSet) -> Any:
    pieces = product(1 if pods.replicas is None else pods.replicas, pods.pods_per_replica)
    return 0 if pieces == 0 else product(pieces, pods.accelerator_count)


def _group_of_servers(sets: list[PodSet]) -> None:
    """A predictor, template or engine with its workers: together they serve one copy of the model."""
    for main, worker in SERVERS_AND_WORKERS:
        head = next((pods for pods in sets if pods.component == main), None)
        rest = next((pods for pods in sets if pods.component == worker), None)
        if head is None or rest is None:
            continue
        size = _nodes(head)
        rest.pods_per_replica = size if is_unknown(size) else size - 1  # type: ignore[assignment]
        parts: list[Any] = [head.accelerator_count, rest.accelerator_count, size]
        unknown = next((part for part in parts if is_unknown(part)), None)
        together = parts[0] + parts[1] * (size - 1) if unknown is None else unknown
        for pods in (head, rest):
            pods.group_size, pods.group_accelerators = size, together  # type: ignore[assignment]


def _nodes(head: PodSet) -> Any:
    """Pods of one copy: the data-parallel nodes or the pipeline's stages of an LLMInferenceService."""
    if head.resource.api_version.startswith(f"{ome.GROUP}/"):
        return ome.nodes(head)
    if head.kind == "InferenceService":
        return Unknown("KServe works out the nodes from the parallel sizes and the workers' GPUs")
    at = ("spec", "prefill", "parallelism") if head.component == "prefill" else ("spec", "parallelism")
    parallelism = get(head.resource.attributes, *at, default={})
    sizes = [whole(get(parallelism, field, default=1)) for field in ("pipeline", "data", "dataLocal")]
    unknown = next((size for size in sizes if not isinstance(size, int)), None)
    if unknown is not None or sizes[2] < 1:
        return unknown or Unknown("its parallelism is not a number")
    return max(sizes[1] // sizes[2], sizes[0], 1)


def _pipelines(sets: list[PodSet]) -> None:
    """Several nodes that serve one model together, each with the same number of accelerators."""
    for pods in sets:
        pods.group_accelerators = product(pods.group_size, pods.accelerator_count)
