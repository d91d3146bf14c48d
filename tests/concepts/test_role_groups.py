"""Groups of roles: ModelServings, RoleBasedGroups and PodCliqueSets lead to their pods, whoever scales them."""

from collections.abc import Iterator

import pytest

from scanner.concepts.interpret import interpret
from scanner.concepts.model import PodSet
from scanner.core import SourceFile
from scanner.frontends.kubernetes import read_manifests
from scanner.graph import ResourceGraph

POD = "containers: [{name: main, image: 'vllm/vllm-openai:v0.9.1', resources: {limits: {nvidia.com/gpu: 4}}}]"
SMALL = "containers: [{name: main, image: 'example.com/router:1'}]"
SCALER = """---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: scale, namespace: ml}}
spec: {{scaleTargetRef: {{kind: {kind}, name: x}}, minReplicaCount: 2, maxReplicaCount: 5}}
"""


def found(version: str, kind: str, spec: str, more: str = "") -> Iterator[PodSet]:
    text = (
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: ml, labels: {{app: x}}}}\nspec:\n{spec}"
    )
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", f"{text}\n{more}"), "").resources)
    yield from (item for item in interpret(graph).of_kind("PodSet") if isinstance(item, PodSet))


def pod_sets(version: str, kind: str, spec: str, more: str = "") -> dict[str, PodSet]:
    return {item.component: item for item in found(version, kind, spec, more)}


SERVING = f"""
  replicas: 3
  template:
    roles:
      - name: prefill
        replicas: 2
        entryTemplate: {{metadata: {{labels: {{tier: p}}}}, spec: {{{POD}}}}}
        workerReplicas: 3
        workerTemplate: {{spec: {{{POD}}}}}
      - {{name: decode, entryTemplate: {{spec: {{{POD}}}}}, workerReplicas: 0}}
"""


def test_a_model_serving_has_entries_with_their_workers() -> None:
    sets = pod_sets("workload.serving.volcano.sh/v1alpha1", "ModelServing", SERVING)
    entry, workers, alone = sets["prefill"], sets["prefill-worker"], sets["decode"]
    assert [pods.role for pods in sets.values()] == ["serving"] * 3
    assert (entry.replicas, entry.pods_per_replica, workers.replicas, workers.pods_per_replica) == (6, 1, 6, 3)
    assert (entry.follower, workers.follower, entry.group_size, workers.group_size) == (False, True, 4, 4)
    assert (entry.group_accelerators, workers.group_accelerators, alone.group_accelerators) == (16, 16, 4)
    assert (alone.replicas, alone.group_size) == (3, 1)
    assert entry.pod_labels == {
        "modelserving.volcano.sh/name": "x",
        "modelserving.volcano.sh/role": "prefill",
        "tier": "p",
    }
    assert workers.pod_labels["modelserving.volcano.sh/role"] == "prefill"
    image = ("spec", "template", "roles", 0, "workerTemplate", "spec", "containers", 0, "image")
    assert workers.containers[0].sources["image"] == image


def test_who_scales_a_model_serving_scales_all_of_its_roles() -> None:
    sets = pod_sets("workload.serving.volcano.sh/v1alpha1", "ModelServing", SERVING, SCALER.format(kind="ModelServing"))
    assert [(pods.min_replicas, pods.max_replicas) for pods in sets.values()] == [(4, 10), (2, 5), (4, 10)]
    assert sets["decode"].autoscaled


ROLES = f"""
  roleTemplates:
    - {{name: base, template: {{metadata: {{labels: {{app: llm}}}}, spec: {{{POD}}}}}}}
  roles:
    - {{name: router, replicas: 2, standalonePattern: {{template: {{spec: {{{SMALL}}}}}}}}}
    - name: prefill
      replicas: 2
      standalonePattern:
        templateRef:
          name: base
          patch: {{spec: {{containers: [{{name: main, resources: {{limits: {{nvidia.com/gpu: 8}}}}}}]}}}}
    - name: decode
      replicas: 3
      leaderWorkerPattern:
        size: 4
        template: {{spec: {{{POD}}}}}
        leaderTemplatePatch: {{metadata: {{labels: {{part: leader}}}}}}
    - name: long
      leaderWorkerPattern:
        size: 3
        template: {{spec: {{{POD}}}}}
        workerTemplatePatch: {{spec: {{containers: [{{name: main, args: [--node-rank, "1"]}}]}}}}
    - name: mixed
      replicas: 2
      customComponentsPattern:
        components:
          - {{name: head, size: 1, template: {{spec: {{{POD}}}}}}}
          - {{name: rest, size: 2, template: {{spec: {{{POD}}}}}}}
"""


