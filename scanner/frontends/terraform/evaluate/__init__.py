"""Evaluation of Terraform expressions over plain values and ``Unknown``."""

from scanner.frontends.terraform.evaluate.expressions import Context, evaluate, settled
from scanner.frontends.terraform.evaluate.values import EvaluationError, SetValue, to_plain

__all__ = ["Context", "EvaluationError", "SetValue", "evaluate", "settled", "to_plain"]
