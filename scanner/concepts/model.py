"""Concepts: typed, normalised views that many kinds of resource share.

Field values are plain data; ``Unknown`` stands wherever a value cannot be known, ``None`` where the
source says nothing and no default applies (a default that the provider applies is filled in). Field
types name the known case only: read every field as ``T | Unknown``. ``at`` is the attribute path that
the view was read from, and ``sources`` maps a field's name to the path of the attribute behind it, so
that a finding can point there.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from scanner.core import Path, Resource, Unknown
from scanner.facts.instances import Price


class View(Struct, eq=False, kw_only=True):
    """What every concept and every part of one has: where it comes from."""

    at: Path = ()
    sources: dict[str, Path] = field(default_factory=dict)


class Concept(View, kw_only=True):
    """A whole concept. ``kind`` is the resource's kind or type; ``production`` is a guess from names
    (``True`` production, ``False`` clearly not, ``None`` cannot be told). ``doubt`` is set where an unknown
    value leaves open whether the resource is this concept at all: what rules say of it is then undetermined."""

    resource: Resource
    kind: str = ""
    name: str = ""
    address: str = ""
    namespace: str | None = None
    labels: dict[str, Any] = field(default_factory=dict)
    production: bool | None = None
    doubt: Unknown | None = None


class Accelerators(View, kw_only=True):
    """Accelerators of one name that a container asks for: an extended resource such as ``nvidia.com/gpu: 2``
    (quantities as written), or devices of a class by a claim (dynamic resource allocation)."""

    resource: str = ""
    """The extended resource, or the device class."""
    extended: str | None = None
    """The extended resource that the same device has; ``None``: it has none, or it cannot be told."""
    claim: str | None = None
    """The claim of the pod that the devices come by; ``None`` for extended resources."""
    vendor: str = ""
    request: Any = None
    limit: Any = None
    count: int = 0
    mig_profile: str | None = None
    model: str | None = None
    """The model that the claim's selectors choose; ``None``: none, or it cannot be told."""
    selected: bool = False
    """Whether the claim's selectors narrow which devices of the class are taken."""


class DeviceClaim(View, kw_only=True):
    """An entry of a pod's ``resourceClaims``."""

    name: str = ""
    kind: str = ""
    """ResourceClaim, or ResourceClaimTemplate of which each pod gets a claim of its own."""
    object: str = ""
    shared: bool = False
    """Whether all pods that name it share its devices."""
    accelerators: list[Accelerators] = field(default_factory=list)
    accelerator_count: int = 0
    network: bool = False
    """Whether it holds network adapters."""
    counted: bool = False
    """Whether pods of another object that share the claim stand for its cost."""
    only_in: list[str] = field(default_factory=list)
    """Namespaces in which the scan has the object, where that of the pod is not among them."""
    target: Resource | None = None
    """The object, where the scan has it."""


class EnvironmentVariable(View, kw_only=True):
    """``value`` is ``None`` when it comes from a reference (``from_reference``)."""

    name: str = ""
    value: str | None = None
    from_reference: bool = False
    referred: str | None = None
    """What a reference gives, where a ConfigMap of the scan tells; never a Secret's value."""


class Probe(View, kw_only=True):
    """A probe that asks a port."""

    kind: str = ""
    """readiness, liveness or startup"""
    port: int | str | None = None
    answered: bool | None = None
    """Whether a container of the pod listens there; ``None``: cannot be told."""


