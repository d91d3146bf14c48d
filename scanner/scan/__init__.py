"""The public API: ``scan(paths, options) -> ScanResult``."""

from scanner.project.packs import builtin_fixtures, builtin_rules, fixtures_of
from scanner.scan.compare import covers, identities
from scanner.scan.narrow import touched
from scanner.scan.options import STANDARD_INPUT, ScanOptions
from scanner.scan.read import parse_sources
from scanner.scan.repair import Repairs, fix_trial, repair
from scanner.scan.result import ScanResult, fix_of, headers, line_of
from scanner.scan.roots import in_repository, repository_prefix, scan_root
from scanner.scan.ruleset import all_rules, rule_set
from scanner.scan.run import scan

__all__ = [
    "STANDARD_INPUT",
    "Repairs",
    "ScanOptions",
    "ScanResult",
    "all_rules",
    "builtin_fixtures",
    "builtin_rules",
    "covers",
    "fix_of",
    "fixtures_of",
    "fix_trial",
    "headers",
    "identities",
    "in_repository",
    "line_of",
    "parse_sources",
    "repair",
    "repository_prefix",
    "rule_set",
    "scan",
    "scan_root",
    "touched",
]
