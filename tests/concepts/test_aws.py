"""Readers of AWS: what they say of resources, policies and public modules, and that no value makes them fail."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.concepts.clouds import cloud_concepts
from scanner.concepts.interpret import interpret
from scanner.core import Unknown, UnknownText, get, is_unknown
from scanner.graph import ResourceGraph
from scanner.scan import ScanOptions, scan

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "rules"
WITHOUT_RULES = ScanOptions(only_rules=(Path(__file__).parent,))
WRONG: tuple[Any, ...] = (None, Unknown("a test"), UnknownText("a test", "", "{"), "", -1, 1.5, True, [], {}, [None])


def read(tmp_path: Path, text: str) -> ResourceGraph:
    (tmp_path / "main.tf").write_text(text)
    return scan([tmp_path], WITHOUT_RULES).graph


def concepts(tmp_path: Path, kind: str, text: str) -> list[Any]:
    return list(interpret(read(tmp_path, text)).of_kind(kind))


def test_an_unknown_arn_hides_only_its_own_statement(tmp_path: Path) -> None:
    grants = concepts(
        tmp_path,
        "AccessGrant",
        """
        variable "bucket" {}
        resource "aws_iam_policy" "a" {
          policy = jsonencode({ Statement = [
            { Effect = "Allow", Action = "s3:GetObject", Resource = "${var.bucket}/*" },
            { Effect = "Allow", Action = ["sagemaker:*"], Resource = "*" },
          ] })
        }
        """,
    )
    assert [grant.actions for grant in grants] == [["s3:GetObject"], ["sagemaker:*"]]
    assert is_unknown(grants[0].resources[0])
    assert grants[1].resources == ["*"]


def test_a_policy_in_a_heredoc_is_read_around_its_unknown_parts(tmp_path: Path) -> None:
    grants = concepts(
        tmp_path,
        "AccessGrant",
        """
        variable "bucket" {}
        resource "aws_iam_policy" "a" {
          policy = <<-JSON
            {"Statement": [
              {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::${var.bucket}/*"},
              {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
            ]}
          JSON
        }
        """,
    )
    assert [grant.allowed for grant in grants] == ["s3:PutObject", "bedrock:InvokeModel"]
    assert is_unknown(grants[0].resources[0])


def test_a_template_with_a_loop_of_unknown_parts_is_unknown_as_a_whole(tmp_path: Path) -> None:
    graph = read(
        tmp_path,
        """
        variable "b" {}
        resource "aws_iam_policy" "a" {
          policy = "%{ for x in ["1", "2"] }${x}-${var.b}%{ endfor }"
        }
        """,
    )
    (policy,) = graph.of_type("aws_iam_policy")
    found = policy.attributes["policy"]
    assert is_unknown(found)
    assert isinstance(found, UnknownText)
    assert "1-" not in found.data


def test_training_jobs_of_pipelines_and_state_machines_are_found(tmp_path: Path) -> None:
    jobs = concepts(
        tmp_path,
        "TrainingJob",
        """
        variable "role" {}
        locals {
          request = {
            AlgorithmSpecification = { TrainingImage = "train:1" }
            ResourceConfig         = { InstanceType = "ml.g5.xlarge", InstanceCount = 2 }
            StoppingCondition      = { MaxRuntimeInSeconds = 60, MaxWaitTimeInSeconds = 90 }
          }
        }
        resource "aws_sagemaker_pipeline" "a" {
          pipeline_definition = jsonencode({ Steps = [
            { Name = "Fit", Type = "Training", Arguments = merge(local.request, { RoleArn = var.role }) },
          ] })
        }
        resource "aws_sfn_state_machine" "b" {
          definition = jsonencode({ States = { Fit2 = { Parameters = merge(local.request, {
            "EnableManagedSpotTraining.$" = "$.spot", VpcConfig = { Subnets = ["subnet-1"] }
          }) } } })
        }
        """,
    )
    assert [(job.name, job.machines, job.timeout_seconds, job.wait_seconds) for job in jobs] == [
        ("Fit", 2, 60, 90),
        ("Fit2", 2, 60, 90),
    ]
    assert [job.in_network for job in jobs] == [False, True]
    assert jobs[0].spot is False
    assert is_unknown(jobs[1].spot)


@pytest.mark.parametrize(
    ("update", "desired", "share"),
    [
        ("max_unavailable = 1", 2, None),
        ("max_unavailable = 2", 4, 50),
        ("max_unavailable = 9", 3, 100),
        ("max_unavailable_percentage = 33", 1, 33),
        ("max_unavailable = 2", 0, None),
    ],
)
def test_an_update_takes_a_share_of_the_machines(tmp_path: Path, update: str, desired: int, share: float) -> None:
    (pool,) = concepts(
        tmp_path,
        "AcceleratorPool",
        f"""
        resource "aws_eks_node_group" "a" {{
          instance_types = ["g5.xlarge"]
          scaling_config {{
            min_size     = 0
            desired_size = {desired}
            max_size     = 10
          }}
          update_config {{
            {update}
          }}
        }}
        """,
    )
    assert pool.update_share == share


def test_a_node_group_gets_its_machines_from_its_launch_template(tmp_path: Path) -> None:
    pools = concepts(
        tmp_path,
        "AcceleratorPool",
        """
        resource "aws_launch_template" "a" {
          instance_type = "p4d.24xlarge"
          network_interfaces { interface_type = "efa" }
          block_device_mappings {
            ebs { volume_size = 400 }
          }
        }
        resource "aws_eks_node_group" "a" {
          launch_template { id = aws_launch_template.a.id }
        }
        """,
    )
    (group,) = (pool for pool in pools if pool.platform == "eks")
    assert group.instance_types == ["p4d.24xlarge"]
    assert (group.network_attached, group.disk_gib, group.placed_together) == (True, 400, False)


def test_an_endpoint_knows_its_model_and_what_scales_it(tmp_path: Path) -> None:
    (endpoint,) = concepts(
        tmp_path,
        "ModelEndpoint",
        """
        resource "aws_sagemaker_model" "a" {
          primary_container {
            image       = "huggingface-pytorch-tgi-inference:2.4.0"
            environment = { HF_MODEL_ID = "meta-llama/Llama-3.1-8B-Instruct", SM_NUM_GPUS = "1" }
          }
        }
        resource "aws_sagemaker_endpoint_configuration" "a" {
          production_variants {
            variant_name  = "main"
            model_name    = aws_sagemaker_model.a.name
            instance_type = "ml.g6.xlarge"
          }
        }
        resource "aws_sagemaker_endpoint" "a" {
          name                 = "a"
          endpoint_config_name = aws_sagemaker_endpoint_configuration.a.name
        }
        resource "aws_appautoscaling_target" "a" {
          resource_id  = "endpoint/a/variant/main"
          min_capacity = 2
          max_capacity = 7
        }
        """,
    )
    assert (endpoint.autoscaled, endpoint.least_replicas, endpoint.max_replicas) == (True, 2, 7)
    assert endpoint.serving.model == "meta-llama/Llama-3.1-8B-Instruct"
    assert endpoint.serving.needed_gib < endpoint.serving.offered_gib == 24


@pytest.mark.parametrize(
    ("inputs", "public"),
    [
        ("", False),
        ("cluster_endpoint_public_access = true", True),
        ("endpoint_public_access = true", True),
        ('cluster_endpoint_public_access = true\ncluster_endpoint_public_access_cidrs = ["203.0.113.0/24"]', False),
    ],
)
def test_a_cluster_of_the_public_module_is_private_by_default(tmp_path: Path, inputs: str, public: bool) -> None:
    (cluster,) = concepts(
        tmp_path,
        "Cluster",
        f"""
        module "eks" {{
          source = "terraform-aws-modules/eks/aws"
          {inputs}
        }}
        """,
    )
    assert (cluster.public_api, cluster.audit_logged) == (public, True)


def test_endpoints_of_a_network_are_known_though_the_region_is_not(tmp_path: Path) -> None:
    (network,) = concepts(
        tmp_path,
        "Network",
        """
        data "aws_region" "current" {}
        variable "service" {}
        resource "aws_vpc" "a" { cidr_block = "10.0.0.0/16" }
        resource "aws_vpc_endpoint" "s3" { service_name = "com.amazonaws.${data.aws_region.current.name}.s3" }
        resource "aws_vpc_endpoint" "any" { service_name = "com.amazonaws.${var.service}" }
        """,
    )
    known, unknown = network.endpoints
    assert known.endswith(".s3")
    assert is_unknown(unknown)


def test_manifests_with_unknown_parts_are_objects(tmp_path: Path) -> None:
    graph = read(
        tmp_path,
        """
        variable "cluster" {}
        resource "kubectl_manifest" "pool" {
          yaml_body = <<-YAML
            apiVersion: karpenter.sh/v1
            kind: NodePool
            metadata:
              name: gpu
            spec:
              weight: ${var.cluster}
              limits:
                nvidia.com/gpu: 8
          YAML
        }
        resource "kubectl_manifest" "broken" {
          yaml_body = "kind: ${var.cluster}\\n${var.cluster}"
        }
        """,
    )
    (pool,) = graph.of_type("NodePool")
    assert is_unknown(get(pool.attributes, "spec", "weight"))
    assert get(pool.attributes, "spec", "limits") == {"nvidia.com/gpu": 8}


def variants(value: Any) -> Iterator[Any]:
    """``value`` with one part after the other replaced by something else."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for wrong in WRONG:
            changed = copy.copy(value)
            changed[key] = wrong
            yield changed
        for inner in variants(value[key]):
            changed = copy.copy(value)
            changed[key] = inner
            yield changed


@pytest.mark.parametrize(
    "case",
    sorted({path.parent for path in FIXTURES.glob("*1??/*/*.tf")}, key=str),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_no_value_makes_a_reader_fail(case: Path) -> None:
    graph = scan([case], WITHOUT_RULES).graph
    for resource in graph.resources:
        written = resource.attributes
        for attributes in variants(written):
            resource.attributes = attributes
            list(cloud_concepts(resource, graph))
        resource.attributes = written
