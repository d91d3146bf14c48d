"""What a platform costs: floors, ceilings, and sums that count a machine once."""

import json
from pathlib import Path

import jsonschema
import pytest

from scanner.concepts.costs import CostLine, Costs, costs
from scanner.concepts.prices import HOURS_A_MONTH
from scanner.facts.instances import price
from scanner.report.cost import render_cost_json, render_cost_table
from scanner.scan import ScanOptions, scan

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "cost.schema.json").read_text("utf-8"))
NODE_GROUP = """
resource "aws_eks_node_group" "gpu" {{
  cluster_name   = "ml"
  instance_types = ["g5.12xlarge"]
  {more}
  scaling_config {{
    min_size     = {least}
    max_size     = {most}
    desired_size = {least}
  }}
}}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: llm, namespace: ml}}
spec:
  replicas: {replicas}
  template:
    spec:
      nodeSelector: {{{selector}}}
      containers:
        - {{name: a, image: x, resources: {{limits: {{nvidia.com/gpu: {gpus}}}}}}}
"""


def cost_of(tmp_path: Path, **files: str) -> Costs:
    """The costs of files whose names end in ``_tf`` or ``_yaml``."""
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text, "utf-8")
    result = scan([tmp_path], ScanOptions())
    found = costs(result.concepts, result.graph)
    jsonschema.validate(json.loads(render_cost_json(found)), SCHEMA)
    assert render_cost_table(found)
    return found


def month(name: str, cloud: str = "aws", machines: float = 1) -> float:
    found = price(cloud, name)
    assert found is not None
    return round(found.on_demand_usd * machines * HOURS_A_MONTH, 2)


def group(least: int, most: int, more: str = "") -> str:
    return NODE_GROUP.format(least=least, most=most, more=more)


def deployment(replicas: int, gpus: int = 4, selector: str = "") -> str:
    return DEPLOYMENT.format(replicas=replicas, gpus=gpus, selector=selector)


def amounts(line: CostLine) -> tuple[float | None, float | None]:
    return line.floor_usd, line.ceiling_usd


def test_a_pool_costs_its_smallest_and_largest_size(tmp_path: Path) -> None:
    found = cost_of(tmp_path, main_tf=group(1, 3))
    assert [amounts(line) for line in found.lines] == [(month("g5.12xlarge"), month("g5.12xlarge", machines=3))]
    assert (found.floor_usd, found.ceiling_usd) == amounts(found.lines[0])
    (record,) = found.lines[0].prices
    assert (record.region, found.lines[0].market) == ("us-east-1", "on-demand")


def test_pods_on_a_pool_are_in_the_sum_once(tmp_path: Path) -> None:
    found = cost_of(tmp_path, main_tf=group(2, 4), app_yaml=deployment(2))
    pool, pods = found.lines
    assert pods.on == (pool.concept,)
    assert amounts(pods) == (month("g5.12xlarge", machines=2), month("g5.12xlarge", machines=2))
    assert (found.floor_usd, found.ceiling_usd) == (month("g5.12xlarge", machines=2), month("g5.12xlarge", machines=4))


def test_pods_that_always_run_keep_an_empty_pool_from_costing_nothing(tmp_path: Path) -> None:
    found = cost_of(tmp_path, main_tf=group(0, 4), app_yaml=deployment(3))
    assert found.floor_usd == month("g5.12xlarge", machines=3)


def test_a_pod_takes_its_share_of_a_machine(tmp_path: Path) -> None:
    found = cost_of(tmp_path, main_tf=group(0, 4), app_yaml=deployment(1, gpus=1))
    assert found.floor_usd == pytest.approx(month("g5.12xlarge", machines=0.25), abs=0.02)


def test_a_size_that_is_not_known_is_shown_and_not_counted(tmp_path: Path) -> None:
    text = group(1, 3).replace("max_size     = 3", "max_size = var.most") + '\nvariable "most" {}\n'
    found = cost_of(tmp_path, main_tf=text)
    (line,) = found.lines
    assert line.ceiling_usd is None and 'variable "most"' in line.why[0]
    assert (found.ceiling_usd, found.without_ceiling, found.without_floor) == (0.0, 1, 0)
    assert "?" in render_cost_table(found)


