"""Input that would exhaust time, memory or the stack costs only itself, and the report says so."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from limited import HEALTHY, scan

DEEP = 100_000
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def alias_bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return HEAD + "\n".join(lines) + "\n"


def merge_bomb() -> str:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n  k{n}: v" for n in range(1, 12)]
    return HEAD + "\n".join(lines) + "\n"


YAML_CASES: dict[str, tuple[str, str]] = {
    "alias bomb": (alias_bomb(), "yaml-limit"),
    "merge key bomb": (merge_bomb(), "yaml-limit"),
    "cyclic anchor in a list": (HEAD + "data: &a [*a]\n", "yaml-limit"),
    "cyclic anchor in a map": (HEAD + "data: &a {b: *a}\n", "yaml-limit"),
    "cyclic merge key": (HEAD + "data: &a\n  <<: *a\n  b: c\n", "yaml-limit"),
    "deep flow lists": (HEAD + "data: " + "[" * DEEP + "]" * DEEP + "\n", "yaml-limit"),
    "deep flow maps": (HEAD + "data: " + "{a: " * DEEP + "}" * DEEP + "\n", "yaml-limit"),
    "unclosed flow lists": (HEAD + "data: " + "[" * DEEP + "\n", "yaml-limit"),
    "deep block lists": (HEAD + "data:\n  " + "- " * DEEP + "x\n", "yaml-limit"),
    "deep block maps": (HEAD + "data:\n" + "".join(" " * n + "a:\n" for n in range(1, 3_000)), "yaml-limit"),
    "deep explicit keys": (HEAD + "data:\n  " + "? " * DEEP + "x\n", "yaml-limit"),
    "mixed block indicators": (HEAD + "data:\n  " + "- ? " * DEEP + "x\n", "yaml-limit"),
    "tab separated dashes": (HEAD + "data:\n  " + "-\t" * DEEP + "x\n", "yaml-"),
    "many merged maps": (HEAD + "data: {<<: [" + ", ".join(f"{{k{n}: v}}" for n in range(60_000)) + "]}\n", ""),
    "aliases of a long text": (
        HEAD + "data:\n  a: &a '" + "x" * 200_000 + "'\n  b: [" + "*a, " * 400_000 + "]\n",
        "yaml-limit",
    ),
    "aliases in many documents": (
        "---\n".join([HEAD + f"data: {{a: &a [{'x, ' * 70}], b: &b [{'*a, ' * 70}], c: [{'*b, ' * 70}]}}\n"] * 5_000),
        "yaml-limit",
    ),
    "aliases of texts in many documents": (
        "---\n".join([HEAD + f"data: {{a: &a {'x' * 500}, b: &b [{'*a, ' * 70}], c: [{'*b, ' * 70}]}}\n"] * 3_000),
        "yaml-limit",
    ),
    "many objects in lists": (
        "---\n".join(["{apiVersion: v1, kind: List, items: [" + "{apiVersion: v1, kind: A}, " * 9_000 + "]}\n"] * 4),
        "yaml-limit",
    ),
    "many documents": ("---\n".join([HEAD] * 12_000), "yaml-limit"),
    "many scalars": (HEAD + "data: [" + "1," * 600_000 + "]\n", "yaml-limit"),
    "endless integer": (HEAD + "data: " + "9" * 1_000_000 + "\n", ""),
    "endless octal": (HEAD + "data: {a: 0" + "7" * 90 + ", b: 0x" + "f" * 90 + ", c: 1e999999999}\n", ""),
}


@pytest.mark.parametrize("name", YAML_CASES)
def test_yaml(name: str, tmp_path: Path) -> None:
    text, code = YAML_CASES[name]
    (tmp_path / "hostile.yaml").write_text(text)
    run = scan(tmp_path)
    if code:
        found = [item for item in run.diagnostics() if item["code"].startswith(code)]
        assert found, run.diagnostics()
        assert found[0]["location"]["file"] == "hostile.yaml"


@pytest.mark.parametrize(
    "text",
    ['{"apiVersion": "v1", "kind": "Pod", "spec": ' + "[" * DEEP + "]" * DEEP + "}",
     '{"apiVersion": "v1", "kind": "Pod", "spec": ' + '{"a": ' * DEEP + "1" + "}" * DEEP + "}",
     '{"apiVersion": "v1", "kind": "Pod", "spec": ' + "[" * DEEP],
    ids=["lists", "maps", "unclosed"],
)  # fmt: skip
def test_json(text: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.json").write_text(text)
    assert any(item["location"]["file"] == "hostile.json" for item in scan(tmp_path).diagnostics())


@pytest.mark.parametrize(
    "text",
    ['{"format_version": "1.2", "planned_values": {"root_module": {"resources": [{"address": "aws_x.y"',
     '{"planned_values": ' + "[" * DEEP,
     '{"format_version": "1.2", "planned_values": null, "resource_changes": 7, "configuration": []}',
     '{"planned_values": {"root_module": {"resources": [null, 1, {"values": []}, {"address": {}, "type": 3}]}}}'],
    ids=["truncated", "deep", "wrong types", "wrong items"],
)  # fmt: skip
def test_plans(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    scan(tmp_path)


def locals_of(first: str, step: str, levels: int = 40) -> str:
    lines = [f"  a0 = {first}"] + [f"  a{n} = {step.replace('@', f'local.a{n - 1}')}" for n in range(1, levels)]
    use = f'resource "aws_s3_bucket" "b" {{\n  bucket = local.a{levels - 1}\n}}\n'
    return "locals {\n" + "\n".join(lines) + "\n}\n" + use


def nested_for(levels: int) -> str:
    text = f"v{levels - 1}"
    for level in reversed(range(levels)):
        source = "[1, 2]" if level == 0 else f"[v{level - 1}, v{level - 1}]"
        text = f"[for v{level} in [{source}] : {text}]"
    return text


def doubled_type(levels: int) -> str:
    text = "string"
    for _ in range(levels):
        text = f"object({{a={text},b={text}}})"
    return text


LIMIT = "terraform-limit"
HCL_CASES: dict[str, tuple[str, str]] = {
    "deep parentheses": ("x = " + "(" * DEEP + "1" + ")" * DEEP + "\n", LIMIT),
    "deep lists": ("locals {\n x = " + "[" * DEEP + "]" * DEEP + "\n}\n", LIMIT),
    "deep objects": ("locals {\n x = " + "{a=" * DEEP + "1" + "}" * DEEP + "\n}\n", LIMIT),
    "deep calls": ("locals {\n x = " + "abs(" * DEEP + "1" + ")" * DEEP + "\n}\n", LIMIT),
    "deep negation": ("locals {\n x = " + "!" * DEEP + "true\n}\n", LIMIT),
    "deep conditionals": ("locals {\n x = " + "true ? 1 : " * DEEP + "1\n}\n", LIMIT),
    "deep templates": ('locals {\n x = ' + '"${' * 20_000 + "1" + '}"' * 20_000 + "\n}\n", "terraform-"),
    "deep directives": ('locals {\n x = "' + "%{ if true }" * 20_000 + "1" + "%{ endif }" * 20_000 + '"\n}\n', LIMIT),
    "deep blocks": ("resource a b {\n" + "x {\n" * DEEP + "}\n" * DEEP + "}\n", LIMIT),
    "unclosed blocks": ("resource a b {\n" + "x {\n" * DEEP, ""),
    "unclosed lists": ("locals {\n x = " + "[" * DEEP + "\n}\n", ""),
    "long sum": ("locals {\n x = " + "1 + " * DEEP + "1\n}\n", LIMIT),
    "long index chain": ("locals {\n x = a" + "[0]" * DEEP + "\n}\n", ""),
    "long attribute chain": ("locals {\n x = a" + ".b" * DEEP + "\n}\n", ""),
    "huge range": ('resource "aws_s3_bucket" "b" {\n  bucket = range(1000000000)\n}\n', "terraform-expression"),
    "fine range": ("output x {\n value = range(0, 1000, 0.000001)\n}\n", ""),
    "huge count": ('resource "aws_s3_bucket" "b" {\n  count = 1000000000\n  bucket = "b-${count.index}"\n}\n',
                   "expansion-limit"),
    "many names": ("".join(f'resource "aws_sqs_queue" "a{n}" {{}}\n' for n in range(60_000)), "expansion-limit"),
    "infinite count": ('resource "aws_s3_bucket" "b" {\n  count = 1e400\n}\n', ""),
    "negative count": ('resource "aws_s3_bucket" "b" {\n  count = -5\n}\n', ""),
    "fractional count": ('resource "aws_s3_bucket" "b" {\n  count = 1.5\n}\n', ""),
    "for in for": ('resource "aws_s3_bucket" "b" {\n  bucket = [for a in range(1000) : [for b in range(1000) : '
                   "[for c in range(1000) : a + b + c]]]\n}\n", "terraform-"),
    "for over bound doubling": ('resource "aws_s3_bucket" "b" {\n  bucket = ' + nested_for(40) + "\n}\n", "terraform-"),
    "big for_each": ('resource "aws_s3_bucket" "b" {\n  for_each = toset(flatten([for a in range(300) : '
                     '[for b in range(300) : "k${a}-${b}"]]))\n'
                     "  bucket = each.key\n}\n", "expansion-limit"),
    "dynamic product": ('resource "aws_security_group" "b" {\n  count = 10000\n  dynamic "ingress" {\n'
                        "    for_each = range(1000)\n    content {\n      from_port = ingress.value\n    }\n  }\n}\n",
                        "expansion-limit"),
    "doubling strings": (locals_of('"0123456789"', '"${@}${@}"'), "terraform-"),
    "doubling joins": (locals_of('"0123456789"', 'join("", [@, @])'), "terraform-"),
    "doubling formats": (locals_of('"0123456789"', 'format("%s%s", @, @)'), "terraform-"),
    "doubling replace": (locals_of('"aaaaaaaaaa"', 'replace(@, "a", "aa")'), "terraform-"),
    "doubling json": (locals_of('"\\""', "jsonencode(@)"), "terraform-"),
    "doubling base64": (locals_of('"0123456789"', "base64encode(base64encode(@))"), "terraform-"),
    "doubling urlencode": (locals_of('"%%%"', "urlencode(@)"), ""),
    "doubling lists": (locals_of("[1]", "concat(@, @)"), "terraform-"),
    "doubling tuples": (locals_of("[1]", "[@, @]"), "terraform-"),
    "doubling objects": (locals_of("{x = 1}", "{x = @, y = @}"), "terraform-"),
    "doubling set products": (locals_of("[1, 2]", "setproduct(@, @)", 12), "terraform-"),
    "doubling encoded tuples": (locals_of("[1]", "[@, @]").replace("bucket = ", "bucket = jsonencode(")
                                .replace("a39\n}", "a39)\n}"), "terraform-"),
    "doubling compared tuples": (locals_of("[1]", "[@, @]").replace("bucket = ", "bucket = local.a38 == ")
                                 , "terraform-"),
    "doubling set of tuples": (locals_of("[1]", "[@, @]").replace("bucket = ", "bucket = toset([")
                               .replace("a39\n}", "a39])\n}"), "terraform-"),
    "doubling flatten": (locals_of("[1]", "[@, @]").replace("bucket = ", "bucket = flatten(")
                         .replace("a39\n}", "a39)\n}"), "terraform-"),
    "doubling yaml": (locals_of("[1]", "[@, @]").replace("bucket = ", "bucket = yamlencode(")
                      .replace("a39\n}", "a39)\n}"), "terraform-"),
    "long chain of locals": (locals_of("1", "@ + 1", 5_000), ""),
    "cycle of locals": ("locals {\n  a = local.b\n  b = local.a\n}\noutput x {\n value = local.a\n}\n"
                        'resource "aws_s3_bucket" "b" {\n  bucket = local.a\n}\n', "terraform-cycle"),
    "huge numbers": ("locals {\n a = pow(10, 1000000)\n b = 1e999999\n c = 9e99999 * 9e99999\n d = pow(2, 0.5)\n"
                     ' e = parseint("' + "z" * 100_000 + '", 36)\n f = log(0, 2)\n g = 1e400 - 1e-400\n}\n'
                     'resource "aws_s3_bucket" "b" {\n  bucket = "${local.a}${local.b}"\n  x = local.c\n  y = local.e\n'
                     "  z = [local.d, local.f, local.g]\n}\n", ""),
    "fractions": ("locals {\n  many = [for m in range(90) : [for n in range(1000) : n]]\n}\n"
                  'resource "aws_s3_bucket" "b" {\n  bucket = [for some in local.many : [for n in some : n / 3]]\n'
                  "  x = [for some in local.many : [for n in some : n * 1.1e1100]]\n  y = range(0, 100, 0.1)\n"
                  '  z = sum(jsondecode("[${join(",", [for n in flatten(local.many) : "1.1"])}]"))\n'
                  '  a = length(jsondecode("[${join(",", [for n in flatten(local.many) : "1e-1000"])}]"))\n'
                  "  c = [for some in local.many : [for n in some : pow(n, 0.5)]]\n}\n", LIMIT),
    "a step that is lost in rounding": ('resource "aws_s3_bucket" "b" {\n'
                                        "  bucket = range(1e200, 1e200 + 1.2e46, 1e42)\n}\n", ""),
    "numbers that lie far apart": ('resource "aws_s3_bucket" "b" {\n  bucket = 1e496 % 1e4195 % 21\n'
                                   "  x = 1e-4000 * 3\n  y = 1e1100 / 1e-1100\n  z = format(\"%.9000f\", 1e-1100)\n"
                                   "}\n", ""),
    "yaml bomb in yamldecode": ("locals {\n x = yamldecode(<<E\n" + alias_bomb() + "E\n)\n}\n"
                                'resource "aws_s3_bucket" "b" {\n  bucket = local.x\n}\n', "terraform-"),
    "cyclic yamldecode": ('resource "aws_s3_bucket" "b" {\n  bucket = yamldecode("&a [*a]")\n}\n', "terraform-"),
    "deep jsondecode": ('resource "aws_s3_bucket" "b" {\n  bucket = jsondecode("' + "[" * DEEP + '")\n}\n', ""),
    "deep yamldecode": ('resource "aws_s3_bucket" "b" {\n  bucket = yamldecode("' + "[" * DEEP + '")\n}\n',
                        "terraform-"),
    "zip bomb": ('resource "aws_s3_bucket" "b" {\n  bucket = base64gunzip("@")\n}\n', ""),
    "wide padding": ('resource "aws_s3_bucket" "b" {\n  bucket = format("%99999999d%99999999d", 1, 2)\n'
                     '  x = format("%.99999999f", 1)\n  y = indent(999, join("\\n", range(90000)))\n'
                     '  z = cidrsubnets("10.0.0.0/8", [for n in range(9999) : 20]...)\n}\n', ""),
    "doubling types": ("variable x {\n type = " + doubled_type(18) + "\n default = {}\n}\n", LIMIT),
    "garbage": ("{}[]()\"${%<~}=a.,\n" * 3 + "([{a=\"${%{<<~}]),.=\n" * 150_000, LIMIT),
    "broken blocks": ('resource "a" "b" {\n  x = = 1\n}\n' * 60_000, "terraform-syntax"),
    "many blocks": ('resource "aws_s3_bucket" "b" {}\n' * 50_000, ""),
}  # fmt: skip
REGEXES = (
    'regex("(a+)+$", "{text}")', 'regexall("(a|a)*b", "{text}")', 'regexall("(a|aa)+$", "{text}")',
    'replace("{text}", "/(a*)*b/", "x")', 'regexall("(.*)(.*)(.*)(.*)(.*)[xyz]", "{text}")',
    'regex("a{{1,1000}}{{1,1000}}{{1,1000}}b", "{text}")', 'replace("{text}", "/^(([a-z])+.)+[A-Z]/", "$1")',
)  # fmt: skip


def check_hcl(directory: Path, code: str, file: str = "hostile.tf") -> None:
    run = scan(directory)
    if code:
        found = [item for item in run.diagnostics() if item["code"].startswith(code)]
        assert found, run.diagnostics()
        assert found[0]["location"]["file"] == file
        assert len(run.diagnostics()) < 100


@pytest.mark.parametrize("name", HCL_CASES)
def test_hcl(name: str, tmp_path: Path) -> None:
    text, code = HCL_CASES[name]
    if name == "zip bomb":
        import base64

        text = text.replace("@", base64.b64encode(gzip.compress(b"0" * 50_000_000)).decode())
    (tmp_path / "hostile.tf").write_text(text)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "main.tf").write_text('resource "aws_s3_bucket" "other" {\n  bucket = "other"\n}\n')
    check_hcl(tmp_path, code)


def test_patterns_that_backtrack(tmp_path: Path) -> None:
    lines = [f"  a{n} = {call.format(text='a' * 5_000)}" for n, call in enumerate(REGEXES * 20)]
    lines = [line.replace("'", '"') for line in lines]
    (tmp_path / "hostile.tf").write_text('resource "aws_s3_bucket" "b" {\n' + "\n".join(lines) + "\n}\n")
    check_hcl(tmp_path, LIMIT)


RULE_PATTERNS = {
    "repeated groups": ("(a+)+$", "a" * 9_000 + "!"),
    "repetitions": ("a*" * 12 + "b", "a" * 100),
    "options": ("a?" * 30 + "a" * 30, "a" * 30),
    "alternatives": ("(a|a)" * 30 + "b", "a" * 60),
    "counted groups": ("(a|a){30}b", "a" * 60),
    "back references": (r"(a*)(a*)(a*)\\1\\2\\3b", "a" * 90),
    "just below the limit of one match": ("(a|aa)+$", "a" * 23 + "!"),
    "a long text": ("a+b", "a" * 9_900),
}


@pytest.mark.parametrize("name", RULE_PATTERNS)
def test_patterns_of_rules_that_backtrack(name: str, tmp_path: Path) -> None:
    pattern, text = RULE_PATTERNS[name]
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "XXX001-slow.yaml").write_text(
        "id: XXX001\nname: slow\ntitle: slow\ncategory: gpu\nseverity: low\nprecision: high\nselect: ConfigMap\n"
        f"assert: {{not: {{path: $.data.a, matches: '{pattern}'}}}}\nmessage: slow\nremediation: none\n"
    )
    scanned = tmp_path / "scanned"
    scanned.mkdir()
    document = HEAD.replace("{name: a}", "{name: a@}") + f"data: {{a: {text}}}\n"
    (scanned / "hostile.yaml").write_text("---\n".join(document.replace("@", str(n)) for n in range(300)))
    run = scan(scanned, "--rules", str(rules))
    found = [item for item in run.diagnostics() if item["code"] == "pattern-limit"]
    assert found or name in ("repetitions", "options", "back references")
    assert all("XXX001" in item["message"] for item in found)


@pytest.mark.parametrize("kind", ["self", "pair", "fan-out", "counted", "chain"])
def test_modules(kind: str, tmp_path: Path) -> None:
    def module(directory: str, *calls: str, extra: str = "") -> None:
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
        blocks = [f'module "m{n}" {{\n  source = "{source}"\n{extra}}}\n' for n, source in enumerate(calls)]
        blocks.append('resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n')
        (tmp_path / directory / "main.tf").write_text("".join(blocks))

    if kind == "self":
        module(".", "./")
    elif kind == "pair":
        module(".", "./a")
        module("a", "../b")
        module("b", "../a")
    elif kind == "chain":
        module(".", "./m0")
        for level in range(100):
            module(f"m{level}", f"../m{level + 1}")
        module("m100")
    else:
        extra = "  count = 100\n" if kind == "counted" else ""
        module(".", *["./m0"] * 2, extra=extra)
        for level in range(25):
            module(f"m{level}", *[f"../m{level + 1}"] * 2, extra=extra)
        module("m25")
    run = scan(tmp_path)
    codes = {item["code"] for item in run.diagnostics()}
    assert codes & {"module-cycle", "expansion-limit"}, codes
    assert len(run.diagnostics()) < 100


def test_templates_that_include_themselves(tmp_path: Path) -> None:
    (tmp_path / "t.tpl").write_text('${templatefile("t.tpl", {x = x})}${templatefile("t.tpl", {x = x})}')
    (tmp_path / "hostile.tf").write_text(
        'resource "aws_s3_bucket" "b" {\n  bucket = templatefile("t.tpl", {x = "y"})\n}\n'
    )
    check_hcl(tmp_path, LIMIT)


def archive(members: dict[str, bytes], *, link: str | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo("c/templates/link.yaml")
            info.type, info.linkname = tarfile.SYMTYPE, link
            tar.addfile(info)
    return out.getvalue()


CHART = b"apiVersion: v2\nname: c\nversion: 1.0.0\n"
MAP = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: |-\n%s}\n"
OUTSIDE = "names a place outside itself"
ARCHIVES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "above the root": (OUTSIDE, lambda: archive({"c/Chart.yaml": CHART, "../../../tmp/kilter-escaped": b"x"})),
    "absolute": (OUTSIDE, lambda: archive({"c/Chart.yaml": CHART, "/tmp/kilter-escaped": b"x"})),
    "steps up": (OUTSIDE, lambda: archive({"c/Chart.yaml": CHART, "c/templates/../../../x.yaml": b"a: b"})),
    "link out": (OUTSIDE, lambda: archive({"c/Chart.yaml": CHART}, link="/etc/passwd")),
    "decompression bomb": (
        "unpacks to more than the limit of 64 MiB",
        lambda: archive({"c/Chart.yaml": CHART, "c/templates/a.yaml": b"#" * 600_000_000}),
    ),
    "truncated": ("cannot be read", lambda: archive({"c/Chart.yaml": CHART, "c/templates/a.yaml": b"a: b"})[:60]),
    "not an archive": ("cannot be read", lambda: b"\x1f\x8b" + b"\0" * 100),
    "many files": (
        "more than the limit of 10000 files",
        lambda: archive({"c/Chart.yaml": CHART} | {f"c/templates/{n}.yaml": b"" for n in range(30_000)}),
    ),
}
"""By name: what is said of an archive, and its content."""


@pytest.mark.parametrize("name", ARCHIVES)
def test_chart_archives(name: str, tmp_path: Path) -> None:
    said, content = ARCHIVES[name]
    (tmp_path / "c.tgz").write_bytes(content())
    assert [said in item["message"] for item in scan(tmp_path).diagnostics()] == [True]
    assert not Path("/tmp/kilter-escaped").exists()


@pytest.mark.parametrize(
    "template",
    [
        '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
        '{{ define "a" }}{{ include "a" . }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
        '{{ define "a" }}{{ tpl "{{ include \\"a\\" . }}" . }}{{ end }}{{ include "a" . }}',
        "{{ range until 100000000 }}{{ range until 100000000 }}x{{ end }}{{ end }}",
        '{{ repeat 2000000000 "x" }}',
        '{{ $x := "x" }}{{ range until 40 }}{{ $x = printf "%s%s" $x $x }}{{ end }}{{ $x }}',
        '{{ genPrivateKey "rsa" }}{{ range until 1000 }}{{ genPrivateKey "rsa" }}{{ end }}',
        '{{ env "HOME" }}{{ getHostByName "example.com" }}',
    ],
    ids=["include", "fan-out", "tpl", "range", "repeat", "doubling", "keys", "environment"],
)
def test_charts(template: str, tmp_path: Path) -> None:
    (tmp_path / "c" / "templates").mkdir(parents=True)
    (tmp_path / "c" / "Chart.yaml").write_bytes(CHART)
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: '{template}'}}\n"
    (tmp_path / "c" / "templates" / "a.yaml").write_text(text)
    run = scan(tmp_path)
    if "env " not in template:
        assert any(item["code"].startswith("helm-") for item in run.diagnostics()), run.diagnostics()


SUPPRESSIONS = {
    "spaces in a reason": "# kilter:ignore GPU001 -- x" + " " * 200_000 + "y",
    "spaces before a rule": "# kilter:ignore" + " " * 200_000 + "!",
    "spaces after a rule": "# kilter:ignore GPU001" + " " * 200_000 + "!",
    "many in a line": "# kilter:ignore GPU001 ! " * 20_000,
    "many unknown rules in a line": "# kilter:ignore " + "GPU999 " * 100_000,
    "a long name": "# kilter:ignore " + "a" * 1_000_000,
    "many unknown rules": "\n".join(f"# kilter:ignore floating-image-tog-{n}" for n in range(50_000)),
    "many in a block": "# kilter:ignore INT001 -- x\n" * 100_000,
    "in a long comment": "# kilter:ignore INT001 -- x\n" * 900 + "#\n" * 100_000,
}


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_suppressions(name: str, tmp_path: Path) -> None:
    images = HEALTHY.replace("\n        - name", "\n@        - name").split("@")
    text = images[0] + f"{SUPPRESSIONS[name]}\n{images[1]}" + images[1].replace("server", "other")
    (tmp_path / "hostile.yaml").write_text(text)
    found = {item["code"] for item in scan(tmp_path).diagnostics()}
    assert found & {"suppression-syntax", "suppression-limit", "suppression-unknown-rule", "suppression-unused"}


def test_annotations_that_suppress(tmp_path: Path) -> None:
    annotations = ", ".join(f"kilter/ignore.none-{n}: x" for n in range(20_000))
    value = "x" + " " * 200_000 + "y"
    text = HEALTHY.replace(
        "inference}", f'inference, annotations: {{{annotations}, kilter/ignore.GPU001: "{value}"}}}}'
    )
    (tmp_path / "hostile.yaml").write_text(text)
    assert any(item["code"] == "suppression-unknown-rule" for item in scan(tmp_path).diagnostics())


SELECTED = {
    "services": "apiVersion: v1\nkind: Service\nmetadata: {name: s@, namespace: n}\nspec: {selector: {app: a}}\n",
    "policies": "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: s@, namespace: n}\n"
                "spec: {podSelector: {}}\n",
    "monitors": "apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: s@, namespace: n}\n"
                "spec: {selector: {}}\n",
}  # fmt: skip
SMALL_POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p@, namespace: n, labels: {app: a}}\n"
    "spec: {containers: [{name: c, image: a}]}\n"
)


@pytest.mark.parametrize("name", SELECTED)
def test_everything_that_selects_everything(name: str, tmp_path: Path) -> None:
    documents = [text.replace("@", str(n)) for n in range(1_500) for text in (SELECTED[name], SMALL_POD)]
    (tmp_path / "hostile.yaml").write_text("---\n".join(documents))
    assert "graph-limit" in {item["code"] for item in scan(tmp_path, "--select", "INT001").diagnostics()}


def kustomization(directory: Path, text: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kustomization.yaml").write_text(text)


def fan_out(directory: Path) -> None:
    for level in range(25):
        kustomization(directory / f"k{level}", f"resources: [../k{level + 1}, ../k{level + 1}]\n")
    kustomization(directory / "k25", "resources: [a.yaml]\n")
    (directory / "k25" / "a.yaml").write_text(HEAD)


def slow_patches(directory: Path) -> None:
    kustomization(directory, "resources: [a.yaml]\npatches:\n" + "- target: {name: '(a+)+$'}\n  patch: '[]'\n" * 500)
    (directory / "a.yaml").write_text(
        "---\n".join(HEAD.replace("{name: a}", f"{{name: {'a' * 40}b{n}}}") for n in range(99))
    )


def long_labels(directory: Path) -> None:
    kustomization(
        directory, "resources: [a.yaml]\ncommonLabels: {" + ", ".join(f"k{n}: v" for n in range(3_000)) + "}\n"
    )
    (directory / "a.yaml").write_text("---\n".join(HEALTHY.replace("healthy", f"h{n}") for n in range(1_000)))


def files_again_and_again(directory: Path) -> None:
    kustomization(directory, "configMapGenerator:\n" + "- {name: c, files: [big.txt]}\n" * 2_000)
    (directory / "big.txt").write_text("x" * 1_000_000)


def many_labels(directory: Path) -> None:
    kustomization(directory, "resources: [a.yaml]\nlabels:\n" + "- {pairs: {a: b}}\n" * 3_000)
    (directory / "a.yaml").write_text("---\n".join(HEAD.replace("{name: a}", f"{{name: a{n}}}") for n in range(1_000)))


OVERLAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "itself": (lambda place: kustomization(place, "resources: [.]\n"), "kustomize-cycle"),
    "fan-out": (fan_out, "kustomize-limit"),
    "long labels": (long_labels, "kustomize-limit"),
    "many labels": (many_labels, "kustomize-limit"),
    "files again and again": (files_again_and_again, "kustomize-limit"),
    "slow patterns": (slow_patches, ""),
    "remote": (lambda place: kustomization(place, "resources: [https://example.com/a.yaml]\n"), "kustomize-remote"),
}  # fmt: skip


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlays(name: str, tmp_path: Path) -> None:
    make, code = OVERLAYS[name]
    make(tmp_path / "overlay")
    codes = {item["code"] for item in scan(tmp_path).diagnostics()}
    assert not code or code in codes


def test_arguments_of_megabytes(tmp_path: Path) -> None:
    arguments = ["--model", "x " * 400_000, "--a=" + "-" * 500_000, "$(" * 300_000, "a=b," * 300_000]
    (tmp_path / "hostile.yaml").write_text(HEALTHY + f"          args: {json.dumps(arguments)}\n")
    scan(tmp_path)


def test_a_pod_of_very_many_containers(tmp_path: Path) -> None:
    container = "        - {name: c@, image: 'vllm/vllm-openai:latest', resources: {limits: {nvidia.com/gpu: 1}}}\n"
    containers = "".join(container.replace("@", str(n)) for n in range(15_000))
    (tmp_path / "hostile.yaml").write_text(HEALTHY.partition("        - ")[0] + containers)
    found = [item for item in scan(tmp_path).diagnostics() if item["code"] == "workload-limit"]
    assert [item["location"]["file"] for item in found] == ["hostile.yaml"]
    assert "limit of 3,000 containers" in found[0]["message"]


def test_lists_that_are_gone_through_for_each_item(tmp_path: Path) -> None:
    rules, scanned = tmp_path / "rules", tmp_path / "scanned"
    rules.mkdir()
    scanned.mkdir()
    (rules / "XXX001-long.yaml").write_text(
        "id: XXX001\nname: long\ntitle: long\ncategory: gpu\nseverity: low\nprecision: high\nselect: ConfigMap\n"
        "each: $.data.a[*]\nmessage: x\nremediation: x\n"
        "assert: {path: $.data.b, none: {path: '@', equals: {path: ^}}}\n"
    )
    (scanned / "hostile.yaml").write_text(f"{HEAD}data: {{a: {list(range(3_000))}, b: {[-1] * 3_000}}}\n")
    found = [item for item in scan(scanned, "--rules", str(rules)).diagnostics() if item["code"] == "rule-limit"]
    assert [item["location"]["file"] for item in found] == ["hostile.yaml"]
    assert "limit of 500000 items" in found[0]["message"]


NODE_POOL = (
    "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: s@}\nspec: {template: {metadata: {labels: {a: x}}, "
    "spec: {requirements: [{key: node.kubernetes.io/instance-type, operator: In, values: [p5.48xlarge]}]}}}\n"
)
NEIGHBOURS = {
    "pods and pools": (HEALTHY.replace("healthy", "h@").replace("nvidia.com/gpu", "amd.com/gpu"), NODE_POOL, 1_400),
    "labels of pools": (
        HEALTHY.replace("healthy", "h@").replace("      containers:", "      nodeSelector: {a: b}\n      containers:"),
        NODE_POOL.replace("{a: x}", "{c: x}"),
        900,
    ),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_everything_that_is_joined_with_everything(name: str, tmp_path: Path) -> None:
    *texts, number = NEIGHBOURS[name]
    (tmp_path / "hostile.yaml").write_text("---\n".join(x.replace("@", str(n)) for n in range(number) for x in texts))
    scan(tmp_path, "--select", "GPU014", "--select", "INT001")


SHELL = '          command: [bash, -c]\n          args: ["@"]\n'
MOUNTED = "          volumeMounts: [{name: s, mountPath: /s}]\n      volumes: [{name: s, configMap: {name: s}}]\n"
CONFIG_MAP = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, namespace: inference}\ndata: {@}\n"
WORKLOADS = {
    "a script of one word": (SHELL.replace("@", "x;" * 200_000), ""),
    "a script of very many words": (SHELL.replace("@", "a b -c 'x' " * 100_000), "workload-limit"),
    "variables that double": (SHELL.replace("@", "A=" + "a" * 20 + ";" + "A=$A$A;" * 60 + "vllm serve $A"), ""),
    "a variable for each command": (SHELL.replace("@", "".join(f"A{n}=b;x $A{n};" for n in range(6_000))), ""),
    "a long variable in many places": (
        f"          args: ['--model={'$(A)' * 200_000}']\n          env: [{{name: A, value: {'x' * 1_000_000}}}]\n",
        "",
    ),
    "flags behind a long argument": (
        f"          args: ['{'x' * 450_000}', 'a {' '.join(f'--model=m{n}' for n in range(35_000))}']\n",
        "",
    ),
    "scripts that run each other twice": (
        "          command: [bash, /s/r0]\n"
        + MOUNTED
        + CONFIG_MAP.replace("@", ", ".join(f"r{n}: bash /s/r{n + 1} /s/r{n + 1}" for n in range(40))),
        "",
    ),
    "variables of one ConfigMap again and again": (
        f"          envFrom: [{'{configMapRef: {name: s}}, ' * 2_000}]\n"
        + CONFIG_MAP.replace("@", ", ".join(f"k{n}: v" for n in range(2_000))),
        "workload-limit",
    ),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_containers_are_told(name: str, tmp_path: Path) -> None:
    text, code = WORKLOADS[name]
    (tmp_path / "hostile.yaml").write_text(HEALTHY + text)
    found = [item for item in scan(tmp_path).diagnostics() if item["code"] == "workload-limit"]
    assert [item["location"]["file"] for item in found] == (["hostile.yaml"] if code else [])


def test_a_fix_for_each_of_very_many_blocks(tmp_path: Path) -> None:
    block = 'resource "aws_sagemaker_notebook_instance" "a@" {\n  root_access = "Enabled"\n}\n'
    (tmp_path / "hostile.tf").write_text("".join(block.replace("@", str(n)) for n in range(2_000)))
    findings = scan(tmp_path).report["findings"]
    assert any(item["fix"] is not None and item["location"]["file"] == "hostile.tf" for item in findings)


ROLE = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules:\n"
    + "- {apiGroups: ['*'], resources: ['*'], verbs: ['*']}\n" * 2_000
)
BINDING = (
    "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b@}\n"
    "roleRef: {kind: ClusterRole, name: r, apiGroup: rbac.authorization.k8s.io}\n"
    "subjects: [{kind: ServiceAccount, name: s, namespace: inference}]\n"
)
KINDS = f"{{apiGroups: [{'a, ' * 3_000}], resources: [{'b, ' * 3_000}], verbs: [get]}}"
ROLES = {
    "many rules for many subjects": (ROLE + "".join(BINDING.replace("@", str(n)) for n in range(2_000)), "graph-limit"),
    "many kinds in many groups": (ROLE.partition("- ")[0] + f"- {KINDS}\n" + BINDING, "workload-limit"),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles(name: str, tmp_path: Path) -> None:
    text, code = ROLES[name]
    (tmp_path / "hostile.yaml").write_text(text)
    assert code in {item["code"] for item in scan(tmp_path).diagnostics()}


def test_a_plan_of_very_many_resources(tmp_path: Path) -> None:
    instances = [
        {"address": f"aws_instance.a[{n}]", "type": "aws_instance", "name": "a", "index": n, "values": {"x": "y" * 90}}
        for n in range(20_000)
    ]
    plan = {"format_version": "1.2", "planned_values": {"root_module": {"resources": instances}}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    scan(tmp_path)


BESIDE_TERRAFORM = {
    "x.auto.tfvars.json": ('{"a":' + "[" * DEEP, "tfvars-syntax"),
    "terraform.tfvars": ("a = [" + "1, " * 2_000_000 + "]\n", "terraform-limit"),
    ".terraform/modules/modules.json": ('{"Modules":' + "[" * DEEP, ""),
    "m.tf.json": ('{"resource": {"aws_s3_bucket": {"b": {"count": 1e999999999, "x": ' + "9" * 1_000_000 + "}}}}", ""),
}


@pytest.mark.parametrize("name", BESIDE_TERRAFORM)
def test_what_stands_beside_terraform(name: str, tmp_path: Path) -> None:
    text, code = BESIDE_TERRAFORM[name]
    (tmp_path / "main.tf").write_text('variable "a" {}\nmodule "m" {\n  source = "a/b/c"\n}\n')
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    found = {item["code"] for item in scan(tmp_path).diagnostics() if item["location"]["file"] == name}
    assert not code or code in found


def named(api_version: str, kind: str, spec: str, name: str = "a", labels: str = "") -> str:
    metadata = f"{{name: {name}, labels: {{n: '{labels}'}}}}"
    return f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"


OF_ONE_NAME = {
    "middlewares": (
        ("traefik.io/v1alpha1", "IngressRoute", "{routes: [{match: Host(`a`), middlewares: [{name: a}]}]}"),
        ("traefik.io/v1alpha1", "Middleware", "{chain: {middlewares: [{name: a}]}}"),
    ),
    "gateways": (
        ("networking.istio.io/v1", "VirtualService", "{hosts: [a], gateways: [a]}"),
        ("networking.istio.io/v1", "Gateway", "{selector: {a: b}, servers: [{port: {number: 80, protocol: HTTP}}]}"),
    ),
    "models": (
        ("inference.llmaz.io/v1alpha1", "Playground", "{replicas: 1, modelClaim: {modelName: a}}"),
        ("llmaz.io/v1alpha1", "OpenModel", "{source: {modelHub: {modelID: Qwen/Qwen2-7B}}}"),
    ),
    "accounts": (
        ("v1", "Pod", "{serviceAccountName: a, containers: [{name: a, image: 'a:1'}]}"),
        ("v1", "ServiceAccount", "{}"),
    ),
}


@pytest.mark.parametrize("name", OF_ONE_NAME)
def test_many_objects_that_name_many_of_one_name(name: str, tmp_path: Path) -> None:
    user, used = OF_ONE_NAME[name]
    users = "".join(named(*user, name=f"u{n}") for n in range(1_500))
    (tmp_path / "hostile.yaml").write_text(users + "".join(named(*used, labels=str(n)) for n in range(1_500)))
    assert scan(tmp_path).report["summary"]["resources"] > 3_000


GATEWAY_API = "gateway.networking.k8s.io/v1"
PODS = "containers: [{name: a, image: 'a:1', resources: {limits: {nvidia.com/gpu: 1}}}]"
SERVER = "containers: [{name: kserve-container, image: 'a:1'}]"
MACHINES = "{key: node.kubernetes.io/instance-type, operator: In, values: [p5.48xlarge]}"
KEYS = ", ".join(f"{{key: k{n}, effect: NoSchedule}}" for n in range(30))
OF_MANY_NAMES = {
    "priority classes": (
        ("v1", "Pod", f"{{priorityClassName: b@, {PODS.replace('image', 'command: [sleep, infinity], image')}}}"),
        ("scheduling.k8s.io/v1", "PriorityClass", "{}"),
    ),
    "node classes": (
        ("karpenter.sh/v1", "NodePool",
         f"{{template: {{spec: {{nodeClassRef: {{name: u@}}, requirements: [{MACHINES}]}}}}}}"),
        ("karpenter.k8s.aws/v1", "EC2NodeClass", "{amiSelectorTerms: [{alias: al2023@latest}]}"),
    ),
    "gateways": (
        (GATEWAY_API, "HTTPRoute", "{parentRefs: [{name: b@}]}"),
        (GATEWAY_API, "Gateway", "{gatewayClassName: eg}"),
    ),
    "filters of Envoy": (
        ("networking.k8s.io/v1", "Ingress", "{rules: [{host: a}]}"),
        ("networking.istio.io/v1alpha3", "EnvoyFilter", "{configPatches: [{applyTo: HTTP_FILTER}]}"),
    ),
    "services": (
        ("monitoring.coreos.com/v1", "ServiceMonitor", "{selector: {matchLabels: {n: u@}}}"),
        ("v1", "Service", "{selector: {app: a}}"),
    ),
    "versions of formats": (
        ("serving.kserve.io/v1beta1", "InferenceService",
         "{predictor: {model: {modelFormat: {name: m, version: '@'}, resources: {limits: {nvidia.com/gpu: 1}}}}}"),
        ("serving.kserve.io/v1alpha1", "ClusterServingRuntime",
         f"{{supportedModelFormats: [{{name: m, version: '@', autoSelect: true}}], {SERVER}}}"),
    ),
    "a format": (
        ("serving.kserve.io/v1beta1", "InferenceService",
         "{predictor: {model: {modelFormat: {name: m}, resources: {limits: {nvidia.com/gpu: 1}}}}}"),
        ("serving.kserve.io/v1alpha1", "ClusterServingRuntime",
         f"{{supportedModelFormats: [{{name: m, autoSelect: true}}], {SERVER}}}"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_MANY_NAMES)
def test_many_objects_that_may_each_mean_one_of_many(name: str, tmp_path: Path) -> None:
    pairs = (
        named(api_version, kind, spec.replace("@", str(n)), name=f"{letter}{n}", labels=f"{letter}{n}")
        for n in range(2_000)
        for letter, (api_version, kind, spec) in zip("ub", OF_MANY_NAMES[name], strict=True)
    )
    (tmp_path / "hostile.yaml").write_text("".join(pairs))
    run = scan(tmp_path)
    assert run.report["summary"]["resources"] > 4_000
    assert not [item for item in run.diagnostics() if item["code"] == "rule-limit"]


def test_selectors_that_exclude_what_all_have(tmp_path: Path) -> None:
    selector = "{matchExpressions: [{key: n, operator: NotIn, values: [a, b@]}]}"
    budgets = (
        named(
            "policy/v1",
            "PodDisruptionBudget",
            f"{{selector: {selector}, minAvailable: 1}}".replace("@", str(n)),
            f"d{n}",
        )
        for n in range(1_500)
    )
    pods = (named("v1", "Pod", f"{{{PODS}}}", f"p{n}", labels="a") for n in range(1_500))
    (tmp_path / "hostile.yaml").write_text("".join((*budgets, *pods)))
    assert "graph-limit" in {item["code"] for item in scan(tmp_path).diagnostics()}


def test_services_that_lead_to_the_same_pods_for_many_monitors(tmp_path: Path) -> None:
    objects = (
        text
        for n in range(1_000)
        for text in (
            named("monitoring.coreos.com/v1", "ServiceMonitor", "{selector: {matchLabels: {n: a}}}", f"m{n}"),
            named("v1", "Service", "{selector: {n: a}}", f"s{n}", labels="a"),
            named("v1", "Pod", f"{{{PODS}}}", f"p{n}", labels="a"),
        )
    )
    (tmp_path / "hostile.yaml").write_text("".join(objects))
    assert "graph-limit" in {item["code"] for item in scan(tmp_path).diagnostics()}


def test_runtimes_and_devices_of_workloads_that_are_connected_too_often(tmp_path: Path) -> None:
    """What selects everything has used up the connections before the workloads are connected with their runtimes."""
    predictor = "{predictor: {model: {modelFormat: {name: m}, resources: {limits: {nvidia.com/gpu: 1}}}}}"
    runtime = f"{{supportedModelFormats: [{{name: m, autoSelect: true}}], {SERVER}}}"
    text = named("serving.kserve.io/v1alpha1", "ClusterServingRuntime", runtime) + "".join(
        named("serving.kserve.io/v1beta1", "InferenceService", predictor, f"i{n}")
        + named("policy/v1", "PodDisruptionBudget", "{selector: {}, minAvailable: 1}", f"d{n}")
        for n in range(900)
    )
    (tmp_path / "hostile.yaml").write_text(text)
    found = [item["message"] for item in scan(tmp_path).diagnostics() if item["code"] == "graph-limit"]
    assert any(message.startswith("what workloads are made of") for message in found)


def test_many_taints_and_tolerations(tmp_path: Path) -> None:
    pool = f"{{template: {{spec: {{taints: [{KEYS}], requirements: [{MACHINES}]}}}}}}"
    pods = f"{{tolerations: [{KEYS}], {PODS}}}"
    (tmp_path / "hostile.yaml").write_text(
        "".join(
            named("karpenter.sh/v1", "NodePool", pool, f"s{n}") + named("v1", "Pod", pods, f"p{n}") for n in range(300)
        )
    )
    scan(tmp_path)


def test_a_file_of_one_line_with_very_many_findings(tmp_path: Path) -> None:
    container = {"name": "a", "image": "vllm/vllm-openai:latest", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}"}, "spec": {"containers": [container]}}
        for n in range(2_000)
    ]
    (tmp_path / "hostile.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    scan(tmp_path, "--report", f"text={tmp_path / 'report.txt'}")
    assert (tmp_path / "report.txt").read_text().count("| …") >= 2_000
