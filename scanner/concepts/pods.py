"""Workload kinds to pod sets: the view of pods that every rule about workloads shares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scanner.concepts import ray
from scanner.concepts.amounts import Amounts
from scanner.concepts.config_maps import ConfigMaps
from scanner.concepts.declared import KSERVE_FRAMEWORKS, declare
from scanner.concepts.definitions import Definitions, model_field
from scanner.concepts.device_claims import read_claims
from scanner.concepts.devices import Devices
from scanner.concepts.groups import complete_groups, count_members
from scanner.concepts.merged import Merged, Part, merge_predictor, merge_worker
from scanner.concepts.model import Accelerators, Container, EnvironmentVariable, PodSet, Serving, View
from scanner.concepts.operators import ome
from scanner.concepts.operators.shaped import Named
from scanner.concepts.operators.shapes import shape
from scanner.concepts.probes import read_probes
from scanner.concepts.quantities import quantity, settled, total, whole
from scanner.concepts.roles import collective_benchmark, role_of, share_role
from scanner.concepts.runtimes import recognise, words
from scanner.concepts.scaling import count_pods, read_scale, read_update
from scanner.concepts.shutdown import pause, sum_up
from scanner.core import Path, Resource, Unknown, get, is_unknown, listed, mapping, mappings
from scanner.core.patterns import lazy_pattern
from scanner.facts.kinds import Holder, WorkloadKind, absolute, expand_paths, holders, workload_kinds

ACCELERATOR = lazy_pattern(
    r"(nvidia\.com/(gpu|gpu\.shared|pgpu|mig-.+)|amd\.com/gpu|gpu\.intel\.com/.+|habana\.ai/gaudi"
    r"|aws\.amazon\.com/(neuron.*)|google\.com/tpu)\Z"
)
"""Extended resources of accelerator vendors, as their device plugins name them; ``pgpu`` is a GPU that NVIDIA's sandbox
device plugin passes through to a virtual machine (NVIDIA/k8s-nim-operator f63f74d, confidential-computing samples)."""
GANG_SCHEDULERS = ("volcano", "scheduler-plugins-scheduler", "kai-scheduler", "run-ai-scheduler")
DEFAULT_SHM_BYTES = 64 * 1024 * 1024
OPERATOR_LABELS: dict[str, tuple[tuple[str, str], ...]] = {
    "serving.kserve.io/InferenceService": (
        ("serving.kserve.io/inferenceservice", "{name}"),
        ("component", "{component}"),
    ),
    "ray.io/RayCluster": (
        ("ray.io/cluster", "{name}"),
        ("ray.io/node-type", "{component}"),
        ("ray.io/is-ray-node", "yes"),
    ),
    "ray.io/RayService": (("ray.io/node-type", "{component}"), ("ray.io/is-ray-node", "yes")),
    "ray.io/RayJob": (("ray.io/node-type", "{component}"), ("ray.io/is-ray-node", "yes")),
    "leaderworkerset.x-k8s.io/LeaderWorkerSet": (("leaderworkerset.sigs.k8s.io/name", "{name}"),),
    "jobset.x-k8s.io/JobSet": (("jobset.sigs.k8s.io/jobset-name", "{name}"),),
    "kubeflow.org/PyTorchJob": (
        ("training.kubeflow.org/job-name", "{name}"),
        ("training.kubeflow.org/replica-type", "{component}"),
    ),
    "kubeflow.org/MPIJob": (
        ("training.kubeflow.org/job-name", "{name}"),
        ("training.kubeflow.org/replica-type", "{component}"),
    ),
    "workload.serving.volcano.sh/ModelServing": (
        ("modelserving.volcano.sh/name", "{name}"),
        ("modelserving.volcano.sh/role", "{component}"),
    ),
    "workloads.x-k8s.io/RoleBasedGroup": (
        ("rbg.workloads.x-k8s.io/group-name", "{name}"),
        ("rbg.workloads.x-k8s.io/role-name", "{component}"),
    ),
    "workloads.x-k8s.io/RoleBasedGroupSet": (
        ("rbg.workloads.x-k8s.io/groupset-name", "{name}"),
        ("rbg.workloads.x-k8s.io/role-name", "{component}"),
    ),
    "grove.io/PodCliqueSet": (("app.kubernetes.io/part-of", "{name}"),),
    "batch/Job": (("job-name", "{name}"), ("batch.kubernetes.io/job-name", "{name}")),
    "kubeflow.org/Notebook": (("notebook-name", "{name}"),),
    "kaito.sh/Workspace": (("kaito.sh/workspace", "{name}"),),
    "kaito.sh/InferenceSet": (("inferenceset.kaito.sh/created-by", "{name}"),),
    "kaito.sh/RAGEngine": (("kaito.sh/ragengine", "{name}"),),
}
"""Labels that controllers put on the pods that they make, by group and kind."""
PROCESSES: dict[str, Path] = {
    "PyTorchJob": ("spec", "nprocPerNode"),
    "MPIJob": ("spec", "slotsPerWorker"),
    "TrainJob": ("spec", "trainer", "numProcPerNode"),
}
"""Where a job says how many processes run in each of its pods."""
LOCAL_DISKS = lazy_pattern(r"/(dev|tmp|run|var|local|scratch|mnt/(k8s-disks|disks|stateful_partition)|opt/dlami)(/|\Z)")
"""Paths of a node that lie on its own disks or in its memory."""
LOCATED_FIELDS = (
    ("image", "image"),
    ("args", "args"),
    ("env", "env"),
    ("readiness_probe", "readinessProbe"),
    ("liveness_probe", "livenessProbe"),
    ("startup_probe", "startupProbe"),
    ("security_context", "securityContext"),
)
"""(field of a container, key in the manifest)."""
ENVIRONMENT_FIELDS = ("env", "environmentVariables")
"""Where a container's variables stand: in Kubernetes, and in SageMaker HyperPod's InferenceEndpointConfig."""
DURABLE_VOLUMES = ("persistentVolumeClaim", "nfs", "csi", "ephemeral", "awsElasticBlockStore", "gcePersistentDisk",
                   "azureDisk", "azureFile", "cephfs", "glusterfs", "flexVolume", "hostPath")  # fmt: skip
_CHECKPOINT = lazy_pattern(r"(s3|gs|gcs|abfss?|wasbs?|az|hdfs|hf)://|^/?(mnt|fsx|efs|lustre|gcs)\b", re.IGNORECASE)
_PRODUCTION = lazy_pattern(r"(^|[-_./])(prod|production|prd|live)($|[-_./])", re.IGNORECASE)
_OTHER_STAGE = lazy_pattern(
    r"(^|[-_./])(dev|development|tests?|testing|testdata|e2e|stage|staging|sandbox|demo|qa)($|[-_./])", re.IGNORECASE
)
_LOCAL = lazy_pattern(r"(^|/)(local|minikube|k3d)(/|$)")
"""Directories for the cluster on somebody's own machine; in names, local means other things."""


