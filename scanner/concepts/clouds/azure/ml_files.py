"""Azure ML's own YAML: online endpoints and deployments, compute, jobs."""

from __future__ import annotations

import re
from typing import Any

from scanner.concepts.clouds.common import (
    Reader,
    common,
    equals,
    families_of,
    given,
    machine_pool,
    one_deployment,
    traffic_total,
)
from scanner.concepts.model import Concept, EnvironmentVariable, ModelEndpoint, Notebook, TrainingJob
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, get
from scanner.core.patterns import lazy_pattern
from scanner.graph import ResourceGraph

DEFAULT_IDLE_SECONDS = 120
PROBE_DEFAULTS = {"initial_delay": 10, "period": 10, "failure_threshold": 30}
"""Of https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online#probesettings."""
DEFAULT_INSTANCE = "Standard_DS3_v2"
_CHECKPOINT = lazy_pattern(r"checkpoint|ckpt|resume|save[-_]?(dir|path|steps)", re.IGNORECASE)


def _endpoint(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    endpoint = ModelEndpoint(**common(resource), platform="azureml", authenticated=True)
    endpoint.public = equals(str(get(attributes, "public_network_access", default="enabled")).lower(), "enabled")
    endpoint.local_auth = equals(get(attributes, "auth_mode", default="key"), "key")
    endpoint.traffic_total = traffic_total(attributes.get("traffic"))
    endpoint.newest_takes_all = one_deployment(attributes.get("traffic"), attributes.get("mirror_traffic"))
    endpoint.sources |= {
        "newest_takes_all": ("traffic",),
        "public": ("public_network_access",),
        "local_auth": ("auth_mode",),
        "traffic_total": ("traffic",),
    }
    return endpoint


def _deployment(resource: Resource, graph: ResourceGraph) -> Concept:
    attributes = resource.attributes
    deployment = ModelEndpoint(**common(resource), platform="azureml-deployment", authenticated=True)
    deployment.instance_type = attributes.get("instance_type")
    families = families_of("azure", deployment.instance_type)
    deployment.accelerator = families[0].accelerator if isinstance(families, list) and families else None
    deployment.min_replicas = deployment.max_replicas = whole(get(attributes, "instance_count", default=1))
    deployment.data_capture = given(attributes.get("data_collector"))
    deployment.env = _environment(attributes)
    deployment.startup_budget_seconds = _startup_budget(attributes.get("liveness_probe"))
    model = attributes.get("model")
    deployment.model = model if isinstance(model, str) else None
    deployment.sources |= {
        "instance_type": ("instance_type",),
        "startup_budget_seconds": ("liveness_probe",),
        "accelerator": ("instance_type",),
        "min_replicas": ("instance_count",),
        "max_replicas": ("instance_count",),
        "model": ("model",),
    }
    return deployment


def _startup_budget(probe: Any) -> int | None:
    """Seconds until a probe with Azure ML's defaults gives a container up."""
    delay, period, failures = (whole(get(probe, name, default=value)) for name, value in PROBE_DEFAULTS.items())
    return None if delay is None or period is None or failures is None else delay + period * failures


def _environment(block: dict[str, Any], at: Path = ()) -> list[EnvironmentVariable]:
    variables = block.get("environment_variables")
    return [
        EnvironmentVariable(at=(*at, "environment_variables", name), name=name, value=str(value))
        for name, value in (variables.items() if isinstance(variables, dict) else ())
        if value is not None
    ]


def _compute(resource: Resource, graph: ResourceGraph) -> Concept | None:
    attributes = resource.attributes
    if str(attributes.get("type", "")).lower() == "computeinstance":
        return _instance(resource)
    if str(attributes.get("type", "")).lower() != "amlcompute":
        return None
    pool = machine_pool(resource, "azureml", "azure", attributes.get("size"), ("size",))
    if pool is None:
        return None
    pool.min_size = whole(get(attributes, "min_instances", default=0))
    pool.max_size = whole(attributes.get("max_instances"))
    pool.scale_down_seconds = whole(get(attributes, "idle_time_before_scale_down", default=DEFAULT_IDLE_SECONDS))
    pool.autoscaling = True
    pool.taints_itself = True
    pool.spot = _low_priority(resource)
    pool.public_ip = get(attributes, "enable_node_public_ip", default=True)
    pool.sources |= {
        "min_size": ("min_instances",),
        "max_size": ("max_instances",),
        "scale_down_seconds": ("idle_time_before_scale_down",),
        "spot": ("tier",),
        "public_ip": ("enable_node_public_ip",),
    }
    return pool


def _instance(resource: Resource) -> Concept:
    attributes = resource.attributes
    notebook = Notebook(**common(resource), platform="azureml")
    notebook.instance_type = get(attributes, "size", default=DEFAULT_INSTANCE)
    notebook.public = get(attributes, "enable_node_public_ip", default=True)
    idle = attributes.get("idle_time_before_shutdown_minutes", attributes.get("idle_time_before_shutdown"))
    notebook.idle_shutdown = bool(idle or attributes.get("schedules"))
    notebook.sources |= {"instance_type": ("size",), "public": ("enable_node_public_ip",)}
    return notebook


def _low_priority(resource: Resource) -> bool:
    return str(resource.attributes.get("tier", "dedicated")).lower() == "low_priority"


def _command_job(resource: Resource, graph: ResourceGraph) -> Concept | None:
    return _job(resource, graph, resource.attributes, (), resource.attributes.get("compute"))


def _pipeline(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    """The commands that a pipeline writes out; steps that refer to components are described elsewhere."""
    steps = resource.attributes.get("jobs")
    default = get(resource.attributes, "settings", "default_compute", default=resource.attributes.get("compute"))
    found = (
        _job(resource, graph, step, ("jobs", name), get(step, "compute", default=default))
        for name, step in (steps.items() if isinstance(steps, dict) else ())
        if isinstance(step, dict)
    )
    return [job for job in found if job is not None]


def _job(resource: Resource, graph: ResourceGraph, block: dict[str, Any], at: Path, compute: Any) -> TrainingJob | None:
    command = block.get("command")
    if not isinstance(command, str):
        return None
    job = TrainingJob(**common(resource), platform="azureml", at=at)
    if at:
        job.name = str(at[-1])
    tier = str(get(block, "queue_settings", "job_tier", default="")).lower()
    clusters = [r for r in graph.of_type("azureml.amlCompute", "azureml.compute") if r.name == _compute_name(compute)]
    for cluster in clusters:
        graph.tie(resource.unit, cluster.unit)
    job.spot = tier == "spot" or any(_low_priority(cluster) for cluster in clusters)
    job.checkpointed = bool(block.get("outputs")) or bool(_CHECKPOINT.search(command))
    job.timeout_seconds = whole(get(block, "limits", "timeout"))
    job.env = _environment(block, at)
    place = (*at, "queue_settings", "job_tier") if tier == "spot" else (*at, "compute") if "compute" in block else at
    job.sources |= {"spot": place, "checkpointed": place, "timeout_seconds": (*at, "limits", "timeout")}
    return job


def _compute_name(reference: Any) -> str:
    return str(reference).removeprefix("azureml:").split("@")[0]


READERS: dict[str, Reader] = {
    "azureml.managedOnlineEndpoint": _endpoint,
    "azureml.managedOnlineDeployment": _deployment,
    "azureml.amlCompute": _compute,
    "azureml.computeInstance": _compute,
    "azureml.compute": _compute,
    "azureml.commandJob": _command_job,
    "azureml.pipelineJob": _pipeline,
}
