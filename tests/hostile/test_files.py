"""Odd files, and places outside the scanned directory."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from limited import HEALTHY, REPOSITORY, kilter, scan

SECRET = "kilter-secret-7d1f"


def messages(directory: Path) -> dict[str, str]:
    """The code of a diagnostic for each file that has one."""
    return {item["location"]["file"]: item["code"] for item in scan(directory).diagnostics()}


def test_special_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    os.mkfifo(tmp_path / "fifo.tf")
    os.mkfifo(tmp_path / "c.tgz")
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "around").symlink_to(".")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket.yaml"))
    found = messages(tmp_path)
    server.close()
    assert found["fifo.yaml"] == "not-a-file"
    assert found["fifo.tf"] == "not-a-file"
    assert found["socket.yaml"] == "not-a-file"
    assert found["device.yaml"] == "outside-root"


def test_contents(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_bytes(b"")
    (tmp_path / "empty.tf").write_bytes(b"")
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbf" + HEALTHY.encode())
    (tmp_path / "utf16.yaml").write_bytes(HEALTHY.encode("utf-16"))
    (tmp_path / "utf16.tf").write_bytes('locals {\n  a = "é"\n}\n'.encode("utf-16"))
    (tmp_path / "latin.yaml").write_bytes(b"apiVersion: v1\nkind: \xe9\n")
    (tmp_path / "latin.tf").write_bytes(b'locals {\n  a = "\xe9"\n}\n')
    (tmp_path / "zeros.yaml").write_bytes(b"\0" * 100)
    (tmp_path / "zeros.tf").write_bytes(b"\0" * 100)
    (tmp_path / "control.yaml").write_bytes(b"apiVersion: v1\nkind: a\x01b\n")
    (tmp_path / "surrogate.yaml").write_text('apiVersion: v1\nkind: Pod\nmetadata: {name: "\\ud800"}\n')
    (tmp_path / "crlf.yaml").write_bytes(HEALTHY.replace("\n", "\r\n").encode())
    (tmp_path / "dir.yaml").mkdir()
    (tmp_path / "dir.tf").mkdir()
    with (tmp_path / "large.yaml").open("w") as file:
        file.write("apiVersion: v1\nkind: ConfigMap\ndata:\n")
        file.writelines(f"  key{number}: value\n" for number in range(3_000_000))
    with (tmp_path / "large.tf").open("wb") as file:
        file.truncate(50 * 1024**2)
    run = scan(tmp_path)
    found = {item["location"]["file"]: item["code"] for item in run.diagnostics()}
    assert found["large.yaml"] == found["large.tf"] == "file-too-large"
    assert found["latin.yaml"] == found["latin.tf"] == "not-utf-8"
    assert run.files_with_findings() >= {"bom.yaml", "utf16.yaml", "crlf.yaml"}


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    for name in (b"\xff.yaml", b"new\nline.yaml", b"\x1b[31m.yaml"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(HEALTHY)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe.tf")).write_text('resource "aws_s3_bucket" "b" {\n')
    assert len(scan(tmp_path).files_with_findings()) == 4
    for output_format in ("text", "sarif"):
        run = kilter("scan", str(tmp_path), "--format", output_format, "--exit-zero")
        assert run.status == 0, run.stderr
        assert "\x1b[31m" not in run.stdout


def test_many_small_files(tmp_path: Path) -> None:
    for number in range(3_000):
        (tmp_path / f"{number}.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    scan(tmp_path)


def test_directories_that_are_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    for top in (tmp_path, tmp_path / "c"):
        here = os.open(top, os.O_RDONLY)
        for _ in range(1_500):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)
    try:
        codes = {item["code"] for item in scan(tmp_path).diagnostics()}
    finally:
        # Python's own function for it recurses
        subprocess.run(["rm", "-rf", tmp_path], check=True)
    assert {"unreadable-directory", "helm-limit"} <= codes


def test_data_beside_the_sources_is_not_kept(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"data-{number}.json").write_text('{"a": "' + "x" * 9_000_000 + '"}')
    assert scan(tmp_path).memory < 400 * 1024**2


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory to scan; beside it lie files that hold a secret in every format."""
    beside = tmp_path / "beside"
    (beside / "chart" / "templates").mkdir(parents=True)
    (beside / "secret.txt").write_text(SECRET)
    (beside / "secret.yaml").write_text(HEALTHY.replace("healthy", SECRET))
    (beside / "main.tf").write_text(f'resource "aws_s3_bucket" "{SECRET}" {{\n  acl = "public-read"\n}}\n')
    (beside / "terraform.tfvars").write_text(f'a = "{SECRET}"\n')
    (beside / "chart" / "Chart.yaml").write_text(f"apiVersion: v2\nname: {SECRET}\nversion: 1.0.0\n")
    (beside / "chart" / "values.yaml").write_text(f"a: {SECRET}\n")
    (beside / "chart" / "templates" / "a.yaml").write_text(HEALTHY.replace("healthy", SECRET))
    scanned = tmp_path / "scanned"
    scanned.mkdir()
    return scanned


