"""What pods are for: the role of a pod set, from its kind, its command lines and its names."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.concepts.model import Container, PodSet
from scanner.concepts.runtimes import family_of
from scanner.core import Resource, get
from scanner.core.patterns import lazy_pattern
from scanner.facts.kinds import WorkloadKind, runtimes

ANY_JOB = (("RayJob", "ray.io"), ("RayCronJob", "ray.io"), ("JobSet", "jobset.x-k8s.io"), ("Job", "batch.volcano.sh"))
"""Kinds that run training and any other job of many pods."""
MAX_ROLE_TEXT = 10_000
_TRAINS = lazy_pattern(
    r"(?<![a-z])(pre-?)?train(?!ed|ium)|fine[-_]?tun|(?<![a-z])(sft|dpo|grpo|ppo|rlhf)(?![a-z])|maxtext|megatron|torchrun|deepspeed"
)
_MEASURES = lazy_pattern(
    r"[nr]ccl[-_]?tests?|(all_reduce|all_gather|alltoall|sendrecv)_perf|nvbandwidth|dcgmproftester|(gpu|neuron)[-_]?(burn|profil)|benchmark"
)
_COMPILES = lazy_pattern(r"(?<![a-z])(pre)?compil(e|ation)(?![a-z])")
"""Names of jobs that compile a model ahead of time, as Neuron needs it, by running the training command."""
_COLLECTIVES = lazy_pattern(
    r"(?<![a-z])[nr]ccl[-_]?tests?(?![a-z])|(?<![a-z])nvbandwidth(?![a-z])"
    r"|(?<![a-z])(all_?reduce|all_?gather|alltoall|broadcast|gather|hypercube|reduce|reduce_scatter|scatter|sendrecv)_perf"
)
"""Programs and images of nccl-tests, rccl-tests and nvbandwidth (repositories of NVIDIA and ROCm on GitHub)."""
_COLLECTIVE_NAME = lazy_pattern(r"(?<![a-z])[nr]ccl(?![a-z])")


def role_of(pods: PodSet, kind: WorkloadKind) -> str:
    """serving, training, batch, notebook, interactive, system or other; containers and scale must have been read."""
    images = " ".join(f"{c.image_repository or ''}:{c.image_tag or ''}" for c in pods.containers)
    names = f"{pods.name} {images}".lower()
    families = {family_of(container.runtime) for container in pods.containers}
    system = any(marker in names for marker in runtimes()["system_names"]) and not families & {"serving", "training"}
    if system and (kind.update == "daemonset" or not pods.accelerator_resources):
        return "system"
    if kind.role == "training":
        return _job_role(pods, kind, names)
    if kind.role in ("serving", "notebook"):
        return kind.role
    if kind.role == "interactive":
        return _cluster_role(pods, families, names)
    # a script of that name in a job without accelerators prepares data as often as it trains
    by_name = kind.role == "batch" and not pods.accelerator_resources
    if any(family_of(c.runtime) == "training" and not (by_name and c.runtime == "script") for c in pods.containers):
        return "training"
    if "serving" in families and kind.role != "batch":
        return "serving"
    if "notebook" in families:
        return "notebook"
    if kind.role == "batch" and pods.accelerator_resources and _TRAINS.search(names):
        return "training"
    long_running = kind.update in ("deployment", "statefulset", "rollout", "leaderworkerset", "role", "clique")
    if long_running and pods.accelerator_resources and any(_serves(container) for container in pods.containers):
        return "other" if any(_shows_media(container) for container in pods.containers) else "serving"
    return "system" if kind.update == "daemonset" else kind.role


def _cluster_role(pods: PodSet, families: set[str | None], names: str) -> str:
    """What a cluster starts or is named after; interactive where it takes whatever is sent to it."""
    if "serving" in families:
        return "serving"
    return "training" if "training" in families or _TRAINS.search(_text(pods, names)) else "interactive"


def _text(pods: PodSet, names: str) -> str:
    words = [word for container in pods.containers for word in container.argv if isinstance(word, str)]
    return " ".join([names, *words, entrypoint(pods.resource)])[:MAX_ROLE_TEXT].lower()


def role_by_jobs(pods: PodSet, jobs: Iterable[Resource]) -> None:
    """Give a Ray cluster the role of the RayJobs that are submitted to it, where nothing else tells its role."""
    if pods.role != "interactive":
        return
    texts = [f"{job.name} {entrypoint(job)}"[:MAX_ROLE_TEXT].lower() for job in jobs]
    if texts:
        trains = any(_TRAINS.search(text) and not _MEASURES.search(text) for text in texts)
        pods.role = "training" if trains else "batch"


def share_role(sets: list[PodSet]) -> None:
    """Give all pods of one object the purpose of those that tell it: workers wait for what is started in them."""
    if any(pods.collective_benchmark for pods in sets):
        for pods in sets:
            pods.role, pods.collective_benchmark = "batch", True
    told = next((pods.role for pods in sets if pods.role in ("serving", "training")), None)
    for pods in sets:
        if pods.role == "interactive" and told is not None:
            pods.role = told


def _job_role(pods: PodSet, kind: WorkloadKind, names: str) -> str:
    """training, or batch for benchmarks and for kinds that run any job where nothing says that it trains."""
    text = _text(pods, names)
    if _MEASURES.search(text) or _COMPILES.search(pods.name.lower()):
        return "batch"
    launched = any(family_of(c.runtime) == "training" and c.runtime != "mpi" for c in pods.containers)
    return "training" if (kind.kind, kind.group) not in ANY_JOB or launched or _TRAINS.search(text) else "batch"


def _serves(container: Container) -> bool:
    """Whether a container listens or is asked whether it is ready."""
    return bool(container.ports) or container.readiness_probe is not None


def _shows_media(container: Container) -> bool:
    """Whether a container has an accelerator for video or a screen, not for a model."""
    name = (container.image_repository or "").rpartition("/")[2].lower()
    return any(name == media or name.startswith(f"{media}-") for media in runtimes()["media_images"])


def entrypoint(resource: Resource) -> str:
    """What a RayJob submits to its cluster."""
    for path in (("spec", "entrypoint"), ("spec", "jobTemplate", "entrypoint")):
        value = get(resource.attributes, *path)
        if isinstance(value, str):
            return value
    return ""


def collective_benchmark(pods: PodSet) -> bool:
    """Whether the pods measure the links between accelerators: they run no model and no data of anybody."""
    if pods.role not in ("batch", "other", "interactive"):
        return False
    names = [pods.name, *(container.name for container in pods.containers)]
    if any(_COLLECTIVE_NAME.search(name) for name in names):
        return True
    texts = [container.image for container in pods.containers] + [w for c in pods.containers for w in c.argv]
    return any(isinstance(text, str) and _COLLECTIVES.search(text[:MAX_ROLE_TEXT]) for text in texts)
