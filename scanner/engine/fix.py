"""Fixes: what a rule's ``fix`` would change of a finding's resource, and the text edits that do it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from scanner.concepts.model import Concept, View
from scanner.core import Change, Editor, Finding, Fix, Path, SourceFile, Value, get, is_unknown
from scanner.core.patterns import lazy_pattern
from scanner.core.values import unknowns
from scanner.engine.conditions import Condition, ConditionError, Names, World, compile_condition
from scanner.engine.paths import CompiledPath, Frame, compile_path

if TYPE_CHECKING:
    from scanner.engine.rules import Rule

_KINDS: tuple[Literal["set", "remove", "add"], ...] = ("set", "remove", "add")
_PLACEHOLDER = lazy_pattern(r"\{([$@^][^{}]*|param\.\w+)\}")


class _Unfit(Exception):
    """A path or value that does not exist, is not known, or stands nowhere in the source."""


class CompiledEdit(Struct, frozen=True):
    """One edit of a rule's fix; ``value`` is as written, with operands and placeholders."""

    kind: Literal["set", "remove", "add"]
    path: CompiledPath
    value: Value
    when: Condition | None


CompiledFix: TypeAlias = tuple[CompiledEdit, ...]


def compile_fix(data: Mapping[str, Any], names: Names) -> CompiledFix:
    """Read a rule's ``fix``. Raises ``ConditionError`` and ``PathError``."""
    return tuple(_compile_edit(item, names) for item in data["edits"])


def _compile_edit(data: Mapping[str, Any], names: Names) -> CompiledEdit:
    kind = next((kind for kind in _KINDS if kind in data), None)
    if kind is None or (kind != "remove" and "value" not in data):
        raise ConditionError(f"an edit of a fix must be set or add with a value, or remove; found {dict(data)!r}")
    path = compile_path(str(data[kind]))
    if path.many or any(isinstance(step, int) and step < 0 for step in path.steps):
        raise ConditionError(f"{path.text}: a fix changes one place; [*] and negative indices lead to none")
    when = compile_condition(data["when"], names) if "when" in data else None
    return CompiledEdit(kind, path, data.get("value"), when)


def changes_of(fix: CompiledFix, frame: Frame, world: World, parameters: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes that remedy a finding; none where a condition or value is undecided."""
    changes = []
    try:
        for edit in fix:
            applies = edit.when is None or edit.when(frame, world)
            if applies is True:
                value = None if edit.kind == "remove" else _value(edit.value, frame, parameters)
                changes.append(Change(edit.kind, _place(edit.path, frame), value))
            elif applies is not False:
                return ()
    except _Unfit:
        return ()
    return tuple(changes)


def _place(path: CompiledPath, frame: Frame) -> Path:
    """The attribute path that a rule's path leads to, whether or not its last steps exist. Raises ``_Unfit``."""
    value, source = frame.subject if path.root == "$" else frame.item if path.root == "@" else frame.outer
    for step in path.steps:
        if is_unknown(value) or source is None or step is None:
            raise _Unfit
        if isinstance(value, View):
            value, source = _of_view(value, step, frame)
        else:
            value = get(value, step)
            source = value.at if isinstance(value, View) else (*source, step)
    if source is None:
        raise _Unfit
    return source


def _of_view(view: View, step: str | int, frame: Frame) -> tuple[Any, Path]:
    if step == "written":
        return get(frame.resource.attributes, *view.at, default={}), view.at
    if step == "resource" and isinstance(view, Concept):
        return view.resource.attributes, ()
    written = get(frame.resource.attributes, *view.at) is not None
    if isinstance(step, str) and step in view.sources and written:
        return getattr(view, step, None), view.sources[step]
    raise _Unfit


def _value(value: Value, frame: Frame, parameters: Mapping[str, Any]) -> Value:
    """A value with its operands and placeholders resolved. Raises ``_Unfit``."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("path"), str):
            return _found(value["path"], frame)
        if len(value) == 1 and "param" in value:
            return _given(value["param"], parameters)
        return {key: _value(item, frame, parameters) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, frame, parameters) for item in value]
    if not isinstance(value, str):
        return value

    def substitute(match: re.Match[str]) -> str:
        name = match[1]
        given = name.startswith("param.")
        return str(_given(name.removeprefix("param."), parameters) if given else _found(name, frame))

    return _PLACEHOLDER.sub(substitute, value)


def _found(text: str, frame: Frame) -> Value:
    found = compile_path(text).find(frame)
    if len(found) != 1 or isinstance(found[0].value, View) or list(unknowns(found[0].value)):
        raise _Unfit
    return found[0].value


def _given(name: str, parameters: Mapping[str, Any]) -> Value:
    if parameters.get(name) is None:
        raise _Unfit
    return parameters[name]


def fix_for(finding: Finding, rule: Rule, source: SourceFile) -> Fix | None:
    """The edits of ``source``, the file of the finding's location, that remedy the finding.

    ``None`` where the rule has no mechanical remedy, or where the values do not stand literally in ``source``: they
    come from a variable, a rendered chart, an overlay, a plan, or are shared with something that is right as it is.
    """
    editor = finding.resource.locator
    if rule.fix is None or not finding.changes or not isinstance(editor, Editor):
        return None
    edits = editor.edits(finding.changes, source)
    return Fix(rule.fix["title"], edits) if edits else None
