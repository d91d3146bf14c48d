"""The pods of Seldon Core 2's servers come of the server configs that they name."""

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile, is_unknown
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

CONFIG = """
apiVersion: mlops.seldon.io/v1alpha1
kind: ServerConfig
metadata: {name: triton, namespace: seldon-mesh}
spec:
  podSpec:
    terminationGracePeriodSeconds: 120
    tolerations: [{key: a}]
    volumes: [{name: downward, emptyDir: {}}]
    containers:
      - {name: rclone, image: "seldonio/seldon-rclone:2.9.1"}
      - name: triton
        image: nvcr.io/nvidia/tritonserver:23.03-py3
        command: [/opt/tritonserver/bin/tritonserver]
        args: [--model-control-mode=explicit]
        resources: {requests: {cpu: 1, memory: 1Gi}}
  volumeClaimTemplates:
    - {name: models, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}}
"""
SERVER = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Server
metadata: {name: gpu, namespace: team}
spec:
  serverConfig: triton
  replicas: 2
  podSpec:
    tolerations: [{key: b}]
    containers:
      - {name: triton, args: [--log-verbose=1], resources: {limits: {nvidia.com/gpu: 1}}}
"""


def pods_of(kind: str, *texts: str) -> PodSet:
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", "\n---\n".join(texts)), "").resources)
    found = [item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet)]
    (pods,) = [item for item in found if item.kind == kind]
    return pods


def test_a_server_is_laid_over_its_config_of_another_namespace() -> None:
    pods = pods_of("Server", CONFIG, SERVER)
    triton, rclone = pods.containers
    assert (pods.role, pods.runtime, pods.replicas, pods.accelerator_count) == ("serving", "triton", 2, 1)
    assert (triton.image_tag, rclone.image_tag) == ("23.03-py3", "2.9.1")
    assert (triton.requests, triton.limits) == ({"cpu": 1, "memory": "1Gi"}, {"nvidia.com/gpu": 1})
    assert pods.claims == ["models"]
    assert pods.pod_labels["seldon-server-name"] == "gpu"


def test_lists_of_a_server_follow_those_of_the_config() -> None:
    pods = pods_of("Server", CONFIG, SERVER)
    assert pods.tolerations == [{"key": "a"}, {"key": "b"}]
    assert pods.containers[0].args == ["--model-control-mode=explicit", "--log-verbose=1"]


def test_without_its_config_a_server_is_known_as_far_as_it_speaks() -> None:
    pods = pods_of("Server", SERVER)
    (triton,) = pods.containers
    assert (pods.accelerator_count, triton.args[1:]) == (1, ["--log-verbose=1"])
    for value in (
        triton.args[0],
        pods.tolerations,
        triton.image,
        triton.readiness_probe,
        triton.requests["cpu"],
        pods.volumes,
    ):
        assert is_unknown(value)


def test_a_server_that_only_names_its_config_is_unknown_without_it() -> None:
    text = SERVER.partition("  podSpec")[0]
    pods = pods_of("Server", text.replace("triton", "mine"))
    assert is_unknown(pods.accelerator_count) and is_unknown(pods.containers[0].image)
    assert pods_of("Server", text).accelerator_count == 0


def test_a_config_describes_pods_that_servers_ask_for() -> None:
    assert pods_of("ServerConfig", CONFIG).definition
