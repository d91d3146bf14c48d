"""Managed inference and notebooks: Vertex AI, Cloud Run with GPUs, Workbench, Colab Enterprise."""

from __future__ import annotations

from typing import Any

from scanner.concepts.clouds.common import Reader, common, differs, environment, equals, given, negated
from scanner.concepts.clouds.gcp.access import account, members
from scanner.concepts.model import Concept, ModelEndpoint, Notebook, TrainingJob
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, get, is_unknown
from scanner.graph import ResourceGraph

DEFAULT_RETRIES = 3
DEFAULT_TIMEOUT = "600s"
"""Of a Cloud Run task: https://cloud.google.com/run/docs/configuring/task-timeout and …/max-retries."""


def _cloud_run(resource: Resource, graph: ResourceGraph) -> Concept | None:
    """A Cloud Run service, if its instances have a GPU."""
    template = get(resource.attributes, "template", 0, default={})
    containers = get(template, "containers", default=[])
    accelerator = get(template, "node_selector", 0, "accelerator")
    numbers = [
        number
        for number, item in enumerate(containers if isinstance(containers, list) else ())
        if get(item, "resources", 0, "limits", "nvidia.com/gpu") is not None
    ]
    if accelerator is None and not numbers:
        return None
    endpoint = ModelEndpoint(
        **common(resource), platform="cloud-run", accelerator="nvidia-l4" if accelerator is None else accelerator
    )
    number = numbers[0] if numbers else 0
    limit = get(containers, number, "resources", 0, "limits", "nvidia.com/gpu")
    endpoint.doubt = next((value for value in (accelerator, limit) if is_unknown(value)), None)
    if isinstance(accelerator, str):
        endpoint.doubt = None
    at: Path = ("template", 0, "containers", number)
    _container(endpoint, get(containers, number, default={}), at)
    scaling = get(template, "scaling", 0, default={})
    overall = get(resource.attributes, "scaling", 0, default={})
    floor, ceiling = get(scaling, "min_instance_count"), get(scaling, "max_instance_count")
    where: Path = ("template", 0, "scaling", 0)
    if floor is None and get(overall, "min_instance_count") is not None:
        floor, where = get(overall, "min_instance_count"), ("scaling", 0)
    endpoint.min_replicas = whole(0 if floor is None else floor)
    endpoint.max_replicas = whole(get(overall, "max_instance_count") if ceiling is None else ceiling)
    manual = get(overall, "manual_instance_count")
    if manual is not None:
        endpoint.min_replicas = endpoint.max_replicas = whole(manual)
        where = ("scaling", 0)
    endpoint.public = equals(get(resource.attributes, "ingress", default="INGRESS_TRAFFIC_ALL"), "INGRESS_TRAFFIC_ALL")
    endpoint.authenticated = _callers_checked(resource, graph)
    place = ("template", 0, "service_account")
    endpoint.service_account = account(resource, get(template, "service_account"), *place)
    endpoint.autoscaled = True
    endpoint.newest_takes_all = _newest_takes_all(resource.attributes.get("traffic"))
    endpoint.sources |= {
        "newest_takes_all": ("traffic",),
        "accelerator": ("template", 0, "node_selector", 0, "accelerator"),
        "min_replicas": (*where, "min_instance_count" if manual is None else "manual_instance_count"),
        "max_replicas": ("template", 0, "scaling", 0, "max_instance_count"),
        "public": ("ingress",),
        "authenticated": ("invoker_iam_disabled",),
        "service_account": ("template", 0, "service_account"),
    }
    return endpoint


def _newest_takes_all(traffic: Any) -> Any:
    """Whether the latest revision gets every request, as it does unless ``traffic`` says otherwise."""
    if is_unknown(traffic) or not isinstance(traffic, list) or not traffic:
        return traffic if is_unknown(traffic) else True
    latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    shares = [get(item, "percent") for item in traffic if get(item, "type", default=latest) == latest]
    return next((share for share in shares if is_unknown(share)), any(whole(share) == 100 for share in shares))


def _cloud_run_job(resource: Resource, graph: ResourceGraph) -> Concept | None:
    """A Cloud Run job, if its tasks have a GPU."""
    at: Path = ("template", 0, "template", 0)
    task = get(resource.attributes, *at, default={})
    accelerator = get(task, "node_selector", 0, "accelerator")
    if accelerator is None:
        return None
    job = TrainingJob(**common(resource), platform="cloud-run", spot=False)
    job.doubt = accelerator if is_unknown(accelerator) else None
    container = get(task, "containers", 0, default={})
    job.accelerator_count = whole(get(container, "resources", 0, "limits", "nvidia.com/gpu", default=1))
    job.retries = whole(get(task, "max_retries", default=DEFAULT_RETRIES))
    job.timeout_seconds = _duration(get(task, "timeout", default=DEFAULT_TIMEOUT))
    job.checkpointed = given(get(task, "volumes"))
    job.env = environment(get(container, "env"), (*at, "containers", 0, "env"), ("value_source",))
    job.sources |= {
        "retries": (*at, "max_retries"),
        "timeout_seconds": (*at, "timeout"),
        "checkpointed": (*at, "volumes"),
    }
    return job