def pod_sets(
    resource: Resource, config_maps: ConfigMaps, definitions: Definitions, devices: Devices, amounts: Amounts
) -> list[PodSet]:
    """The pod sets of a Kubernetes object; empty for kinds that carry no pods. Raises ``WorkloadLimit``."""
    if not amounts.has_room(resource):
        return []
    named = Named(definitions.of(resource), definitions.model_of(resource), partial(config_maps.data, resource))
    result: list[PodSet] = []
    held = _holding(resource)
    for kind in workload_kinds().get(resource.type, ()):
        if kind.group != resource.group:
            continue
        if held is not None and held.role:
            kind = replace(kind, role=held.role)
        for path, template in expand_paths(resource.attributes, kind.template):
            if isinstance(template, dict):
                pods = _pod_set(resource, kind, path, template, config_maps, named, devices, amounts)
                result += [] if pods is None else [pods]
    complete_groups(result)
    share_role(result)
    for pods in result:
        if named.model is not None and resource.group == ome.GROUP:
            ome.declare_model(pods, named.model)
        count_pods(pods)
    count_members(result)
    return result


def _holding(resource: Resource) -> Holder | None:
    """What is known of the kind of the object that ``resource`` stands in."""
    holder = resource.holder
    return holders().get((holder.type, holder.group)) if holder is not None else None


