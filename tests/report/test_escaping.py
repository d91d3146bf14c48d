"""Text of the input must be harmless in every report: names, files, messages, sources."""

import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.cli.graph_command import render_graph
from scanner.report.clean import clean, clean_lines, json_text
from scanner.report.csv_report import cell
from scanner.report.formats import FORMATS, render
from scanner.report.html import render_graph_html
from scanner.report.markdown import code, escape
from scanner.scan import ScanOptions, ScanResult, scan

EVIL = (
    "=cmd()|'x'!A1 \x1b[31mred\x1b]0;title\x07 ::set-output name=x::y%0A%0D <script>alert(1)</script> ]]> --> "
    '| `tick` ``two`` **bold** [link](https://evil.example) https://evil.example @team #1 ##[add-path]/tmp '
    "##vso[task.setvariable]x \"quote\" 'single' \\ \u202egnp.exe \x9b31m \ud7ff\n::error::pwned\r\n"
    "| a | b | ; =evil()\n"
)  # fmt: skip
FILE = "=evil()\n::error::file,line=1 <img src=x onerror=alert(1)> `|` \x1b[2J\u202e.yaml"
START = "::warning file=x::y.yaml"
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {evil}
  namespace: {evil}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: a}}}}
  template:
    metadata: {{labels: {{app: a}}}}
    spec:
      containers:
        - name: {evil}
          image: {image}
          args: [--trust-remote-code] # raw \u202e</span><script> ##[x]
          resources: {{limits: {{nvidia.com/gpu: 4}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {evil}, namespace: {evil}}}
spec: {{type: LoadBalancer, selector: {{app: a}}, ports: [{{port: 8000}}]}}
"""
TERRAFORM = """\
variable "clients" {{}}
resource "aws_security_group" "open" {{
  for_each = toset([{evil}])
  name     = each.key
  ingress {{
    from_port   = 8000
    to_port     = 8000
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }}
}}
resource "aws_security_group" "clients" {{
  for_each = toset([{evil}])
  ingress {{
    from_port   = 8000
    to_port     = 8000
    protocol    = "tcp"
    cidr_blocks = var.clients
  }}
}}
"""


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    root = tmp_path_factory.mktemp("evil")
    name, image = json.dumps(EVIL), json.dumps(f"vllm/vllm-openai:latest{EVIL}")
    text = MANIFEST.format(evil=name, image=image)
    (root / FILE).write_text(text)
    (root / START).write_text(text + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken\n")
    escaped = json.dumps(EVIL).replace("\\u001b", "\x1b").replace("\\u0007", "\x07").replace("${", "$${")
    (root / "main.tf").write_text(TERRAFORM.format(evil=escaped))
    result = scan([root], ScanOptions(select=("GPU009", "INT001", "INT002", "NET003", "NET106", "ROL003")))
    assert {"INT002", "NET003", "NET106"} <= {finding.rule for finding in result.findings}
    assert result.undetermined
    assert any(EVIL in finding.resource.address for finding in result.findings)
    assert {FILE, START} <= {finding.location.span.file for finding in result.findings}
    assert {item.span.file for item in result.diagnostics} == {START}
    return result


def assert_no_control(text: str) -> None:
    wrong = {char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert wrong <= {"\u200b"}, wrong  # the zero-width space that the Markdown report itself puts into mentions


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_steers_a_terminal_or_a_ci_log(evil: ScanResult, name: str) -> None:
    text = render(evil, name, show_undetermined=True)
    if name == "csv":
        text = text.replace("\r\n", "\n")
    assert_no_control(text)
    assert "##[" not in text and "##vso[" not in text
    if name != "github":
        assert [line for line in text.splitlines() if line.lstrip().startswith("::")] == []


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab"])
def test_json_reports_are_json(evil: ScanResult, name: str) -> None:
    json.loads(render(evil, name))


def test_json_keeps_the_data_as_they_are(evil: ScanResult) -> None:
    findings = json.loads(render(evil, "json"))["findings"]
    assert {FILE, START} <= {item["location"]["file"] for item in findings}
    assert any(EVIL in item["resource"] for item in findings)


def test_sarif_messages_hold_no_embedded_links(evil: ScanResult) -> None:
    for result in json.loads(render(evil, "sarif"))["runs"][0]["results"]:
        assert "](" not in result["message"]["text"]
        assert "\n" not in result["message"]["text"]
        assert re.fullmatch(r"[\w./%~-]+", result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def test_junit_is_well_formed_and_valid(evil: ScanResult) -> None:
    text = render(evil, "junit")
    assert ElementTree.fromstring(text).get("failures") == str(len(evil.findings))
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(Path(__file__).parent / "junit.xsd")))
    schema.assertValid(etree.fromstring(text.encode()))


def test_gitlab_issues_have_what_gitlab_requires(evil: ScanResult) -> None:
    issues = json.loads(render(evil, "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == len(evil.findings) + 1
    for issue in issues:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(issue)
        assert issue["severity"] in ("blocker", "critical", "major", "minor", "info")
        assert issue["location"]["lines"]["begin"] >= 1


def test_every_line_of_the_github_report_is_one_of_our_commands(evil: ScanResult) -> None:
    value = r"(?:[^%:,]|%25|%3A|%2C)*"
    keys = r"(?:file|line|endLine|title|col|endColumn)"
    command = re.compile(rf"::(?:error|warning|notice) {keys}={value}(?:,{keys}={value})*::(?:[^%]|%25|%0A)*")
    lines = render(evil, "github").splitlines()
    assert len(lines) >= 10
    for line in lines:
        assert command.fullmatch(line) or re.fullmatch(r"kilter: \d+ \w+ more, .*", line), line


def test_markdown_renders_as_the_text_it_is(evil: ScanResult) -> None:
    parser = markdown_parser()
    page = Page(parser.render(render(evil, "markdown")))
    assert set(page.tags) <= {"h2", "h3", "h4", "p", "ul", "li", "br", "code", "strong"} | TABLE_TAGS | {"a"}
    assert all(not link.startswith("https://evil") for link in page.links)
    assert page.tags.count("table") == 1
    assert "**bold**" in page.text and "<script>alert(1)</script>" in page.text


@given(st.text())
@example(".AL")
@example("evil.com/a")
def test_markdown_escapes_are_the_same_text(text: str) -> None:
    parser = markdown_parser()
    for rendered, tags in ((f"- x{escape(text)}", ["ul", "li"]), (f"- x{code(f'a{text}')}", ["ul", "li", "code"])):
        page = Page(parser.render(rendered))
        assert page.tags == tags
    assert "\n" not in escape(text) + code(text)


def test_csv_cells_are_no_formulas(evil: ScanResult) -> None:
    rows = list(csv.reader(io.StringIO(render(evil, "csv"), newline="")))
    assert len(rows) == len(evil.findings) + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    assert any(cell.startswith("'=") for row in rows for cell in row)
    assert [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r"))] == []
    assert "; =evil()" not in render(evil, "csv") and "; '=evil()" in render(evil, "csv")


@given(st.text())
@example("a;=1")
@example(" ;\u00a0@b")
def test_csv_cells_are_no_formulas_wherever_lists_are_separated(text: str) -> None:
    assert not cell(text).startswith(tuple("=+-@\t\r"))
    assert not re.search(r";\s*[=+\-@]", cell(text))


@pytest.mark.parametrize("whole", [False, True])
def test_html_holds_only_our_own_markup(evil: ScanResult, whole: bool) -> None:
    text = render_graph_html(evil) if whole else render(evil, "html")
    page = Page(text)
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert set(page.tags) <= OUR_TAGS | TABLE_TAGS
    assert [name for name in page.attributes if name.startswith("on") or name == "style"] == []
    for link in page.links:
        assert link.startswith("#") or link in {ref for rule in evil.rules.values() for ref in rule.references}
    assert "default-src 'none'" in text
    assert text.index("Content-Security-Policy") < text.index("<style>")


@pytest.mark.parametrize("output_format", ["json", "dot", "mermaid", "html"])
def test_graphs_escape_names(evil: ScanResult, output_format: str) -> None:
    text = render_graph(evil, output_format)
    assert_no_control(text)
    lines = text.splitlines()
    if output_format == "json":
        assert any(EVIL in item["address"] for item in json.loads(text)["resources"])
    elif output_format == "dot":
        string = r'"(?:[^"\\]|\\["\\])*"'
        assert lines[0] == "digraph kilter {" and lines[-1] == "}"
        statement = rf"  (?:rankdir=LR|node \[shape=box\]|n\d+ \[label={string}\]|n\d+ -> n\d+ \[label={string}.*\]);"
        assert [line for line in lines[1:-1] if not re.fullmatch(statement, line)] == []
    elif output_format == "mermaid":
        statement = r'  (?:n\d+\["(?:[\w ./:=,@-]|#\d+;)*"\]|n\d+ (?:-->|-\.->)\|\w+\| n\d+)'
        assert [line for line in lines[1:] if not re.fullmatch(statement, line)] == []


@given(st.text())
def test_clean_text_prints(text: str) -> None:
    assert clean(text).isprintable()
    assert not re.search(r"##\w*\[", clean(text))


@given(st.text())
@example("a\n  ::error::b\n::::c\n##[x]")
def test_clean_lines_keep_their_lines_and_start_no_command(text: str) -> None:
    cleaned = clean_lines(text)
    assert cleaned.count("\n") == text.count("\n")
    assert [line for line in cleaned.split("\n") if not line.isprintable() or line.lstrip().startswith("::")] == []
    assert not re.search(r"##\w*\[", cleaned)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_text_keeps_every_character(text: str) -> None:
    encoded = json_text([text])
    assert json.loads(encoded) == [text]
    assert encoded.replace("\n", "").isprintable()


def markdown_parser() -> Any:
    """A reader of GitHub's dialect: tables, strikethrough and bare links."""
    pytest.importorskip("linkify_it")
    return pytest.importorskip("markdown_it").MarkdownIt("gfm-like")


OUR_TAGS = set(
    "html head meta title style body header main section article div p h1 h2 h3 b span a code pre mark ul li details "
    "summary button input select option br script svg defs marker path rect text g".split()
)
TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data