def _duration(text: Any) -> Any:
    """Seconds of a duration such as ``600s``; ``None`` if it is none, unknown if it is unknown."""
    return text if is_unknown(text) else whole(text.removesuffix("s")) if isinstance(text, str) else None


def _callers_checked(resource: Resource, graph: ResourceGraph) -> Any:
    """Whether IAM decides who may call the service, and no grant of the same root says everybody."""
    for neighbour in graph.neighbours(resource, "references", "in"):
        if neighbour.resource.type.startswith("google_cloud_run_v2_service_iam_"):
            attributes = neighbour.resource.attributes
            if "allUsers" in members(attributes) and attributes.get("role") == "roles/run.invoker":
                return False
    return negated(get(resource.attributes, "invoker_iam_disabled", default=False))


def _container(endpoint: ModelEndpoint, container: Any, at: Path) -> None:
    limits = get(container, "resources", 0, "limits", default={})
    endpoint.accelerator_count = whole(get(limits, "nvidia.com/gpu", default=1))
    endpoint.cpu, endpoint.memory = get(limits, "cpu"), get(limits, "memory")
    # without a resources block the provider leaves request-based billing on; with one, off unless it says so
    declared = get(container, "resources", 0)
    idle = True if declared is None else get(declared, "cpu_idle", default=False)
    endpoint.cpu_always_on = negated(idle)
    probe = get(container, "startup_probe")
    endpoint.startup_probe = given(probe)
    endpoint.image = get(container, "image")
    endpoint.sources["image"] = (*at, "image")
    endpoint.env = environment(get(container, "env"), (*at, "env"), ("value_source",))
    endpoint.sources |= {
        "cpu": (*at, "resources", 0, "limits", "cpu"),
        "memory": (*at, "resources", 0, "limits", "memory"),
        "cpu_always_on": (*at, "resources", 0, "cpu_idle"),
        "startup_probe": (*at, "startup_probe"),
    }