class _Written(Struct, frozen=True):
    """A pod template as the source has it, whatever the kind; ``pod_at`` is where the fields of its spec stand."""

    at: Path
    spec: dict[str, Any]
    containers: list[Part]
    metadata: dict[str, Any]
    pod_at: Path | None
    runtime: Resource | None = None
    """The runtime that is part of it."""
    places: Mapping[Path, Path] = {}
    """See ``Shaped``."""


def _written(
    kind: WorkloadKind,
    path: Path,
    template: dict[str, Any],
    user: Resource,
    named: Named,
) -> _Written | None:
    runtime = named.runtime
    if kind.shape:
        shaped = shape(kind.shape, template, path, user.attributes, named)
        if shaped is None:
            return None
        parts = [Part(item, place) for item, place in shaped.containers]
        return _Written(path, shaped.spec, parts, shaped.metadata, shaped.pod_at, runtime, shaped.places)
    at = path if kind.pod_spec else (*path, "spec")
    spec = mapping(template if kind.pod_spec else template.get("spec"))
    metadata = mapping(template.get("metadata")) if not kind.pod_spec else {}
    merged = _on_runtime(kind, spec, at, user, runtime) if runtime is not None else None
    if merged is not None:
        return _Written(at, merged.spec, list(merged.containers), metadata, at, runtime)
    parts = [Part(item, (*at, "containers", n)) for n, item in enumerate(listed(spec.get("containers")))]
    if kind.kind == "InferenceService":
        models = [name for name in ("model", *KSERVE_FRAMEWORKS) if isinstance(spec.get(name), dict)]
        parts += [Part(spec[name], (*at, name)) for name in models]
    return _Written(at, spec, parts, metadata, at)


def _on_runtime(kind: WorkloadKind, spec: dict[str, Any], at: Path, user: Resource, runtime: Resource) -> Merged | None:
    if kind.component == "worker":
        return merge_worker(spec, at, user, runtime)
    field = model_field(spec) if kind.component == "predictor" else None
    return merge_predictor(spec, field, at, user, runtime) if field is not None else None