class Container(View, kw_only=True):
    """One container of a pod template. Probes, resources, mounts and ports are as in the manifest."""

    name: str = ""
    image: str | None = None
    image_repository: str | None = None
    image_tag: str | None = None
    image_digest: str | None = None
    init: bool = False
    command: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    argv: list[str] = field(default_factory=list)
    """Command and args, with ``sh -c`` scripts split into words."""
    env: list[EnvironmentVariable] = field(default_factory=list)
    ports: list[dict[str, Any]] = field(default_factory=list)
    port_numbers: list[int] = field(default_factory=list)
    """Declared ports and, where none is declared, the runtime's own default ports."""
    requests: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    accelerators: list[Accelerators] = field(default_factory=list)
    accelerator_count: int = 0
    readiness_probe: dict[str, Any] | None = None
    liveness_probe: dict[str, Any] | None = None
    startup_probe: dict[str, Any] | None = None
    startup_budget_seconds: float | None = None
    """How long the container may take to start before a probe restarts it; ``None``: for ever."""
    probes: list[Probe] = field(default_factory=list)
    listens: int | None = None
    """The only port that the engine serves on, as its flags say or by default; ``None``: cannot be told."""
    pre_stop: dict[str, Any] | None = None
    pre_stop_seconds: int | None = None
    """How long the hook sleeps before the server is told to end."""
    security_context: dict[str, Any] = field(default_factory=dict)
    privileged: bool = False
    volume_mounts: list[dict[str, Any]] = field(default_factory=list)
    shared_memory_bytes: int | None = None
    """Size of /dev/shm: 64 MiB by default; ``None`` when only the machine or the memory limit bounds it."""
    runtime: str | None = None
    gpu_build: bool | None = None
    """Whether the image is a build that needs an accelerator; ``None`` cannot be told."""
    processes: int | None = None
    """Training processes that the launcher starts in each pod, where it says a number."""
    nodes: int | None = None
    """Machines that the launcher or the engine waits for before it starts, where it says a number."""
    serving: Serving | None = None


class Serving(View, kw_only=True):
    """What the command line, the environment or the custom resource says of the model that is served."""

    runtime: str = ""
    model: str | None = None
    revision: str | None = None
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    dtype: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    gpu_memory_utilization: float | None = None
    trust_remote_code: bool = False
    device: str | None = None
    storage_uri: str | None = None
    on_node: bool = False
    """Whether the weights lie on a disk of the node before the pod starts."""
    load_format: str | None = None
    kv_cache_dtype: str | None = None
    cpu_offload_gib: str | None = None
    api_key: str | None = None
    """The key that the command line makes callers present."""
    logs_requests: bool = False
    request_log_level: str | None = None
    """How much of a request is logged, in the engine's own numbers."""
    expert_parallel: bool = False
    gated: bool = False
    """Whether the model's name is that of a repository of the hub that asks for a token."""
    parameters_b: float | None = None
    """Billions of parameters; ``None`` where neither facts nor the name tell."""
    weights_gib: float | None = None
    """Of the whole model, in the precision that it is served in."""
    stored_gib: float | None = None
    """Of the whole model as it is published: what is downloaded, kept on a volume and read at every start, before an
    engine quantizes it. The least where the source does not tell whether the checkpoint is quantized; ``None`` where
    the weights are on the node already."""
    needed_gib: float | None = None
    """The least accelerator memory of one shard: weights and, where the engine insists on it, the KV cache."""
    offered_gib: float | None = None
    """What the engine may use of one accelerator that the pod gets."""
    memory_sum: str = ""
    """``needed_gib`` as a sum for messages."""


