"""A value of the wrong type in any field of a resource gives no traceback and no internal error."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.concepts.clouds import aws, azure, gcp, oci
from scanner.concepts.interpret import interpret
from scanner.core import Location, Resource, Span, Unknown
from scanner.graph import ResourceGraph
from scanner.report.json_report import render_json
from scanner.report.sarif import render_sarif
from scanner.report.text import render_text
from scanner.scan import ScanOptions, scan

WRONG: list[Any] = [
    None,
    0,
    -1.5,
    "",
    "x",
    "$X",
    True,
    [],
    {},
    [None],
    {"a": None},
    [[]],
    [{}],
    10**30,
    "1e999999999Gi",
]

CONTAINER = {
    "name": "server",
    "image": "vllm/vllm-openai:v0.8.5",
    "command": ["vllm", "serve", "$(MODEL)"],
    "args": ["--tensor-parallel-size", "2", "--trust-remote-code"],
    "env": [{"name": "MODEL", "value": "m"}, {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a"}}}],
    "ports": [{"name": "http", "containerPort": 8000, "hostPort": 8000}],
    "resources": {"requests": {"cpu": "8"}, "limits": {"nvidia.com/gpu": 2, "memory": "32Gi"}},
    "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 5},
    "startupProbe": {"failureThreshold": 30, "periodSeconds": 10},
    "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
    "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
    "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
}
POD = {
    "metadata": {"labels": {"app": "a"}, "annotations": {"autoscaling.knative.dev/min-scale": "1"}},
    "spec": {
        "serviceAccountName": "sa",
        "hostNetwork": True,
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
        "topologySpreadConstraints": [{"topologyKey": "zone"}],
        "initContainers": [{"name": "i", "image": "busybox"}],
        "containers": [CONTAINER],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "h", "hostPath": {"path": "/dev"}},
        ],
    },
}

SMALL = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"image": "vllm/vllm-openai:v0.8.5", "resources": {"limits": {"nvidia.com/gpu": 2}}}]},
}


def manifest(api: str, kind: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "n", "labels": {"app": "a"}, "annotations": {"kilter/ignore.GPU001": "why"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
SELECTOR = {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}
MANIFESTS = [
    manifest("apps/v1", "Deployment", spec={
        "replicas": 2, "selector": SELECTOR, "template": POD,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 1}}}),
    manifest("apps/v1", "StatefulSet", spec={
        "replicas": 2, "serviceName": "a", "template": SMALL,
        "updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}},
        "volumeClaimTemplates": [{"spec": {"resources": {"requests": {"storage": "1Gi"}}}}]}),
    manifest("batch/v1", "CronJob", spec={"jobTemplate": {"spec": {"backoffLimit": 1, "template": SMALL}}}),
    manifest("ray.io/v1", "RayService", spec={"rayClusterConfig": {
        "headGroupSpec": {"rayStartParams": {"num-gpus": "0"}, "template": SMALL},
        "workerGroupSpecs": [{"replicas": 1, "minReplicas": 1, "maxReplicas": 2, "template": SMALL}]}}),
    manifest("kubeflow.org/v1", "PyTorchJob", spec={
        "runPolicy": {"backoffLimit": 1}, "pytorchReplicaSpecs": {"Worker": {"replicas": 2, "template": SMALL}}}),
    manifest("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", spec={
        "replicas": 1, "leaderWorkerTemplate": {"size": 2, "leaderTemplate": SMALL, "workerTemplate": SMALL}}),
    manifest("kubeflow.org/v1beta1", "Experiment", spec={"parallelTrialCount": 2, "trialTemplate": {
        "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": SMALL}}}}),
    manifest("workload.serving.volcano.sh/v1alpha1", "ModelServing", spec={"replicas": 2, "template": {"roles": [
        {"name": "a", "replicas": 2, "entryTemplate": SMALL, "workerReplicas": 1, "workerTemplate": SMALL}]}}),
    manifest("workload.serving.volcano.sh/v1alpha1", "ModelBooster", spec={"backend": {
        "type": "vLLM", "modelURI": "hf://a/b", "cacheURI": "pvc://c", "replicas": 1, "env": [{"name": "a"}],
        "workers": [{"type": "server", "image": "a", "replicas": 1, "pods": 2, "config": {"max-model-len": 4096}}]}}),
    manifest("workloads.x-k8s.io/v1alpha2", "RoleBasedGroup", spec={
        "roleTemplates": [{"name": "t", "template": SMALL}],
        "roles": [{"name": "a", "replicas": 2, "rolloutStrategy": {"rollingUpdate": {"maxUnavailable": 1}},
                   "leaderWorkerPattern": {"size": 2, "templateRef": {"name": "t", "patch": SMALL},
                                           "workerTemplatePatch": SMALL}},
                  {"name": "b", "customComponentsPattern": {"components": [{"size": 2, "template": SMALL}]}}]}),
    manifest("grove.io/v1alpha1", "PodCliqueSet", spec={"replicas": 1, "template": {
        "cliques": [{"name": "a", "labels": {"a": "b"}, "spec": {
            "replicas": 2, "autoScalingConfig": {"minReplicas": 1, "maxReplicas": 3}, "podSpec": SMALL["spec"]}}],
        "podCliqueScalingGroups": [{"name": "g", "replicas": 2, "cliqueNames": ["a"],
                                    "scaleConfig": {"minReplicas": 1, "maxReplicas": 3}}]}}),
    manifest("serving.kserve.io/v1beta1", "InferenceService", spec={"predictor": {
        "minReplicas": 0, "maxReplicas": 2, "model": {"modelFormat": {"name": "m"}, **CONTAINER}}}),
    manifest("argoproj.io/v1alpha1", "Rollout", spec={
        "replicas": 2, "template": SMALL, "strategy": {"canary": {"maxSurge": 1, "steps": [{"setWeight": 1}]}}}),
    manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec={
        "scaleTargetRef": REFERENCE, "minReplicas": 1, "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}}]}),
    manifest("keda.sh/v1alpha1", "ScaledObject", spec={
        "scaleTargetRef": REFERENCE, "minReplicaCount": 0, "triggers": [{"type": "cpu", "metadata": {"value": "1"}}]}),
    manifest("policy/v1", "PodDisruptionBudget", spec={"selector": SELECTOR, "minAvailable": 1}),
    manifest("v1", "Service", spec={
        "type": "LoadBalancer", "selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": 8000}],
        "loadBalancerSourceRanges": ["0.0.0.0/0"]}),
    manifest("networking.k8s.io/v1", "Ingress", spec={"tls": [{"hosts": ["a"]}], "rules": [{"http": {"paths": [
        {"path": "/", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}),
    manifest("gateway.networking.k8s.io/v1", "HTTPRoute", spec={
        "parentRefs": [{"name": "a", "namespace": "n"}], "rules": [{"backendRefs": [{"name": "a"}]}]}),
    manifest("gateway.networking.k8s.io/v1", "Gateway", spec={"gatewayClassName": "eg"}),
    manifest("mlops.seldon.io/v1alpha1", "Server", spec={"serverConfig": "a", "replicas": 1}),
    manifest("eksctl.io/v1alpha5", "ClusterConfig", cloudWatch={"clusterLogging": {"enableTypes": ["*"]}},
             managedNodeGroups=[{"name": "a", "instanceTypes": ["p5.48xlarge"], "desiredCapacity": 1}]),
    manifest("v1", "Pod", spec={"containers": [
        {"name": "a", "image": "ghcr.io/huggingface/text-generation-inference:3.3.5",
         "args": ["--model-id", "meta-llama/Llama-3.1-8B"], "resources": {"limits": {"nvidia.com/gpu": 1}}}]}),
    manifest("monitoring.coreos.com/v1", "ServiceMonitor", spec={
        "selector": SELECTOR, "namespaceSelector": {"any": False, "matchNames": ["n"]}}),
    manifest("traefik.io/v1alpha1", "IngressRoute", spec={"entryPoints": ["web"], "tls": {"options": {}}, "routes": [
        {"match": "Host(`a`)", "kind": "Rule", "middlewares": [{"name": "a", "namespace": "n"}],
         "services": [{"name": "a", "kind": "Service", "port": 80}]}]}),
    manifest("traefik.io/v1alpha1", "Middleware", spec={
        "chain": {"middlewares": [{"name": "a"}]}, "ipAllowList": {"sourceRange": ["10.0.0.0/8"]}}),
    manifest("networking.istio.io/v1", "VirtualService", spec={"hosts": ["a"], "gateways": ["n/a", "mesh"], "http": [
        {"route": [{"destination": {"host": "a.n.svc", "port": {"number": 80}}}]}]}),
    manifest("networking.istio.io/v1", "Gateway", spec={"selector": {"app": "a"}, "servers": [
        {"port": {"number": 80, "protocol": "HTTP"}, "tls": {"mode": "SIMPLE"}, "hosts": ["a"]}]}),
    manifest("networking.k8s.io/v1", "NetworkPolicy", spec={
        "podSelector": SELECTOR, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 1}]}]}),
    manifest("rbac.authorization.k8s.io/v1", "ClusterRole",
             rules=[{"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}]),
    manifest("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"kind": "ClusterRole", "name": "a"},
             subjects=[{"kind": "ServiceAccount", "name": "sa", "namespace": "n"}]),
    manifest("v1", "ServiceAccount", automountServiceAccountToken=True),
    manifest("karpenter.sh/v1", "NodePool", spec={"limits": {"cpu": 1}, "disruption": {"consolidationPolicy": "x"},
        "template": {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "requirements": [
            {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p5.48xlarge"]},
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}]}}}),
    manifest("v1", "PersistentVolumeClaim", spec={
        "storageClassName": "a", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}),
    manifest("v1", "ConfigMap", data={"a": "b"}),
    manifest("v1", "List", items=[
        manifest("v1", "Pod", spec={
            "resourceClaims": [{"name": "c", "resourceClaimTemplateName": "a"}],
            "containers": [{"name": "x", "resources": {"claims": [{"name": "c", "request": "r"}]}}]}),
        manifest("resource.k8s.io/v1", "ResourceClaimTemplate", spec={"spec": {"devices": {"requests": [
            {"name": "r", "firstAvailable": [{"name": "s", "deviceClassName": "a", "count": 2}]},
            {"name": "q", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "All",
             "selectors": [{"cel": {"expression": "device.attributes['gpu.nvidia.com'].profile == '1g.10gb'"}}]}}]}}}),
        manifest("resource.k8s.io/v1", "DeviceClass", spec={"extendedResourceName": "a/b", "selectors": [
            {"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]})]),
    manifest("v1", "List", items=[manifest("v1", "ConfigMap", data={"a": "b"})]),
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from places(item, (*path, key))


def mutations(original: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, path in enumerate(places(original)):
        for other, wrong in enumerate(WRONG):
            changed = copy.deepcopy(original)
            target: Any = changed
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = wrong
            if path != ("metadata",) and isinstance(changed.get("metadata"), dict) and path[:2] != ("metadata", "name"):
                changed["metadata"]["name"] = f"a-{number}-{other}" if path[0] == "metadata" else "a"
            yield changed


@pytest.mark.parametrize("original", MANIFESTS, ids=lambda item: item["kind"])
def test_kubernetes(original: dict[str, Any], tmp_path: Path) -> None:
    others = [item for item in MANIFESTS if item is not original]
    # a directory for each hundred, because what is in one directory is joined with everything else in it
    changed = list(mutations(original))
    for number in range(0, len(changed), 100):
        directory = tmp_path / str(number)
        directory.mkdir()
        documents = [*others, *changed[number : number + 100]]
        (directory / "a.yaml").write_text("\n---\n".join(json.dumps(document) for document in documents))
    result = scan([tmp_path], ScanOptions(pedantic=True))
    assert not [item for item in result.diagnostics if item.code in ("internal-error", "yaml-syntax")]
    for text in (render_json(result), render_sarif(result), render_text(result)):
        assert text


PLAN = {
    "format_version": "1.2",
    "planned_values": {"root_module": {
        "resources": [{"address": "aws_eks_node_group.a[0]", "mode": "managed", "type": "aws_eks_node_group",
                       "name": "a", "index": 0, "provider_name": "registry.terraform.io/hashicorp/aws",
                       "values": {"instance_types": ["p5.48xlarge"], "update_config": [{"max_unavailable": 1}],
                                  "scaling_config": [{"min_size": 1, "desired_size": 2}]}}],
        "child_modules": [{"address": "module.m", "resources": [
            {"address": "module.m.aws_s3_bucket.b", "type": "aws_s3_bucket", "name": "b", "values": {"bucket": "x"}}]}],
    }},
    "resource_changes": [{"address": "aws_eks_node_group.a[0]", "change": {
        "after_unknown": {"id": True, "labels": {"a": True}, "scaling_config": [{"max_size": True}]}}}],
    "configuration": {"root_module": {
        "resources": [{"address": "aws_eks_node_group.a", "expressions": {"x": {"references": ["module.m.o"]}}}],
        "module_calls": {"m": {"expressions": {"v": {"references": ["var.y"]}}, "module": {
            "outputs": {"o": {"expression": {"references": ["aws_s3_bucket.b.id"]}}},
            "resources": [{"address": "aws_s3_bucket.b", "expressions": {"bucket": {"references": ["var.v"]}}}]}}},
    }},
    "prior_state": {"values": {"root_module": {"resources": [
        {"address": "data.aws_x.y", "mode": "data", "type": "aws_x", "name": "y", "values": {}}]}}},
}  # fmt: skip


def test_plans(tmp_path: Path) -> None:
    for number, changed in enumerate(mutations(PLAN)):
        (tmp_path / f"{number}.json").write_text(json.dumps(changed))
    result = scan([tmp_path], ScanOptions(pedantic=True))
    assert len(result.graph) > 1_000
    assert not [item for item in result.diagnostics if item.code == "internal-error"]
    assert render_json(result)


UNKNOWN = Unknown("not set", "var.a")
DEPTH = 3


class Recorder(dict[str, Any]):
    """A mapping that remembers which keys it was asked for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