def _pod_set(
    resource: Resource,
    kind: WorkloadKind,
    path: Path,
    template: dict[str, Any],
    config_maps: ConfigMaps,
    named: Named,
    devices: Devices,
    amounts: Amounts,
) -> PodSet | None:
    written = _written(kind, path, template, resource, named)
    if written is None:
        return None
    amounts.add_containers(resource, max(len(written.containers) + len(listed(written.spec.get("initContainers"))), 1))
    at = written.at
    metadata = written.metadata
    if kind.metadata:
        metadata = mapping(get(resource.attributes, *absolute(path, kind.metadata)))
    labels = mapping(metadata.get("labels"))
    pods = PodSet(
        resource=resource,
        at=at,
        kind=resource.type,
        name=resource.name,
        address=resource.address,
        namespace=resource.namespace,
        labels=resource.labels,
        component=_component(kind, path, template, resource),
        follower=kind.follower,
        definition=kind.definition,
        defined_by=written.runtime,
        completes=kind.completes,
        pod_labels=labels or (resource.labels if (kind.pod_spec or kind.shape) and not kind.named else {}),
        pod_annotations=mapping(metadata.get("annotations")),
        pod_spec=written.spec,
        production=production(resource),
    )
    if kind.machine:
        pods.own_machine = get(resource.attributes, *absolute(path, kind.machine))
    made = OPERATOR_LABELS.get(f"{kind.group}/{kind.kind}", ())
    role = pods.component.removesuffix(f"-{kind.component}") if kind.named else pods.component
    own = {key: text.format(name=pods.name, component=role) for key, text in made}
    pods.pod_labels = {**own, **pods.pod_labels}
    _read_holder(pods)
    if kind.pod_spec and kind.kind == "InferenceService":
        pods.pod_annotations = mapping(get(resource.attributes, "metadata", "annotations", default={}))
    if not kind.pod_spec and not kind.shape:
        pods.sources["pod_annotations"] = (*path, "metadata", "annotations")
    _read_spec(pods, written, config_maps, devices, amounts)
    if kind.ray:
        ray.read_group(pods, path[:-1])
        if kind.component == "head" and pods.accelerator_count == 0:
            _without_model(pods)
    if "{*}" in kind.template and not kind.shape:
        # operators of training jobs take the policy beside the template
        pods.restart_policy = get(resource.attributes, *path[:-1], "restartPolicy", default=pods.restart_policy)
        pods.sources["restart_policy"] = (*path[:-1], "restartPolicy")
    read_scale(pods, kind, path)
    declare(pods)
    _read_processes(pods)
    read_probes(pods)
    pods.role = role_of(pods, kind)
    pods.collective_benchmark = collective_benchmark(pods)
    read_update(pods, kind)
    _read_job(pods, kind)
    if written.places:
        _move(pods, written.places)
    return pods


def _move(pods: PodSet, places: Mapping[Path, Path]) -> None:
    """Point at where parts stand that are not below what has them."""
    views: list[View] = [pods]
    for container in pods.every_container:
        views += [container, *container.env, *listed(container.accelerators)]
        views += [container.serving] if container.serving is not None else []
    for view in views:
        view.at = _moved(view.at, places)
        view.sources = {field: _moved(path, places) for field, path in view.sources.items()}


def _moved(path: Path, places: Mapping[Path, Path]) -> Path:
    found = next((length for length in range(len(path), 0, -1) if path[:length] in places), None)
    return path if found is None else (*places[path[:found]], *path[found:])


def _read_holder(pods: PodSet) -> None:
    """What the object that the workload stands in says of it."""
    holder, kind = pods.resource.holder, _holding(pods.resource)
    if holder is None or kind is None:
        return
    labels = {key: text.format(name=holder.name) for key, text in kind.labels.items()}
    pods.pod_labels = {**pods.pod_labels, **labels}
    pods.trial = kind.trial
    if kind.copies:
        copies = whole(get(holder.attributes, *kind.copies))
        pods.copies = kind.default_copies if copies is None else copies


def _without_model(pods: PodSet) -> None:
    """A Ray head without accelerators carries the model's settings for its workers and loads no model."""
    pods.serving = None
    for container in pods.containers:
        container.serving, container.gpu_build = None, None


STAGE_LABELS = ("env", "environment", "stage")


def production(resource: Resource, *names: str) -> bool | None:
    """Whether names and labels say that this is production, or that it is not; ``None``: they say neither.

    ``names`` are further ones that the resource goes by.
    """
    texts = [resource.namespace or "", resource.name, resource.unit, *names]
    texts += [str(resource.labels.get(key, "")) for key in STAGE_LABELS]
    if any(_PRODUCTION.search(text) for text in texts):
        return True
    if any(_OTHER_STAGE.search(text) for text in texts) or _LOCAL.search(resource.unit):
        return False
    return None


def _component(kind: WorkloadKind, path: Path, template: dict[str, Any], resource: Resource) -> str:
    """What tells the pod sets of one object apart."""
    if kind.named:
        name = get(resource.attributes, *absolute(path, kind.named))
        return "-".join(part for part in (name, kind.component) if isinstance(part, str) and part)
    if kind.component or not {"{*}", "[*]"} & set(kind.template):
        return kind.component
    if "{*}" in kind.template:
        return str(path[-1] if kind.shape else path[-2]).lower()
    return str(template["name"]) if kind.shape and isinstance(template.get("name"), str) else ""