class PodSet(Concept, kw_only=True):
    """A set of equal pods. One resource may carry several (leader and worker, head and worker groups):
    ``component`` tells them apart. ``role`` is serving, training, batch, notebook, interactive (a Ray cluster that
    takes whatever is sent to it), system or other."""

    role: str = "other"
    runtime: str | None = None
    component: str = ""
    follower: bool = False
    """Whether the pods only take part in what the pods of another component serve: workers of a leader."""
    replicas: int | None = None
    replicas_each: int = 1
    """Replicas in each copy of the whole, for kinds whose own count and scalers are about the whole."""
    min_replicas: int | None = None
    max_replicas: int | None = None
    autoscaled: bool = False
    strategy: str | None = None
    max_surge: int | None = None
    """Pods, percentages resolved against replicas, rounded as Kubernetes does; likewise max_unavailable."""
    max_unavailable: int | None = None
    progress_deadline_seconds: int | None = None
    """How long a Deployment's rollout may stand still before it counts as failed (Kubernetes' default: 600)."""
    pod_labels: dict[str, Any] = field(default_factory=dict)
    pod_annotations: dict[str, Any] = field(default_factory=dict)
    pod_spec: dict[str, Any] = field(default_factory=dict)
    containers: list[Container] = field(default_factory=list)
    init_containers: list[Container] = field(default_factory=list)
    every_container: list[Container] = field(default_factory=list)
    """Those that start first and the others."""
    accelerator_count: int = 0
    """Accelerators of one pod; ``group_accelerators``: of a whole group that serves or trains together."""
    own_accelerators: int = 0
    """Accelerators that each further pod takes: without those of claims that all pods share."""
    accelerator_resources: list[str] = field(default_factory=list)
    """Extended resources and device classes, by the names that the pod asks for."""
    extended_resources: list[str] = field(default_factory=list)
    """The extended resources of the same devices; unknown where a device class does not tell it."""
    device_claims: list[DeviceClaim] = field(default_factory=list)
    group_accelerators: int = 0
    group_size: int = 1
    members: int | None = None
    """Pods that start as one: of a group, or of all components of a job; ``None``: the kind does not tell."""
    announced_accelerators: int | None = None
    """What a Ray node is told to offer to tasks, where it is told."""
    release: str | None = None
    """The versions of Ray and Python of a worker's image, and of its head's (``head_release``), as far as both tell."""
    head_release: str | None = None
    pods_per_replica: int = 1
    """Pods of this component for each replica: workers of a leader, hosts of a TPU slice, jobs of a set."""
    pod_count: int = 1
    """Pods of this component in all: replicas times ``pods_per_replica``; a DaemonSet counts as one."""
    replicas_together: int | None = None
    """Replicas of all workloads that share a disruption budget with this one, its own included."""
    copies: int = 1
    """Objects like this one that its holder runs at a time, each with pods of its own: trials of an Experiment."""
    trial: bool = False
    """Whether each of the copies only tries a setting: its measures are kept, its model is not."""
    definition: bool = False
    """Whether this only describes pods that another object asks for (a serving runtime, a workflow template)."""
    defined_by: Resource | None = None
    """The runtime of the scan that gives what the object itself does not say."""
    completes: bool = False
    """Whether the pods end by themselves: jobs and training runs."""
    collective_benchmark: bool = False
    """Whether the pods only measure the network between accelerators (nccl-tests, rccl-tests)."""
    serving: Serving | None = None
    service_account: str = "default"
    automount_token: bool = True
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    volumes: list[dict[str, Any]] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    durable_storage: bool = False
    """Whether any volume outlives the pod (claim, NFS, CSI, cloud disk) or a checkpoint URI is given."""
    node_selector: dict[str, Any] = field(default_factory=dict)
    tolerations: list[dict[str, Any]] = field(default_factory=list)
    affinity: dict[str, Any] = field(default_factory=dict)
    topology_spread: list[dict[str, Any]] = field(default_factory=list)
    restart_policy: str | None = None
    termination_grace_seconds: int = 30
    shutdown_summary: str = ""
    """What of the grace period a hook takes, for messages."""
    scheduling_gates: bool = False
    gang_scheduled: bool = False
    queue: str | None = None
    deadline_seconds: int | None = None
    backoff_limit: int | None = None
    shutdown_after_finish: bool | None = None
    pools: list[AcceleratorPool] = field(default_factory=list)
    """Accelerator pools of the pod's cluster; unknown where it cannot be told which cluster it runs in."""
    offering: list[AcceleratorPool] = field(default_factory=list)
    """Those of ``pools`` that have what the pod asks for and match its node selection, whatever their taints."""
    hosts: list[AcceleratorPool] = field(default_factory=list)
    """Those of ``offering`` whose taints the pod tolerates."""
    not_offered_because: list[str] = field(default_factory=list)
    """For each of ``pools`` that does not offer what the pod asks for: why."""
    not_tolerated: list[str] = field(default_factory=list)
    """Taints of offering pools that the pod does not tolerate, as ``key=value:effect``."""
    possible_accelerators: list[str] = field(default_factory=list)
    """Accelerator models that the pod may get from ``offering``."""
    own_machine: str | None = None
    """The type of the machines that the operator makes for these pods alone; ``None``: it makes none."""
    accelerator_selected: bool = False
    """Whether the pod itself narrows the accelerator model (selector, affinity, MIG profile, instance type)."""
    accelerator: str | None = None
    accelerator_memory_gib: float | None = None
    """Memory of one accelerator (or slice) that the pod can get at most; ``None``: cannot be told."""
    spot_only: bool | None = None
    """Whether every host is spot or preemptible capacity."""
    fast_network: bool | None = None
    """Whether every host offers EFA, InfiniBand or GPUDirect."""
    fast_network_used: bool | None = None
    capacity: int | None = None
    """Accelerators that all hosts together can grow to; ``None`` where a host has no upper bound."""
    room_for_update: bool = False
    """Whether the hosts grow by themselves and have room for the pods that an update starts before it stops others."""


