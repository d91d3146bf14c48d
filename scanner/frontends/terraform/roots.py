"""Root modules: which directories are roots, and reading one."""

from __future__ import annotations

import json
import posixpath
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from scanner.core import Diagnostic, Parsed, SourceFile, Span, Unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.configuration import Configuration, attribute_of
from scanner.frontends.terraform.evaluate import Context, EvaluationError, evaluate
from scanner.frontends.terraform.evaluate.values import from_plain, has_infinity, weigh
from scanner.frontends.terraform.resources import module_resources
from scanner.frontends.terraform.scopes import Input, Scope, Session
from scanner.frontends.terraform.syntax import parse, parse_expression
from scanner.project.tree import Tree, Unreadable, normalise

RECURSION_LIMIT = 8_000
MANY_UNDECLARED = 5
"""References to undeclared names in one root module, up to which each is reported at its place."""
MODULE_MANIFEST = ".terraform/modules/modules.json"


class TerraformOptions(Struct, frozen=True):
    """Variables from outside the configuration, weakest first: environment, var files, ``--var``."""

    var_files: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    workspace: str = "default"
    environment: Mapping[str, str] = field(default_factory=dict)


def root_modules(
    tree: Tree, directories: Iterable[str], configurations: dict[str, Configuration] | None = None
) -> list[str]:
    """The directories that no local module call reaches: those that people apply, and libraries.

    What is read of each goes into ``configurations``, so that ``read_root`` need not read it again.
    """
    found = sorted(directories)
    called: set[str] = set()
    known = {} if configurations is None else configurations
    for directory in found:
        called |= called_modules(Session(tree, directory, known=known).configuration(directory))
    roots = [directory for directory in found if directory not in called]
    return roots or found


def called_modules(configuration: Configuration) -> set[str]:
    """The other directories that a module calls."""
    called = set()
    for written in configuration.modules.values():
        source = attribute_of(written.block.body, "source")
        value = source.expression.value if source and isinstance(source.expression, ast.Literal) else None
        if isinstance(value, str) and value.startswith(("./", "../")):
            called.add(normalise(posixpath.join(configuration.directory, value)))
    return called - {configuration.directory}


def read_root(
    tree: Tree,
    directory: str,
    options: TerraformOptions | None = None,
    configurations: dict[str, Configuration] | None = None,
) -> Parsed:
    """Every resource instance that the root module in ``directory`` creates, and what could not be resolved."""
    scope = open_root(tree, directory, options or TerraformOptions(), configurations)
    parsed = module_resources(scope)
    session = scope.session
    parsed.diagnostics.extend(_summed_up(session.diagnostics))
    if session.missing_modules:
        sources = sorted({source for source, _ in session.missing_modules})
        shown = ", ".join(sources[:5]) + (", …" if len(sources) > 5 else "")
        message = (
            f"{len(session.missing_modules)} module call(s) are not on disk, so what they create is not checked: "
            f"{shown}; run `terraform init` to let Kilter read them"
        )
        parsed.diagnostics.append(Diagnostic("note", "module-not-installed", message, session.missing_modules[0][1]))
    return parsed