def _dicts(value: Any) -> Any:
    """The mappings of a list; unknown if the list is."""
    return value if is_unknown(value) else mappings(value)


def _read_spec(pods: PodSet, written: _Written, config_maps: ConfigMaps, devices: Devices, amounts: Amounts) -> None:
    spec, at = written.spec, written.at
    pods.volumes = _dicts(spec.get("volumes"))
    first = [Part(item, (*at, "initContainers", n)) for n, item in enumerate(listed(spec.get("initContainers")))]
    every: list[dict[str, Any]] = []
    for target, items, init in ((pods.init_containers, first, True), (pods.containers, written.containers, False)):
        parts = [part for part in items if isinstance(part.container, dict)]
        every += [part.container for part in parts]
        target += [_container(part, pods, config_maps, devices, amounts, init=init) for part in parts]
    pods.every_container = [*pods.init_containers, *pods.containers]
    pods.accelerator_count = total([container.accelerator_count for container in pods.containers])
    pods.own_accelerators = pods.accelerator_count
    if spec.get("resourceClaims") is not None:
        place = (*(at if written.pod_at is None else written.pod_at), "resourceClaims")
        read_claims(
            pods, spec["resourceClaims"], place, zip(pods.every_container, every, strict=True), devices, amounts
        )
    _name_accelerators(pods)
    pods.group_accelerators = pods.accelerator_count
    for field, key in (("host_network", "hostNetwork"), ("host_pid", "hostPID"), ("host_ipc", "hostIPC")):
        if key in spec:
            setattr(pods, field, spec[key])
            _put_source(pods, written, field, key)
    account: Any = get(spec, "serviceAccountName", default="default")
    pods.service_account = account if isinstance(account, str | Unknown) else "default"  # type: ignore[assignment]
    pods.automount_token = spec.get("automountServiceAccountToken", True)
    selector, tolerations = spec.get("nodeSelector"), _dicts(spec.get("tolerations"))
    pods.node_selector = selector if is_unknown(selector) else mapping(selector)  # type: ignore[assignment]
    pods.tolerations = tolerations
    _put_source(pods, written, "pod_spec")
    for field, key in (("volumes", "volumes"), ("tolerations", "tolerations"), ("node_selector", "nodeSelector")):
        _put_source(pods, written, field, key)
    pods.affinity = mapping(spec.get("affinity"))
    pods.topology_spread = [item for item in listed(spec.get("topologySpreadConstraints")) if isinstance(item, dict)]
    pods.restart_policy = spec.get("restartPolicy")
    _put_source(pods, written, "restart_policy", "restartPolicy")
    grace = whole(spec.get("terminationGracePeriodSeconds"))
    pods.termination_grace_seconds = 30 if grace is None else grace
    sum_up(pods)
    pods.claims = [
        str(get(v, "persistentVolumeClaim", "claimName")) for v in listed(pods.volumes) if "persistentVolumeClaim" in v
    ]
    pods.durable_storage = _durable(pods)
    pods.serving = next((c.serving for c in pods.containers if c.serving is not None), None)
    pods.runtime = next((c.runtime for c in pods.containers if c.runtime is not None), None)
    scheduler = spec.get("schedulerName")
    holder = pods.resource.holder
    around = (pods.resource.labels, pods.pod_labels, holder.labels if holder is not None else {})
    queues = [labels.get("kueue.x-k8s.io/queue-name") for labels in around]
    pods.queue = next((queue for queue in queues if isinstance(queue, str)), None)
    gang: Any = scheduler if is_unknown(scheduler) else scheduler in GANG_SCHEDULERS
    pods.gang_scheduled = True if pods.queue is not None else gang