def hold(directory: Path) -> None:
    """Scan and print the graph: neither may show what lies beside the directory, nor the system's files."""
    run = scan(directory)
    graph = kilter("graph", str(directory))
    for text in (run.stdout, run.stderr, graph.stdout, graph.stderr):
        assert SECRET not in text
        assert "root:x:0:0" not in text
    assert graph.status == 0, graph.stderr


@pytest.mark.parametrize(
    "expression",
    ['file("/etc/passwd")', 'file("../beside/secret.txt")', 'file("${path.module}/../beside/secret.txt")',
     'filebase64("../beside/secret.txt")', 'templatefile("../beside/secret.txt", {})', 'file("link/secret.txt")',
     'file("direct.txt")', 'fileset("../beside", "*")', 'fileexists("../beside/secret.txt")',
     'file("a/../../beside/secret.txt")', 'join("", fileset(".", "../beside/*"))', 'filemd5("/etc/passwd")',
     'file("\\u0000/etc/passwd")', 'pathexpand("~/.ssh/id_rsa")', 'abspath(".")', 'jsonencode(fileset("link", "**"))',
     'file("/proc/self/environ")', 'file("~/.bashrc")', 'path.cwd'],
)  # fmt: skip
def test_files_of_expressions(expression: str, outside: Path) -> None:
    (outside / "link").symlink_to("../beside")
    (outside / "direct.txt").symlink_to("../beside/secret.txt")
    (outside / "main.tf").write_text(f'resource "aws_s3_bucket" "b" {{\n  bucket = {expression}\n}}\n')
    hold(outside)


@pytest.mark.parametrize(
    "source", ["../beside", "./../beside", "../../../../../etc", "./link", "/etc", "./a/../../beside"]
)
def test_modules(source: str, outside: Path) -> None:
    (outside / "link").symlink_to("../beside")
    (outside / "a").mkdir()
    (outside / "main.tf").write_text(f'module "m" {{\n  source = "{source}"\n}}\n')
    hold(outside)


def test_installed_modules(outside: Path) -> None:
    (outside / "main.tf").write_text('module "m" {\n  source = "example/m/aws"\n}\n')
    (outside / ".terraform" / "modules").mkdir(parents=True)
    (outside / ".terraform" / "modules" / "modules.json").write_text(
        '{"Modules": [{"Key": "m", "Dir": "../beside"}, {"Key": "n", "Dir": "/etc"}, {"Key": 1, "Dir": []}]}'
    )
    hold(outside)


def test_links(outside: Path) -> None:
    (outside / "a.yaml").symlink_to("../beside/secret.yaml")
    (outside / "b.tf").symlink_to("../beside/main.tf")
    (outside / "terraform.tfvars").symlink_to("../beside/terraform.tfvars")
    (outside / "directory").symlink_to("../beside")
    (outside / "Chart").symlink_to("../beside/chart")
    (outside / "real.tf").write_text('variable "a" {}\nresource "aws_s3_bucket" "b" {\n  bucket = var.a\n}\n')
    hold(outside)


def test_kustomizations(outside: Path) -> None:
    (outside / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "resources: [../beside/secret.yaml, ../beside, /etc/passwd, link]\n"
        "patches: [{path: ../beside/secret.yaml}]\nhelmCharts: [{name: ../beside/chart}]\n"
        "configMapGenerator: [{name: a, files: [../beside/secret.txt]}]\n"
    )
    (outside / "link").symlink_to("../beside")
    hold(outside)


