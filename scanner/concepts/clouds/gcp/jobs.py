"""Vertex AI custom jobs: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/CustomJobSpec."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.common import Reader, common, environment
from scanner.concepts.model import Concept, TrainingJob
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, get
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

WEEK = "604800s"
"""How long a job may run unless it says otherwise."""
_CHECKPOINT = lazy_pattern(r"checkpoint|ckpt|resume|save[-_]?(dir|path|steps)|gs://|/gcs/", re.IGNORECASE)


def _custom_job(resource: Resource, graph: ResourceGraph) -> Concept:
    at: Path = ("jobSpec",) if "jobSpec" in resource.attributes else ()
    spec = get(resource.attributes, *at, default={})
    pools = get(spec, "workerPoolSpecs", default=[])
    job = TrainingJob(**common(resource), platform="vertex-ai", at=at)
    job.spot = get(spec, "scheduling", "strategy") in ("SPOT", "FLEX_START_SPOT")
    job.accelerator_count = sum(_accelerators(pool) for pool in pools)
    job.instance_type = get(pools, 0, "machineSpec", "machineType")
    timeout = get(spec, "scheduling", "timeout", default=WEEK)
    job.timeout_seconds = whole(timeout.removesuffix("s")) if isinstance(timeout, str) else None
    job.checkpointed = get(spec, "baseOutputDirectory") is not None or any(_keeps_checkpoints(pool) for pool in pools)
    for number, pool in enumerate(pools):
        place = (*at, "workerPoolSpecs", number, "containerSpec", "env")
        job.env += environment(get(pool, "containerSpec", "env"), place, ())
    job.sources |= {
        "spot": (*at, "scheduling", "strategy"),
        "timeout_seconds": (*at, "scheduling", "timeout"),
        "checkpointed": (*at, "baseOutputDirectory"),
        "instance_type": (*at, "workerPoolSpecs", 0, "machineSpec", "machineType"),
    }
    return job


def _accelerators(pool: Any) -> int:
    each, machines = (
        whole(get(pool, *path, default=default))
        for path, default in ((("machineSpec", "acceleratorCount"), 0), (("replicaCount",), 1))
    )
    return (each or 0) * (1 if machines is None else machines)


def _keeps_checkpoints(pool: Any) -> bool:
    """Whether the command line of a pool speaks of checkpoints, or of a bucket to write to."""
    texts = [get(pool, *path, default=[]) for path in (("containerSpec", "command"), ("containerSpec", "args"),
                                                       ("pythonPackageSpec", "args"))]  # fmt: skip
    words = [str(word) for text in texts for word in (text if isinstance(text, list) else [text])]
    return any(_CHECKPOINT.search(word) for word in words)


READERS: dict[str, Reader] = {"vertex.customJob": _custom_job}