def _name_accelerators(pods: PodSet) -> None:
    """The names of all accelerators of a pod; those of claims count whether or not a container uses them."""
    given = [item for container in pods.containers for item in listed(container.accelerators)]
    for accelerator in (*given, *(item for claim in pods.device_claims for item in claim.accelerators)):
        if accelerator.resource not in pods.accelerator_resources:
            pods.accelerator_resources.append(accelerator.resource)
        if accelerator.extended is None:
            unknown = Unknown(f"which resource {accelerator.resource} stands for is not known", accelerator.resource)
            pods.extended_resources = unknown  # type: ignore[assignment]
        elif not is_unknown(pods.extended_resources) and accelerator.extended not in pods.extended_resources:
            pods.extended_resources.append(accelerator.extended)


def _put_source(pods: PodSet, written: _Written, field: str, *keys: str) -> None:
    """Say where a field of the pod stands; nowhere for kinds that have no place for a pod's own fields."""
    if written.pod_at is not None:
        pods.sources[field] = (*written.pod_at, *keys)


def _container(
    part: Part, pods: PodSet, config_maps: ConfigMaps, devices: Devices, amounts: Amounts, *, init: bool
) -> Container:
    item, at = part.container, part.at
    container = Container(at=at, name=str(item.get("name", "")), init=init)
    container.image = item.get("image") if isinstance(item.get("image"), str) or is_unknown(item.get("image")) else None
    for field, key in LOCATED_FIELDS:
        if key in item:
            container.sources[field] = (*at, key)
    if isinstance(container.image, str):
        _split_image(container, container.image)
    container.command = listed(item.get("command"))
    container.args = listed(item.get("args"))
    told = (*container.command, *container.args)
    amounts.add_characters(pods.resource, sum(len(word) + 1 if isinstance(word, str) else 1 for word in told))
    container.argv = words(container.command, container.args)
    container.env = [
        EnvironmentVariable(
            at=(*at, field, number),
            sources={"value": (*at, field, number, "value")} if "value" in entry else {},
            name=str(entry.get("name", "")),
            value=_env_value(entry),
            from_reference="valueFrom" in entry,
            referred=_referred(entry, pods, config_maps),
        )
        for field in ENVIRONMENT_FIELDS
        for number, entry in enumerate(listed(item.get(field)))
        if isinstance(entry, dict)
    ]
    container.env += _all_of(item, at, pods, config_maps, amounts)
    container.ports = [port for port in listed(item.get("ports")) if isinstance(port, dict)]
    container.port_numbers = [
        n for n in (whole(port.get("containerPort")) for port in container.ports) if isinstance(n, int)
    ]
    container.requests = mapping(get(item, "resources", "requests", default={}))
    resources = item.get("resources")
    for name in ("requests", "limits"):
        container.sources[name] = (*at, "resources", name)
    container.limits = mapping(get(item, "resources", "limits", default={}))
    container.accelerators = list(_accelerators(container, at, pods.resource, devices))
    container.accelerator_count = total([accelerator.count for accelerator in container.accelerators])
    if is_unknown(resources):
        container.accelerator_count = resources  # type: ignore[assignment]
        container.accelerators = resources  # type: ignore[assignment]
    container.readiness_probe = _probe(item, "readinessProbe")
    container.liveness_probe = _probe(item, "livenessProbe")
    container.startup_probe = _probe(item, "startupProbe")
    container.startup_budget_seconds = _startup_budget(container)
    container.pre_stop = mapping(get(item, "lifecycle", "preStop", default={})) or None
    container.pre_stop_seconds = pause(container.pre_stop)
    container.security_context = mapping(item.get("securityContext"))
    container.privileged = container.security_context.get("privileged", False)
    container.sources["privileged"] = (*at, "securityContext", "privileged")
    container.sources["volume_mounts"] = (*at, "volumeMounts")
    container.volume_mounts = [mount for mount in listed(item.get("volumeMounts")) if isinstance(mount, dict)]
    container.shared_memory_bytes = _shared_memory(container, pods, item.get("volumeMounts"))
    scripts = config_maps.scripts(pods.resource, pods.volumes, item.get("volumeMounts"))
    recognise(container, scripts, partial(amounts.add_characters, pods.resource))
    container.image = settled(container.image)
    _read_storage(container, item.get("storageUri"), at)
    if part.inherited:
        _place_args(container, part.inherited)
    return container


