"""Kinds whose objects are groups of roles: RoleBasedGroups, Volcano's ModelServings and Grove's PodCliqueSets.

A replica of a role is what serves one copy of a model: a pod, a leader with its workers, or pods of several components.
Sources: api/workloads and pkg/reconciler of sgl-project/rbg 993491f; operator/api/core/v1alpha1 of ai-dynamo/grove
fcc3b3b; pkg/apis/workload/v1alpha1 of volcano-sh/kthena 3cc0572.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from scanner.concepts.merged import overlay
from scanner.concepts.model import PodSet
from scanner.concepts.operators.shaped import Shaped
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, get, listed, mapping, mappings

MAX_TEMPLATES = 1_000
"""Shared templates of an object that its roles are looked for among."""
KINDS = ("ModelServing", "RoleBasedGroup", "RoleBasedGroupSet", "PodCliqueSet")


class _Layer(Struct, frozen=True):
    """A pod template, or a patch of one, and where it stands."""

    template: dict[str, Any]
    at: Path


def role(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    """The pod of a role; of one with workers the leader, or all of its pods where no patch tells them apart."""
    return _shaped(_layers(item, at, root, "leader"))


def workers(item: dict[str, Any], at: Path, root: dict[str, Any]) -> Shaped | None:
    """The workers of a role, where they are not like the leader."""
    return _shaped(_layers(item, at, root, "worker")) if _apart(item) else None


def _source(item: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """What holds a role's template: one of its patterns in v1alpha2, the role itself in v1alpha1."""
    for name in ("leaderWorkerPattern", "standalonePattern"):
        if isinstance(item.get(name), dict):
            return item[name], (name,)
    return item, ()


def _patches(item: dict[str, Any]) -> dict[str, Path]:
    """Where the patches of leaders and workers stand."""
    if isinstance(item.get("leaderWorkerPattern"), dict):
        return {name: ("leaderWorkerPattern", f"{name}TemplatePatch") for name in ("leader", "worker")}
    if isinstance(item.get("leaderWorkerSet"), dict):
        return {name: ("leaderWorkerSet", f"patch{name.title()}Template") for name in ("leader", "worker")}
    return {}


def _apart(item: dict[str, Any]) -> bool:
    """Whether leaders and workers differ in more than labels."""
    return any(get(item, *place, "spec") is not None for place in _patches(item).values())


def _layers(item: dict[str, Any], at: Path, root: dict[str, Any], part: str) -> list[_Layer]:
    source, inside = _source(item)
    place = (*at, *inside)
    found = [(source.get("template"), (*place, "template"))]
    name = get(source, "templateRef", "name")
    if name is not None:
        shared = (*at[:-2], "roleTemplates")
        templates = get(root, *shared)
        entries = enumerate(listed(templates)[:MAX_TEMPLATES])
        number = next((n for n, entry in entries if get(entry, "name") == name), None)
        if number is None:
            return []
        found = [(get(templates, number, "template"), (*shared, number, "template"))]
        found.append((get(source, "templateRef", "patch"), (*place, "templateRef", "patch")))
        found.append((source.get("templatePatch"), (*place, "templatePatch")))
    patch = _patches(item).get(part)
    if patch is not None:
        found.append((get(item, *patch), (*at, *patch)))
    return [_Layer(template, where) for template, where in found if isinstance(template, dict)]


def _shaped(layers: list[_Layer]) -> Shaped | None:
    if not layers:
        return None
    template: Any = {}
    for layer in layers:
        template = overlay(template, layer.template)
    pod_at = next(
        (layer.at for layer in reversed(layers) if isinstance(layer.template.get("spec"), dict)), layers[0].at
    )
    spec, metadata = template.get("spec"), template.get("metadata")
    spec = mapping(spec)
    containers = mappings(spec.get("containers"))
    places = _pod_places(layers, (*pod_at, "spec"))
    parts = []
    for number, item in enumerate(containers):
        found = list(_said(str(item.get("name")), layers))
        at = found[-1][1] if found else (*layers[0].at, "spec", "containers", number)
        parts.append((item, at))
        places |= {(*at, key): (*place, key) for said, place in found for key in said}
    return Shaped(spec, tuple(parts), mapping(metadata), (*pod_at, "spec"), places)


