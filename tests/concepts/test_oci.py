"""Node pools of Oracle's Kubernetes service: machines, sizes, and the pods that run on them."""

from pathlib import Path
from typing import Any

from scanner.concepts.interpret import interpret
from scanner.concepts.model import AcceleratorPool, PodSet
from scanner.core import is_unknown
from scanner.scan import ScanOptions, scan

WITHOUT_RULES = ScanOptions(only_rules=(Path(__file__).parent,))
POOL = """
resource "oci_containerengine_node_pool" "gpu" {
  cluster_id = oci_containerengine_cluster.ai.id
  name       = "gpu"
  node_shape = "%s"
  node_config_details {
    size = 4
    placement_configs {
      availability_domain = "AD-1"
      %s
    }
  }
  initial_node_labels {
    key   = "gpu"
    value = "a10"
  }
  %s
}
resource "oci_containerengine_cluster" "ai" { name = "ai" }
"""
MODULE = """
module "oke" {
  source = "oracle-terraform-modules/oke/oci"
  worker_pools = {
    cpu  = { shape = "VM.Standard.E5.Flex", size = 3 }
    off  = { shape = "VM.GPU.A10.1", size = 3, create = false }
    gpu  = { shape = "BM.GPU.H100.8", size = 2, mode = "cluster-network" }
    grow = { shape = "VM.GPU.A10.1", size = 1, max_size = 5, autoscale = true }
  }
}
"""
PODS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm, namespace: ml}
spec:
  template:
    spec:
      nodeSelector: {gpu: a10}
      containers: [{name: a, image: x, resources: {limits: {nvidia.com/gpu: 1}}}]
"""


def pools(tmp_path: Path, text: str) -> dict[str, AcceleratorPool]:
    (tmp_path / "main.tf").write_text(text)
    found = interpret(scan([tmp_path], WITHOUT_RULES).graph).of_kind("AcceleratorPool")
    return {item.name: item for item in found if isinstance(item, AcceleratorPool)}


def pool(tmp_path: Path, shape: str = "VM.GPU.A10.2", placement: str = "", more: str = "") -> Any:
    return pools(tmp_path, POOL % (shape, placement, more))["gpu"]


def test_a_node_pool_has_the_accelerators_of_its_shape(tmp_path: Path) -> None:
    found = pool(tmp_path)
    assert (found.platform, found.accelerators, found.accelerators_per_machine) == ("oke", ["nvidia-a10"], 2)
    assert (found.min_size, found.max_size, found.spot, found.fast_network) == (4, 4, False, False)
    assert (found.node_labels, found.taints) == ({"gpu": "a10"}, [])


def test_a_shape_that_is_not_recorded_is_known_by_its_family(tmp_path: Path) -> None:
    found = pool(tmp_path, "BM.GPU.B200.8")
    assert (found.accelerator, found.vendor, found.accelerators_per_machine) == ("nvidia-b200", "nvidia", None)


def test_machines_without_accelerators_make_no_pool(tmp_path: Path) -> None:
    assert pools(tmp_path, POOL % ("VM.Standard.E5.Flex", "", "")) == {}


def test_preemptible_and_reserved_machines_are_told_by_their_placement(tmp_path: Path) -> None:
    preemptible = 'preemptible_node_config {\npreemption_action { type = "TERMINATE" }\n}'
    assert pool(tmp_path, placement=preemptible).spot is True
    assert pool(tmp_path, placement="capacity_reservation_id = var.reservation").reserved is not False


def test_taints_come_from_the_kubelet_or_from_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    arguments = "--register-with-taints=team=ml:NoSchedule"
    (taint,) = pool(tmp_path, more=f'node_metadata = {{ "kubelet-extra-args" = "{arguments}" }}').taints
    assert (taint.key, taint.value, taint.effect) == ("team", "ml", "NoSchedule")
    assert is_unknown(pool(tmp_path, more='node_metadata = { user_data = "IyE=" }').taints)


def test_the_autoscaler_add_on_leaves_the_largest_size_open(tmp_path: Path) -> None:
    addon = '}\nresource "oci_containerengine_addon" "scaler" {\naddon_name = "ClusterAutoscaler"'
    found = pool(tmp_path, more=addon)
    assert (found.autoscaling, found.min_size, found.max_size) == (True, 0, None)


def test_a_pool_that_begins_empty_or_has_an_autoscaler_beside_it_may_grow(tmp_path: Path) -> None:
    text = POOL % ("VM.GPU.A10.2", "", "")
    assert pools(tmp_path, text.replace("size = 4", "size = 0"))["gpu"].max_size is None
    assert pools(tmp_path, text)["gpu"].max_size == 4
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "scaler.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cluster-autoscaler, namespace: kube-system}\n"
    )
    assert pools(tmp_path, text)["gpu"].max_size is None


def test_the_module_of_oracle_has_a_pool_for_each_entry_that_is_created(tmp_path: Path) -> None:
    found = pools(tmp_path, MODULE)
    assert set(found) == {"gpu", "grow"}
    gpu, grow = found["gpu"], found["grow"]
    assert (gpu.accelerator, gpu.max_size, gpu.fast_network) == ("nvidia-h100-80gb", 2, True)
    assert (grow.autoscaling, grow.min_size, grow.max_size) == (True, 1, 5)
    assert gpu.sources["instance_types"] == ("worker_pools", "gpu", "shape")


def test_pods_run_on_the_pool_whose_labels_they_select(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(POOL % ("VM.GPU.A10.2", "", ""))
    (tmp_path / "pods.yaml").write_text(PODS)
    result = scan([tmp_path], WITHOUT_RULES)
    (pods,) = [item for item in result.concepts.of_kind("PodSet") if isinstance(item, PodSet)]
    assert [item.name for item in pods.hosts] == ["gpu"]
    assert pods.accelerator == "nvidia-a10"
