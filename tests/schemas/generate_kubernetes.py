"""Writes the field trees of custom resources, kubernetes.json, from CustomResourceDefinitions.

    PYTHONPATH=tests python tests/schemas/generate_kubernetes.py DIRECTORY

DIRECTORY holds the CRD files of the projects in PROJECTS, anywhere below it. All versions of a kind make one tree.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubernetes_schemas import ALWAYS, CONTAINER, POD_SPEC, SCHEMAS, definitions
from ruamel.yaml import YAML

PROJECTS = """
kubernetes-sigs/lws kubernetes-sigs/jobset kubernetes-sigs/kueue kedacore/keda aws/karpenter-provider-aws
argoproj/argo-rollouts argoproj/argo-workflows kubeflow/manifests kubeflow/trainer kubeflow/spark-operator
volcano-sh/volcano prometheus-operator/prometheus-operator GoogleCloudPlatform/prometheus-engine istio/istio
NVIDIA/gpu-operator NVIDIA/k8s-nim-operator kubeai-project/kubeai kserve/kserve ray-project/kuberay
vllm-project/production-stack vllm-project/aibrix aws/sagemaker-hyperpod-cli sgl-project/ome
kaito-project/kaito SeldonIO/seldon-core InftyAI/llmaz
openshift/api knative/serving kubernetes-sigs/gateway-api kubernetes-sigs/gateway-api-inference-extension
envoyproxy/gateway traefik/traefik fluxcd/helm-controller kubeflow/katib
project-codeflare/appwrapper volcano-sh/kthena sgl-project/rbg ai-dynamo/grove
"""
KINDS = frozenset(
    """InferenceService ServingRuntime ClusterServingRuntime LLMInferenceService LLMInferenceServiceConfig RayCluster
    RayJob RayService LeaderWorkerSet JobSet LocalQueue ClusterQueue ResourceFlavor ScaledObject ScaledJob NodePool
    NodeClaim EC2NodeClass Rollout Workflow WorkflowTemplate CronWorkflow PyTorchJob TFJob MPIJob JAXJob XGBoostJob
    PaddleJob Notebook TrainJob TrainingRuntime ClusterTrainingRuntime Job Queue PodGroup ServiceMonitor PodMonitor
    PodMonitoring PeerAuthentication VirtualService ClusterPolicy NVIDIADriver NIMService NIMPipeline NIMCache Model
    SparkApplication ScheduledSparkApplication ClusterWorkflowTemplate RayCronJob Service VLLMRuntime
    StormService RoleSet RayClusterFleet InferenceEndpointConfig Route Gateway HTTPRoute
    InferencePool SecurityPolicy EnvoyFilter BaseModel ClusterBaseModel IngressRoute Middleware
    HelmRelease Workspace InferenceSet MultiRoleInference RAGEngine Server ServerConfig OpenModel Playground
    BackendRuntime JumpStartModel Experiment AppWrapper ModelServing ModelBooster
    RoleBasedGroup RoleBasedGroupSet PodCliqueSet PodClique""".split()
)
GROUPS_LEFT_OUT = frozenset(("networking.internal.knative.dev",))
DEPTH, WORKFLOW_DEPTH = 9, 4
"""Deeper fields are taken as they come. Argo's workflows repeat their large templates many times."""


def main(directory: Path) -> None:
    """Write kubernetes.json from every CRD below ``directory``."""
    trees: dict[str, Any] = {}
    for path in sorted(directory.rglob("*.yaml")):
        text = path.read_text("utf-8", "replace")
        if "kind: CustomResourceDefinition" in text and "{{" not in text[:1000]:
            for name, tree in _trees(path):
                trees[name] = _merged(trees.get(name, {}), tree)
    lines = [
        f"{json.dumps(name)}:{json.dumps(trees[name], sort_keys=True, separators=(',', ':'))}" for name in sorted(trees)
    ]
    (SCHEMAS / "kubernetes.json").write_text("{" + ",\n".join(lines) + "}\n")


def _trees(path: Path) -> Iterator[tuple[str, Any]]:
    for document in YAML(typ="safe").load_all(path.read_text("utf-8").replace("- =\n", '- "="\n')):
        if not isinstance(document, dict) or document.get("kind") != "CustomResourceDefinition":
            continue
        spec = document.get("spec") or {}
        if "versions" not in spec or "names" not in spec:  # a patch
            continue
        kind, group = spec["names"]["kind"], spec["group"]
        depth = WORKFLOW_DEPTH if "Workflow" in kind else DEPTH
        if kind in KINDS and group not in GROUPS_LEFT_OUT:
            for version in spec["versions"]:
                schema = version.get("schema", {}).get("openAPIV3Schema", {})
                fields = {key: item for key, item in schema.get("properties", {}).items() if key not in ALWAYS}
                if not fields and schema.get("x-kubernetes-preserve-unknown-fields"):
                    fields = {"spec": schema}
                yield f"{group}/{kind}", {key: _tree(item, DEPTH - depth) for key, item in fields.items()}


def _tree(schema: dict[str, Any], depth: int) -> Any:
    if "items" in schema:
        return _tree(schema["items"], depth)
    fields = schema.get("properties")
    extra = schema.get("additionalProperties")
    if schema.get("x-kubernetes-preserve-unknown-fields") or depth > DEPTH:
        return ""
    if not fields:
        return {"*": _tree(extra, depth + 1)} if isinstance(extra, dict) and "properties" in extra else ""
    base = _base(fields)
    known = definitions()[base]["properties"] if base else {}
    tree: dict[str, Any] = {"<": base} if base else {}
    return tree | {key: _tree(item, depth + 1) for key, item in fields.items() if key not in known}


def _base(fields: dict[str, Any]) -> str | None:
    if "containers" in fields and "tolerations" in fields:
        return POD_SPEC
    if "image" in fields and "volumeMounts" in fields and "readinessProbe" in fields:
        return CONTAINER
    return None


def _merged(one: Any, other: Any) -> Any:
    if one == "" or other == "":
        return ""
    return {
        key: _merged(one[key], other[key])
        if key in one and key in other and key != "<"
        else one.get(key, other.get(key))
        for key in {**one, **other}
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
