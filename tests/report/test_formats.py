"""What each format promises beyond its golden output."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from scanner.core import Unknown
from scanner.report.github import MAX_ANNOTATIONS, render_github
from scanner.report.graph_layout import NODE_HEIGHT, NODE_WIDTH, draw
from scanner.report.html import render_html
from scanner.report.junit import render_junit
from scanner.report.markdown import MAX_BYTES, render_markdown
from scanner.report.overview import decisive
from scanner.report.text import excerpt, render_text
from scanner.scan import ScanOptions, ScanResult, scan

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLE = REPOSITORY / "fixtures" / "stacks" / "example"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: server-{number}, namespace: {namespace}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: server-{number}}}}}
  template:
    metadata: {{labels: {{app: server-{number}}}}}
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:{tag}
          resources: {{limits: {{nvidia.com/gpu: 4}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: server-{number}, namespace: {namespace}}}
spec: {{selector: {{app: server-{number}}}, ports: [{{port: 8000}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: lonely-{number}, namespace: {namespace}}}
"""


@pytest.fixture
def example() -> ScanResult:
    return scan([EXAMPLE])


def many(result: ScanResult, count: int) -> ScanResult:
    result.findings = [replace(item, severity="high") for item in result.findings[:1] * count]
    return result


def deployments(root: Path, count: int, tag: str = "latest") -> ScanResult:
    text = "---\n".join(
        DEPLOYMENT.format(number=number, namespace=f"team-{number % 3}", tag=tag) for number in range(count)
    )
    (root / "all.yaml").write_text(text)
    return scan([root], ScanOptions(select=("INT001",)))


def test_github_annotates_the_worst_and_counts_the_rest(example: ScanResult) -> None:
    lines = render_github(many(example, 25)).splitlines()
    assert len(lines) == MAX_ANNOTATIONS + 1
    assert all(line.startswith("::error file=") for line in lines[:-1])
    assert lines[-1] == "kilter: 15 errors more, not annotated; the full report has them all"


def test_github_puts_severities_in_order(example: ScanResult) -> None:
    levels = [line.split(" ")[0] for line in render_github(example).splitlines() if line.startswith("::")]
    assert levels == sorted(levels, key=["::error", "::warning", "::notice"].index)


def test_markdown_leaves_out_whole_sections_and_says_which(example: ScanResult) -> None:
    first = example.findings[0]
    rule = example.rules[first.rule]
    long = "long " * 190
    for number in range(60):
        name = f"XXX{number:03d}"
        example.rules[name] = replace(rule, id=name)
        example.findings += [replace(first, rule=name, severity="low", message=long)] * 60
    text = render_markdown(example)
    assert len(text.encode()) < MAX_BYTES
    assert "and 10 more of this rule" in text
    left_out = re.findall(r"60 findings of (XXX\d+) \(low\)", text.split("**Left out for length:**")[1])
    kept = re.findall(r"#### `(XXX\d+)`", text)
    assert kept and left_out and not set(kept) & set(left_out)
    for section in text.split("#### ")[1:-1]:
        assert "**What to do:**" in section


def test_junit_counts_passed_rules_and_skips_what_is_not_decided(example: ScanResult) -> None:
    text = render_junit(example)
    assert f'tests="{len(example.findings) + len(example.rules) - len({f.rule for f in example.findings})}"' in text
    assert f'failures="{len(example.findings)}"' in text


def test_a_clean_scan_has_a_report_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    result = scan([tmp_path])
    assert "No findings" in render_markdown(result)
    assert "No findings." in render_html(result)
    assert render_github(result) == ""
    assert 'failures="0"' in render_junit(result)


def test_carets_stand_below_what_they_mark() -> None:
    shown, before, carets = excerpt("名前: 値x", 4, 7)
    assert (shown, before, carets) == ("名前: 値x", 6, 3)
    shown, before, carets = excerpt("a\tb: e\u0301x", 4, 6)
    assert (shown, before, carets) == ("a    b: e\u0301x", 7, 2)


def test_a_long_line_is_cut_around_its_mark() -> None:
    line = "x" * 500 + "MARK" + "y" * 500
    shown, before, carets = excerpt(line, 500, 504)
    assert shown[before : before + carets] == "MARK"
    assert shown.startswith("…") and len(shown) <= 160