class Nowhere:
    def locate(self, path: Any) -> Location:
        return Location(Span("main.tf", 1, 1, 1, 1))


def problems(kind: str, attributes: dict[str, Any]) -> list[str]:
    where = Span("main.tf", 1, 1, 1, 1)
    resource = Resource(f"{kind}.a", kind, "a", kind.split("_")[0], attributes, where, Nowhere(), "terraform", "")
    return [item.message for item in interpret(ResourceGraph([resource])).diagnostics]


def vary(kind: str, build: Callable[[dict[str, Any]], dict[str, Any]], depth: int = 1) -> Iterator[str]:
    """Every wrong value at every key that is read; blocks are entered as far as ``DEPTH``."""
    seen: set[str] = set()
    fresh = {""}
    while fresh:
        recorder = Recorder(dict.fromkeys(seen, "x"))
        yield from problems(kind, build(recorder))
        empty = Recorder()
        yield from problems(kind, build(empty))
        fresh = (recorder.asked | empty.asked) - seen
        seen |= fresh
    for key in sorted(seen):
        for wrong in [*WRONG, UNKNOWN, [UNKNOWN], {"a": UNKNOWN}, [{"a": UNKNOWN}], "{{x}}", "8", "1Gi", "0.0.0.0/0"]:
            yield from (f"{key} = {wrong!r}: {text}" for text in problems(kind, build({key: wrong})))
        if depth < DEPTH:
            yield from vary(kind, lambda inner, key=key: build({key: [inner]}), depth + 1)  # type: ignore[misc]


TERRAFORM = {**aws.READERS, **azure.READERS, **gcp.READERS, **oci.READERS}


@pytest.mark.parametrize("kind", sorted(kind for kind in TERRAFORM if "_" in kind))
def test_terraform(kind: str) -> None:
    found = list(itertools.islice(vary(kind, lambda attributes: attributes), 5))
    assert not found
