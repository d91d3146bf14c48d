"""``kilter eval``."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from scanner.cli.shared import Failure, standard_input, variables, write


@click.command(name="eval", context_settings={"ignore_unknown_options": True})
@click.option("--dir", "directory", default=".", metavar="DIR", show_default=True, help="The root module.")
@click.option("--var-file", "var_files", multiple=True, metavar="FILE", help="Variables file; repeatable.")
@click.option("--var", "vars_", multiple=True, metavar="NAME=VALUE", help="Variable; repeatable.")
@click.argument("expressions", nargs=-1, required=True)
def command(directory: str, var_files: tuple[str, ...], vars_: tuple[str, ...], expressions: tuple[str, ...]) -> None:
    """Evaluate Terraform EXPRESSIONS in a root module: one JSON value a line.

    A single - reads one expression a line from standard input.
    """
    if not Path(directory).is_dir():
        raise Failure(f"{directory}: no such directory")
    from scanner.frontends.terraform import TerraformOptions, evaluate_expressions
    from scanner.project.tree import Tree
    from scanner.report.clean import json_escaped

    texts = standard_input().splitlines() if expressions == ("-",) else list(expressions)
    root = Path(directory).resolve()
    files = tuple(os.path.relpath(path, root) for path in var_files)
    tree = Tree(root, {name: _text(path) for name, path in zip(files, var_files, strict=True)})
    environment = {name: value for name, value in os.environ.items() if name.startswith("TF_VAR_")}
    options = TerraformOptions(files, variables(vars_), environment=environment)
    for result in evaluate_expressions(tree, "", options, texts):
        write(f"{json_escaped(_json(result.get('value', result)))}\n", "-")


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: this variables file cannot be read: {error}") from error


def _json(value: Any) -> str:
    """JSON with every digit of a number, as Terraform prints it; an unknown value is ``{"unknown": true}``."""
    from scanner.core import Unknown

    if isinstance(value, Unknown):
        return '{"unknown": true}'
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}: {_json(value[key])}" for key in sorted(value))
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