def test_many_undetermined_results_name_what_would_decide_most(tmp_path: Path) -> None:
    group = (
        'resource "aws_security_group" "g{0}" {{\n  ingress {{\n    from_port = 8000\n    to_port = 8000\n'
        '    protocol = "tcp"\n    cidr_blocks = {1}\n  }}\n}}\n'
    )
    groups = "".join(group.format(number, "var.clients" if number % 3 else "var.admins") for number in range(24))
    (tmp_path / "main.tf").write_text('variable "clients" {}\nvariable "admins" {}\n' + groups)
    result = scan([tmp_path], ScanOptions(select=("NET106",)))
    assert [(item.source, item.results) for item in decisive(result, 5)] == [("var.clients", 16), ("var.admins", 8)]
    text = render_text(result)
    assert "var.clients  16 results" in text and "--var NAME=VALUE" in text
    assert 'variable "clients" has no value' not in text
    assert "would decide most" not in render_text(result, quiet=True)
    result.undetermined = result.undetermined[:20]
    assert "would decide most" not in render_text(result)
    assert "would decide most" in render_text(result, show_undetermined=True)


def test_a_value_that_decides_alone_comes_before_one_that_does_not(example: ScanResult, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "c" {}\nresource "aws_security_group" "a" {\n  ingress {\n    from_port = 8000\n'
        '    to_port = 8000\n    protocol = "tcp"\n    cidr_blocks = var.c\n  }\n}\n'
    )
    item = scan([tmp_path], ScanOptions(select=("NET106",))).undetermined[0]
    both = (Unknown("", "var.a"), Unknown("", "var.b"))
    example.undetermined = [replace(item, causes=both)] * 3 + [replace(item, causes=both[1:])]
    assert [(found.source, found.results, found.alone) for found in decisive(example, 5)] == [
        ("var.b", 4, 1),
        ("var.a", 3, 0),
    ]


def test_a_small_graph_is_drawn_whole_without_overlaps(tmp_path: Path) -> None:
    drawing = draw(deployments(tmp_path, 12), all_below=60, limit=100)
    assert drawing.left_out == 0 and len(drawing.nodes) == 36
    places = [(node.x, node.y) for node in drawing.nodes]
    for number, (x, y) in enumerate(places):
        assert x + NODE_WIDTH <= drawing.width and y + NODE_HEIGHT <= drawing.height
        assert not any(abs(x - a) < NODE_WIDTH and abs(y - b) < NODE_HEIGHT for a, b in places[number + 1 :])
    for node in drawing.nodes:
        lane = next(lane for lane in drawing.lanes if lane.y <= node.y < lane.y + lane.height)
        assert node.y + NODE_HEIGHT <= lane.y + lane.height
        assert node.resource.namespace in lane.title
    assert {kind for edge in drawing.edges for kind in edge.kinds} >= {"selects"}


def test_a_large_graph_shows_findings_and_their_neighbours(tmp_path: Path) -> None:
    drawing = draw(deployments(tmp_path, 30), all_below=60, limit=100)
    assert {node.resource.type for node in drawing.nodes} == {"Deployment", "Service"}
    assert drawing.left_out == 30
    assert all(node.findings == 1 and node.worst for node in drawing.nodes if node.resource.type == "Deployment")
    capped = draw(deployments(tmp_path, 30), all_below=60, limit=10)
    assert [node.resource.type for node in capped.nodes] == ["Deployment"] * 10


def test_clusters_and_networks_have_a_place_in_the_picture(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_vpc" "main" {}\nresource "aws_eks_cluster" "main" {\n  name = "training"\n}\n'
    )
    drawing = draw(scan([tmp_path]), all_below=60, limit=100)
    places = {node.resource.type: node.x for node in drawing.nodes}
    columns = dict(drawing.columns)
    assert places == {"aws_vpc": columns["Network"], "aws_eks_cluster": columns["Compute"]}


def test_a_large_graph_without_findings_is_drawn_up_to_the_limit(tmp_path: Path) -> None:
    drawing = draw(deployments(tmp_path, 30, tag="v0.6.3"), all_below=60, limit=40)
    assert len(drawing.nodes) == 40 and drawing.left_out == 50


def test_html_is_the_same_for_the_same_input() -> None:
    assert render_html(scan([EXAMPLE])) == render_html(scan([EXAMPLE]))


def test_html_filters_match_the_cards(example: ScanResult) -> None:
    text = render_html(example)
    assert text.count("<article") == len(example.findings)
    files = sorted({finding.location.span.file for finding in example.findings})
    for number, file in enumerate(files):
        count = sum(finding.location.span.file == file for finding in example.findings)
        assert f'<option value="{number}">{file} ({count})</option>' in text
        assert text.count(f'data-file="{number}"') == count


def test_gitlab_and_junit_name_files_from_the_repository_root(example: ScanResult) -> None:
    from scanner.report.gitlab import render_gitlab

    example.repository_prefix = "infra/"
    assert all(item["location"]["path"].startswith("infra/") for item in json.loads(render_gitlab(example)))
    assert 'file="infra/manifests/vllm.yaml"' in render_junit(example)
