"""Kubernetes objects inside Terraform."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from scanner.scan import ScanOptions, ScanResult, scan

DEPLOYMENT = """
variable "image" { default = "vllm/vllm-openai:v0.6.0" }
resource "kubernetes_deployment_v1" "vllm" {
  metadata {
    name      = "vllm"
    namespace = "serving"
    labels    = { app = "vllm", "app.kubernetes.io/part-of" = "llm" }
  }
  spec {
    replicas = 2
    strategy {
      type = "Recreate"
    }
    selector {
      match_labels = { app = "vllm" }
    }
    template {
      metadata {
        labels = { app = "vllm" }
      }
      spec {
        node_selector = { "nvidia.com/gpu.product" = "NVIDIA-L4" }
        toleration {
          key      = "nvidia.com/gpu"
          operator = "Exists"
        }
        container {
          name  = "server"
          image = var.image
          args  = ["--model", "meta-llama/Llama-3.1-8B-Instruct"]
          port { container_port = 8000 }
          env {
            name  = "HF_TOKEN"
            value = "hf_abcdefghijklmnop"
          }
          resources {
            limits = { "nvidia.com/gpu" = "1" }
          }
          readiness_probe {
            http_get {
              path = "/health"
              port = 8000
            }
          }
        }
      }
    }
  }
}
resource "kubernetes_service" "vllm" {
  metadata { name = "vllm" }
  spec {
    selector = { app = "vllm" }
    port {
      port        = 80
      target_port = 8000
    }
    type = "LoadBalancer"
  }
}
"""


def run(tmp_path: Path, text: str, *rules: str) -> ScanResult:
    (tmp_path / "main.tf").write_text(text)
    return scan([tmp_path], ScanOptions(select=rules))


def lines(result: ScanResult) -> list[tuple[str, int]]:
    return [(finding.rule, finding.location.span.start_line) for finding in result.findings]


def test_a_provider_resource_is_the_object_that_it_declares(tmp_path: Path) -> None:
    result = run(tmp_path, DEPLOYMENT)
    (deployment,) = result.graph.of_type("Deployment")
    assert deployment.address == "Deployment/serving/vllm"
    assert deployment.labels == {"app": "vllm", "app.kubernetes.io/part-of": "llm"}
    spec = deployment.attributes["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    container = spec["containers"][0]
    assert container["image"] == "vllm/vllm-openai:v0.6.0"
    assert container["ports"] == [{"containerPort": 8000}]
    assert container["readinessProbe"] == {"httpGet": {"path": "/health", "port": 8000}}
    (service,) = result.graph.of_type("Service")
    assert service.attributes["spec"]["ports"] == [{"port": 80, "targetPort": 8000}]


def test_findings_point_at_the_attribute_in_the_terraform_file(tmp_path: Path) -> None:
    result = run(tmp_path, DEPLOYMENT, "ROL002", "REG006")
    assert lines(result) == [("ROL002", 12), ("REG006", 34)]


def test_the_terraform_resource_deploys_the_object(tmp_path: Path) -> None:
    result = run(tmp_path, DEPLOYMENT)
    edges = {(source.address, target.address) for source, target, kind, _ in result.graph.edges() if kind == "deploys"}
    assert ("kubernetes_deployment_v1.vllm", "Deployment/serving/vllm") in edges


def test_a_manifest_given_as_an_object_or_as_yaml_is_read(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml.tftpl").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n"
        "    - name: a\n      image: vllm/vllm-openai:v1\n      resources: {limits: {nvidia.com/gpu: 0.5}}\n"
    )
    text = """
resource "kubernetes_manifest" "quota" {
  manifest = {
    apiVersion = "v1"
    kind       = "ResourceQuota"
    metadata   = { name = "gpus", namespace = "ml" }
    spec       = { hard = { "requests.nvidia.com/gpu" = 4 } }
  }
}
resource "kubectl_manifest" "pod" {
  yaml_body = templatefile("${path.module}/pod.yaml.tftpl", { name = "server" })
}
"""
    result = run(tmp_path, text, "GPU002")
    assert {r.address for r in result.graph.resources if r.api_version} == {
        "ResourceQuota/ml/gpus",
        "Pod/default/server",
    }
    assert lines(result) == [("GPU002", 11)]


def test_an_object_whose_name_is_unknown_is_still_checked(tmp_path: Path) -> None:
    text = 'variable "n" {}\n' + DEPLOYMENT.replace('name      = "vllm"', "name      = var.n")
    assert [rule for rule, _ in lines(run(tmp_path, text, "ROL002"))] == ["ROL002"]


@pytest.mark.skipif(find_spec("helm_python") is None, reason="helm-python-sdk is not installed")
def test_a_release_of_a_local_chart_is_rendered_with_the_releases_values(tmp_path: Path) -> None:
    chart = tmp_path / "charts" / "server"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: server\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text("strategy: RollingUpdate\ngpus: 0\n")
    (chart / "templates" / "deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: 2\n"
        "  strategy:\n    type: {{ .Values.strategy }}\n  selector: {matchLabels: {a: b}}\n  template:\n"
        "    metadata: {labels: {a: b}}\n    spec:\n      containers:\n        - name: s\n"
        "          image: vllm/vllm-openai:v1\n          resources: {limits: {nvidia.com/gpu: {{ .Values.gpus }}}}\n"
    )
    text = """
resource "helm_release" "llm" {
  name      = "llm"
  namespace = "serving"
  chart     = "${path.module}/charts/server"
  values    = [yamlencode({ strategy = "Recreate" })]
  set {
    name  = "gpus"
    value = 1
  }
}
"""
    result = run(tmp_path, text, "ROL002")
    (finding,) = result.findings
    assert finding.resource.address == "Deployment/serving/llm"
    assert finding.resource.namespace == "serving"
    assert finding.location.span.file == "charts/server/templates/deployment.yaml"
    assert "installed by helm_release.llm" in [item.message for item in finding.location.related]


def test_a_type_that_is_wrong_in_every_place_gives_no_traceback(tmp_path: Path) -> None:
    text = """
resource "kubernetes_deployment" "a" {
  metadata = 3
  spec     = ["x", null]
}
resource "kubernetes_manifest" "b" { manifest = [1] }
resource "kubectl_manifest" "c" { yaml_body = "a: [" }
resource "helm_release" "d" {
  chart  = 3
  values = "x"
}
"""
    result = run(tmp_path, text)
    assert "internal-error" not in {item.code for item in result.diagnostics}


def test_a_manifest_that_terraform_deploys_as_it_stands_is_one_object_at_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods" / "server.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: server}\nspec:\n  containers:\n"
        "    - name: a\n      image: vllm/vllm-openai:v1\n      resources: {limits: {nvidia.com/gpu: 0.5}}\n"
    )
    text = """
resource "kubectl_manifest" "all" {
  for_each  = fileset("${path.module}/pods", "*.yaml")
  yaml_body = file("${path.module}/pods/${each.value}")
}
"""
    result = run(tmp_path, text, "GPU002")
    (finding,) = result.findings
    assert (finding.location.span.file, finding.location.span.start_line) == ("pods/server.yaml", 8)
    assert [item.message for item in finding.location.related] == ['deployed by kubectl_manifest.all["server.yaml"]']