class Taint(View, kw_only=True):
    """A node taint; effect in Kubernetes' spelling (NoSchedule, PreferNoSchedule, NoExecute)."""

    key: str = ""
    value: str | None = None
    effect: str = ""


class AcceleratorPool(Concept, kw_only=True):
    """Machines with accelerators that workloads share: node groups, Karpenter NodePools, compute clusters.

    ``platform`` is eks, gke, aks, oke, karpenter, batch, azureml, ec2, gce …; counts are machines.
    """

    platform: str = ""
    cluster: str | None = None
    instance_types: list[str] = field(default_factory=list)
    instance_families: list[str] = field(default_factory=list)
    accelerator: str | None = None
    """Model as in facts (``nvidia-h100-80gb``); ``None``: cannot be told."""
    accelerators: list[str] = field(default_factory=list)
    accelerators_per_machine: int | None = None
    accelerator_memory_gib: float | None = None
    vendor: str | None = None
    resource_names: list[str] = field(default_factory=list)
    mig_profile: str | None = None
    mig_strategy: str | None = None
    sharing: str | None = None
    shared_clients: int | None = None
    taints: list[Taint] = field(default_factory=list)
    taints_itself: bool = False
    """Whether the platform adds an accelerator taint by itself (GKE)."""
    node_labels: dict[str, Any] = field(default_factory=dict)
    min_size: int | None = None
    max_size: int | None = None
    desired_size: int | None = None
    autoscaling: bool | None = None
    spot: bool | None = None
    image_type: str | None = None
    has_driver: bool | None = None
    own_launch_template: bool = False
    disk_gib: float | None = None
    fast_network: bool | None = None
    has_limits: bool | None = None
    limit_accelerators: int | None = None
    """Accelerators that the pool may create at most, where it has a limit of its own (Karpenter)."""
    consolidation: str | None = None
    region: str | None = None
    subnets: list[Any] = field(default_factory=list)
    zones: int | None = 1
    """By how many zones sizes multiply; ``None``: cannot be told."""
    fewest_machines: int | None = None
    """Machines over all zones that always run, and that may run (``most_machines``)."""
    most_machines: int | None = None
    machine_vcpus: int | None = None
    """vCPUs of a machine where the pool's sizes count vCPUs (AWS Batch)."""
    market: str = ""
    """How the machines are bought: on-demand, spot, or spot or on-demand."""
    prices: list[Price] = field(default_factory=list)
    """The records of facts behind the amounts."""
    hourly_usd: float | None = None
    """For one machine of the cheapest type; ``None`` when facts have no price, as for much spot capacity."""
    hourly_most_usd: float | None = None
    """For one machine of the dearest type; a spot machine costs at most its price on demand."""
    monthly_floor_usd: float | None = None
    """List price of the machines that always run, for 730 hours, and of all that may run (``…_ceiling_usd``)."""
    monthly_ceiling_usd: float | None = None
    machine_accelerator: str | None = None
    """What the machine type carries by itself, in the platform's words; likewise its count."""
    machine_accelerator_count: int | None = None
    attached_accelerator: str | None = None
    """What is attached to the machine type in addition; likewise its count."""
    attached_count: int | None = None
    accepts_accelerators: bool | None = None
    """Whether the machine type takes accelerators at all; ``None``: not in facts."""
    mig_profiles: list[str] | None = None
    """MIG profiles that the accelerator offers; ``None``: not in facts."""
    topology: str | None = None
    machines_needed: int | None = None
    """Machines that the slice of the topology consists of."""
    topology_dimensions: int | None = None
    dimensions_needed: int | None = None
    service_account: str | None = None
    public_ip: bool | None = None
    reserved: bool | None = None
    """Whether the machines come from a reservation of fixed size."""
    queued: bool | None = None
    """Whether the machines exist only while a queued request holds them."""
    image_streaming: bool | None = None
    upgrade_unavailable: Any = None
    """How many machines (or what share, as text) an upgrade may take away before it adds others."""
    scale_down_seconds: int | None = None
    live_migration: bool | None = None
    metadata_v1: bool | None = None
    """Whether the machines answer to version 1 of the instance metadata service."""
    network_attached: bool | None = None
    """Whether the interfaces of the fast network are attached to the machines; ``None``: the platform sees to it."""
    placed_together: bool | None = None
    """Whether the machines are asked to stand close to each other; ``None``: cannot be told."""
    update_share: float | None = None
    """Largest share of the machines, in percent, that an update takes away at once; ``None``: the default."""


