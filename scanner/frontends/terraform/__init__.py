"""Terraform: syntax, evaluation, modules and expansion to resource instances."""

from scanner.frontends.terraform.configuration import load_configuration
from scanner.frontends.terraform.roots import (
    TerraformOptions,
    called_modules,
    evaluate_expressions,
    read_root,
    root_modules,
)

__all__ = [
    "TerraformOptions",
    "called_modules",
    "evaluate_expressions",
    "load_configuration",
    "read_root",
    "root_modules",
]
