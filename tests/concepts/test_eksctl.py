"""An eksctl ClusterConfig is a cluster with pools of machines."""

from typing import Any

import pytest

from scanner.concepts.interpret import interpret
from scanner.concepts.model import AcceleratorPool, Cluster, PodSet
from scanner.core import SourceFile
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

HEAD = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: ml, region: us-east-1}\n"
POD = """---
apiVersion: v1
kind: Pod
metadata: {name: llm}
spec:
  nodeSelector: {alpha.eksctl.io/nodegroup-name: gpu}
  tolerations: [{key: nvidia.com/gpu, operator: Exists}]
  containers: [{name: main, image: "vllm/vllm-openai:v0.9", resources: {limits: {nvidia.com/gpu: 1}}}]
"""


def concepts(text: str, kind: str) -> list[Any]:
    graph = ResourceGraph(read_manifests(SourceFile("deploy/cluster.yaml", text), "deploy").resources)
    return list(interpret(graph).of_kind(kind))


def pool(group: str, field: str = "managedNodeGroups") -> AcceleratorPool:
    (found,) = concepts(f"{HEAD}{field}:\n- {group}\n", "AcceleratorPool")
    assert isinstance(found, AcceleratorPool)
    return found


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ("", (2, 2, 2)),
        ("desiredCapacity: 3", (3, 3, 3)),
        ("minSize: 0, maxSize: 4", (0, 4, 0)),
        ("minSize: 1, desiredCapacity: 2", (1, 2, 2)),
        ("minSize: 1", (1, 1, 1)),
    ],
)
def test_sizes_that_are_not_given_are_those_of_eksctl(sizes: str, expected: tuple[int, int, int]) -> None:
    found = pool(f"{{name: gpu, instanceType: g5.xlarge, {sizes}}}")
    assert (found.min_size, found.max_size, found.desired_size) == expected


def test_a_group_has_its_machines_image_disk_and_region() -> None:
    found = pool("{name: gpu, instanceType: p5.48xlarge, minSize: 2, maxSize: 2}")
    assert (found.name, found.platform, found.accelerator) == ("gpu", "eks", "nvidia-h100-80gb")
    assert (found.has_driver, found.disk_gib, found.spot, found.network_attached) == (True, 80, False, False)
    assert (found.region, found.taints) == ("us-east-1", [])
    assert found.monthly_floor_usd is not None and found.monthly_floor_usd > 50_000


def test_efa_brings_a_placement_group() -> None:
    found = pool("{name: gpu, instanceType: p5.48xlarge, efaEnabled: true}")
    assert (found.network_attached, found.placed_together, found.reserved) == (True, True, False)


@pytest.mark.parametrize(
    ("mix", "spot"),
    [
        ("{instanceTypes: [g5.xlarge, g6.xlarge], onDemandPercentageAboveBaseCapacity: 0}", True),
        ("{instanceTypes: [g5.xlarge], onDemandBaseCapacity: 1, onDemandPercentageAboveBaseCapacity: 0}", None),
        ("{instanceTypes: [g5.xlarge]}", False),
    ],
)
def test_a_mixed_group_says_how_much_of_it_is_spot(mix: str, spot: bool | None) -> None:
    assert pool(f"{{name: gpu, instancesDistribution: {mix}}}", "nodeGroups").spot is spot


def test_taints_are_a_list_or_a_mapping() -> None:
    listed = pool("{name: gpu, instanceType: g5.xlarge, taints: [{key: gpu, value: a, effect: NoSchedule}]}")
    mapped = pool('{name: gpu, instanceType: g5.xlarge, taints: {gpu: "a:NoSchedule"}}', "nodeGroups")
    for found in (listed, mapped):
        assert [(taint.key, taint.value, taint.effect) for taint in found.taints] == [("gpu", "a", "NoSchedule")]


def test_a_cluster_without_accelerators_is_no_concern() -> None:
    text = f"{HEAD}managedNodeGroups:\n- {{name: web, instanceType: m5.large}}\n"
    assert concepts(text, "Cluster") == concepts(text, "AcceleratorPool") == []


def test_a_cluster_config_of_another_group_is_left_alone() -> None:
    text = HEAD.replace("eksctl.io/v1alpha5", "example.com/v1") + "managedNodeGroups:\n- {instanceType: g5.xlarge}\n"
    assert concepts(text, "AcceleratorPool") == []


@pytest.mark.parametrize(
    ("network", "public"),
    [
        ("", True),
        ("vpc: {publicAccessCIDRs: [203.0.113.0/24]}", False),
        ("vpc: {clusterEndpoints: {publicAccess: false, privateAccess: true}}", False),
    ],
)
def test_the_api_is_public_unless_it_says_otherwise(network: str, public: bool) -> None:
    text = f"{HEAD}{network}\nmanagedNodeGroups:\n- {{name: gpu, instanceType: g5.xlarge}}\n"
    (cluster,) = concepts(text, "Cluster")
    assert isinstance(cluster, Cluster)
    assert cluster.public_api is public


def test_pods_beside_the_config_run_on_its_groups() -> None:
    groups = "managedNodeGroups:\n- {name: gpu, instanceType: g5.xlarge}\n- {name: other, instanceType: g6.xlarge}\n"
    (pods,) = concepts(HEAD + groups + POD, "PodSet")
    assert isinstance(pods, PodSet)
    assert [item.name for item in pods.hosts] == ["gpu"]


@pytest.mark.parametrize("more", ["autoModeConfig: {enabled: true}", "karpenter: {version: 1.6.1}"])
def test_a_cluster_that_creates_machines_by_itself_may_host_anything(more: str) -> None:
    groups = "managedNodeGroups:\n- {name: other, instanceType: g6.xlarge}\n"
    (pods,) = concepts(f"{HEAD}{more}\n{groups}{POD}", "PodSet")
    assert not isinstance(pods.offering, list)
