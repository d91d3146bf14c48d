"""Custom jobs of Vertex AI are found by their worker pools, as files of gcloud and as bodies of the API."""

from pathlib import Path

import pytest

from scanner.core import SourceFile
from scanner.frontends.vertex import read_vertex
from scanner.scan import ScanOptions, scan

SPEC = """\
workerPoolSpecs:
  - machineSpec: {machineType: a2-highgpu-1g, acceleratorType: NVIDIA_TESLA_A100, acceleratorCount: 1}
    replicaCount: 2
    containerSpec: {imageUri: "acme/train:1.0.0"}
"""


def test_a_spec_is_called_after_its_file_and_located_at_its_pools() -> None:
    (job,) = read_vertex(SourceFile("jobs/finetune.yaml", SPEC), "jobs").resources
    assert (job.type, job.address, job.origin) == ("vertex.customJob", "customJob/finetune", "vertex")
    assert job.locate(("scheduling", "strategy")).span.start_line == 1
    assert job.locate(("workerPoolSpecs", 0, "replicaCount")).span.start_line == 3


def test_a_body_of_the_api_has_a_name_of_its_own() -> None:
    text = '{"displayName": "finetune", "jobSpec": {"workerPoolSpecs": [{"replicaCount": 1}]}}'
    (job,) = read_vertex(SourceFile("job.json", text), "").resources
    assert job.name == "finetune"


@pytest.mark.parametrize("text", ["workerPoolSpecs: 3\n", "- workerPoolSpecs: []\n", "jobSpec: {}\n", "{\n"])
def test_other_documents_are_left_alone(text: str) -> None:
    assert read_vertex(SourceFile("x.yaml", text), "").resources == []


def test_a_scan_finds_the_job_and_counts_its_accelerators(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(SPEC)
    (job,) = scan([tmp_path], ScanOptions()).concepts.of_kind("TrainingJob")
    assert (job.platform, job.accelerator_count, job.spot, job.checkpointed) == ("vertex-ai", 2, False, False)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("pool", "count"), [("replicaCount: 3", 6), ("replicaCount: 0", 0), ("x: 1", 2)])
def test_the_accelerators_of_all_machines_count(tmp_path: Path, pool: str, count: int) -> None:
    machine = "{machineType: g2-standard-24, acceleratorType: NVIDIA_L4, acceleratorCount: 2}"
    (tmp_path / "job.yaml").write_text(f"workerPoolSpecs: [{{machineSpec: {machine}, {pool}}}]\n")
    (job,) = scan([tmp_path], ScanOptions()).concepts.of_kind("TrainingJob")
    assert job.accelerator_count == count  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "broken", ["workerPoolSpecs: [3, null]", "workerPoolSpecs: [{containerSpec: 7}]\nscheduling: 1"]
)
def test_wrong_types_cost_nothing_but_themselves(tmp_path: Path, broken: str) -> None:
    (tmp_path / "job.yaml").write_text(broken)
    result = scan([tmp_path], ScanOptions())
    assert [item.code for item in result.diagnostics] == []
