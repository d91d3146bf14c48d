"""SageMaker training jobs where Terraform knows them: as steps of pipelines and tasks of state machines.

Requests: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html. A pipeline's values may
be references (``{"Get": …}``, ``{"Std:Join": …}``), and a state machine's keys may end in ``.$``: what they stand for
is known when they run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.concepts.clouds.aws.policies import json_data, known_data
from scanner.concepts.clouds.common import Reader, common, given
from scanner.concepts.model import Concept, TrainingJob
from scanner.concepts.quantities import whole
from scanner.core import Path, Resource, Unknown, UnknownText, get, is_unknown
from scanner.graph import ResourceGraph

MAX_DEPTH = 30
DEFINITIONS = {"aws_sagemaker_pipeline": "pipeline_definition", "aws_sfn_state_machine": "definition"}
"""Types and the attribute with their definition as JSON."""


def _jobs(resource: Resource, graph: ResourceGraph) -> list[Concept]:
    attribute = DEFINITIONS[resource.type]
    data = _data(resource.attributes.get(attribute))
    return [_job(resource, request, at) for request, at in _requests(data, (attribute,))]


def _data(text: Any) -> Any:
    return known_data(text) if isinstance(text, UnknownText) else json_data(text)


def _requests(data: Any, at: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Every training job request in a definition, with its path."""
    if isinstance(data, dict):
        if "AlgorithmSpecification" in data and ("ResourceConfig" in data or "StoppingCondition" in data):
            yield data, at
            return
        items: Any = data.items()
    else:
        items = enumerate(data) if isinstance(data, list) else ()
    for key, item in items if len(at) < MAX_DEPTH else ():
        yield from _requests(item, (*at, key))


def _value(request: Any, *path: str) -> Any:
    """The value at a path of a request; unknown where it is found only when the definition runs."""
    for key in path:
        if not isinstance(request, dict):
            return request if is_unknown(request) else None
        if f"{key}.$" in request:
            return Unknown(f"{key} is taken from the input of the run", f"{key}.$")
        request = request.get(key)
        if isinstance(request, dict) and request and all(name in ("Get", "Std:Join") for name in request):
            return Unknown(f"{key} is a parameter of the run", key)
        if isinstance(request, str) and request.startswith("{%"):
            return Unknown(f"{key} is computed in the run", key)
    return request


def _job(resource: Resource, request: dict[str, Any], at: Path) -> TrainingJob:
    job = TrainingJob(**common(resource), platform="sagemaker", at=at)
    job.name = _name(resource, at)
    job.instance_type = _value(request, "ResourceConfig", "InstanceType")
    job.machines = whole(_value(request, "ResourceConfig", "InstanceCount"))
    job.spot = given(_value(request, "EnableManagedSpotTraining"))
    job.checkpointed = given(_value(request, "CheckpointConfig"))
    job.in_network = given(_value(request, "VpcConfig"))
    job.traffic_encrypted = given(_value(request, "EnableInterContainerTrafficEncryption"))
    job.timeout_seconds = whole(_value(request, "StoppingCondition", "MaxRuntimeInSeconds"))
    job.wait_seconds = whole(_value(request, "StoppingCondition", "MaxWaitTimeInSeconds"))
    job.sources |= {
        "spot": (*at, "EnableManagedSpotTraining"),
        "machines": (*at, "ResourceConfig", "InstanceCount"),
        "wait_seconds": (*at, "StoppingCondition"),
    }
    return job


def _name(resource: Resource, at: Path) -> str:
    """The step of a pipeline or the state of a machine that a request belongs to."""
    data = _data(resource.attributes.get(str(at[0])))
    name = get(data, *at[1:-1], "Name")
    keys = [key for key in at[1:] if isinstance(key, str) and key not in ("States", "Parameters", "Arguments")]
    return name if isinstance(name, str) else keys[-1] if keys else resource.name


READERS: dict[str, Reader] = dict.fromkeys(DEFINITIONS, _jobs)