def _said(name: str, layers: list[_Layer]) -> Iterator[tuple[dict[str, Any], Path]]:
    """What each layer says of a container, and where."""
    for layer in layers:
        for place, item in enumerate(listed(get(layer.template, "spec", "containers"))):
            if isinstance(item, dict) and str(item.get("name")) == name:
                yield item, (*layer.at, "spec", "containers", place)


def _pod_places(layers: list[_Layer], pod_at: Path) -> dict[Path, Path]:
    """Where the last of the layers that says something of a field of the pod does so."""
    specs = [(layer.template.get("spec"), (*layer.at, "spec")) for layer in layers]
    said = [(spec, at) for spec, at in specs if isinstance(spec, dict) and at != pod_at]
    given = mapping(next((spec for spec, at in specs if at == pod_at), None))
    return {(*pod_at, key): (*at, key) for spec, at in said for key in spec if key not in given and key != "containers"}


def read_role(pods: PodSet, path: Path) -> None:
    """The pods of a replica of a role of a RoleBasedGroup."""
    item: Any = get(pods.resource.attributes, *path)
    patches = _patches(item)
    if not patches:
        return
    place = (*path, patches["leader"][0], "size")
    found = whole(get(pods.resource.attributes, *place))
    size: Any = 1 if found is None else found
    leader: Any = size if not _apart(item) else 1
    pods.pods_per_replica = leader if not pods.follower or isinstance(size, Unknown) else size - 1
    pods.group_size = size
    pods.sources["group_size"] = place


def read_clique(pods: PodSet, path: Path) -> None:
    """Replicas of a clique: of its scaling group, if it is in one, each with all pods of the clique."""
    spec = get(pods.resource.attributes, *path[:-1])
    scaler, place = get(spec, "autoScalingConfig"), path[:-1]
    found = _scaling_group(pods)
    if found is not None:
        group, place = found
        replicas: Any = whole(get(group, "replicas"))
        pods.pods_per_replica = 1 if pods.replicas is None else pods.replicas
        pods.replicas = 1 if replicas is None else replicas
        pods.sources["group_size"], pods.sources["replicas"] = pods.sources["replicas"], (*place, "replicas")
        scaler = get(group, "scaleConfig")
    if scaler is None:
        return
    least, most = whole(get(scaler, "minReplicas")), whole(get(scaler, "maxReplicas"))
    pods.min_replicas = pods.replicas if least is None else least
    pods.max_replicas = most
    pods.autoscaled = True
    pods.replicas = pods.min_replicas


def _scaling_group(pods: PodSet) -> tuple[dict[str, Any], Path] | None:
    return _scaling_groups(pods.resource).get(pods.component) if pods.kind == "PodCliqueSet" else None


@lru_cache(maxsize=1)
def _scaling_groups(resource: Resource) -> dict[str, tuple[dict[str, Any], Path]]:
    """The scaling group of each clique, and where it stands."""
    place: Path = ("spec", "template", "podCliqueScalingGroups")
    found: dict[str, tuple[dict[str, Any], Path]] = {}
    for number, group in enumerate(listed(get(resource.attributes, *place))):
        for name in listed(get(group, "cliqueNames")):
            if isinstance(name, str):
                found.setdefault(name, (group, (*place, number)))
    return found


def copies(sets: list[PodSet]) -> list[list[PodSet]]:
    """The pod sets that serve one copy of a model together."""
    groups: dict[Path, list[PodSet]] = {}
    for pods in sets:
        groups.setdefault(_group(pods), []).append(pods)
    return list(groups.values())


def _group(pods: PodSet) -> Path:
    """What tells the copies of models apart: the role, the scaling group, or the clique."""
    if pods.kind == "PodCliqueSet":
        found = _scaling_group(pods)
        return found[1] if found is not None else pods.at
    return role_of(pods)


def role_of(pods: PodSet) -> Path:
    """Where the role stands that the pods are of."""
    return pods.at[: pods.at.index("roles") + 2]