def test_a_workload_without_a_pool_takes_the_cheapest_machine_and_says_so(tmp_path: Path) -> None:
    selector = "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3"
    found = cost_of(tmp_path, app_yaml=deployment(1, gpus=8, selector=selector))
    (line,) = found.lines
    assert line.floor_usd is not None and line.ceiling_usd is not None
    assert line.floor_usd <= line.ceiling_usd
    assert any("the cheapest machine that offers it" in note for note in line.why)


def test_an_accelerator_that_is_not_chosen_has_a_floor_and_no_ceiling(tmp_path: Path) -> None:
    (line,) = cost_of(tmp_path, app_yaml=deployment(1, gpus=1)).lines
    assert line.floor_usd is not None and line.floor_usd > 0
    assert line.ceiling_usd is None


def test_a_job_costs_nothing_at_least(tmp_path: Path) -> None:
    job = """
apiVersion: batch/v1
kind: Job
metadata: {name: train}
spec:
  parallelism: 2
  template: {spec: {containers: [{name: a, image: x, resources: {limits: {nvidia.com/gpu: 4}}}]}}
"""
    pool, line = cost_of(tmp_path, main_tf=group(0, 4), job_yaml=job).lines
    assert pool.kind == "pool"
    assert amounts(line) == (0.0, month("g5.12xlarge", machines=2))


def test_an_autoscaler_bounds_a_deployment(tmp_path: Path) -> None:
    scaler = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: llm, namespace: ml}
spec: {scaleTargetRef: {kind: Deployment, name: llm}, minReplicas: 1, maxReplicas: 3}
"""
    found = cost_of(tmp_path, main_tf=group(0, 4), app_yaml=deployment(2) + scaler)
    line = next(line for line in found.lines if line.kind == "workload")
    assert (line.fewest, line.most) == (1, 3)


def spot_month(name: str, cloud: str, machines: float = 1) -> float:
    found = price(cloud, name)
    assert found is not None and found.spot_usd is not None
    return round(found.spot_usd * machines * HOURS_A_MONTH, 2)


def test_an_old_spot_price_bounds_the_floor_and_the_price_on_demand_the_ceiling(tmp_path: Path) -> None:
    (line,) = cost_of(tmp_path, main_tf=group(1, 2, 'capacity_type = "SPOT"')).lines
    assert line.market == "spot"
    assert amounts(line) == (spot_month("g5.12xlarge", "aws"), month("g5.12xlarge", machines=2))
    assert line.why == ("spot prices of 2025-06-28, which bound the floor; the ceiling is the price on demand",)


def test_a_spot_pool_of_azure_has_the_floor_of_its_spot_price(tmp_path: Path) -> None:
    text = """
resource "azurerm_kubernetes_cluster_node_pool" "gpu" {
  name                  = "gpu"
  kubernetes_cluster_id = "ml"
  vm_size               = "Standard_NC24ads_A100_v4"
  priority              = "Spot"
  node_count            = 2
}
"""
    (line,) = cost_of(tmp_path, main_tf=text).lines
    name = "Standard_NC24ads_A100_v4"
    assert amounts(line) == (spot_month(name, "azure", 2), month(name, "azure", 2))
    assert any("2025-02-12" in reason for reason in line.why)


def test_a_recent_spot_price_is_both_bounds(tmp_path: Path) -> None:
    text = """
resource "google_container_node_pool" "gpu" {
  cluster    = "ml"
  location   = "us-central1-a"
  node_count = 1
  node_config {
    machine_type = "a3-highgpu-8g"
    spot         = true
  }
}
"""
    (line,) = cost_of(tmp_path, main_tf=text).lines
    spot = spot_month("a3-highgpu-8g", "gcp")
    assert amounts(line) == (spot, spot)
    assert line.why == ()


def test_an_accelerator_that_the_machine_carries_anyway_is_not_paid_twice(tmp_path: Path) -> None:
    text = """
