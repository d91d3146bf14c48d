"""Terraform's native and JSON syntax: text to the tree of ``scanner.frontends.terraform.ast``."""

from scanner.frontends.terraform.syntax.json_syntax import parse_json
from scanner.frontends.terraform.syntax.parse import ParsedFile, parse, parse_expression, parse_template
from scanner.frontends.terraform.syntax.text import Text

__all__ = ["ParsedFile", "Text", "parse", "parse_expression", "parse_json", "parse_template"]
