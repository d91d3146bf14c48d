"""Which resources an expression refers to, through locals, variables and module outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.core import Path
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.configuration import attribute_of
from scanner.frontends.terraform.syntax import Text

if TYPE_CHECKING:
    from scanner.frontends.terraform.scopes import Scope

MAX_HOPS = 40
_OTHER_ROOTS = frozenset(("each", "count", "self", "path", "terraform", "tofu"))


def references_of(scope: Scope, body: ast.Body, text: Text, base: Path = ()) -> Iterator[tuple[Path, str]]:
    """(attribute path, address) of every resource that a block's attributes lead to; nested blocks too.

    The meta-argument ``provider`` leads to the provider configuration that it names.
    """
    for attribute in body.attributes:
        if attribute.name == "provider" and not base and (steps := _steps(attribute.expression)):
            yield ("provider",), f"{scope.prefix}provider.{'.'.join(steps)}"
        seen: set[tuple[int, str]] = set()
        for address in dict.fromkeys(_addresses(scope, attribute.expression, seen, 0)):
            yield (*base, attribute.name), address
    counts: dict[str, int] = {}
    for block in body.blocks:
        name = block.labels[0] if block.type == "dynamic" and block.labels else block.type
        number = counts.get(name, 0)
        counts[name] = number + 1
        inner = block.body
        if block.type == "dynamic":
            inner = next((b.body for b in block.body.blocks if b.type == "content"), block.body)
        yield from references_of(scope, inner, text, (*base, name, number))


def _addresses(scope: Scope, node: ast.Node, seen: set[tuple[int, str]], hops: int) -> Iterator[str]:
    if hops > MAX_HOPS:
        return
    steps = _steps(node)
    if steps is not None:
        yield from _target(scope, steps, seen, hops)
    if steps is None or isinstance(node, ast.Index):
        for child in ast.children(node):
            yield from _addresses(scope, child, seen, hops)


def _steps(node: ast.Node) -> tuple[str, ...] | None:
    """The names of a traversal, index keys left out; ``None`` if the node is none."""
    names: list[str] = []
    while True:
        if isinstance(node, ast.GetAttribute):
            names.append(node.name)
            node = node.object
        elif isinstance(node, ast.Index | ast.Splat):
            node = node.object
        elif isinstance(node, ast.Variable):
            return (node.name, *reversed(names)) if names else None
        else:
            return None


def _target(scope: Scope, steps: tuple[str, ...], seen: set[tuple[int, str]], hops: int) -> Iterator[str]:
    root, name = steps[0], steps[1]
    place = (id(scope), f"{root}.{name}.{steps[2] if len(steps) > 2 else ''}")
    if place in seen or root in _OTHER_ROOTS:
        return
    seen.add(place)
    if root == "local" and name in scope.configuration.locals:
        yield from _addresses(scope, scope.configuration.locals[name][0].expression, seen, hops + 1)
    elif root == "var":
        given = scope.inputs.get(name)
        if given is not None and given.scope is not None and given.expression is not None:
            yield from _addresses(given.scope, given.expression, seen, hops + 1)
    elif root == "module" and name in scope.configuration.modules:
        yield from _module_output(scope, steps, seen, hops)
    elif root == "data" and len(steps) > 2 and ("data", name, steps[2]) in scope.configuration.resources:
        yield f"{scope.prefix}data.{name}.{steps[2]}"
    elif root == "resource" and len(steps) > 2 and ("resource", name, steps[2]) in scope.configuration.resources:
        yield f"{scope.prefix}{name}.{steps[2]}"
    elif ("resource", root, name) in scope.configuration.resources:
        yield f"{scope.prefix}{root}.{name}"


def _module_output(scope: Scope, steps: tuple[str, ...], seen: set[tuple[int, str]], hops: int) -> Iterator[str]:
    children = scope.children(steps[1])
    if children is None:
        yield f"{scope.prefix}module.{steps[1]}"
        return
    if not isinstance(children, list) or len(steps) < 3:
        return
    for _, child in children:
        output = child.configuration.outputs.get(steps[2])
        value = attribute_of(output.block.body, "value") if output is not None else None
        if value is not None:
            yield from _addresses(child, value.expression, seen, hops + 1)