def test_charts(outside: Path) -> None:
    chart = outside / "c"
    (chart / "templates").mkdir(parents=True)
    (chart / "charts").mkdir()
    (chart / "Chart.yaml").write_text(
        "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: chart, version: 1.0.0, "
        "repository: 'file://../../beside/chart'}]\n"
    )
    (chart / "templates" / "link.yaml").symlink_to("../../../beside/secret.yaml")
    (chart / "charts" / "sub").symlink_to("../../../beside/chart")
    (chart / "values.yaml").symlink_to("../../beside/chart/values.yaml")
    (chart / "secret.txt").symlink_to("../../beside/secret.txt")
    (chart / "templates" / "a.yaml").write_text(
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: {{ .Files.Get "../../beside/secret.txt" | '
        'quote }}\n  b: {{ .Files.Get "secret.txt" | quote }}\n  c: {{ .Values.a | quote }}\n'
    )
    hold(outside)


def test_configuration(outside: Path) -> None:
    (outside / ".kilter.yaml").write_text("var-files: [../beside/terraform.tfvars, /etc/passwd]\n")
    (outside / "main.tf").write_text('variable "a" {}\nresource "aws_s3_bucket" "b" {\n  bucket = var.a\n}\n')
    run = kilter("scan", str(outside), "--format", "json")
    assert run.status == 2
    assert "is outside the repository" in run.stderr
    assert SECRET not in run.stdout + run.stderr
    assert "root:x:0:0" not in run.stdout + run.stderr


def confined(directory: Path, *arguments: str) -> str:
    """What a refusal says, which must not show what lies beside the directory."""
    run = kilter(*arguments, cwd=directory)
    assert run.status == 2, (run.stdout, run.stderr)
    assert "Traceback" not in run.stderr
    assert SECRET not in run.stdout + run.stderr
    return run.stderr


@pytest.mark.parametrize("name", [".kilter.yaml", "kilter.yaml", "pyproject.toml"])
@pytest.mark.parametrize("command", [("scan", "."), ("rules",), ("config", "show"), ("baseline",)])
def test_configuration_through_a_link(name: str, command: tuple[str, ...], outside: Path) -> None:
    text = f"[tool.kilter]\n{SECRET} = 1\n" if name.endswith(".toml") else f"{SECRET}: 1\n"
    (outside.parent / "beside" / "settings").write_text(text)
    (outside / name).symlink_to("../beside/settings")
    assert "is a link that leads out of the repository" in confined(outside, *command)


def test_a_link_to_a_configuration_of_the_repository_is_followed(outside: Path) -> None:
    (outside / "shared.yaml").write_text("fail-on: low\n")
    (outside / ".kilter.yaml").symlink_to("shared.yaml")
    assert "fail-on: low" in kilter("config", "show", cwd=outside).stdout


@pytest.mark.parametrize("key", ["rules", "var-files", "values", "baseline", "extends"])
def test_what_a_configuration_names_through_a_link(key: str, outside: Path) -> None:
    (outside / "link").symlink_to("../beside")
    for target in ("link", "link/secret.yaml", "../beside/secret.yaml", "/etc/passwd", "a/../../beside"):
        (outside / ".kilter.yaml").write_text(f"{key}: {target if key == 'baseline' else f'[{target}]'}\n")
        assert "is outside the repository" in confined(outside, "scan", ".")


@pytest.mark.parametrize("size", [None, 11 * 1024**2])
def test_values_files_that_are_none(size: int | None, outside: Path) -> None:
    if size is None:
        os.mkfifo(outside / "values")
    else:
        (outside / "values").write_text("a: " + "b" * size)
    (outside / ".kilter.yaml").write_text("values: [values]\n")
    (outside / "a.yaml").write_text(HEALTHY)
    assert ("must be a regular file" if size is None else "larger than the limit") in confined(outside, "scan", ".")


@pytest.mark.parametrize("link", ["fixtures", "fixtures/rules", "fixtures/rules/ACM001", "fixtures/rules/ACM001/fail"])
@pytest.mark.parametrize("command", [("explain", "ACM001"), ("test", "rules"), ("docs", "pages", "--rules", "rules")])
def test_examples_of_rules(link: str, command: tuple[str, ...], outside: Path) -> None:
    below = outside.parent / "beside" / Path("fixtures/rules/ACM001/fail").relative_to(link)
    below.mkdir(parents=True, exist_ok=True)
    (below / "a.yaml").write_text(f"a: {SECRET} # expect: ACM001\n")
    (outside / "rules").mkdir()
    (outside / "rules" / "ACM001-a.yaml").write_text(
        "id: ACM001\nname: a\ntitle: a title\ncategory: gpu\nseverity: low\nprecision: high\nselect: Pod\n"
        "assert: {path: $.a, exists: true}\nmessage: a message of it\nremediation: a remedy of it\n"
        "references: ['https://example.com/']\n"
    )
    (outside / ".kilter.yaml").write_text("rules: [rules]\n")
    (outside / link).parent.mkdir(parents=True, exist_ok=True)
    (outside / link).symlink_to(outside.parent / "beside")
    run = kilter(*command, cwd=outside)
    assert "Traceback" not in run.stderr, run.stderr
    pages = [page.read_text() for page in outside.glob("pages/*")]
    assert [text for text in (run.stdout, run.stderr, *pages) if SECRET in text] == []


def test_init_through_a_link(outside: Path) -> None:
    (outside / ".github").symlink_to("../beside")
    assert "leads out" in confined(outside, "init", "--github", "--no-pre-commit")
    assert not (outside.parent / "beside" / "workflows").exists()


NO_NETWORK = """
import socket, sys
def refuse(*arguments, **options):
    sys.stderr.write("NETWORK\\n")
    raise AssertionError("network access")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
from scanner.cli import main
main()
"""


def test_no_network(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'module "a" {\n  source = "git::https://example.com/a.git"\n}\nmodule "b" {\n  source = "x/y/aws"\n}\n'
        'data "http" "h" {\n  url = "https://example.com"\n}\noutput "x" {\n  value = data.http.h.body\n}\n'
    )
    (tmp_path / "kustomization.yaml").write_text("resources: [https://example.com/a.yaml]\n")
    (tmp_path / "c" / "templates").mkdir(parents=True)
    (tmp_path / "c" / "Chart.yaml").write_text(
        "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: d, version: 1, repository: 'https://example.com'}]\n"
    )
    (tmp_path / "c" / "templates" / "a.yaml").write_text(HEALTHY)
    stack = REPOSITORY / "fixtures" / "stacks" / "example"
    for place in (tmp_path, stack):
        run = kilter("scan", str(place), "--exit-zero", script=NO_NETWORK)
        assert run.status == 0, run.stderr
        assert "NETWORK" not in run.stderr
