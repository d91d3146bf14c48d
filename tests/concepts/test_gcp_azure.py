"""Readers of Google Cloud and Azure: what they say, and that no value makes them fail."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.concepts.clouds import cloud_concepts
from scanner.concepts.clouds.azure.machines import seconds
from scanner.concepts.interpret import interpret
from scanner.core import Unknown, is_unknown
from scanner.facts.gcp_machines import MachineAccelerators, accepts_accelerators, machine_accelerators, partitions
from scanner.graph import ResourceGraph
from scanner.scan import ScanOptions, scan

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "rules"
WITHOUT_RULES = ScanOptions(only_rules=(Path(__file__).parent,))


def read(tmp_path: Path, text: str) -> ResourceGraph:
    (tmp_path / "main.tf").write_text(text)
    return scan([tmp_path], WITHOUT_RULES).graph


def concept(tmp_path: Path, kind: str, text: str) -> Any:
    (found,) = interpret(read(tmp_path, text)).of_kind(kind)
    return found


def test_a_pool_knows_its_sizes_from_autoscaling_or_fixed_counts(tmp_path: Path) -> None:
    pool = concept(
        tmp_path,
        "AcceleratorPool",
        """
        resource "google_container_node_pool" "a" {
          node_config { machine_type = "g2-standard-8" }
          autoscaling { total_max_node_count = 6 }
        }
        """,
    )
    assert (pool.min_size, pool.max_size, pool.autoscaling) == (0, 6, True)


def test_a_pool_in_a_cluster_block_is_found_with_its_place(tmp_path: Path) -> None:
    pool = concept(
        tmp_path,
        "AcceleratorPool",
        """
        resource "google_container_cluster" "a" {
          node_pool {
            name = "web"
            node_config { machine_type = "e2-standard-4" }
          }
          node_pool {
            name       = "gpu"
            node_count = 2
            node_config { machine_type = "a2-highgpu-1g" }
          }
        }
        """,
    )
    assert (pool.name, pool.at, pool.sources["min_size"]) == ("gpu", ("node_pool", 1), ("node_pool", 1, "node_count"))


def test_a_machine_type_that_is_not_known_leaves_doubt(tmp_path: Path) -> None:
    pool = concept(
        tmp_path,
        "AcceleratorPool",
        """
        variable "type" {}
        resource "google_container_node_pool" "a" { node_config { machine_type = var.type } }
        """,
    )
    assert pool.doubt is not None
    assert is_unknown(pool.accelerator)


def test_an_attached_accelerator_settles_the_doubt(tmp_path: Path) -> None:
    pool = concept(
        tmp_path,
        "AcceleratorPool",
        """
        variable "type" {}
        resource "google_container_node_pool" "a" {
          node_config {
            machine_type = var.type
            guest_accelerator {
              type  = "nvidia-tesla-t4"
              count = 2
            }
          }
        }
        """,
    )
    assert (pool.doubt, pool.attached_accelerator, pool.accelerators_per_machine) == (None, "nvidia-tesla-t4", 2)


def test_an_account_that_is_referred_to_is_known_to_be_its_own(tmp_path: Path) -> None:
    pool = concept(
        tmp_path,
        "AcceleratorPool",
        """
        resource "google_service_account" "nodes" { account_id = "nodes" }
        resource "google_container_node_pool" "a" {
          node_config {
            machine_type    = "g2-standard-8"
            service_account = google_service_account.nodes.email
          }
        }
        """,
    )
    assert pool.service_account == "google_service_account.nodes"


def test_a_member_of_another_resource_is_not_everybody(tmp_path: Path) -> None:
    grant = concept(
        tmp_path,
        "AccessGrant",
        """
        resource "google_service_account" "nodes" { account_id = "gpu-nodes" }
        resource "google_project_iam_member" "a" {
          role   = "roles/editor"
          member = google_service_account.nodes.member
        }
        """,
    )
    assert (grant.public, grant.administrator, grant.workload) == (False, True, True)


def test_a_member_from_an_unset_variable_may_be_everybody(tmp_path: Path) -> None:
    grant = concept(
        tmp_path,
        "AccessGrant",
        """
        variable "member" {}
        resource "google_project_iam_member" "a" {
          role   = "roles/viewer"
          member = var.member
        }
        """,
    )
    assert is_unknown(grant.public)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('source_address_prefix = "*"\ndestination_port_range = "*"', (True, 0, 65535)),
        ('source_address_prefixes = ["10.0.0.0/8", "::/0"]\ndestination_port_ranges = ["80-90"]', (True, 80, 90)),
        ('source_address_prefix = "VirtualNetwork"\ndestination_port_range = "443"', (False, 443, 443)),
    ],
)  # fmt: skip
def test_azure_rules_give_origins_and_ports(tmp_path: Path, rule: str, expected: tuple[bool, int, int]) -> None:
    boundary = concept(
        tmp_path,
        "NetworkBoundary",
        f"""
        resource "azurerm_network_security_rule" "a" {{
          direction = "Inbound"
          access    = "Allow"
          protocol  = "Tcp"
          {rule}
        }}
        """,
    )
    (ports,) = boundary.ports
    assert (boundary.open_to_world, ports["from"], ports["to"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("PT30M", 1800), ("PT2H5S", 7205), ("P1DT1H", 90000), ("PT", None), ("30m", None), (7, None)]
)
def test_iso_durations_are_seconds(text: Any, expected: int | None) -> None:
    assert seconds(text) == expected


def test_machine_types_tell_their_accelerators() -> None:
    assert machine_accelerators("a2-ultragpu-4g") == MachineAccelerators("nvidia-a100-80gb", 4, None)
    assert machine_accelerators("g2-standard-24") == MachineAccelerators("nvidia-l4", 2, None)
    assert machine_accelerators("ct5lp-hightpu-4t") == MachineAccelerators("tpu-v5-lite", 4, 2)
    assert machine_accelerators("n1-standard-8") is None
    assert [accepts_accelerators(name) for name in ("n1-standard-8", "e2-medium", "x9-new")] == [True, False, None]
    assert (partitions("nvidia-l4"), partitions("nvidia-b200")) == ([], None)


def variants(value: Any) -> Iterator[Any]:
    """The value with one place after the other unknown, null or of a wrong type."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            for wrong in (Unknown("not known here"), None, 7, "text", [], {}):
                changed = copy.copy(value)
                changed[key] = wrong
                yield changed
            for inner in variants(value[key]):
                changed = copy.copy(value)
                changed[key] = inner
                yield changed


