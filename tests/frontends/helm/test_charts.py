from pathlib import Path

import pytest

from scanner.scan import scan

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


def test_a_failed_render_is_an_error_and_never_silence(tmp_path: Path) -> None:
    result = scan([chart(tmp_path, '{{ required "model is required" .Values.model }}\n')])
    assert [(item.level, item.code) for item in result.diagnostics] == [("error", "helm-render-failed")]
    assert "model is required" in result.diagnostics[0].message