resource "google_container_node_pool" "gpu" {
  cluster    = "ml"
  location   = "us-central1-a"
  node_count = 1
  node_config {
    machine_type = "a3-highgpu-8g"
    guest_accelerator {
      type  = "nvidia-h100-80gb"
      count = 8
    }
  }
}
"""
    (line,) = cost_of(tmp_path, main_tf=text).lines
    assert amounts(line) == (month("a3-highgpu-8g", "gcp"), month("a3-highgpu-8g", "gcp"))


def test_a_workload_on_spot_machines_has_their_bounds(tmp_path: Path) -> None:
    found = cost_of(tmp_path, main_tf=group(0, 4, 'capacity_type = "SPOT"'), app_yaml=deployment(2, gpus=4))
    line = next(line for line in found.lines if line.kind == "workload")
    assert amounts(line) == (spot_month("g5.12xlarge", "aws", 2), month("g5.12xlarge", machines=2))
    assert any("2025-06-28" in reason for reason in line.why)


def test_the_report_names_the_source_and_the_date_of_spot_prices(tmp_path: Path) -> None:
    found = cost_of(tmp_path, main_tf=group(1, 1, 'capacity_type = "SPOT"'))
    assert "aws spot, 2025-06-28: AWS Spot Instance Advisor" in render_cost_table(found)
    (named,) = json.loads(render_cost_json(found))["lines"][0]["prices"]
    assert (named["spot_date"], named["date"] > named["spot_date"]) == ("2025-06-28", True)
    on_demand = cost_of(tmp_path, main_tf=group(1, 1))
    assert "spot" not in render_cost_table(on_demand)


def test_spot_capacity_without_a_recorded_price_has_no_floor(tmp_path: Path) -> None:
    text = group(1, 2, 'capacity_type = "SPOT"').replace("g5.12xlarge", "p5.4xlarge")
    (line,) = cost_of(tmp_path, main_tf=text).lines
    assert amounts(line) == (None, month("p5.4xlarge", machines=2))


def test_a_karpenter_pool_without_limits_has_no_ceiling(tmp_path: Path) -> None:
    pool = """
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: gpu}
spec:
  template:
    spec:
      requirements: [{key: node.kubernetes.io/instance-type, operator: In, values: [g5.12xlarge]}]
"""
    (line,) = cost_of(tmp_path, pool_yaml=pool).lines
    assert amounts(line) == (0.0, None)
    limited = pool.replace("spec:\n  template", "spec:\n  limits: {nvidia.com/gpu: 8}\n  template", 1)
    (line,) = cost_of(tmp_path, pool_yaml=limited).lines
    assert amounts(line) == (0.0, month("g5.12xlarge", machines=2))


def test_a_regional_pool_has_its_size_in_every_zone(tmp_path: Path) -> None:
    text = """
resource "google_container_node_pool" "gpu" {
  cluster  = "ml"
  location = "us-central1"
  %s
  autoscaling {
    min_node_count = 1
    max_node_count = 2
  }
  node_config { machine_type = "a2-highgpu-1g" }
}
"""
    (line,) = cost_of(tmp_path, main_tf=text % "").lines
    assert amounts(line) == (month("a2-highgpu-1g", "gcp"), month("a2-highgpu-1g", "gcp", 6))
    (line,) = cost_of(tmp_path, main_tf=text % 'node_locations = ["us-central1-a", "us-central1-b"]').lines
    assert amounts(line) == (month("a2-highgpu-1g", "gcp", 2), month("a2-highgpu-1g", "gcp", 4))


def test_the_sizes_of_a_batch_environment_are_processors(tmp_path: Path) -> None:
    text = """
resource "aws_batch_compute_environment" "gpu" {
  compute_resources {
    type          = "EC2"
    instance_type = ["g5.12xlarge"]
    min_vcpus     = 48
    max_vcpus     = 96
  }
}
"""
    (line,) = cost_of(tmp_path, main_tf=text).lines
    assert (line.fewest, line.most, line.floor_usd) == (1, 2, month("g5.12xlarge"))


def test_an_endpoint_costs_what_its_scaling_target_allows(tmp_path: Path) -> None:
    text = """