def _place_args(container: Container, inherited: int) -> None:
    """Args of a runtime stand in front of the workload's own, and not in the workload's source."""
    place = (*container.at, "args")
    container.sources.pop("args", None)
    for view in (container, container.serving):
        for field, path in view.sources.items() if view is not None else ():
            number = path[len(place)] if path[: len(place)] == place and len(path) > len(place) else None
            if isinstance(number, int):
                view.sources[field] = container.at if number < inherited else (*place, number - inherited)  # type: ignore[union-attr]


def _referred(entry: dict[str, Any], pods: PodSet, config_maps: ConfigMaps) -> str | None:
    """The value that the ConfigMap behind ``configMapKeyRef`` gives, if the scan has it."""
    reference = get(entry, "valueFrom", "configMapKeyRef")
    if not isinstance(reference, dict):
        return None
    value = config_maps.data(pods.resource, reference.get("name")).get(str(reference.get("key")))
    return value if isinstance(value, str) else None


def _all_of(
    item: dict[str, Any], at: Path, pods: PodSet, config_maps: ConfigMaps, amounts: Amounts
) -> Iterator[EnvironmentVariable]:
    """The variables of every ConfigMap that ``envFrom`` names."""
    for number, source in enumerate(listed(item.get("envFrom"))):
        name, prefix = get(source, "configMapRef", "name"), get(source, "prefix", default="")
        for key, value in config_maps.data(pods.resource, name).items() if isinstance(name, str) else ():
            if isinstance(value, str):
                amounts.add_characters(pods.resource, len(key) + 1)
                place = (*at, "envFrom", number)
                yield EnvironmentVariable(at=place, name=f"{prefix}{key}", from_reference=True, referred=value)


def _read_storage(container: Container, uri: Any, at: Path) -> None:
    """Where KServe fetches the model from that a runtime of its own serves."""
    if uri is None:
        return
    if container.serving is None:
        container.serving = Serving(runtime=container.runtime or "kserve", at=at)
    container.serving.storage_uri = settled(uri)
    container.serving.sources["storage_uri"] = (*at, "storageUri")


def _env_value(entry: dict[str, Any]) -> Any:
    value = entry.get("value")
    if value is None or is_unknown(value) or "valueFrom" in entry:
        return value if is_unknown(value) else None
    return value if isinstance(value, str) else str(value)


def _probe(item: dict[str, Any], key: str) -> Any:
    value = item.get(key)
    return value if isinstance(value, dict) or is_unknown(value) else None


def _split_image(container: Container, image: str) -> None:
    rest, _, digest = image.partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    container.image_repository = f"{head}{slash}{name}"
    container.image_tag = tag or None
    container.image_digest = digest or None


def _accelerators(container: Container, at: Path, user: Resource, devices: Devices) -> Iterator[Accelerators]:
    names = dict.fromkeys([*container.limits, *container.requests])
    for name in names:
        if not isinstance(name, str):
            continue
        offered = None if ACCELERATOR.match(name) else devices.offered_as(name, user)
        if offered is None and not ACCELERATOR.match(name):
            continue
        request, limit = settled(container.requests.get(name)), settled(container.limits.get(name))
        if request is None and limit is None:
            continue
        field = "limits" if name in container.limits else "requests"
        amount = request if limit is None else limit
        count = quantity(amount)
        if not is_unknown(count):
            count = int(count) if count is not None else 0
        extended = name if offered is None else offered.extended
        model = None if offered is None else offered.model
        yield Accelerators(
            at=(*at, "resources", field, name),
            sources={
                "request": (*at, "resources", "requests", name),
                "limit": (*at, "resources", "limits", name),
            },
            resource=name,
            extended=extended,
            vendor=name.split(".")[0] if offered is None else offered.vendor,
            request=request,
            limit=limit,
            count=count,
            mig_profile=_mig_profile(extended),
            model=model,
            selected=offered is not None and offered.selected,
        )


