"""The public API: ``scan(paths, options) -> ScanResult``."""

from scanner.scan.compare import covers, identities
from scanner.scan.options import STANDARD_INPUT, ScanOptions
from scanner.scan.read import parse_sources
from scanner.scan.result import ScanResult
from scanner.scan.roots import scan_root
from scanner.scan.ruleset import all_rules, builtin_fixtures, builtin_rules, rule_set
from scanner.scan.run import scan

__all__ = [
    "STANDARD_INPUT",
    "ScanOptions",
    "ScanResult",
    "all_rules",
    "builtin_fixtures",
    "builtin_rules",
    "covers",
    "identities",
    "parse_sources",
    "rule_set",
    "scan",
    "scan_root",
]
