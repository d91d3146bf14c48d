"""What the container of a SageMaker model says of the model that it serves.

Hugging Face's inference container: https://huggingface.co/docs/sagemaker/inference. Large model inference containers:
https://docs.djl.ai/master/docs/serving/serving/docs/lmi/deployment_guide/configurations.html.
"""

from __future__ import annotations

from typing import Any

from scanner.concepts.model import Container, Serving
from scanner.concepts.quantities import whole
from scanner.concepts.serving_memory import estimate_container
from scanner.core import is_unknown
from scanner.facts.instances import instance_type

MODEL = ("HF_MODEL_ID", "OPTION_MODEL_ID", "MODEL_ID")
SHARDS = ("SM_NUM_GPUS", "OPTION_TENSOR_PARALLEL_DEGREE", "TENSOR_PARALLEL_DEGREE")
QUANTIZATION = ("HF_MODEL_QUANTIZE", "OPTION_QUANTIZE", "QUANTIZE")
LARGE_MODEL_VARIABLES = ("SM_NUM_GPUS", "OPTION_", "TENSOR_PARALLEL_DEGREE", "MAX_TOTAL_TOKENS", "HF_MODEL_QUANTIZE")
"""Variables that only the containers for large language models read."""


def estimated(machine: str, image: Any, variables: Any) -> Serving | None:
    """The model that a container for large models serves, with what it needs of each GPU of the machine."""
    known = instance_type("aws", machine)
    if known is None or not known.accelerator.startswith("nvidia") or not isinstance(variables, dict):
        return None
    large = any(name.startswith(LARGE_MODEL_VARIABLES) for name in variables)
    large = large or (isinstance(image, str) and any(word in image for word in ("tgi-inference", "lmi")))
    if not large or any(is_unknown(variables.get(name)) for name in (*MODEL, *SHARDS, *QUANTIZATION)):
        return None
    serving = Serving(runtime="tgi", model=_first(variables, MODEL), quantization=_first(variables, QUANTIZATION))
    count = max(int(known.accelerator_count), 1)
    shards = _first(variables, SHARDS)
    number = count if shards in (None, "max") else whole(shards)
    if not isinstance(number, int) or number < 1:
        return None
    serving.tensor_parallel = number
    serving.sources["tensor_parallel"] = ()
    estimate_container(Container(runtime="tgi", accelerator_count=count), serving, known.accelerator_memory_gib / count)
    return serving


def _first(variables: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((variables[name] for name in names if variables.get(name) is not None), None)