def test_a_role_based_group_has_the_pods_of_each_pattern() -> None:
    sets = pod_sets("workloads.x-k8s.io/v1alpha2", "RoleBasedGroup", ROLES)
    numbers = {name: (pods.replicas, pods.pods_per_replica, pods.group_accelerators) for name, pods in sets.items()}
    assert numbers == {
        "router": (2, 1, 0),
        "prefill": (2, 1, 8),
        "decode": (3, 4, 16),
        "long": (1, 1, 12),
        "long-worker": (1, 2, 12),
        "head": (2, 1, 12),
        "rest": (2, 2, 12),
    }
    assert [name for name, pods in sets.items() if pods.follower] == ["long-worker"]
    assert {"app": "llm", "rbg.workloads.x-k8s.io/role-name": "prefill"}.items() <= sets["prefill"].pod_labels.items()


def test_what_a_patch_says_stands_in_the_patch_and_the_rest_in_the_template() -> None:
    sets = pod_sets("workloads.x-k8s.io/v1alpha2", "RoleBasedGroup", ROLES)
    (patched,), (plain,) = sets["prefill"].containers, sets["long"].containers
    assert patched.at == ("spec", "roles", 1, "standalonePattern", "templateRef", "patch", "spec", "containers", 0)
    assert plain.at == ("spec", "roles", 3, "leaderWorkerPattern", "template", "spec", "containers", 0)
    assert (patched.image, patched.accelerator_count) == ("vllm/vllm-openai:v0.9.1", 8)
    assert patched.sources["image"] == ("spec", "roleTemplates", 0, "template", "spec", "containers", 0, "image")
    assert patched.sources["limits"] == (*patched.at, "resources", "limits")
    assert sets["long-worker"].containers[0].args == ["--node-rank", "1"]


def test_roles_of_the_first_version_hold_their_templates_themselves() -> None:
    spec = f"""
  roleTemplates: [{{name: base, template: {{spec: {{{POD}}}}}}}]
  roles:
    - {{name: a, replicas: 2, templateRef: {{name: base}}, templatePatch: {{spec: {{hostNetwork: true}}}}}}
    - {{name: b, template: {{spec: {{{POD}}}}}, leaderWorkerSet: {{size: 2, patchLeaderTemplate: {{metadata: {{}}}}}}}}
    - {{name: c, components: [{{name: leader, size: 1, template: {{spec: {{{POD}}}}}}}]}}
    - {{name: d, templateRef: {{name: elsewhere}}}}
"""
    sets = pod_sets("workloads.x-k8s.io/v1alpha1", "RoleBasedGroup", spec)
    assert {name: (pods.replicas, pods.group_accelerators) for name, pods in sets.items()} == {
        "a": (2, 4),
        "b": (1, 8),
        "leader": (1, 4),
    }
    assert sets["a"].host_network is True
    assert sets["a"].sources["host_network"] == ("spec", "roles", 0, "templatePatch", "spec", "hostNetwork")


@pytest.mark.parametrize(
    ("version", "spec"),
    [
        (
            "v1alpha1",
            f"  replicas: 3\n  template: {{roles: [{{name: a, replicas: 2, template: {{spec: {{{POD}}}}}}}]}}",
        ),
        (
            "v1alpha2",
            "  replicas: 3\n  groupTemplate: {spec: {roles: [{name: a, replicas: 2, standalonePattern: "
            f"{{template: {{spec: {{{POD}}}}}}}}}]}}}}",
        ),
    ],
)
def test_a_set_of_groups_multiplies_their_roles(version: str, spec: str) -> None:
    pods = pod_sets(f"workloads.x-k8s.io/{version}", "RoleBasedGroupSet", spec)["a"]
    assert (pods.replicas, pods.pod_count, pods.group_accelerators) == (6, 6, 4)


CLIQUES = f"""
  replicas: 2
  template:
    cliques:
      - {{name: frontend, spec: {{roleName: f, replicas: 2, podSpec: {{{SMALL}}}}}}}
      - {{name: pleader, labels: {{tier: p}}, spec: {{roleName: l, replicas: 1, podSpec: {{{POD}}}}}}}
      - {{name: pworker, spec: {{roleName: w, replicas: 3, podSpec: {{{POD}}}}}}}
      - name: decode
        spec: {{roleName: d, replicas: 1, autoScalingConfig: {{minReplicas: 1, maxReplicas: 4}}, podSpec: {{{POD}}}}}
    podCliqueScalingGroups:
      - {{name: prefill, replicas: 2, cliqueNames: [pleader, pworker]}}
"""


