import shutil
import tarfile
from pathlib import Path

import pytest

from scanner.concepts.model import PodSet
from scanner.frontends import helm
from scanner.scan import ScanOptions, ScanResult, scan

pytest.importorskip("helm_python", reason="the extra kilter[helm] is not installed")
CHART = "apiVersion: v2\nname: llm\nversion: 0.1.0\n"
VALUES = "image:\n  repository: vllm/vllm-openai\n  tag: latest\ngpus: 1\n"
TEMPLATE = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-vllm
spec:
  selector: {matchLabels: {app: vllm}}
  template:
    metadata: {labels: {app: vllm}}
    spec:
      containers:
        {{- if .Values.gpus }}
        - name: vllm
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          resources:
            limits:
              nvidia.com/gpu: {{ .Values.gpus }}
        {{- end }}
"""


def chart(tmp_path: Path, template: str) -> Path:
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text(CHART)
    (tmp_path / "chart" / "values.yaml").write_text(VALUES)
    (tmp_path / "chart" / "templates" / "deployment.yaml").write_text(template)
    return tmp_path


def test_findings_stand_on_the_template_and_name_the_values_key(tmp_path: Path) -> None:
    result = scan([chart(tmp_path, TEMPLATE)])
    finding = next(finding for finding in result.findings if finding.rule == "INT001")
    assert (finding.location.span.file, finding.location.span.start_line) == ("chart/templates/deployment.yaml", 13)
    assert [item.span.file for item in finding.location.related] == ["chart/values.yaml"]
    assert "vllm/vllm-openai:latest" in finding.message


def test_a_finding_stands_in_the_document_of_its_object(tmp_path: Path) -> None:
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  limits: none\n"
    template = TEMPLATE.replace(
        "  nvidia.com/gpu: {{ .Values.gpus }}", '  {{ printf "nvidia.com/gpu: %v" .Values.gpus }}'
    )
    result = scan([chart(tmp_path, f"{other}---\n{template}")])
    finding = next(finding for finding in result.findings if finding.rule == "GPU017")
    assert finding.location.span.start_line == 6 + TEMPLATE[: TEMPLATE.index("limits:")].count("\n") + 1


def test_a_failed_render_is_an_error_and_never_silence(tmp_path: Path) -> None:
    result = scan([chart(tmp_path, '{{ required "model is required" .Values.model }}\n')])
    assert [(item.level, item.code) for item in result.diagnostics] == [("error", "helm-render-failed")]
    assert result.diagnostics[0].message.endswith("give it the values that it asks for with --values or --set")
    assert "model is required" in result.diagnostics[0].message


def test_what_a_chart_says_over_several_lines_is_passed_on_whole(tmp_path: Path) -> None:
    template = '{{ fail "\\nSet allowDefaultNamespace to go on.\\nSee: https://example.com" }}\n'
    result = scan([chart(tmp_path, template)])
    assert result.diagnostics[0].message.endswith("Set allowDefaultNamespace to go on. See: https://example.com")


@pytest.mark.parametrize("separator", ["---", "--- ", "---# the server", "--- # the server"])
def test_a_document_begins_wherever_helm_begins_one(tmp_path: Path, separator: str) -> None:
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: server}\n"
    result = scan([chart(tmp_path, f"{account}{separator}\n{TEMPLATE}")])
    assert {item.type for item in result.graph.resources} == {"ServiceAccount", "Deployment"}
    assert result.diagnostics == []
    finding = next(finding for finding in result.findings if finding.rule == "INT001")
    assert finding.location.span.start_line == 17


def pods(result: ScanResult) -> PodSet:
    (found,) = [item for item in result.concepts.of_kind("PodSet") if isinstance(item, PodSet)]
    return found


def test_values_files_and_settings_override_defaults_in_order(tmp_path: Path) -> None:
    root = chart(tmp_path, TEMPLATE)
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("gpus: 2\nimage: {tag: v1}\n")
    second.write_text("gpus: 4\n")
    plain = pods(scan([root / "chart"]))
    files = pods(scan([root / "chart"], ScanOptions(values_files=(first, second))))
    settings = pods(scan([root / "chart"], ScanOptions(values_files=(first,), set_values=("gpus=8",))))
    assert [item.accelerator_count for item in (plain, files, settings)] == [1, 4, 8]
    assert files.containers[0].image == "vllm/vllm-openai:v1"


def test_a_subchart_is_rendered_with_the_values_under_its_name(tmp_path: Path) -> None:
    root = chart(tmp_path, "")
    inner = chart(root / "inner", TEMPLATE) / "chart"
    (root / "chart" / "charts").mkdir()
    (inner / "Chart.yaml").write_text(CHART.replace("llm", "engine"))
    inner.rename(root / "chart" / "charts" / "engine")
    (root / "chart" / "Chart.yaml").write_text(
        CHART + 'dependencies: [{name: engine, version: 0.1.0, repository: "file://./charts/engine"}]\n'
    )
    (root / "chart" / "values.yaml").write_text("engine: {gpus: 4}\n")
    result = scan([root])
    assert pods(result).accelerator_count == 4
    assert pods(result).resource.span.file == "chart/charts/engine/templates/deployment.yaml"
    assert [item for item in result.diagnostics if item.level == "error"] == []


def test_a_dependency_that_lies_elsewhere_in_the_scan_is_put_into_the_chart(tmp_path: Path) -> None:
    root = chart(tmp_path, "")
    engine, common = root / "common" / "engine", root / "common" / "lib"
    for place, name, more in ((engine, "engine", ""), (common, "lib", "type: library\n")):
        (place / "templates").mkdir(parents=True)
        (place / "Chart.yaml").write_text(CHART.replace("llm", name) + more)
    (engine / "Chart.yaml").write_text(
        CHART.replace("llm", "engine") + 'dependencies: [{name: lib, version: 0.1.0, repository: "file://../lib"}]\n'
    )
    (engine / "templates" / "deployment.yaml").write_text(TEMPLATE.replace("spec:", '{{ include "lib.key" . }}:'))
    (engine / "values.yaml").write_text((root / "chart" / "values.yaml").read_text())
    (common / "templates" / "_helpers.tpl").write_text('{{ define "lib.key" }}spec{{ end }}')
    dependency = '{name: engine, alias: gpu, version: 0.1.0, repository: "file://../common/engine"}'
    (root / "chart" / "Chart.yaml").write_text(CHART + f"dependencies: [{dependency}]\n")
    (root / "chart" / "values.yaml").write_text("gpu: {gpus: 4}\n")
    result = scan([root])
    assert [item.message for item in result.diagnostics] == []
    found = [item for item in result.concepts.of_kind("PodSet") if isinstance(item, PodSet)]
    assert sorted(item.accelerator_count for item in found) == [1, 4]
    assert {item.resource.span.file for item in found} == {"common/engine/templates/deployment.yaml"}
    assert not (root / "chart" / "charts").exists()


def test_a_dependency_outside_of_the_scan_stays_missing(tmp_path: Path) -> None:
    root = chart(tmp_path, TEMPLATE)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Chart.yaml").write_text(CHART.replace("llm", "engine"))
    for place in (f"../../{outside.name}", str(outside), "../absent", "."):
        dependency = f'dependencies: [{{name: engine, version: 0.1.0, repository: "file://{place}"}}]\n'
        (root / "chart" / "Chart.yaml").write_text(CHART + dependency)
        assert [item.code for item in scan([root]).diagnostics if item.level == "error"] == ["helm-dependency-missing"]


@pytest.mark.parametrize(
    "dependency", ["", 'dependencies: [{name: engine, version: 0.1.0, repository: "file://../engine"}]']
)
def test_a_link_out_of_the_scan_behind_a_link_in_it_is_not_followed(dependency: str, tmp_path: Path) -> None:
    root = chart(tmp_path / "repository", TEMPLATE + '---\n{{ .Files.Get "beside/secret.txt" }}\n')
    (tmp_path / "secret.txt").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stolen}\n")
    (root / "beside").mkdir()
    (root / "beside" / "secret.txt").symlink_to(tmp_path / "secret.txt")
    shutil.copytree(root / "chart", root / "engine")
    (root / "engine" / "Chart.yaml").write_text(CHART.replace("llm", "engine"))
    for place in ("chart", "engine"):
        (root / place / "beside").symlink_to("../beside")
    (root / "chart" / "Chart.yaml").write_text(CHART + dependency)
    result = scan([root])
    assert {item.code for item in result.diagnostics if item.level == "error"} == {"outside-root"}
    assert "stolen" not in [resource.name for resource in result.graph.resources]


def test_charts_that_depend_on_each_other_end(tmp_path: Path) -> None:
    root = chart(tmp_path, TEMPLATE)
    shutil.copytree(root / "chart", root / "other")
    for place, name, other in (("chart", "llm", "other"), ("other", "other", "llm")):
        path = "../other" if other == "other" else "../chart"
        dependency = f'dependencies: [{{name: {other}, version: 0.1.0, repository: "file://{path}"}}]\n'
        (root / place / "Chart.yaml").write_text(CHART.replace("llm", name) + dependency)
    assert {item.code for item in scan([root]).diagnostics if item.level == "error"} == {"helm-dependency-missing"}


def test_a_missing_dependency_is_named(tmp_path: Path) -> None:
    root = chart(tmp_path, TEMPLATE)
    dependency = 'dependencies: [{name: redis, version: 1.0.0, repository: "https://charts.example.com"}]\n'
    (root / "chart" / "Chart.yaml").write_text(CHART + dependency)
    (problem,) = [item for item in scan([root]).diagnostics if item.level == "error"]
    assert problem.code == "helm-dependency-missing"
    assert "redis" in problem.message and problem.span.file == "chart/Chart.yaml"


def test_a_missing_dependency_that_the_values_switch_off_is_not_missed(tmp_path: Path) -> None:
    root = chart(tmp_path, TEMPLATE)
    dependency = 'dependencies: [{name: redis, version: 1.0.0, condition: "global.cache,redis.enabled"}]\n'
    (root / "chart" / "Chart.yaml").write_text(CHART + dependency)
    values = root / "chart" / "values.yaml"
    written = values.read_text() if values.exists() else ""
    values.write_text(f"{written}\nredis: {{enabled: false}}\n")
    assert "helm-dependency-missing" not in [item.code for item in scan([root]).diagnostics]
    values.write_text(f"{written}\nredis: {{enabled: false}}\nglobal: {{cache: true}}\n")
    assert "helm-dependency-missing" in [item.code for item in scan([root]).diagnostics]


def test_a_chart_that_lacks_a_dependency_and_does_not_render_is_said_not_to_be_checked(tmp_path: Path) -> None:
    root = chart(tmp_path, '{{ required "host is required" .Values.host }}')
    (root / "chart" / "Chart.yaml").write_text(CHART + "dependencies: [{name: redis, version: 1.0.0}]\n")
    (problem,) = [item for item in scan([root]).diagnostics if item.level == "error"]
    assert problem.code == "helm-dependency-missing" and problem.message.startswith("this chart is not checked")
    assert "redis" in problem.message


def test_a_library_chart_gives_its_templates_to_others_and_nothing_by_itself(tmp_path: Path) -> None:
    root = chart(tmp_path, '{{ include "common.pod" . }}')
    library = root / "chart" / "charts" / "common"
    (library / "templates").mkdir(parents=True)
    (library / "Chart.yaml").write_text("apiVersion: v2\nname: common\nversion: 0.1.0\ntype: library\n")
    body = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b}]}\n"
    (library / "templates" / "_pod.tpl").write_text('{{ define "common.pod" }}\n' + body + "{{ end }}")
    result = scan([root])
    assert pods(result).name == "x"
    assert [item for item in result.diagnostics if item.level == "error"] == []


def test_an_archive_is_rendered_like_a_directory(tmp_path: Path) -> None:
    made = chart(tmp_path / "made", TEMPLATE) / "chart"
    (tmp_path / "packed").mkdir()
    with tarfile.open(tmp_path / "packed" / "llm-0.1.0.tgz", "w:gz") as archive:
        archive.add(made, "llm")
    result = scan([tmp_path / "packed"])
    assert pods(result).accelerator_count == 1


def test_templates_see_the_kubernetes_version_or_a_warning_says_not(tmp_path: Path) -> None:
    template = '{{ if semverCompare ">=1.33-0" .Capabilities.KubeVersion.Version }}\n' + TEMPLATE + "{{ end }}\n"
    result = scan([chart(tmp_path, template)], ScanOptions(kube_version="1.33.0"))
    warned = any(item.code == "helm-kube-version" for item in result.diagnostics)
    assert warned or len(result.concepts.of_kind("PodSet")) == 1


def test_charts_that_together_take_too_long_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm, "FREE_SECONDS", -helm.SHARED_SECONDS)
    for name in ("a", "b", "c"):
        chart(tmp_path / name, TEMPLATE)
    result = scan([tmp_path], ScanOptions())
    assert {item.span.file for item in result.graph.resources} == {"a/chart/templates/deployment.yaml"}
    assert [(item.code, item.span.file) for item in result.diagnostics] == [
        ("helm-render-failed", "b/chart/Chart.yaml"),
        ("helm-render-failed", "c/chart/Chart.yaml"),
    ]
    assert "limit of 40 s that all charts share" in result.diagnostics[0].message


def test_a_hundred_charts_of_ordinary_size_take_nothing_of_the_time_that_charts_share() -> None:
    shared = helm.RenderTime()
    for _ in range(100):
        shared.spend(1.5)
    assert shared.left == helm.SHARED_SECONDS
    shared.spend(helm.RENDER_SECONDS)
    assert shared.left == helm.SHARED_SECONDS - helm.RENDER_SECONDS + helm.FREE_SECONDS
