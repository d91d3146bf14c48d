"""How many pods a workload has: its replicas, the bounds of its scalers, and what an update takes away or adds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scanner.concepts.model import PodSet
from scanner.concepts.operators import kaito, ome, role_groups
from scanner.concepts.quantities import product, share, whole
from scanner.core import Path, Resource, Unknown, get, is_unknown
from scanner.facts.kinds import WorkloadKind, absolute, workload_kinds

KEDA_MOST = 100
"""What KEDA scales to where maxReplicaCount is not set (https://keda.sh/docs/latest/reference/scaledjob-spec/)."""
HYPERPOD_MOST = 5
"""What HyperPod's inference operator scales to where maxReplicaCount is not set (default of its CRD)."""
SCALER_BOUNDS = {
    "HorizontalPodAutoscaler": ("minReplicas", 1, "maxReplicas"),
    "ScaledObject": ("minReplicaCount", 0, "maxReplicaCount"),
}
"""Autoscaler to (field of the smallest count, its default, field of the largest count)."""
HELD = "autoscaling.keda.sh/paused-replicas"
"""The annotation of a ScaledObject at whose number KEDA holds the replicas, whatever the bounds and triggers say
(https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling)."""


def read_scale(pods: PodSet, kind: WorkloadKind, path: Path) -> None:
    """Read replicas, their bounds and the pods of each, as the object itself says them."""
    attributes = pods.resource.attributes
    for field, steps in (("replicas", kind.replicas), ("min_replicas", kind.minimum), ("max_replicas", kind.maximum)):
        place = absolute(path, steps)
        if place:
            setattr(pods, field, whole(get(attributes, *place)))
            pods.sources[field] = place
    if pods.replicas is None and kind.kind != "CronJob":
        pods.replicas = (
            _decided_replicas(pods) if kind.decided_replicas else kind.default_replicas if kind.replicas else None
        )
    if kind.kind == "Pod" or kind.component in ("head", "driver"):
        pods.replicas = 1
    if kind.group_size:
        place = absolute(path, kind.group_size)
        size = whole(get(attributes, *place))
        pods.group_size = 1 if size is None or size == 0 else size
        pods.pods_per_replica = pods.group_size
        pods.sources["group_size"] = place
    if kind.autoscaling == "rbg":
        role_groups.read_role(pods, path)
    if kind.autoscaling == "grove":
        role_groups.read_clique(pods, path)
    if kind.times:
        times: Any = whole(get(attributes, *absolute(path, kind.times)))
        pods.pods_per_replica = product(1 if times is None else times, pods.pods_per_replica)
        pods.sources["pods_per_replica"] = absolute(path, kind.times)
    if kind.sets:
        _multiply(pods, whole(get(attributes, *kind.sets)), kind.default_sets)
    _read_autoscaling(pods, kind, path)


def _multiply(pods: PodSet, sets: Any, default: int) -> None:
    """Replicas in all copies of the whole, where they were those in one."""
    count = default if sets is None else sets
    pods.replicas_each = 1 if pods.replicas is None else pods.replicas
    for field in ("replicas", "min_replicas", "max_replicas"):
        value = getattr(pods, field)
        if value is not None:
            setattr(pods, field, product(count, value))


def _decided_replicas(pods: PodSet) -> Any:
    """The nodes that the training runtime of a TrainJob gives it."""
    if pods.defined_by is None:
        return Unknown("the training runtime decides how many nodes there are")
    nodes = whole(get(pods.defined_by.attributes, "spec", "mlPolicy", "numNodes"))
    return 1 if nodes is None else nodes


def _read_autoscaling(pods: PodSet, kind: WorkloadKind, path: Path) -> None:
    attributes = pods.resource.attributes
    if kind.autoscaling == "scaled-job":
        pods.autoscaled = True
        pods.min_replicas = 0 if pods.min_replicas is None else pods.min_replicas
        pods.max_replicas = KEDA_MOST if pods.max_replicas is None else pods.max_replicas
    if kind.ray and kind.component == "worker":
        pods.autoscaled = get(attributes, *kind.ray, "enableInTreeAutoscaling", default=False)
        pods.min_replicas = 0 if pods.min_replicas is None else pods.min_replicas
        _bound_ray_workers(pods, get(attributes, *path[:-1], "suspend", default=False))
    if kind.autoscaling == "nim":
        service = path if kind.kind == "NIMService" else (*path, "spec")
        pods.autoscaled = get(attributes, *service, "scale", "enabled", default=False)
    if kind.autoscaling == "vllm-runtime":
        pods.autoscaled = get(attributes, "spec", "autoscalingConfig", "enabled", default=False)
    if kind.autoscaling == "hyperpod":
        pods.autoscaled = get(attributes, "spec", "autoScalingSpec") is not None
        if pods.autoscaled:
            pods.min_replicas = 1 if pods.min_replicas is None else pods.min_replicas
            pods.max_replicas = HYPERPOD_MOST if pods.max_replicas is None else pods.max_replicas
    if kind.autoscaling == "kubeai":
        off = get(attributes, "spec", "autoscalingDisabled", default=False)
        pods.autoscaled = off if is_unknown(off) else off is not True  # type: ignore[assignment]
        pods.min_replicas = 0 if pods.min_replicas is None else pods.min_replicas
    if kind.autoscaling == "kaito":
        kaito.read_scale(pods)
    if kind.autoscaling == "ome":
        ome.read_scale(pods)
    if kind.autoscaling == "kserve":
        pods.autoscaled = True
        pods.min_replicas = 1 if pods.min_replicas is None else pods.min_replicas
        pods.replicas = pods.min_replicas
    if kind.autoscaling == "knative":
        pods.autoscaled = True
        for field, key in (("min_replicas", "min-scale"), ("max_replicas", "max-scale")):
            name = f"autoscaling.knative.dev/{key}"
            value = pods.pod_annotations.get(name, pods.pod_annotations.get(name.replace("-s", "S")))
            setattr(pods, field, whole(value))
            pods.sources[field] = (*path, "metadata", "annotations", name)


def _bound_ray_workers(pods: PodSet, suspended: Any) -> None:
    """KubeRay keeps the replicas between the bounds (GetWorkerGroupDesiredReplicas of ray-project/kuberay)."""
    parts: list[Any] = [suspended, pods.replicas, pods.min_replicas, pods.max_replicas]
    unknown = next((part for part in parts if is_unknown(part)), None)
    if unknown is not None:
        pods.replicas = unknown  # type: ignore[assignment]
        return
    _, replicas, least, most = parts
    pods.replicas = 0 if suspended is True else max(least, replicas if most is None else min(replicas, most))


def read_update(pods: PodSet, kind: WorkloadKind) -> None:
    """Read how an update of the pods goes."""
    attributes = pods.resource.attributes
    if kind.update in ("deployment", "rollout"):
        base: tuple[str, ...] = ("spec", "strategy")
        pods.progress_deadline_seconds = whole(get(attributes, "spec", "progressDeadlineSeconds", default=600))
        pods.sources["progress_deadline_seconds"] = ("spec", "progressDeadlineSeconds")
        pods.strategy = get(attributes, *base, "type", default="RollingUpdate")
        rolling = (*base, "canary") if kind.update == "rollout" else (*base, "rollingUpdate")
        if kind.update == "rollout" and isinstance(get(attributes, *base, "blueGreen"), dict):
            pods.strategy = "BlueGreen"
            return
        unavailable = get(attributes, *rolling, "maxUnavailable", default="25%")
        surge = get(attributes, *rolling, "maxSurge", default="25%")
        pods.max_unavailable = share(unavailable, pods.replicas, up=False)
        pods.max_surge = share(surge, pods.replicas, up=True)
        if pods.max_unavailable == 0 and pods.max_surge == 0:
            pods.max_unavailable = 1
        pods.sources |= {
            "strategy": (*base, "type"),
            "max_unavailable": (*rolling, "maxUnavailable"),
            "max_surge": (*rolling, "maxSurge"),
        }
    elif kind.update == "vllm-runtime":
        place: Path = ("spec", "deploymentConfig", "deploymentStrategy")
        pods.strategy = get(attributes, *place, default="RollingUpdate")
        pods.max_unavailable = share("25%", pods.replicas, up=False)
        pods.max_surge = share("25%", pods.replicas, up=True)
        pods.sources["strategy"] = place
    elif kind.update == "statefulset":
        pods.strategy = get(attributes, "spec", "updateStrategy", "type", default="RollingUpdate")
        at = ("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
        pods.max_unavailable = share(get(attributes, *at, default=1), pods.replicas, up=False)
        pods.max_surge = 0
        pods.sources |= {"max_unavailable": at, "strategy": ("spec", "updateStrategy", "type")}
    elif kind.update == "leaderworkerset":
        pods.strategy = "RollingUpdate"
        at = ("spec", "rolloutStrategy", "rollingUpdateConfiguration", "maxUnavailable")
        pods.max_unavailable = share(get(attributes, *at, default=1), pods.replicas, up=False)
        pods.max_surge = share(get(attributes, *at[:-1], "maxSurge", default=0), pods.replicas, up=True)
        pods.sources["max_unavailable"] = at
    elif kind.update == "role":
        pods.strategy = "RollingUpdate"
        rolling_at: Path = (*role_groups.role_of(pods), "rolloutStrategy", "rollingUpdate")
        each = pods.replicas_each
        pods.max_unavailable = share(get(attributes, *rolling_at, "maxUnavailable", default=1), each, up=False)
        pods.max_surge = share(get(attributes, *rolling_at, "maxSurge", default=0), each, up=True)
        pods.sources["max_unavailable"] = (*rolling_at, "maxUnavailable")


def count_pods(pods: PodSet) -> None:
    """Count the pods in all, once replicas and pods of each are known."""
    parts: list[Any] = [1 if pods.replicas is None else pods.replicas, pods.pods_per_replica]
    unknown = next((part for part in parts if is_unknown(part)), None)
    pods.pod_count = parts[0] * parts[1] if unknown is None else unknown  # type: ignore[assignment]


def apply_scalers(pods: PodSet, scalers: Iterable[Resource]) -> None:
    """What HorizontalPodAutoscalers and ScaledObjects make of the replicas: at least their minimum.

    ``autoscaled`` is for scalers that can go to zero, which a HorizontalPodAutoscaler cannot.
    """
    for scaler in scalers:
        _apply_scaler(pods, scaler)
    count_pods(pods)
    for kind in workload_kinds().get(pods.kind, ()):
        if kind.group == pods.resource.group and kind.component == pods.component:
            read_update(pods, kind)


def _apply_scaler(pods: PodSet, scaler: Resource) -> None:
    names = SCALER_BOUNDS.get(scaler.type)
    if names is None:
        return
    held = get(scaler.attributes, "metadata", "annotations", HELD) if scaler.type == "ScaledObject" else None
    if held is not None:
        count: Any = _of_all(whole(held), pods)
        pods.replicas = pods.min_replicas = pods.max_replicas = count
        return
    low, default, high = names
    pods.autoscaled = pods.autoscaled or scaler.type == "ScaledObject"
    least: Any = _of_all(whole(get(scaler.attributes, "spec", low, default=default)), pods)
    pods.min_replicas = least
    pods.max_replicas = _of_all(whole(get(scaler.attributes, "spec", high)), pods)
    if is_unknown(least):
        pods.replicas = least  # type: ignore[assignment]
    elif least is not None and not is_unknown(pods.replicas):
        pods.replicas = max(pods.replicas or 0, least)


def _of_all(count: Any, pods: PodSet) -> Any:
    """The replicas that a scaler means, which may count copies of the whole."""
    return None if count is None else product(count, pods.replicas_each)
