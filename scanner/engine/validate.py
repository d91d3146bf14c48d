"""Rules against their JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scanner.engine.compile import compile_rule
from scanner.engine.rules import Rule, RuleError


def schema_text(name: str) -> str:
    """The text of a schema: ``rule``, ``config`` or ``report``."""
    packaged = Path(__file__).parent.parent / "data" / "schemas"
    directory = packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "schemas"
    return (directory / f"{name}.schema.json").read_text("utf-8")


def rule_schema() -> dict[str, Any]:
    """The schema of rule files."""
    schema: dict[str, Any] = json.loads(schema_text("rule"))
    return schema


def validate_rules(rules: Iterable[Rule]) -> None:
    """Check every rule's file against the schema, and that it compiles. Raises ``RuleError``."""
    from jsonschema import Draft202012Validator
    from ruamel.yaml import YAML

    validator = Draft202012Validator(rule_schema())
    for rule in rules:
        data = YAML(typ="safe").load(Path(rule.source).read_text("utf-8"))
        for error in sorted(validator.iter_errors(data), key=lambda item: list(item.path)):
            place = "/".join(str(step) for step in error.path)
            raise RuleError(f"{rule.source}: {place or 'the rule'}: {error.message[:300]}")
        if Path(rule.source).stem != f"{rule.id}-{rule.name}":
            raise RuleError(f"{rule.source}: the file must be called {rule.id}-{rule.name}.yaml")
        compile_rule(rule)
