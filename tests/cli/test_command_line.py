import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import FLOATING, MODEL

from scanner.report.formats import FORMATS

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLE = REPOSITORY / "fixtures" / "stacks" / "example"


def kilter(*arguments: str, cwd: Path = REPOSITORY, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from scanner.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, timeout=120, check=False)


def test_findings_give_one_and_a_clean_scan_gives_zero(tmp_path: Path) -> None:
    assert kilter("scan", str(EXAMPLE)).returncode == 1
    assert kilter("scan", str(EXAMPLE), "--exit-zero").returncode == 0
    assert kilter("scan", str(EXAMPLE), "--select", "INT001", "--fail-on", "high").returncode == 0
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    assert kilter("scan", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_status_does_not_depend_on_the_format(output_format: str) -> None:
    assert kilter("scan", str(EXAMPLE), "--format", output_format).returncode == 1
    assert kilter("scan", str(EXAMPLE), "--format", output_format, "--select", "GPU001").returncode == 0


def test_an_internal_error_is_not_taken_for_findings() -> None:
    program = (
        "import sys, scanner.scan\nfrom scanner.cli import main\n"
        "def broken(*_): raise RuntimeError('boom')\nscanner.scan.scan = broken\nsys.argv = ['kilter', 'scan']\nmain()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "kilter: internal error: RuntimeError: boom" in ended.stderr


def test_a_report_that_nobody_reads_is_not_taken_for_a_clean_scan() -> None:
    program = "import sys\nfrom scanner.cli import main\nsys.argv = ['kilter', 'scan', sys.argv[1]]\nmain()"
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", program, str(EXAMPLE)], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (2, b"")


@pytest.mark.parametrize(
    ("environment", "options", "coloured"),
    [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, (), True),
        ({"FORCE_COLOR": "1"}, ("--format", "json"), False),
    ],
)
def test_colour_is_where_it_is_wanted(environment: dict[str, str], options: tuple[str, ...], coloured: bool) -> None:
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-c", "from scanner.cli import main; main()", "scan", str(EXAMPLE), *options]
    ended = subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=False)
    assert ("\x1b[" in ended.stdout) is coloured


