"""Objects that stand in other objects, whose controllers create them, are objects of their own at their own places."""

from pathlib import Path

from scanner.core import Resource, SourceFile
from scanner.core.edits import apply_edits
from scanner.frontends.kubernetes import read_manifests
from scanner.project.cache import Cache
from scanner.scan import ScanOptions, fix_of, scan

WRAPPER = """apiVersion: workload.codeflare.dev/v1beta2
kind: AppWrapper
metadata: {name: wrapped, namespace: ml}
spec:
  components:
  - template:
      apiVersion: v1
      kind: Service
      metadata: {name: head}
      spec: {selector: {app: train}}
  - template:
      apiVersion: batch/v1
      kind: Job
      metadata: {name: train}
      spec:
        template:
          metadata: {labels: {app: train}}
          spec:
            containers:
            - name: train
              image: example.com/train:1
              resources: {limits: {nvidia.com/gpu: 2}}
"""
EXPERIMENT = """apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: tune, namespace: ml}
spec:
  trialTemplate:
    trialSpec: {apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: []}}}}
"""


def read(text: str) -> list[Resource]:
    return read_manifests(SourceFile("x.yaml", text), "").resources


def test_held_objects_follow_their_holder_in_its_namespace() -> None:
    found = read(WRAPPER)
    assert [item.address for item in found] == ["AppWrapper/ml/wrapped", "Service/ml/head", "Job/ml/train"]
    assert [item.holder for item in found] == [None, found[0], found[0]]


def test_a_held_object_without_a_name_goes_by_that_of_its_holder() -> None:
    assert [item.address for item in read(EXPERIMENT)] == ["Experiment/ml/tune", "Job/ml/tune"]


def test_kinds_of_the_same_name_in_other_groups_hold_nothing() -> None:
    assert len(read(EXPERIMENT.replace("kubeflow.org", "example.com"))) == 1


def test_what_is_no_object_is_not_held() -> None:
    for text in ("trialSpec: [1]", "trialSpec: {kind: Job}", "configMap: {configMapName: x}"):
        start = EXPERIMENT.index("    trialSpec")
        assert len(read(f"{EXPERIMENT[:start]}    {text}\n")) == 1


def test_holders_may_hold_holders() -> None:
    inner = "\n".join(f"      {line}" for line in EXPERIMENT.splitlines())
    start = WRAPPER.index("      apiVersion: v1")
    found = read(WRAPPER[:start] + inner + "\n")
    assert [item.address for item in found] == ["AppWrapper/ml/wrapped", "Experiment/ml/tune", "Job/ml/tune"]
    assert found[2].holder is found[1]


def test_places_and_extents_are_those_inside_of_the_holder() -> None:
    job = read(WRAPPER)[2]
    image = ("spec", "template", "spec", "containers", 0, "image")
    assert job.locate().span.start_line == 13
    assert (job.locate(image).span.start_line, job.locate(image).span.start_column) == (21, 15)
    assert (job.extent().start_line, job.extent().end_line) == (12, 22)


def test_a_fix_is_written_into_the_held_object(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(WRAPPER)
    result = scan([tmp_path], ScanOptions(select=("GPU009",)))
    (finding,) = result.findings
    fix, source = fix_of(result, finding), result.source(finding.location.span.file)
    assert fix is not None and source is not None
    text = apply_edits(source, fix.edits)
    assert text is not None and text.startswith(WRAPPER[: WRAPPER.index("            containers:")])
    (tmp_path / "x.yaml").write_text(text)
    assert scan([tmp_path], ScanOptions(select=("GPU009",))).findings == []


def test_overlays_terraform_and_comments_reach_held_objects(tmp_path: Path) -> None:
    overlay, root = tmp_path / "overlay", tmp_path / "root"
    overlay.mkdir(), root.mkdir()
    (overlay / "x.yaml").write_text(WRAPPER)
    (overlay / "kustomization.yaml").write_text("namespace: prod\nresources: [x.yaml]\n")
    (root / "main.tf").write_text(f'resource "kubectl_manifest" "x" {{\n  yaml_body = <<EOT\n{WRAPPER}EOT\n}}\n')
    for place, namespace in ((overlay, "prod"), (root, "ml")):
        result = scan([place], ScanOptions(select=("GPU009",)))
        assert [item.resource.address for item in result.findings] == [f"Job/{namespace}/train"]
    (overlay / "x.yaml").write_text(
        WRAPPER.replace(
            "              resources", "              # kilter:ignore GPU009 -- tiny\n              resources"
        )
    )
    assert scan([overlay], ScanOptions(select=("GPU009",))).findings == []


def test_an_annotation_of_the_holder_is_about_what_it_holds(tmp_path: Path) -> None:
    place = tmp_path / "x"
    place.mkdir()
    annotated = "namespace: ml, annotations: {kilter/ignore.GPU009: one process}}"
    (place / "x.yaml").write_text(WRAPPER.replace("namespace: ml}", annotated))
    options = ScanOptions(select=("GPU009",), recall=True, cache=Cache(tmp_path / "cache"))
    for _ in range(2):  # the second scan recalls what the first one said
        result = scan([place], options)
        assert (result.findings, len(result.suppressed)) == ([], 1)
    (place / "x.yaml").write_text(WRAPPER.replace("kind: App", "# kilter:ignore GPU009 -- one process\nkind: App"))
    assert scan([place], options).findings == []
