"""Terraform: syntax, evaluation, modules and expansion to resource instances."""

from scanner.frontends.terraform.roots import TerraformOptions, evaluate_expressions, read_root, root_modules

__all__ = ["TerraformOptions", "evaluate_expressions", "read_root", "root_modules"]
