"""The rules that a scan runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from scanner.engine.rules import (
    Rule,
    UnknownSelector,
    find_rule,
    load_rules,
    select_rules,
    selected_by,
    with_severities,
)
from scanner.project.packs import builtin_rules
from scanner.scan.options import ScanOptions

if TYPE_CHECKING:
    from scanner.engine.compile import CompiledRule
    from scanner.engine.questions import Question


def all_rules(options: ScanOptions) -> list[Rule]:
    """The built-in rules and those of further directories. Raises ``RuleError``."""
    return load_rules([*(options.only_rules or (builtin_rules(),)), *options.rule_directories], options.cache)


class RuleSet(Struct):
    """Every known rule, those that run, and the codes of those that nothing silences.

    Rules are compiled when they are needed: most scans hold something for a part of them only.
    """

    known: list[Rule]
    chosen: list[Rule]
    unsuppressible: frozenset[str]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What a project sets, by code or name of the rule."""
    _compiled: dict[str, CompiledRule] = field(default_factory=dict)

    def set_for(self, rule: Rule) -> Mapping[str, Any]:
        """The parameters that the project sets for a rule."""
        return self.parameters.get(rule.id) or self.parameters.get(rule.name) or {}

    def compiled(self, rule: Rule, *, checking: bool = False) -> CompiledRule:
        """One of the rules, ready to run. Raises ``RuleError``; see ``compile_rule``."""
        from scanner.engine.compile import compile_rule

        if rule.id not in self._compiled:
            self._compiled[rule.id] = compile_rule(rule, self.set_for(rule), checking=checking)
        return self._compiled[rule.id]

    def questions(self) -> list[Question]:
        """What the rules that run ask about the whole scan. Raises ``RuleError``."""
        from scanner.engine.compile import parameters_of
        from scanner.engine.questions import questions

        return questions((rule, parameters_of(rule, self.set_for(rule))) for rule in self.chosen)


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
    rules = RuleSet(known, chosen, frozenset(rule.id for rule in fixed), options.parameters)
    packaged = f"{builtin_rules()}{os.sep}"
    for rule in chosen:
        # what a project wrote or set itself is checked whether or not there is something to run it on
        if rules.set_for(rule) or not rule.source.startswith(packaged):
            rules.compiled(rule, checking=True)
    return rules
