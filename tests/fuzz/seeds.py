"""What fuzzing starts from: the fixtures, and words that the grammars know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from targets import SEPARATOR

REPOSITORY = Path(__file__).parent.parent.parent
MAX_SEED_BYTES = 4_000
EXPRESSIONS = (
    'join("-", [for k, v in {a = 1, b = 2} : "${k}=${v}" if v > 1])', "merge({a = 1}, {b = [1, 2]}).b[*]",
    'format("%05.2f %s %q", 3.14159, "x", "y")', 'regexall("[a-z]+", "ab cd")', "cidrsubnet(\"10.0.0.0/8\", 8, 3)",
    'jsondecode("{\\"a\\": [1, 2.5, null]}")', 'yamldecode("a: &x [1]\\nb: *x")', "try(tonumber(\"x\"), 1e400, null)",
    "<<-EOT\n  %{ for x in [1, 2] ~}\n  ${x}\n  %{ endfor ~}\n  EOT\n", "flatten([[1, [2]], []])...",
    "-(1 + 2) % 3 / 0",
    'setproduct(toset(["a"]), range(3))', "true ? var.a : local.b.c[0]", 'templatefile("a.tpl", {})',
    "lookup({}, 1, {})",
    'formatdate("YYYY-MM-DD", "2024-01-01T00:00:00Z")', 'timeadd("2024-01-01T00:00:00Z", "1h")', 'strrev("äöü")',
    'replace("hello", "/l(.)/", "$1")', 'zipmap(["a"], [1])', "element([], 0)", "slice([1, 2], 0, 9)", "max()",
)  # fmt: skip
CALL = 'module "m" {\n  source = "./module"\n  a = var.x\n}\nvariable "x" {}\n'
PLAN = (
    '{"format_version": "1.2", "terraform_version": "1.9.0", "variables": {"a": {"value": 1}}, "planned_values": '
    '{"root_module": {"resources": [{"address": "aws_s3_bucket.b[\\"k\\"]", "mode": "managed", "type": "aws_s3_bucket",'
    ' "name": "b", "index": "k", "provider_name": "registry.terraform.io/hashicorp/aws", "values": {"bucket": "x", '
    '"tags": {"a": null}}}], "child_modules": [{"address": "module.m", "resources": []}]}}, "resource_changes": '
    '[{"address": "aws_s3_bucket.b[\\"k\\"]", "change": {"actions": ["create"], "after_unknown": {"arn": true, '
    '"tags": {"a": true}}}}], "configuration": {"root_module": {"resources": [{"address": "aws_s3_bucket.b", '
    '"expressions": {"bucket": {"references": ["var.a", "module.m.x"]}}}], "module_calls": {"m": {"module": {}}}}}}'
)
JOB = (
    "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\ntype: command\n"
    "command: torchrun train.py\ncompute: azureml:gpu\nresources: {instance_count: 2, shm_size: 8g}\n"
)
KUSTOMIZATION = (
    "resources: [deployment.yaml]\nnamePrefix: a-\nnamespace: n\nimages: [{name: vllm/vllm-openai, newTag: v1}]\n"
    "replicas: [{name: vllm, count: 3}]\ncommonLabels: {a: b}\nconfigMapGenerator: [{name: c, literals: [a=b]}]\n"
    "patches:\n- path: patch.yaml\n- target: {kind: Deployment}\n  patch: |-\n    - op: replace\n"
    "      path: /spec/replicas\n      value: 5\n"
)
PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: vllm}\nspec: {replicas: 4}\n"
VALUES = "replicas: 2\nimage: {tag: latest}\n"
TEMPLATE = "kind: Deployment\nspec: {replicas: {{ .Values.replicas }}}\n"
CONFIGURATION = (
    "select: [GPU, ROL003]\nignore: [CST001]\nfail-on: high\nparameters: {ROL003: {min_replicas: 3}}\n"
    "severities: {gpu: low}\nsuppressions:\n- {rules: [GPU001], path: 'a/**', until: 2030-01-01, reason: x}\n"
)
SUPPRESSIONS = (
    "a: 1  # kilter:ignore GPU004 until=2027-01-31 -- reason\n", "// kilter:ignore-file GPU004, ROL003 -- why\n",
    "/* kilter:ignore NET001 until=2020-99-99 */\n# kilter:ignore\n", "# kilter:ignore floating-image CST -- é\n",
)  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    "hcl": ("resource ", "module ", "variable ", "locals {", "dynamic ", "content {", "for_each = ", "count = ",
            "each.value", "count.index", "var.a", "local.a", "${", "%{ if ", "%{ for ", "%{ endfor }", "<<EOT\n",
            "\nEOT\n", "...", "[*]", ".*.", " ? ", " : ", " => ", "&&", "==", "-1", "1e99", "null", "true", "toset(",
            "jsonencode(", "range(", "regex(", "format(", '"', "\\", "\u00e9", "/*", "*/", "#", "aws_s3_bucket"),
    "yaml": ("---\n", "&a ", "*a", "<<: ", "!!str ", "!!binary ", "? ", ": ", "- ", "|\n", ">-\n", "{", "}", "[", "]",
             "%YAML 1.1\n", "...\n", "'", '"', "\t", "~", "0o7", "1e9", ".inf", "2001-01-01", "apiVersion: v1\n",
             "kind: ", "List", "items:", "metadata:", "spec:", "containers:", "resources:", "nvidia.com/gpu", "\u2028"),
}  # fmt: skip
GRAMMAR = {"hcl": "hcl", "modules": "hcl", "evaluator": "hcl", "hcl_json": "hcl"}
"""The words of a target; YAML's unless it is here."""


def _fixtures(*suffixes: str) -> Iterator[str]:
    for path in sorted((REPOSITORY / "fixtures").rglob("*")):
        if path.name.endswith(suffixes) and path.is_file() and path.stat().st_size <= MAX_SEED_BYTES:
            yield path.read_text("utf-8")


def seeds(target: str) -> list[str]:
    """The inputs that a target starts from."""
    terraform, manifests = list(_fixtures(".tf")), [t for t in _fixtures(".yaml") if "apiVersion" in t]
    return {
        "hcl": lambda: terraform,
        "hcl_json": lambda: [
            '{"resource": {"aws_s3_bucket": {"b": {"count": 2, "bucket": "x-${count.index}", "//": "c"}}}}',
            '{"locals": [{"a": "${jsonencode([1])}"}], "module": {"m": [{"source": "./module"}]}}',
        ],
        "modules": lambda: [
            SEPARATOR.join(
                ('module "m" {\n  source = "./module"\n  a = var.x\n}\nvariable "x" {}\n', text, "x = [1]\n")
            )
            for text in terraform[::4]
        ],
        "evaluator": lambda: list(EXPRESSIONS),
        "yaml": lambda: manifests,
        "azureml": lambda: [JOB],
        "plan": lambda: [PLAN],
        "kustomize": lambda: [SEPARATOR.join((KUSTOMIZATION, text, PATCH)) for text in ("", *manifests[::8])],
        "rendered_chart": lambda: [SEPARATOR.join((text, VALUES, TEMPLATE)) for text in manifests[::8]],
        "rule_loader": lambda: [path.read_text("utf-8") for path in sorted((REPOSITORY / "rules").rglob("*.yaml"))],
        "configuration": lambda: [CONFIGURATION],
        "suppressions": lambda: list(SUPPRESSIONS),
    }[target]()


def words(target: str) -> tuple[str, ...]:
    """The words of a target's grammar."""
    return WORDS[GRAMMAR.get(target, "yaml")]
