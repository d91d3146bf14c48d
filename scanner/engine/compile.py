"""Rules compiled: their conditions as closures, and everything that they name checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from msgspec import Struct, field
from msgspec.structs import replace

from scanner.concepts import model
from scanner.core.findings import Severity
from scanner.core.nearest import suggestion
from scanner.core.patterns import lazy_pattern
from scanner.engine.conditions import Condition, ConditionError, Names, Operand, compile_condition, known_name, operand
from scanner.engine.fix import CompiledFix, compile_fix
from scanner.engine.paths import CompiledPath, PathError, compile_path, fields_of
from scanner.engine.rules import Rule, RuleError
from scanner.graph import EdgeKind

CONCEPTS: dict[str, type[model.Concept]] = {
    name: view
    for name, view in vars(model).items()
    if isinstance(view, type) and issubclass(view, model.Concept) and view is not model.Concept
}
PLACEHOLDER = lazy_pattern(r"\{([^{}|]+)(?:\|(join|bytes|count [a-zA-Z ]+))?\}")
"""What a message is filled in with: a path, a parameter, a value, or one of ``MESSAGE_NAMES``."""
MESSAGE_NAMES = ("address", "name", "type")
_ITEM = lazy_pattern("[@^]|'value'")
"""What may lead to the item, or to an operand that is made of it."""
_SUBJECT_FIELD = lazy_pattern(r"\$\.([A-Za-z_]\w*)")


class CompiledRule(Struct, frozen=True):
    """A rule with its conditions as closures."""

    rule: Rule
    where: Condition
    condition: Condition
    each: CompiledPath | None
    at: CompiledPath | None
    severities: tuple[tuple[Condition, Severity], ...]
    parameters: Mapping[str, Any]
    values: Mapping[str, Operand] = field(default_factory=dict)
    fix: CompiledFix | None = None
    of_subject: bool = False
    """Whether ``where`` says the same of every item of ``each``."""


def compile_rule(rule: Rule, overrides: Mapping[str, Any] | None = None, *, checking: bool = True) -> CompiledRule:
    """Compile a rule's conditions. Raises ``RuleError``.

    Without ``checking``, patterns and names are taken to be right, as they are in rules that have been checked before.
    """
    parameters = parameters_of(rule, overrides or {})
    names = Names(parameters, frozenset(CONCEPTS), frozenset(get_args(EdgeKind)), checking=checking)
    try:
        values = {name: operand(written, names) for name, written in rule.values.items()}
        names = replace(names, values=values)
        if checking:
            _check_fields(rule)
            _check_message(rule)
        applying = replace(names, pointing=False)
        return CompiledRule(
            rule,
            compile_condition(rule.where, applying) if rule.where is not None else lambda frame, world: True,
            compile_condition(rule.condition, names),
            compile_path(rule.each) if rule.each else None,
            compile_path(rule.at) if rule.at else None,
            tuple((compile_condition(item["when"], applying), item["severity"]) for item in rule.severity_when),
            parameters,
            values,
            compile_fix(rule.fix, names) if rule.fix is not None else None,
            not _ITEM.search(repr(rule.where)),
        )
    except (ConditionError, PathError) as error:
        raise RuleError(f"{rule.source}: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RuleError(f"{rule.source}: this is not the shape of a rule ({type(error).__name__}: {error})") from error


def parameters_of(rule: Rule, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a rule with what a project sets in place of their defaults. Raises ``RuleError``."""
    try:
        parameters = {name: declared.get("default") for name, declared in rule.params.items()}
    except AttributeError as error:
        raise RuleError(f"{rule.source}: params must map names to mappings") from error
    for name, value in overrides.items():
        if name not in parameters:
            raise RuleError(f"{rule.id} has no parameter {name!r}{suggestion(name, parameters)}")
        if parameters[name] is not None and not _same_kind(parameters[name], value):
            raise RuleError(
                f"{rule.id}: parameter {name!r} must be of type {rule.params[name].get('type')}, found {value!r}"
            )
        parameters[name] = value
    return parameters


def _same_kind(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _check_fields(rule: Rule) -> None:
    """Refuse ``$.field`` where no selected concept has that field."""
    views = [CONCEPTS[name] for name in rule.select if name in CONCEPTS]
    if not views or len(views) != len(rule.select):
        return
    known = frozenset(("written",)).union(*(fields_of(view) for view in views))
    for text in _texts([rule.where, rule.condition, rule.values, rule.message, rule.each, rule.at, rule.fix]):
        for name in _SUBJECT_FIELD.findall(text):
            if name not in known:
                selected = "/".join(rule.select)
                raise RuleError(f"{rule.source}: {selected} has no field {name!r}{suggestion(name, sorted(known))}")


def _check_message(rule: Rule) -> None:
    """Refuse placeholders that are neither names nor paths. Raises ``PathError`` and ``ConditionError``."""
    for name, _ in PLACEHOLDER.findall(rule.message):
        if name.startswith("value."):
            known_name(name.removeprefix("value."), rule.values, "value")
        elif name not in MESSAGE_NAMES and not name.startswith("param."):
            compile_path(name)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in ("matches", "in", "equals"):
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