class Cluster(Concept, kw_only=True):
    """A managed Kubernetes cluster."""

    platform: str = ""
    public_api: bool | None = None
    """Whether every address of the internet may connect to the API server."""
    audit_logged: bool | None = None


class ModelEndpoint(Concept, kw_only=True):
    """A managed or self-run service that answers inference requests."""

    platform: str = ""
    instance_type: str | None = None
    accelerator: str | None = None
    accelerator_count: int | None = None
    serverless: bool = False
    min_replicas: int | None = None
    max_replicas: int | None = None
    autoscaled: bool | None = None
    public: bool | None = None
    authenticated: bool | None = None
    encrypted_with_own_key: bool | None = None
    data_capture: bool | None = None
    model: str | None = None
    hourly_usd: float | None = None
    monthly_floor_usd: float | None = None
    monthly_ceiling_usd: float | None = None
    service_account: str | None = None
    local_auth: bool | None = None
    """Whether shared keys are accepted besides identities."""
    cpu_always_on: bool | None = None
    cpu: Any = None
    memory: Any = None
    startup_probe: bool | None = None
    env: list[EnvironmentVariable] = field(default_factory=list)
    image: str | None = None
    spot: bool | None = None
    """Whether its machines may be taken away at any time."""
    startup_budget_seconds: int | None = None
    """How long a container may take to answer before the liveness probe restarts it."""
    traffic_total: int | None = None
    """Sum of the percentages of the traffic that its deployments get; ``None``: no split is given."""
    newest_takes_all: bool | None = None
    """Whether a new revision gets all requests as soon as it is ready."""
    asynchronous: bool | None = None
    """Whether requests are queued and answered later."""
    least_replicas: int | None = None
    """What autoscaling may scale in to; ``None``: nothing scales it, or it cannot be told."""
    serving: Serving | None = None
    """What the model's container says of the model."""
    unsupported: list[str] = field(default_factory=list)
    """What is configured and the platform does not offer to this kind of endpoint."""
    boundary_shared_with: list[str] = field(default_factory=list)
    """Addresses of training and notebooks that are in the same security groups."""


class ModelRegistry(Concept, kw_only=True):
    """A store of models, model packages or container images for them."""

    platform: str = ""
    public: bool | None = None
    authenticated: bool | None = None
    immutable_tags: bool | None = None
    scan_on_push: bool | None = None
    encrypted_with_own_key: bool | None = None
    admin_account: bool | None = None


class FeatureStore(Concept, kw_only=True):
    """A feature store or feature group."""

    platform: str = ""
    encrypted_with_own_key: bool | None = None
    public: bool | None = None
    force_destroy: bool | None = None
    """Whether Terraform may delete the store with the features in it."""


