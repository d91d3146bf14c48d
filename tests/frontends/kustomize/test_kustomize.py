"""Overlays against the real kustomize (as in kubectl), and the places of what they change."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scanner.scan import ScanOptions, scan

BASE = {
    "base/kustomization.yaml": """
resources: [deployment.yaml, service.yaml, rbac.yaml]
commonLabels: {team: ml}
configMapGenerator:
  - name: settings
    literals: [MODEL=llama, MODE=fast]
""",
    "base/deployment.yaml": """apiVersion: apps/v1
kind: Deployment
metadata:
  name: vllm
spec:
  replicas: 2
  selector:
    matchLabels: {app: vllm}
  template:
    metadata:
      labels: {app: vllm}
    spec:
      serviceAccountName: server
      containers:
        - name: server
          image: vllm/vllm-openai:v0.5.0
          env:
            - {name: A, value: "1"}
          envFrom:
            - configMapRef: {name: settings}
          ports:
            - containerPort: 8000
          resources:
            limits: {nvidia.com/gpu: 1}
        - name: proxy
          image: envoy:v1
""",
    "base/service.yaml": """apiVersion: v1
kind: Service
metadata: {name: vllm}
spec:
  selector: {app: vllm}
  ports: [{port: 80, targetPort: 8000}]
""",
    "base/rbac.yaml": """apiVersion: v1
kind: ServiceAccount
metadata: {name: server}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: server}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
  - {kind: ServiceAccount, name: server, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
""",
}
OVERLAYS = {
    "plain": "resources: [../base]\n",
    "names": "resources: [../base]\nnamespace: serving\nnamePrefix: prod-\nnameSuffix: -v2\n",
    "renamed": """resources: [../prefixed]
replicas:
  - {name: vllm, count: 4}
patches:
  - target: {kind: Service, name: vllm}
    patch: |-
      - op: replace
        path: /spec/type
        value: ClusterIP
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: vllm}
      spec:
        strategy: {type: Recreate}
""",
    "images": "resources: [../base]\nimages:\n  - {name: vllm/vllm-openai, newTag: v0.6.0}\n"
    "  - {name: envoy, newName: mirror/envoy, digest: sha256:abc}\nreplicas:\n  - {name: vllm, count: 5}\n",
    "merge": """resources: [../base]
patches:
  - path: patch.yaml
  - target: {kind: Service}
    patch: |-
      - op: replace
        path: /spec/ports/0/port
        value: 8080
      - op: add
        path: /metadata/annotations
        value: {a/b: c}
""",
    "labels": "resources: [../base]\nlabels:\n  - pairs: {tier: gpu}\n    includeSelectors: true\n"
    "  - pairs: {note: x}\ncommonAnnotations: {owner: ml}\n",
    "component": "resources: [../base]\ncomponents: [../scaled]\n",
    "generated": """resources: [../prefixed]
nameSuffix: -v2
configMapGenerator:
  - name: settings
    behavior: merge
    literals: [MODE='slow', "NOTE=it's"]
    envs: [more.env]
""",
    "replaced": """resources: [../base]
components: [../tuned]
configMapGenerator:
  - name: settings
    behavior: replace
    literals: [MODEL=mistral]
""",
    "delete": "resources: [../base]\npatchesStrategicMerge:\n  - |-\n    apiVersion: v1\n    kind: Service\n"
    "    metadata: {name: vllm}\n    $patch: delete\n",
}
EXTRA = {
    "merge/patch.yaml": """apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  strategy:
    type: Recreate
  template:
    spec:
      containers:
        - name: proxy
          $patch: delete
        - name: server
          args: ["--model", "x"]
          env:
            - {name: B, value: "2"}
            - {name: A, value: null}
          resources:
            limits: {nvidia.com/gpu: 4, memory: 8Gi}
