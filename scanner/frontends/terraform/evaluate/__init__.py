"""Evaluation of Terraform expressions over plain values and ``Unknown``."""

from scanner.frontends.terraform.evaluate.expressions import Context, evaluate
from scanner.frontends.terraform.evaluate.values import EvaluationError, SetValue, to_plain

__all__ = ["Context", "EvaluationError", "SetValue", "evaluate", "to_plain"]