def _summed_up(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics; where a directory is a fragment that refers to many names of others, one for all of them."""
    undeclared = [item for item in diagnostics if item.code == "terraform-undeclared"]
    if len(undeclared) <= MANY_UNDECLARED:
        return diagnostics
    messages = list(dict.fromkeys(item.message for item in undeclared))
    more = f" and {len(messages) - 3} more" if len(messages) > 3 else ""
    message = (
        f"{len(undeclared)} references lead nowhere: {'; '.join(messages[:3])}{more}. "
        "The directory looks like a part of another module, and what depends on them is unknown"
    )
    rest = [item for item in diagnostics if item.code != "terraform-undeclared"]
    return [*rest, undeclared[0]._replace(message=message)]


def open_root(
    tree: Tree, directory: str, options: TerraformOptions, configurations: dict[str, Configuration] | None = None
) -> Scope:
    """The scope of a root module, with its variables set."""
    # a chain of values costs about ten frames a link; Python 3.11 keeps them off the C stack
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    session = Session(tree, directory, options.workspace, known={} if configurations is None else configurations)
    session.installed = _installed_modules(tree, directory)
    return Scope(session, directory, _root_inputs(session, directory, options))


def _installed_modules(tree: Tree, directory: str) -> dict[str, str]:
    path = posixpath.join(directory, MODULE_MANIFEST)
    try:
        modules = json.loads(tree.read(path).text).get("Modules", [])
        return {
            str(entry["Key"]): normalise(posixpath.join(directory, str(entry["Dir"])))
            for entry in modules
            if entry.get("Key") and entry.get("Dir")
        }
    except (Unreadable, ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return {}


def _root_inputs(session: Session, directory: str, options: TerraformOptions) -> dict[str, Input]:
    declared = session.configuration(directory).variables
    inputs: dict[str, Input] = {}
    for name in declared:
        if f"TF_VAR_{name}" in options.environment:
            inputs[name] = Input(_from_text(options.environment[f"TF_VAR_{name}"], declared[name].block))
    names = session.tree.list(directory)
    automatic = [n for n in names if n in ("terraform.tfvars", "terraform.tfvars.json")]
    automatic += [n for n in names if n.endswith((".auto.tfvars", ".auto.tfvars.json"))]
    for name in automatic:
        inputs.update(_var_file(session, posixpath.join(directory, name)))
    for path in options.var_files:
        inputs.update(_var_file(session, path))
    for name, text in options.variables.items():
        if name in declared:
            inputs[name] = Input(_from_text(text, declared[name].block))
    return inputs


def _from_text(text: str, block: ast.Block) -> Any:
    """A value given as text: an expression where the variable's type is not a primitive."""
    kind = attribute_of(block.body, "type")
    if kind is None or (
        isinstance(kind.expression, ast.Variable) and kind.expression.name in ("string", "number", "bool")
    ):
        return text
    return _constant(parse_expression(text)[0])


def _constant(expression: ast.Expression) -> Any:
    def lookup(steps: tuple[str, ...]) -> tuple[Any, int]:
        raise EvaluationError("variables may not be used here")

    try:
        return evaluate(expression, Context(lookup))
    except EvaluationError as error:
        return Unknown(error.message)


def _var_file(session: Session, path: str) -> dict[str, Input]:
    try:
        file = session.tree.read(path)
        if path.endswith(".json"):
            data = json.loads(file.text)
            return {str(k): Input(from_plain(v), span=Span(path, 1, 1, 1, 1)) for k, v in dict(data).items()}
    except Unreadable as error:
        session.report(error.code, error.message, Span(path, 1, 1, 1, 1))
        return {}
    except (ValueError, TypeError, RecursionError) as error:
        session.report("tfvars-syntax", f"not valid JSON: {error}", Span(path, 1, 1, 1, 1))
        return {}
    parsed = parse(SourceFile(path, file.text))
    session.diagnostics.extend(parsed.diagnostics)
    return {
        attribute.name: Input(_constant(attribute.expression), span=parsed.text.span(attribute.start, attribute.end))
        for attribute in parsed.body.attributes
    }


def evaluate_expressions(
    tree: Tree, directory: str, options: TerraformOptions, expressions: Iterable[str]
) -> list[dict[str, Any]]:
    """``{"value": …}``, ``{"unknown": true}`` or ``{"error": …}`` for each expression, in the root module.

    Values are Terraform's: numbers are ``int`` or ``Decimal`` without loss of digits, and parts may be unknown.
    """
    scope = open_root(tree, directory, options)
    return [_evaluated(scope, text) for text in expressions]


def _evaluated(scope: Scope, text: str) -> dict[str, Any]:
    expression, diagnostics = parse_expression(text)
    invalid = next((node for node in ast.descendants(expression) if isinstance(node, ast.Invalid)), None)
    if diagnostics:
        return {"error": diagnostics[0].message.replace("x = ", "", 1)}
    if invalid is not None:
        return {"error": invalid.message}
    scope.session.budget.renew()
    try:
        value = evaluate(expression, scope.context)
        weigh(value)
    except EvaluationError as error:
        return {"error": error.message}
    except RecursionError:
        return {"error": "the expression is nested too deeply"}
    if has_infinity(value):
        return {"error": "the result is infinite, as a division by zero is"}
    return {"unknown": True} if isinstance(value, Unknown) else {"value": value}