""",
    "prefixed/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\nnamespace: serving\n",
    "generated/more.env": '# for the GPU pool\n\n  DTYPE=bfloat16\nQUOTED="kept"\n',
    "tuned/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "configMapGenerator:\n  - {name: settings, behavior: merge, literals: [TUNED=1]}\n",
    "scaled/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "replicas:\n  - {name: vllm, count: 3}\n",
}


def write(root: Path, *overlays: str) -> None:
    files = BASE | EXTRA | {f"{name}/kustomization.yaml": OVERLAYS[name] for name in overlays}
    for name, text in files.items():
        prefixed = ["prefixed"] if {"renamed", "generated"} & set(overlays) else []
        if name.split("/")[0] in ("base", "scaled", "tuned", *overlays, *prefixed):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def comparable(objects: list[Any]) -> list[Any]:
    """Objects by kind and name, with the content hashes of generated names taken off."""
    text = repr(sorted(objects, key=lambda item: (item["kind"], item["metadata"]["name"])))
    for word in {part for part in text.replace("'", " ").split() if "settings" in part}:
        text = text.replace(f"'{word}'", "'settings'")
    result: list[Any] = ast.literal_eval(text)
    return result


@pytest.mark.parametrize("overlay", sorted(OVERLAYS))
def test_an_overlay_is_what_the_real_kustomize_builds(tmp_path: Path, overlay: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH")
    write(tmp_path, overlay)
    printed = subprocess.run(
        [kubectl, "kustomize", str(tmp_path / overlay)], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    expected = [document for document in YAML(typ="safe", pure=True).load_all(printed) if document]
    built = [r.attributes for r in scan([tmp_path], ScanOptions(select=("ROL002",))).graph.resources]
    assert comparable([dict(item) for item in built]) == comparable(expected)


def test_a_finding_points_at_the_patch_that_causes_it(tmp_path: Path) -> None:
    write(tmp_path, "merge")
    (finding,) = scan([tmp_path], ScanOptions(select=("ROL002",))).findings
    assert (finding.location.span.file, finding.location.span.start_line) == ("merge/patch.yaml", 6)
    assert finding.location.related[-1].span.file == "base/deployment.yaml"
    assert finding.resource.unit == "merge"


def test_patches_and_bases_are_not_manifests_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "merge")
    result = scan([tmp_path], ScanOptions(select=("ROL002",)))
    assert len(result.graph.of_type("Deployment")) == 1


def test_what_cannot_be_built_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "resources:\n  - missing.yaml\n  - https://example.com/base?ref=v1\n  - ../outside\nhelmCharts:\n  - name: x\n"
    )
    diagnostics = scan([tmp_path]).diagnostics
    assert [(item.code, item.span.start_line) for item in diagnostics] == [
        ("kustomize-missing", 2),
        ("kustomize-remote", 3),
        ("kustomize-missing", 4),
        ("kustomize-not-built", 5),
    ]


@pytest.mark.parametrize(
    ("name", "behavior", "found"),
    [
        ("none", "merge", ["kustomize-generator"]),
        ("settings", "create", ["kustomize-generator"]),
        ("settings", "replace", []),
        ("other", "create", []),
    ],
)
def test_a_generator_that_kustomize_refuses_is_named(
    tmp_path: Path, name: str, behavior: str, found: list[str]
) -> None:
    generator = f"configMapGenerator: [{{name: {name}, behavior: {behavior}, literals: [A=1]}}]\n"
    _write(tmp_path, BASE | {"over/kustomization.yaml": f"resources: [../base]\n{generator}"})
    assert [item.code for item in scan([tmp_path]).diagnostics] == found


def test_a_generator_may_change_what_a_remote_base_holds(tmp_path: Path) -> None:
    generator = "configMapGenerator: [{name: settings, behavior: merge, literals: [A=1]}]\n"
    remote = "resources: [https://example.com/base?ref=v1]\n"
    _write(tmp_path, {"kustomization.yaml": remote + generator})
    assert [item.code for item in scan([tmp_path]).diagnostics] == ["kustomize-remote"]


def test_kustomizations_that_use_each_other_end_with_a_diagnostic(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a"), ("top", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(f"resources: [../{other}]\n")
    assert "kustomize-cycle" in {item.code for item in scan([tmp_path]).diagnostics}


def _write(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


SHARED = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: llm
spec:
  replicas: 2
  selector:
    matchLabels: {app: llm}
  template:
    metadata:
      labels: {app: llm}
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.9.1
          args: [--model, meta-llama/Llama-3.1-8B-Instruct]
"""
GPUS = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: llm
spec:
  template:
    spec:
      containers:
        - name: server
          resources:
            limits: {nvidia.com/gpu: %s}
"""


def test_what_overlays_inherit_from_one_base_is_found_once_in_the_base(tmp_path: Path) -> None:
    overlay = "resources: [../base]\nnameSuffix: -%s\npatches: [{path: gpus.yaml}]\n"
    _write(tmp_path, {"base/kustomization.yaml": "resources: [llm.yaml]\n", "base/llm.yaml": SHARED})
    for name in ("small", "large"):
        _write(tmp_path, {f"{name}/kustomization.yaml": overlay % name, f"{name}/gpus.yaml": GPUS % 1})
    result = scan([tmp_path], ScanOptions(select=("ROL003", "ROL008")))
    places = [(item.rule, item.location.span.file, item.location.span.start_line) for item in result.findings]
    assert places == [("ROL003", "base/llm.yaml", 6), ("ROL008", "base/llm.yaml", 12)]


def test_what_each_overlay_sets_is_found_in_each_overlay(tmp_path: Path) -> None:
    overlay = "resources: [../base]\nnameSuffix: -%s\npatches: [{path: gpus.yaml}]\n"
    _write(tmp_path, {"base/kustomization.yaml": "resources: [llm.yaml]\n", "base/llm.yaml": SHARED})
    for name in ("small", "large"):
        _write(tmp_path, {f"{name}/kustomization.yaml": overlay % name, f"{name}/gpus.yaml": GPUS % '"0.5"'})
    result = scan([tmp_path], ScanOptions(select=("GPU002",)))
    places = {(item.location.span.file, item.location.span.start_line) for item in result.findings}
    assert places == {("small/gpus.yaml", 11), ("large/gpus.yaml", 11)}
