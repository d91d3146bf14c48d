"""Whether Terraform would hide a value: found from the expression, so that values stay visible to rules."""

from __future__ import annotations

from typing import Any

from scanner.core import Unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.expressions import Context, evaluate, traversal
from scanner.frontends.terraform.evaluate.values import EvaluationError

MAX_DEPTH = 50


def issensitive(node: ast.Call, context: Context) -> Any:
    """Whether the argument of ``issensitive()`` is sensitive. Raises ``EvaluationError``."""
    if len(node.arguments) != 1:
        raise EvaluationError("issensitive() takes 1 argument")
    value = evaluate(node.arguments[0], context)
    if is_sensitive(node.arguments[0], context):
        return True
    return Unknown(value.reason, value.source) if isinstance(value, Unknown) else False


def is_sensitive(node: ast.Node, context: Context, depth: int = 0) -> bool:
    """Whether a part of the expression that its value comes from is sensitive."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(node, ast.Call) and node.name in ("sensitive", "nonsensitive", "issensitive"):
        return node.name == "sensitive"
    steps = traversal(node)
    if steps is not None and steps[0] not in context.bindings:
        return context.sensitive is not None and context.sensitive(steps, depth + 1)
    return any(is_sensitive(child, context, depth + 1) for child in ast.children(node))
