"""What stands in the cache where an earlier scan's findings should be: anything else leads to a whole scan."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.project.cache import Cache
from scanner.report.formats import render
from scanner.scan import ScanOptions, ScanResult, scan

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm, namespace: inference, annotations: {kilter/ignore.ROL005: it answers at once}}
spec:
  replicas: 2
  selector: {matchLabels: {app: vllm}}
  template:
    metadata: {labels: {app: vllm}}
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:latest # kilter:ignore INT002 -- none of it
          resources: {limits: {nvidia.com/gpu: 1}}
"""
TERRAFORM = """\
variable "clients" {}
resource "aws_security_group" "clients" {
  ingress {
    from_port   = 8000
    to_port     = 8000
    protocol    = "tcp"
    cidr_blocks = var.clients
  }
}
resource "aws_eks_node_group" "gpu" {
  instance_types = ["p5.48xlarge"]
  scaling_config {
    min_size = 4
    max_size = 4
  }
}
"""
Steps = tuple[str | int, ...]


class Remembering:
    """A directory, its cache, and what a scan without memory says of it."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "sources"
        self.directory.mkdir()
        (self.directory / "a.yaml").write_text(MANIFEST)
        (self.directory / "broken.yaml").write_text("apiVersion: v1\nkind: [\n")
        (self.directory / "main.tf").write_text(TERRAFORM)
        for path in self.directory.iterdir():
            os.utime(path, (1_000_000_000, 1_000_000_000))
        self.cache = Cache(place / "cache")
        self.said = self.report(scan([self.directory], ScanOptions()))
        self.scan()
        self.key, self.memory = next(
            (key, data) for key, data in self.entries() if isinstance(data, dict) and "islands" in data
        )

    def entries(self) -> Iterator[tuple[str, Any]]:
        for path in (path for path in (self.cache.directory or Path()).rglob("*") if path.is_file()):
            key = path.parent.name + path.name
            yield key, self.cache.get(key)

    def scan(self) -> ScanResult:
        return scan([self.directory], ScanOptions(cache=self.cache, recall=True))

    def report(self, result: ScanResult) -> list[str]:
        return [render(result, name, show_undetermined=True) for name in ("text", "json", "sarif", "github")]

    def with_memory(self, memory: Any) -> tuple[list[str], int]:
        """What a scan with that memory says, and how many resources it took from it."""
        self.cache.put(self.key, memory)
        result = self.scan()
        return self.report(result), result.recalled


@pytest.fixture(scope="module")
def remembering(tmp_path_factory: pytest.TempPathFactory) -> Remembering:
    return Remembering(tmp_path_factory.mktemp("remembering"))


def changed(memory: Any, steps: Steps, value: Any) -> Any:
    result = copy.deepcopy(memory)
    inner = result
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    return result


def test_what_is_remembered_is_used(remembering: Remembering) -> None:
    said, recalled = remembering.with_memory(remembering.memory)
    assert said == remembering.said
    assert recalled == 3
    islands = json.dumps(remembering.memory["islands"])
    assert "aws_security_group.clients" in islands and "kilter/ignore.ROL005" in islands


@pytest.mark.parametrize("wrong", [{"wrong": [None]}, None, [], "", 7, True])
def test_a_part_of_another_type_costs_the_memory_and_nothing_else(wrong: Any, remembering: Remembering) -> None:
    for steps, right in places(remembering.memory):
        absent = wrong is None and (steps[-1] in OPTIONAL or steps[-2:-1] == ("answers",))
        step = wrong == 7 and steps[-3:-1] in PATHS
        if type(wrong) is not type(right) and not absent and not step:
            memory = changed([remembering.memory], (0, *steps), wrong)[0]
            assert remembering.with_memory(memory) == (remembering.said, 0), steps


OPTIONAL = (7, 8)
"""Positions that may hold nothing: the namespace of a resource, the fix and the line of a finding; so may answers."""
PATHS = ((0, 4), (0, 2))
"""Positions of paths, whose steps may be numbers."""


def places(memory: Any, above: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every place in a memory and what stands there; of lists and of maps by name only the first item."""
    if above:
        yield above, memory
    if isinstance(memory, dict):
        named = above[-1:] in (("stamps",), ("units",), ("directories",), ("calls",), ("below",))
        for key in list(memory)[:1] if named else memory:
            yield from places(memory[key], (*above, key))
    elif isinstance(memory, list) and memory:
        record = above[-2:-1] in (("resources",), ("findings",), ("undetermined",))
        for number in range(len(memory) if record else 1):
            yield from places(memory[number], (*above, number))


def island(memory: Any, said: str) -> Any:
    """The first list of findings or of undetermined results that holds something."""
    return next(item[said] for item in memory["islands"] if item[said])


@pytest.mark.parametrize(("said", "number"), [("findings", 3), ("undetermined", 1)])
def test_rules_and_resources_that_are_not_there_cost_the_memory(
    said: str, number: int, remembering: Remembering
) -> None:
    for position, value in ((0, "XXX999"), (number, 99)):
        memory = copy.deepcopy(remembering.memory)
        island(memory, said)[0][position] = value
        assert remembering.with_memory(memory) == (remembering.said, 0)


def test_lost_islands_cost_the_memory(remembering: Remembering) -> None:
    for islands in ([], remembering.memory["islands"][1:]):
        memory = {**remembering.memory, "islands": islands}
        assert remembering.with_memory(memory) == (remembering.said, 0)
