"""Which pods run on which machines: several clusters of one repository do not mix."""

from pathlib import Path

from scanner.concepts.model import PodSet
from scanner.core import is_unknown
from scanner.scan import ScanOptions, scan

GROUP = """
resource "aws_eks_node_group" "{name}" {{
  cluster_name   = {cluster}
  instance_types = ["g5.12xlarge"]
  scaling_config {{
    min_size = 0
    max_size = 2
  }}
}}
"""
PODS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm, namespace: ml}
spec:
  template:
    spec:
      containers: [{name: a, image: x, resources: {limits: {nvidia.com/gpu: 1}}}]
"""
APPLIED = """
resource "kubectl_manifest" "llm" {{
  {provider}
  yaml_body = <<-EOT
{body}
  EOT
}}
""".replace(
    "{body}", "\n".join(f"    {line}" for line in PODS.strip().replace("{", "{{").replace("}", "}}").split("\n"))
)
TWO_CLUSTERS = """
resource "aws_eks_cluster" "blue" { name = "blue" }
resource "aws_eks_cluster" "green" { name = "green" }
data "aws_eks_cluster" "green" { name = aws_eks_cluster.green.name }
provider "kubectl" {
  alias = "blue"
  host  = aws_eks_cluster.blue.endpoint
}
provider "kubectl" {
  alias = "green"
  host  = data.aws_eks_cluster.green.endpoint
}
""" + GROUP.format(name="blue", cluster="aws_eks_cluster.blue.name") + GROUP.format(
    name="green", cluster="aws_eks_cluster.green.name"
)  # fmt: skip


def hosts(tmp_path: Path, files: dict[str, str]) -> list[str] | None:
    """The pools that can host the only pod set; ``None`` if they cannot be told."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    result = scan([tmp_path], ScanOptions())
    (pods,) = [item for item in result.concepts.of_kind("PodSet") if isinstance(item, PodSet)]
    edges = {near.resource for near in result.graph.neighbours(pods.resource, "runs_on")}
    if is_unknown(pods.hosts):
        assert edges == set()
        return None
    assert edges == {pool.resource for pool in pods.hosts}
    return [pool.address for pool in pods.hosts]


def group(name: str, cluster: str = '"ml"') -> str:
    return GROUP.format(name=name, cluster=cluster)


def test_the_only_cluster_of_a_scan_hosts_what_is_anywhere_in_it(tmp_path: Path) -> None:
    files = {"infra/main.tf": group("gpu"), "apps/llm/deployment.yaml": PODS}
    assert hosts(tmp_path, files) == ["aws_eks_node_group.gpu"]


def test_of_several_clusters_the_one_in_the_nearest_directory_hosts(tmp_path: Path) -> None:
    files = {
        "a/infra/main.tf": group("a"), "b/infra/main.tf": group("b"), "b/apps/llm.yaml": PODS,
    }  # fmt: skip
    assert hosts(tmp_path, files) == ["aws_eks_node_group.b"]


def test_without_evidence_the_cluster_is_undetermined(tmp_path: Path) -> None:
    files = {"a/infra/main.tf": group("a"), "b/infra/main.tf": group("b"), "apps/llm.yaml": PODS}
    assert hosts(tmp_path, files) is None


def test_the_root_that_deploys_pods_hosts_them(tmp_path: Path) -> None:
    files = {"a/main.tf": group("a") + APPLIED.format(provider=""), "b/main.tf": group("b")}
    assert hosts(tmp_path, files) == ["aws_eks_node_group.a"]


def test_of_several_clusters_in_a_root_the_provider_alias_tells(tmp_path: Path) -> None:
    for colour in ("blue", "green"):
        files = {"main.tf": TWO_CLUSTERS + APPLIED.format(provider=f"provider = kubectl.{colour}")}
        assert hosts(tmp_path / colour, files) == [f"aws_eks_node_group.{colour}"]


def test_without_a_provider_that_tells_two_clusters_of_a_root_do_not_mix(tmp_path: Path) -> None:
    assert hosts(tmp_path, {"main.tf": TWO_CLUSTERS + APPLIED.format(provider="")}) is None
    assert hosts(tmp_path / "apart", {"infra/main.tf": TWO_CLUSTERS, "apps/llm.yaml": PODS}) is None


def test_pools_of_one_cluster_that_is_named_twice_are_together(tmp_path: Path) -> None:
    files = {
        "main.tf": 'resource "aws_eks_cluster" "ml" { name = "ml" }\n'
        + group("one", "aws_eks_cluster.ml.name") + group("two", "aws_eks_cluster.ml.id") + APPLIED.format(provider=""),
    }  # fmt: skip
    assert hosts(tmp_path, files) == ["aws_eks_node_group.one", "aws_eks_node_group.two"]


SERVED = """
apiVersion: v1
kind: Service
metadata: {{name: redis}}
spec: {{selector: {{app: redis}}}}
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: redis}}
spec: {{template: {{metadata: {{labels: {{app: redis}}}}, spec: {{containers: [{{name: a, image: "redis:7"}}]}}}}}}
"""


def test_of_alternatives_of_one_name_those_in_the_same_file_belong_together(tmp_path: Path) -> None:
    for name, kind in (("one", "Deployment"), ("two", "Deployment"), ("three", "StatefulSet")):
        (tmp_path / f"{name}.yaml").write_text(SERVED.format(kind=kind))
    graph = scan([tmp_path], ScanOptions(only_rules=(Path(__file__).parent,))).graph
    selected = {
        service.span.file: [item.resource.span.file for item in graph.neighbours(service, "selects")]
        for service in graph.of_type("Service")
    }
    assert selected == {name: [name] for name in ("one.yaml", "two.yaml", "three.yaml")}


def test_a_service_of_its_own_file_selects_workloads_of_every_name(tmp_path: Path) -> None:
    service, _, workload = SERVED.format(kind="Deployment").partition("---")
    (tmp_path / "service.yaml").write_text(service)
    (tmp_path / "blue.yaml").write_text(workload)
    (tmp_path / "green.yaml").write_text(workload.replace("name: redis}", "name: green}"))
    graph = scan([tmp_path], ScanOptions(only_rules=(Path(__file__).parent,))).graph
    (found,) = graph.of_type("Service")
    assert {item.resource.name for item in graph.neighbours(found, "selects")} == {"redis", "green"}