class Bucket(Concept, kw_only=True):
    """An object store. ``ai_purpose`` names what it holds for AI (models, checkpoints, training-data …)."""

    platform: str = ""
    ai_purpose: str | None = None
    public_access: bool | None = None
    """Whether outsiders are let in; ``public_access_blocked``: whether the platform's guard is fully on."""
    public_access_blocked: bool | None = None
    versioning: bool | None = None
    lifecycle: bool | None = None
    expires_noncurrent: bool | None = None
    aborts_uploads: bool | None = None
    encrypted_with_own_key: bool | None = None
    force_destroy: bool | None = None
    uniform_access: bool | None = None
    """Whether only policies of the whole bucket grant access, not those of single objects."""
    access_logged: bool | None = None
    soft_delete: bool | None = None
    """Whether the platform keeps deleted objects for some days."""


class Notebook(Concept, kw_only=True):
    """An interactive workspace that runs code."""

    platform: str = ""
    instance_type: str | None = None
    accelerator: str | None = None
    accelerator_count: int | None = None
    public: bool | None = None
    direct_internet: bool | None = None
    root_access: bool | None = None
    idle_shutdown: bool | None = None
    encrypted_with_own_key: bool | None = None
    metadata_v1: bool | None = None
    hourly_usd: float | None = None
    service_account: str | None = None


class TrainingJob(Concept, kw_only=True):
    """A managed training or batch job, or its definition."""

    platform: str = ""
    instance_type: str | None = None
    accelerator_count: int | None = None
    spot: bool | None = None
    checkpointed: bool | None = None
    retries: int | None = None
    timeout_seconds: int | None = None
    wait_seconds: int | None = None
    """How long the job may take with the waiting for spot capacity."""
    machines: int | None = None
    in_network: bool | None = None
    """Whether the job runs in a network of the user's own."""
    traffic_encrypted: bool | None = None
    """Whether the machines of the job encrypt what they send to each other."""
    env: list[EnvironmentVariable] = field(default_factory=list)


class AccessGrant(Concept, kw_only=True):
    """Principals that may do actions on resources: one policy statement, RBAC binding or IAM member.

    ``actions`` and ``resources`` are in the platform's words (``verb:group/resource`` for Kubernetes).
    """

    platform: str = ""
    effect: str = "Allow"
    principals: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    conditional: bool = False
    public: bool | None = None
    """Whether anyone (or any authenticated user of the platform) is among the principals."""
    administrator: bool | None = None
    """Whether the grant allows everything on everything."""
    workload: bool | None = None
    """Whether a training, serving or notebook workload is among the principals."""
    trusted_names: bool = False
    """Whether the names involved say that administration is the purpose (deployment pipelines, controllers)."""
    role: str | None = None
    allowed: str = ""
    """Known actions, or the role, for messages."""


class NetworkBoundary(Concept, kw_only=True):
    """A rule that lets traffic in: a Service, Ingress, security group rule, firewall rule, NetworkPolicy."""

    platform: str = ""
    direction: str = "ingress"
    origins: list[str] = field(default_factory=list)
    """CIDR blocks or names that the traffic comes from."""
    open_to_world: bool | None = None
    ports: list[dict[str, Any]] = field(default_factory=list)
    """``{from, to, protocol}``; an empty list means every port."""
    tls: bool | None = None
    authenticated: bool | None = None
    hosts: list[str | None] = field(default_factory=list)
    """Names that an Ingress or route answers to; ``None`` for a rule that answers to every name."""


class Network(Concept, kw_only=True):
    """A virtual network."""

    platform: str = ""
    nat: bool | None = None
    """Whether private subnets reach the internet through NAT that the same root module makes."""
    endpoints: list[str] = field(default_factory=list)
    """Services that the same root module gives private endpoints, in the platform's words."""


class Budget(Concept, kw_only=True):
    """A spending limit with alerts."""

    platform: str = ""
    amount: float | None = None
    notifies: bool | None = None