def _mig_profile(name: str | None) -> str | None:
    return name.removeprefix("nvidia.com/mig-") if name is not None and name.startswith("nvidia.com/mig-") else None


def _startup_budget(container: Container) -> Any:
    """Seconds until a probe restarts a container that does not answer; ``None``: no probe restarts it."""
    probe = container.startup_probe if container.startup_probe is not None else container.liveness_probe
    if probe is None or is_unknown(probe):
        return probe
    numbers = [whole(probe.get(key)) for key in ("initialDelaySeconds", "periodSeconds", "failureThreshold")]
    unknown = next((number for number in numbers if is_unknown(number)), None)
    if unknown is not None:
        return unknown
    delay, period, threshold = numbers
    return (delay or 0) + (period or 10) * (threshold or 3)


def _shared_memory(container: Container, pods: PodSet, written: Any) -> Any:
    unknown = next((value for value in (written, pods.volumes) if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    mounts = [str(mount.get("name")) for mount in container.volume_mounts if mount.get("mountPath") == "/dev/shm"]
    for volume in pods.volumes:
        if str(volume.get("name")) in mounts:
            empty = volume.get("emptyDir")
            if isinstance(empty, dict) and empty.get("medium") == "Memory":
                size = quantity(empty.get("sizeLimit"))
                return size if size is None or is_unknown(size) else int(size)
            return None
    return None if mounts or pods.pod_spec.get("hostIPC") is True else DEFAULT_SHM_BYTES


def _outlives(volume: dict[str, Any]) -> bool:
    """Whether a volume is still there when the pod, and its node with it, is gone."""
    host: Any = get(volume, "hostPath", "path")
    if isinstance(host, str) and LOCAL_DISKS.match(host):
        return False
    return any(key in volume for key in DURABLE_VOLUMES)


def _durable(pods: PodSet) -> Any:
    """Whether storage outlives the pods; unknown where the volumes are."""
    if any(_outlives(volume) for volume in listed(pods.volumes)):
        return True
    for container in pods.containers:
        texts = [word for word in container.argv if isinstance(word, str)]
        texts += [variable.value for variable in container.env if isinstance(variable.value, str)]
        if any(_CHECKPOINT.search(text) for text in texts):
            return True
    return pods.volumes if is_unknown(pods.volumes) else False


def _read_processes(pods: PodSet) -> None:
    """What the job says of processes in each pod; the launcher's own flag goes before it."""
    place = PROCESSES.get(pods.kind)
    count = whole(get(pods.resource.attributes, *place)) if place is not None else None
    for container in pods.containers if place is not None and count is not None else ():
        if container.processes is None and listed(container.accelerators):
            container.processes = count
            container.sources["processes"] = place or ()


def _read_job(pods: PodSet, kind: WorkloadKind) -> None:
    attributes = pods.resource.attributes
    if kind.job:
        pods.deadline_seconds = whole(get(attributes, *kind.job, "activeDeadlineSeconds"))
        pods.backoff_limit = whole(get(attributes, *kind.job, "backoffLimit", default=6))
        pods.sources["backoff_limit"] = (*kind.job, "backoffLimit")
        pods.sources["deadline_seconds"] = (*kind.job, "activeDeadlineSeconds")
    if kind.kind == "RayJob":
        pods.shutdown_after_finish = get(attributes, "spec", "shutdownAfterJobFinishes", default=False)
        pods.sources["shutdown_after_finish"] = ("spec", "shutdownAfterJobFinishes")
        selector = get(attributes, "spec", "clusterSelector")
        if selector is not None:
            pods.shutdown_after_finish = None