resource "aws_sagemaker_endpoint_configuration" "llm" {
  production_variants {
    variant_name           = "main"
    model_name             = "llm"
    instance_type          = "ml.g5.12xlarge"
    initial_instance_count = 1
  }
}
resource "aws_sagemaker_endpoint" "llm" {
  name                 = "llm"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.llm.name
}
resource "aws_appautoscaling_target" "llm" {
  min_capacity       = 1
  max_capacity       = 4
  resource_id        = "endpoint/${aws_sagemaker_endpoint.llm.name}/variant/main"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  service_namespace  = "sagemaker"
}
resource "aws_sagemaker_notebook_instance" "lab" {
  name          = "lab"
  role_arn      = "arn:aws:iam::123456789012:role/lab"
  instance_type = "ml.g4dn.xlarge"
}
"""
    endpoint, notebook = cost_of(tmp_path, main_tf=text).lines
    assert amounts(endpoint) == (month("ml.g5.12xlarge"), month("ml.g5.12xlarge", machines=4))
    assert notebook.kind == "notebook"
    assert amounts(notebook) == (month("ml.g4dn.xlarge"), month("ml.g4dn.xlarge"))


def test_a_serving_runtime_or_template_costs_nothing_by_itself(tmp_path: Path) -> None:
    text = """
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: vllm}
spec: {containers: [{name: a, image: vllm/vllm-openai, resources: {limits: {nvidia.com/gpu: 1}}}]}
"""
    assert cost_of(tmp_path, app_yaml=text).lines == []


def test_a_gpu_attached_to_a_machine_costs_both(tmp_path: Path) -> None:
    text = """
resource "google_compute_instance" "gpu" {
  machine_type = "n1-standard-4"
  zone         = "us-central1-a"
  guest_accelerator {
    type  = "nvidia-tesla-t4"
    count = 2
  }
}
"""
    (line,) = cost_of(tmp_path, main_tf=text).lines
    # 4 x 0.031611 + 15 x 0.004237 for the machine, 2 x 0.35 for its GPUs
    assert line.hourly_usd == pytest.approx(0.19 + 0.70, abs=0.001)
    assert line.what == "n1-standard-4 with 2 x nvidia-tesla-t4"


def test_a_cloud_run_service_costs_at_least_its_gpu(tmp_path: Path) -> None:
    text = """
resource "google_cloud_run_v2_service" "llm" {
  name     = "llm"
  location = "us-central1"
  template {
    node_selector { accelerator = "nvidia-l4" }
    scaling {
      min_instance_count = %s
      max_instance_count = 3
    }
    containers {
      image = "x"
      resources { limits = { "nvidia.com/gpu" = "1" } }
    }
  }
}
"""
    (line,) = cost_of(tmp_path, main_tf=text % 1).lines
    assert line.floor_usd == month("nvidia-l4", "gcp") and line.ceiling_usd is None
    assert line.why == ("the price of the GPU alone; processors and memory come on top",)
    (line,) = cost_of(tmp_path, main_tf=text % 0).lines
    assert amounts(line) == (0.0, None)


def test_of_several_machine_types_the_cheapest_and_dearest_share_bound_a_pod(tmp_path: Path) -> None:
    text = group(0, 4).replace('["g5.12xlarge"]', '["g5.xlarge", "g5.16xlarge", "g5.12xlarge"]')
    line = next(line for line in cost_of(tmp_path, main_tf=text, app_yaml=deployment(1, gpus=1)).lines if line.on)
    assert amounts(line) == (month("g5.xlarge"), month("g5.16xlarge"))
    four = next(line for line in cost_of(tmp_path, main_tf=text, app_yaml=deployment(1, gpus=4)).lines if line.on)
    assert amounts(four) == (month("g5.12xlarge"), month("g5.12xlarge"))


def test_a_karpenter_limit_is_reached_with_the_dearest_accelerators(tmp_path: Path) -> None:
    pool = """
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: gpu}
spec:
  limits: {nvidia.com/gpu: 4}
  template:
    spec:
      requirements: [{key: node.kubernetes.io/instance-type, operator: In, values: [g5.16xlarge, g5.12xlarge]}]
"""
    (line,) = cost_of(tmp_path, pool_yaml=pool).lines
    assert line.ceiling_usd == pytest.approx(month("g5.16xlarge", machines=4), abs=0.02)
