"""Terraform's functions by name, and calling them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from scanner.core import Unknown, is_unknown
from scanner.core.nearest import suggestion
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.expressions import Context, evaluate
from scanner.frontends.terraform.evaluate.functions.function import Function
from scanner.frontends.terraform.evaluate.functions.sensitivity import issensitive
from scanner.frontends.terraform.evaluate.types import convert
from scanner.frontends.terraform.evaluate.values import (
    EvaluationError,
    LimitError,
    bare,
    first_unknown,
    normalized,
    weigh,
)

UNKNOWN_RESULTS = frozenset(("timestamp", "plantimestamp", "uuid", "bcrypt", "rsadecrypt", "base64gzip"))
"""Functions whose result differs from run to run, needs a secret, or depends on a compressor's version."""
_MODULES = ("collections", "strings", "numbers", "encoding", "files", "network")
"""The most used ones first."""
TIMEOUT_STEPS = 250_000
"""What a match that was stopped costs, so that many of them cannot take minutes."""


def functions() -> dict[str, Function]:
    """Every function that has a static result, by name."""
    return {name: function for module in _MODULES for name, function in _table(module).items()}


@cache
def function_named(name: str) -> Function | None:
    """One of ``functions()``, for which no more modules are loaded than it takes to find it."""
    return next((table[name] for module in _MODULES if name in (table := _table(module))), None)


def _table(module: str) -> dict[str, Function]:
    table: dict[str, Function] = import_module(f"{__name__}.{module}").FUNCTIONS
    return table


def call(node: ast.Call, context: Context) -> Any:
    """The result of a call. Raises ``EvaluationError``."""
    name = node.name.removeprefix("core::")
    if name in ("try", "can"):
        return _guarded(name, node, context)
    if name == "issensitive":
        return issensitive(node, context)
    if name in UNKNOWN_RESULTS:
        return Unknown(f"the result of {name}() cannot be known statically")
    if name.startswith("provider::"):
        return Unknown(f"{name}() belongs to a provider")
    function = function_named(name)
    if function is None:
        hint = suggestion(name, functions())
        raise EvaluationError(f'there is no function named "{name}"{hint}', node.start, node.end)
    arguments = _arguments(node, context)
    if isinstance(arguments, Unknown):
        return arguments
    return apply(name, function, arguments, context)


def apply(name: str, function: Function, arguments: list[Any], context: Context) -> Any:
    """Call ``function`` with evaluated arguments; unknown ones make the result unknown unless it takes them."""
    low, high = function.arity
    if len(arguments) < low or (high is not None and len(arguments) > high):
        raise EvaluationError(f"{name}() takes {_arity(low, high)} arguments, not {len(arguments)}")
    values = [_argument(name, function, number, given, context) for number, given in enumerate(arguments)]
    unknown = next((found for value in values if (found := _blocking(value, function)) is not None), None)
    if unknown is not None:
        return unknown
    try:
        result = function.call(context, *values) if function.needs_context else function.call(*values)
        return normalized(result) if isinstance(result, str) else result
    except EvaluationError as error:
        error.message = error.message if error.message.startswith(f"{name}()") else f"{name}(): {error.message}"
        raise
    except TimeoutError as error:
        # what is unknown here stays unknown: the time that a match may take differs from machine to machine
        context.budget.spend(TIMEOUT_STEPS)
        raise LimitError(f"{name}(): the pattern takes longer than the limit to match") from error
    except RecursionError as error:
        raise EvaluationError(f"{name}(): nested too deeply") from error
    except OverflowError as error:
        raise LimitError(f"{name}(): {error}") from error
    except (ValueError, ArithmeticError, TypeError, LookupError, AttributeError) as error:
        raise EvaluationError(f"{name}(): invalid argument: {error}") from error


def _argument(name: str, function: Function, number: int, given: Any, context: Context) -> Any:
    """The argument as its parameter's type. Raises ``EvaluationError``."""
    context.budget.spend(weigh(given))
    if given is None and not function.takes_null:
        raise EvaluationError(f"{name}(): an argument must not be null")
    try:
        return convert(given, function.parameter(number))
    except EvaluationError as error:
        error.message = f"{name}(): argument {number + 1}: {error.message}"
        raise


def _blocking(value: Any, function: Function) -> Unknown | None:
    """The unknown that keeps the function from being called, if there is one."""
    if function.takes_unknown:
        return None
    found = value if isinstance(value, Unknown) else None if function.takes_partial else first_unknown(value)
    # the result is of another type than the argument, and none of its instances
    return bare(found) if found is not None else None


def _arguments(node: ast.Call, context: Context) -> list[Any] | Unknown:
    values = [evaluate(argument, context) for argument in node.arguments]
    if node.expand and values:
        last = values.pop()
        if isinstance(last, Unknown):
            return last
        if not isinstance(last, list):
            raise EvaluationError("only a list can be expanded with ...", node.start, node.end)
        values.extend(last)
    return values


def _arity(low: int, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    return str(low) if low == high else f"{low} to {high}"


def _guarded(name: str, node: ast.Call, context: Context) -> Any:
    failure: EvaluationError | None = None
    context = context.with_tolerance(False)
    for argument in node.arguments:
        try:
            value = evaluate(argument, context)
        except LimitError as error:
            return Unknown(error.message)
        except EvaluationError as error:
            failure = error
            continue
        if is_unknown(value):
            return bare(value) if name == "can" else value
        return True if name == "can" else value
    if name == "can":
        return False
    raise EvaluationError(f"try(): no argument succeeded: {failure.message if failure else 'none given'}")
