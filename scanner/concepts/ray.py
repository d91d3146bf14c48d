"""What the pods of a Ray cluster run and are told: their version of Ray, and the accelerators that Ray counts on."""

from __future__ import annotations

from scanner.concepts.model import PodSet
from scanner.concepts.quantities import whole
from scanner.core import Path, get
from scanner.core.patterns import lazy_pattern

IMAGES = frozenset(("ray", "ray-ml", "ray-llm"))
"""The names of the images that the project publishes, with Ray's version first in the tag."""
_TAG = lazy_pattern(r"(\d+\.\d+\.\d+)(?!\w)[^-]*(?:-.*?(py\d+))?")


def read_group(pods: PodSet, group: Path) -> None:
    """Read the group of a Ray cluster that stands at ``group``."""
    place = (*group, "rayStartParams", "num-gpus")
    pods.announced_accelerators = whole(get(pods.resource.attributes, *place))
    pods.sources["announced_accelerators"] = place


def compare_versions(sets: list[PodSet]) -> None:
    """Tell workers what their head runs, where the images of both say so."""
    releases = [(pods, _release(pods)) for pods in sets]
    head = next((release for pods, release in releases if pods.component == "head"), None)
    for pods, own in releases:
        if head is None or own is None or pods.component == "head":
            continue
        both = 2 if own[1] and head[1] else 1
        pods.release, pods.head_release = "-".join(own[:both]), "-".join(head[:both])
        pods.sources["release"] = pods.containers[0].sources.get("image", pods.at)


def _release(pods: PodSet) -> tuple[str, str] | None:
    """The versions of Ray and Python in the tag of a published image; Python's may be empty."""
    container = pods.containers[0] if pods.containers else None
    repository = container.image_repository if container is not None else None
    tag = container.image_tag if container is not None else None
    if not isinstance(repository, str) or not isinstance(tag, str) or repository.rpartition("/")[2] not in IMAGES:
        return None
    found = _TAG.match(tag)
    return None if found is None else (found[1], found[2] or "")