@pytest.mark.parametrize(
    "case",
    sorted({path.parent for path in FIXTURES.glob("*[23]??/*/*.tf")}, key=str),
    ids=lambda p: f"{p.parent.name}-{p.name}",
)
def test_no_value_makes_a_reader_fail(case: Path) -> None:
    graph = scan([case], WITHOUT_RULES).graph
    for resource in graph.resources:
        written = resource.attributes
        for attributes in variants(written):
            resource.attributes = attributes
            list(cloud_concepts(resource, graph))
        resource.attributes = written


def test_pools_of_the_public_gke_module_have_the_modules_defaults(tmp_path: Path) -> None:
    pool = concept(
        tmp_path,
        "AcceleratorPool",
        """
        module "gke" {
          source = "terraform-google-modules/kubernetes-engine/google//modules/beta-private-cluster"
          node_pools = [
            { name = "web", machine_type = "e2-medium" },
            { name = "gpu", machine_type = "a2-highgpu-2g", spot = "true", autoscaling = "true" },
          ]
        }
        """,
    )
    assert (pool.name, pool.platform, pool.min_size, pool.max_size, pool.spot) == ("gpu", "gke", 1, 100, True)
    assert pool.sources["instance_types"] == ("node_pools", 1, "machine_type")
    assert pool.sources["min_size"] == ("node_pools", 1)


def test_other_modules_are_left_alone(tmp_path: Path) -> None:
    graph = read(
        tmp_path, 'module "x" {\n source = "acme/gke/google"\n node_pools = [{machine_type = "a2-highgpu-1g"}]\n}'
    )
    assert interpret(graph).of_kind("AcceleratorPool") == []
