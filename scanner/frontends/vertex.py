"""Vertex AI custom jobs: the YAML that ``gcloud ai custom-jobs create --config`` and the API read."""

from __future__ import annotations

from typing import Any

from scanner.core import Parsed, SourceFile, get
from scanner.frontends.azureml import read_documents


def read_vertex(file: SourceFile, unit: str) -> Parsed:
    """The documents of ``file`` that describe a custom job, and what could not be read."""
    return read_documents(file, unit, _kind, "vertex")


def _kind(value: Any) -> str | None:
    """Whether a document has worker pools, as CustomJobSpec and CustomJob of the API name them."""
    pools = get(value, "workerPoolSpecs", default=get(value, "jobSpec", "workerPoolSpecs"))
    return "customJob" if isinstance(pools, list) else None