def _vertex_endpoint(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    endpoint = ModelEndpoint(**common(resource), platform="vertex-ai", authenticated=True)
    endpoint.public = _reachable(
        attributes.get("network"),
        get(attributes, "private_service_connect_config", 0, "enable_private_service_connect"),
    )
    endpoint.encrypted_with_own_key = given(attributes.get("encryption_spec"))
    logging = get(attributes, "predict_request_response_logging_config", 0, "enabled", default=False)
    endpoint.data_capture = logging
    endpoint.sources |= {
        "public": ("network",),
        "encrypted_with_own_key": ("encryption_spec",),
        "data_capture": ("predict_request_response_logging_config", 0, "enabled"),
    }
    return endpoint


def _reachable(network: Any, private: Any) -> Any:
    """Whether the endpoint has neither a peered network nor Private Service Connect."""
    if (network is not None and not is_unknown(network) and network != "") or private is True:
        return False
    return next((value for value in (network, private) if is_unknown(value)), True)


def _model_garden(resource: Resource, graph: ResourceGraph) -> Concept:
    endpoint = ModelEndpoint(**common(resource), platform="vertex-ai", authenticated=True, public=True)
    endpoint.model = get(
        resource.attributes, "publisher_model_name", default=resource.attributes.get("hugging_face_model_id")
    )
    at: Path = ("deploy_config", 0, "dedicated_resources", 0)
    dedicated = get(resource.attributes, *at)
    private = get(resource.attributes, "endpoint_config", 0, "private_service_connect_config", 0,
                  "enable_private_service_connect")  # fmt: skip
    endpoint.public = _reachable(None, private)
    endpoint.sources["public"] = ("endpoint_config", 0)
    if dedicated is None:
        return endpoint
    _dedicated(endpoint, dedicated, at)
    endpoint.spot = get(dedicated, "spot", default=False)
    endpoint.sources["spot"] = (*at, "spot")
    return endpoint


def _dedicated(endpoint: ModelEndpoint, dedicated: Any, at: Path) -> None:
    """The machines and the scaling that a block ``dedicated_resources`` gives an endpoint."""
    endpoint.instance_type = get(dedicated, "machine_spec", 0, "machine_type")
    endpoint.accelerator = get(dedicated, "machine_spec", 0, "accelerator_type")
    endpoint.accelerator_count = whole(get(dedicated, "machine_spec", 0, "accelerator_count"))
    endpoint.min_replicas = whole(get(dedicated, "min_replica_count", default=1))
    ceiling = get(dedicated, "max_replica_count")
    endpoint.max_replicas = endpoint.min_replicas if ceiling is None else whole(ceiling)
    endpoint.autoscaled = _exceeds(endpoint.max_replicas, endpoint.min_replicas)
    endpoint.sources |= {
        "instance_type": (*at, "machine_spec", 0, "machine_type"),
        "accelerator": (*at, "machine_spec", 0, "accelerator_type"),
        "min_replicas": (*at, "min_replica_count"),
        "max_replicas": (*at, "max_replica_count"),
        "autoscaled": (*at, "max_replica_count"),
    }


def _deployment_pool(resource: Resource, graph: ResourceGraph) -> Concept:
    """Machines that several models of Vertex AI endpoints share."""
    endpoint = ModelEndpoint(**common(resource), platform="vertex-ai", authenticated=True)
    _dedicated(endpoint, get(resource.attributes, "dedicated_resources", 0, default={}), ("dedicated_resources", 0))
    return endpoint


def _exceeds(ceiling: Any, floor: Any) -> Any:
    unknown = next((value for value in (ceiling, floor) if is_unknown(value)), None)
    if unknown is not None or ceiling is None or floor is None:
        return unknown
    return ceiling > floor


def _workbench(resource: Resource, graph: ResourceGraph) -> Concept:
    setup = get(resource.attributes, "gce_setup", 0, default={})
    notebook = Notebook(**common(resource), platform="workbench")
    notebook.instance_type = get(setup, "machine_type")
    notebook.accelerator = get(setup, "accelerator_configs", 0, "type")
    notebook.accelerator_count = whole(get(setup, "accelerator_configs", 0, "core_count"))
    notebook.public = notebook.direct_internet = negated(get(setup, "disable_public_ip", default=False))
    place = ("gce_setup", 0, "service_accounts", 0, "email")
    notebook.service_account = account(resource, get(setup, "service_accounts", 0, "email"), *place)
    metadata = get(setup, "metadata", default={})
    root = get(metadata, "notebook-disable-root", default="false")
    notebook.root_access = root if is_unknown(root) else str(root).lower() != "true"  # type: ignore[assignment]
    idle = get(metadata, "idle-timeout-seconds")
    notebook.idle_shutdown = differs(idle, "", "0", 0)
    notebook.encrypted_with_own_key = equals(get(setup, "boot_disk", 0, "disk_encryption", default="GMEK"), "CMEK")
    at: Path = ("gce_setup", 0)
    notebook.sources |= {
        "public": (*at, "disable_public_ip"),
        "direct_internet": (*at, "disable_public_ip"),
        "service_account": (*at, "service_accounts", 0, "email"),
        "root_access": (*at, "metadata", "notebook-disable-root"),
        "idle_shutdown": (*at, "metadata", "idle-timeout-seconds"),
        "instance_type": (*at, "machine_type"),
        "encrypted_with_own_key": (*at, "boot_disk", 0, "disk_encryption"),
    }
    return notebook


def _user_managed(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    notebook = Notebook(**common(resource), platform="notebooks")
    notebook.instance_type = attributes.get("machine_type")
    notebook.accelerator = get(attributes, "accelerator_config", 0, "type")
    notebook.public = notebook.direct_internet = negated(get(attributes, "no_public_ip", default=False))
    notebook.service_account = account(resource, attributes.get("service_account"), "service_account")
    notebook.encrypted_with_own_key = equals(get(attributes, "disk_encryption", default="GMEK"), "CMEK")
    notebook.sources |= {
        "public": ("no_public_ip",),
        "direct_internet": ("no_public_ip",),
        "service_account": ("service_account",),
        "instance_type": ("machine_type",),
        "encrypted_with_own_key": ("disk_encryption",),
    }
    return notebook


def _colab(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    notebook = Notebook(**common(resource), platform="colab")
    notebook.instance_type = get(attributes, "machine_spec", 0, "machine_type")
    notebook.accelerator = get(attributes, "machine_spec", 0, "accelerator_type")
    notebook.direct_internet = get(attributes, "network_spec", 0, "enable_internet_access")
    idle = get(attributes, "idle_shutdown_config", 0, "idle_timeout")
    notebook.idle_shutdown = differs(idle, "0", "0s")
    notebook.encrypted_with_own_key = given(attributes.get("encryption_spec"))
    notebook.sources |= {
        "direct_internet": ("network_spec", 0, "enable_internet_access"),
        "idle_shutdown": ("idle_shutdown_config", 0, "idle_timeout"),
        "instance_type": ("machine_spec", 0, "machine_type"),
        "encrypted_with_own_key": ("encryption_spec",),
    }
    return notebook


READERS: dict[str, Reader] = {
    "google_cloud_run_v2_service": _cloud_run,
    "google_cloud_run_v2_job": _cloud_run_job,
    "google_vertex_ai_deployment_resource_pool": _deployment_pool,
    "google_vertex_ai_endpoint": _vertex_endpoint,
    "google_vertex_ai_endpoint_with_model_garden_deployment": _model_garden,
    "google_workbench_instance": _workbench,
    "google_notebooks_instance": _user_managed,
    "google_colab_runtime_template": _colab,
}
