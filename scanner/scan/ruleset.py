"""The rules that a scan runs."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.engine.rules import (
    CompiledRule,
    Rule,
    UnknownSelector,
    compile_rule,
    find_rule,
    load_rules,
    select_rules,
    selected_by,
    with_severities,
)
from scanner.project.packs import builtin_rules
from scanner.scan.options import ScanOptions


def all_rules(options: ScanOptions) -> list[Rule]:
    """The built-in rules and those of further directories. Raises ``RuleError``."""
    return load_rules([*(options.only_rules or (builtin_rules(),)), *options.rule_directories], options.cache)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every known rule, those that run, and the codes of those that nothing silences."""

    known: list[Rule]
    compiled: list[CompiledRule]
    unsuppressible: frozenset[str]


def rule_set(options: ScanOptions) -> RuleSet:
    """The rules of a scan. Raises ``RuleError`` and ``UnknownSelector``."""
    known = with_severities(all_rules(options), options.severities)
    chosen = select_rules(known, options.select, options.ignore, pedantic=options.pedantic)
    texts = options.suppressions.unsuppressible
    fixed = select_rules(known, texts, pedantic=True) if texts else []
    for rule in fixed:
        if any(selected_by(rule, text) for text in options.ignore):
            raise UnknownSelector(f"{rule.id} is unsuppressible in this project and cannot be ignored")
    for name in options.parameters:
        find_rule(known, name)
    compiled = [
        compile_rule(rule, options.parameters.get(rule.id) or options.parameters.get(rule.name)) for rule in chosen
    ]
    return RuleSet(known, compiled, frozenset(rule.id for rule in fixed))