def test_a_file_never_gets_colour(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from scanner.cli import main; main()", "scan", str(EXAMPLE)]
    command += ["--output", str(tmp_path / "a.txt"), "--report", f"text={tmp_path / 'b.txt'}"]
    subprocess.run(command, env=os.environ | {"FORCE_COLOR": "1"}, check=False)
    assert "\x1b" not in (tmp_path / "a.txt").read_text() + (tmp_path / "b.txt").read_text()


def test_quiet_leaves_out_notes_and_nothing_else(tmp_path: Path) -> None:
    source = (EXAMPLE / "manifests" / "vllm.yaml").read_text()
    (tmp_path / "a.yaml").write_text(f"# kilter:ignore GPU001 -- no more\n{source}")
    loud, quiet = kilter("scan", str(tmp_path)), kilter("scan", str(tmp_path), "--quiet")
    assert "suppression-unused" in loud.stdout and "suppression-unused" not in quiet.stdout
    assert loud.returncode == quiet.returncode == 1
    assert loud.stdout.count("[GPU007]") == quiet.stdout.count("[GPU007]") > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scan", "missing-directory"), "missing-directory: no such file or directory"),
        (("scan", ".", "--select", "GPU0O1"), "did you mean"),
        (("scan", ".", "--format", "sarf"), "did you mean 'sarif'"),
        (("scan", ".", "--report", "sarf=x"), "did you mean 'sarif'"),
        (("scan", ".", "--fail-on", "hgih"), "did you mean 'high'"),
        (("graph", ".", "--format", "jsno"), "did you mean 'json'"),
        (("scan", ".", "--ignore", "rolout"), "did you mean 'rollout'"),
        (("explain", "gpu007"), "did you mean 'GPU007'"),
        (("test", "rules", "--fixtures", "none"), "none: no such directory"),
        (("scan", ".", "--values", "none.yaml"), "kilter: none.yaml: no such file or directory\n"),
        (("completion", "powershell"), "not one of bash, zsh, fish\n"),
        (("scan", ".", "--config", "none.yaml"), "none.yaml: no such file"),
        (("scna",), "did you mean 'scan'"),
        (("explain", "GPU01"), "not the code or name of one rule"),
        (("scan", ".", "--var", "x"), "NAME=VALUE"),
        (("eval", "--dir", "missing", "1"), "missing: no such directory"),
    ],
)
def test_usage_errors_are_one_clear_line_and_status_two(arguments: tuple[str, ...], message: str) -> None:
    run = kilter(*arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_nothing_to_scan_says_so(tmp_path: Path) -> None:
    run = kilter("scan", str(tmp_path))
    assert run.returncode == 0
    assert "nothing found to scan" in run.stderr


def test_unknown_configuration_keys_suggest_the_nearest(tmp_path: Path) -> None:
    (tmp_path / ".kilter.yaml").write_text("ignor: [GPU001]\n")
    run = kilter("scan", str(tmp_path))
    assert run.returncode == 2
    assert "did you mean 'ignore'" in run.stderr


def test_standard_input_is_scanned() -> None:
    run = kilter("scan", "-", "--format", "json", text=(EXAMPLE / "manifests" / "vllm.yaml").read_text())
    rules = {finding["rule"] for finding in json.loads(run.stdout)["findings"]}
    assert {"GPU007", "INT002"} <= rules


def test_several_reports_in_one_run(tmp_path: Path) -> None:
    sarif, out = tmp_path / "k.sarif", tmp_path / "k.json"
    kilter("scan", str(EXAMPLE), "--report", f"sarif={sarif}", "--format", "json", "-o", str(out))
    assert json.loads(sarif.read_text())["runs"][0]["results"]
    assert json.loads(out.read_text())["version"] == 1


def test_graph_follows_its_contract() -> None:
    graph = json.loads(kilter("graph", str(EXAMPLE), "--format", "json").stdout)
    assert set(graph) == {"resources", "edges"}
    assert set(graph["resources"][0]) == {"address", "type", "file", "line", "end_line", "attributes"}
    assert {"from": "Service/inference/llama-70b", "to": "Deployment/inference/llama-70b", "kind": "selects"} in graph[
        "edges"
    ]


def test_the_graph_is_that_of_the_configured_scan(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('variable "n" { default = 1 }\nresource "aws_s3_bucket" "a" { count = var.n }\n')
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "a.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: left}\n")
    (tmp_path / ".kilter.yaml").write_text("exclude: ['left/**']\n")
    graph = json.loads(kilter("graph", str(tmp_path), "--var", "n=2").stdout)
    assert [item["address"] for item in graph["resources"]] == ["aws_s3_bucket.a[0]", "aws_s3_bucket.a[1]"]


@pytest.mark.parametrize("command", ["graph", "cost", "baseline"])
def test_what_the_environment_says_of_scan_reports_is_for_scan_alone(command: str, tmp_path: Path) -> None:
    report = tmp_path / "report.sarif"
    environment = os.environ | {"KILTER_FORMAT": "sarif", "KILTER_OUTPUT": str(report), "KILTER_FIX": "1"}
    arguments = [sys.executable, "-c", "from scanner.cli import main; main()", command, str(EXAMPLE)]
    run = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not report.exists()


def test_eval_follows_its_contract(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('variable "a" {}\nlocals { b = toset(["y", "x"]) }\n')
    run = kilter("eval", "--dir", str(tmp_path), "-", text="local.b\nvar.a\n1 +\n{a = var.a}\n")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert lines[:2] == [["x", "y"], {"unknown": True}]
    assert set(lines[2]) == {"error"}
    assert lines[3] == {"a": {"unknown": True}}


def test_explain_and_rules() -> None:
    assert "What to do:" in kilter("explain", "trust-remote-code").stdout
    assert len(json.loads(kilter("rules", "--format", "json").stdout)) >= 30


def test_rules_of_a_project_are_explained_and_listed(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    rule = (REPOSITORY / "rules" / "integrity" / "INT002-trust-remote-code.yaml").read_text()
    own = rule.replace("INT002", "ACM002").replace("name: trust-remote-code", "name: our-own")
    (tmp_path / "policies" / "ACM002-our-own.yaml").write_text(own)
    (tmp_path / "fixtures" / "rules" / "ACM002").mkdir(parents=True)
    (tmp_path / "fixtures" / "rules" / "ACM002" / "fail.yaml").write_text("a: 1  # expect: ACM002\n")
    (tmp_path / ".kilter.yaml").write_text("rules: [policies]\n")
    config = ("--config", str(tmp_path / ".kilter.yaml"))
    assert "a: 1" in kilter("explain", "our-own", *config).stdout
    assert "ACM002" in kilter("rules", *config).stdout
    assert "ACM002" in kilter("rules", "--rules", str(tmp_path / "policies")).stdout
    assert "ACM002" not in kilter("rules").stdout


def test_a_named_file_is_understood_in_its_context(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "aws_s3_bucket" "models" { bucket = "acme-models" }\n')
    (tmp_path / "access.tf").write_text(
        'resource "aws_s3_bucket_public_access_block" "models" {\n  bucket = aws_s3_bucket.models.id\n'
        "  block_public_acls = true\n  block_public_policy = true\n  ignore_public_acls = true\n"
        "  restrict_public_buckets = true\n}\n"
        'resource "aws_s3_bucket_versioning" "models" {\n  bucket = aws_s3_bucket.models.id\n'
        '  versioning_configuration { status = "Enabled" }\n}\n'
    )
    assert kilter("scan", str(tmp_path / "main.tf")).returncode == 0


def test_suppressions_need_a_known_rule_and_expire(tmp_path: Path) -> None:
    source = (EXAMPLE / "manifests" / "vllm.yaml").read_text()
    image = "          image: vllm/vllm-openai:latest"

    def run(comment: str) -> dict[str, list[dict[str, str]]]:
        (tmp_path / "a.yaml").write_text(source.replace(image, f"{image}  # kilter:ignore {comment}"))
        report: dict[str, list[dict[str, str]]] = json.loads(
            kilter("scan", str(tmp_path), "--format", "json", "--select", "INT001").stdout
        )
        return report

    held = run("INT001 until=2999-01-01 -- pinned by the mirror")
    assert held["findings"] == []
    assert held["suppressed"][0]["reason"] == "pinned by the mirror"
    expired = run("INT001 until=2020-01-01 -- old")
    assert len(expired["findings"]) == 1
    assert [item["code"] for item in expired["diagnostics"]] == ["suppression-expired"]
    misspelt = run("INT0O1")
    assert [item["code"] for item in misspelt["diagnostics"]] == ["suppression-unknown-rule"]
    two = run("floating-image-tag, GPU001 -- a rule that does not run is not called unused")
    assert (two["findings"], two["diagnostics"]) == ([], [])


def test_the_same_input_gives_identical_output() -> None:
    first, second = (kilter("scan", str(EXAMPLE), "--format", "sarif").stdout for _ in range(2))
    assert first == second


EXTENTS = {
    "main.tf": '# a bucket\nresource "aws_s3_bucket" "a" {\n  bucket = "a"\n}\n\nmodule "m" { source = "./m" }\n',
    "m/x.tf": 'resource "terraform_data" "b" {\n  count = 2\n  input = <<-EOT\n    text\n  EOT\n}\n',
    "a.yaml": "# first\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n"
    "data:\n  text: |\n    line\n\n# between\n",
    "list.yaml": "---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n"
    "  metadata: {name: two}\n"
    "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: three\n    labels: {}\n\n\n",
    "b.json": '{\n  "apiVersion": "v1",\n  "kind": "Namespace",\n  "metadata": {"name": "four"}\n}\n',
}


def test_graph_says_from_which_to_which_line_a_resource_is_declared(tmp_path: Path) -> None:
    for name, text in EXTENTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = kilter("graph", str(tmp_path), "--format", "json")
    lines = {
        item["address"]: (item["file"], item["line"], item["end_line"])
        for item in json.loads(graph.stdout)["resources"]
    }
    assert lines == {
        "aws_s3_bucket.a": ("main.tf", 2, 4),
        "module.m.terraform_data.b[0]": ("m/x.tf", 1, 6),
        "module.m.terraform_data.b[1]": ("m/x.tf", 1, 6),
        "ConfigMap/default/one": ("a.yaml", 2, 8),
        "Namespace/two": ("list.yaml", 5, 7),
        "Namespace/three": ("list.yaml", 8, 12),
        "Namespace/four": ("b.json", 1, 5),
    }


@pytest.mark.parametrize("name", ["--output=out.yaml", "-oout.yaml", "--exit-zero"])
def test_the_name_of_a_file_is_not_taken_for_an_option(name: str, tmp_path: Path) -> None:
    """Hooks and the patterns of shells put the names of files where options may stand."""
    (tmp_path / name).write_text(MODEL.format(name="a", image=FLOATING))
    run = kilter("scan", "--touched", name, cwd=tmp_path)
    assert (run.returncode, "is an option and also the name of a file" in run.stderr) == (2, True), run.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    run = kilter("scan", "--touched", "--", name, cwd=tmp_path)
    assert run.returncode == (1 if name.endswith(".yaml") else 0), run.stderr