def test_cliques_of_a_scaling_group_serve_together() -> None:
    sets = pod_sets("grove.io/v1alpha1", "PodCliqueSet", CLIQUES)
    numbers = {name: (pods.replicas, pods.pods_per_replica, pods.group_accelerators) for name, pods in sets.items()}
    assert numbers == {
        "frontend": (4, 1, 0),
        "pleader": (4, 1, 16),
        "pworker": (4, 3, 16),
        "decode": (2, 1, 4),
    }
    assert (sets["decode"].autoscaled, sets["decode"].min_replicas, sets["decode"].max_replicas) == (True, 2, 8)
    assert sets["pleader"].pod_labels == {"app.kubernetes.io/part-of": "x", "tier": "p"}
    assert sets["pworker"].containers[0].at[:6] == ("spec", "template", "cliques", 2, "spec", "podSpec")


def test_a_set_of_cliques_has_no_pods_unless_it_is_told_how_many() -> None:
    sets = pod_sets("grove.io/v1alpha1", "PodCliqueSet", CLIQUES.replace("  replicas: 2\n  template", "  template"))
    assert {pods.replicas for pods in sets.values()} == {0}


def test_a_clique_alone_is_a_set_of_pods() -> None:
    pods = pod_sets("grove.io/v1alpha1", "PodClique", f"  roleName: a\n  replicas: 3\n  podSpec: {{{POD}}}")[""]
    assert (pods.replicas, pods.accelerator_count) == (3, 4)


def test_services_and_budgets_find_the_pods_by_the_labels_of_their_controllers() -> None:
    more = """---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: ml}
spec: {selector: {modelserving.volcano.sh/role: decode}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: b, namespace: ml}
spec: {selector: {matchLabels: {modelserving.volcano.sh/name: x}}}
"""
    version, kind = "workload.serving.volcano.sh/v1alpha1", "ModelServing"
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: ml}}\nspec:\n{SERVING}{more}"
    graph = ResourceGraph(read_manifests(SourceFile("x.yaml", text), "").resources)
    interpret(graph)
    edges = {(one.type, kind, other.type) for one, other, kind, _ in graph.edges()}
    assert {("Service", "selects", "ModelServing"), ("PodDisruptionBudget", "disrupts", "ModelServing")} <= edges


BOOSTER = """
  backend:
    name: qwen
    type: {kind}
    modelURI: hf://Qwen/Qwen2.5-72B-Instruct
    cacheURI: pvc://models
    replicas: 2
    workers:
      - type: {worker}
        image: vllm/vllm-openai:v0.11.0
        replicas: 3
        pods: 2
        resources: {{limits: {{nvidia.com/gpu: 4}}}}
        config: {{tensor-parallel-size: 8, max_model_len: 4096, trust-remote-code: ""}}
"""


def test_a_model_booster_serves_with_the_flags_that_its_workers_are_configured_with() -> None:
    spec = BOOSTER.format(kind="vLLM", worker="server")
    pods = pod_sets("workload.serving.volcano.sh/v1alpha1", "ModelBooster", spec)["server"]
    assert (pods.replicas, pods.pods_per_replica, pods.group_accelerators, pods.claims) == (6, 2, 8, ["models"])
    assert pods.serving is not None
    assert (pods.serving.model, pods.serving.tensor_parallel) == ("Qwen/Qwen2.5-72B-Instruct", 8)
    assert (pods.serving.context_length, pods.serving.trust_remote_code) == (4096, True)
    assert pods.sources["volumes"] == ("spec", "backend", "cacheURI")
    assert pods.containers[0].sources["limits"] == ("spec", "backend", "workers", 0, "resources", "limits")


@pytest.mark.parametrize(
    ("kind", "worker"), [("vLLM", "prefill"), ("vLLMDisaggregated", "server"), ("SGLang", "server")]
)
def test_workers_that_a_type_of_backend_does_not_run_have_no_pods(kind: str, worker: str) -> None:
    spec = BOOSTER.format(kind=kind, worker=worker)
    assert pod_sets("workload.serving.volcano.sh/v1alpha1", "ModelBooster", spec) == {}
