"""Resource blocks to resource instances, with places and references found on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from scanner.core import (
    Change,
    Location,
    Parsed,
    Path,
    RelatedSpan,
    Resource,
    SourceFile,
    Span,
    TextEdit,
    Unknown,
)
from scanner.core.edits import MAX_REWRITTEN, TRIED, text_edits
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.configuration import Written, attribute_of
from scanner.frontends.terraform.evaluate import to_plain
from scanner.frontends.terraform.evaluate.values import LimitError, SetValue, type_name, weigh
from scanner.frontends.terraform.references import references_of
from scanner.frontends.terraform.scopes import META_ARGUMENTS, Scope, key_text
from scanner.frontends.terraform.syntax import Text
from scanner.project.tree import SKIPPED_DIRECTORIES

DROPPED_BLOCKS = frozenset(("provisioner", "connection", "dynamic"))
OWN_ARGUMENTS = frozenset(("source", "version"))
"""Names that mean something to Terraform in some blocks and are plain attributes in others."""


def module_resources(scope: Scope) -> Parsed:
    """Every resource, data source, provider and remote module call of a module instance and of its children."""
    parsed = Parsed()
    for (mode, kind, name), written in scope.configuration.resources.items():
        resource_type = f"data.{kind}" if mode == "data" else kind
        found = scope.instances((mode, kind, name))
        instances = [(None, {})] if isinstance(found, Unknown) else found
        address = f"{scope.prefix}{resource_type}.{name}"
        _expand(scope, written, resource_type, name, address, instances, parsed)
    for written in scope.configuration.providers:
        name = written.block.labels[0]
        address = f"{scope.prefix}provider.{name}{_alias(scope, written)}"
        _expand(scope, written, f"provider.{name}", name, address, [(None, {})], parsed)
    for name, written in scope.configuration.modules.items():
        children = scope.children(name)
        if children is None:
            address = f"{scope.prefix}module.{name}"
            expanded = scope.expand(written)
            calls = [(None, {})] if isinstance(expanded, Unknown) else expanded
            _expand(scope, written, "module", name, address, calls, parsed)
        elif not isinstance(children, Unknown):
            for _, child in children:
                parsed.extend(module_resources(child))
    return parsed


def _alias(scope: Scope, written: Written) -> str:
    """What follows a provider's name in the address of an aliased configuration."""
    attribute = attribute_of(written.block.body, "alias")
    value = attribute and scope.evaluate(attribute.expression, written.text_of(attribute), {})
    return f".{value}" if isinstance(value, str) else ""


def _expand(
    scope: Scope,
    written: Written,
    resource_type: str,
    name: str,
    address: str,
    instances: list[tuple[Any, dict[str, Any]]],
    parsed: Parsed,
) -> None:
    if not instances:
        return
    shared: dict[int, Any] = {}
    span = written.span()
    references = tuple(references_of(scope, written.block.body, written.text))
    provider = resource_type.removeprefix("data.").split("_")[0]
    for key, bound in instances:
        # what a module writes was counted when it was called
        if (key is not None or scope.parent is None) and not scope.session.expand(1, span):
            break
        attributes = _body(scope, written, written.block.body, bound, shared, OWN_ARGUMENTS)
        parsed.resources.append(
            Resource(
                address=address + key_text(key),
                type=resource_type,
                name=name,
                provider=provider,
                attributes=attributes,
                span=span,
                locator=TerraformLocator(scope, written, attributes),
                origin="terraform",
                unit=scope.session.root,
                module_path=scope.path,
                instance_key=key,
                references=references,
            )
        )


def _body(
    scope: Scope,
    written: Written,
    body: ast.Body,
    bound: Mapping[str, Any],
    shared: dict[int, Any],
    keep: frozenset[str] = META_ARGUMENTS,
) -> dict[str, Any]:
    """The attributes of a block; values that no instance key can change are computed once and shared.

    Meta-arguments exist at the top of a block only: inside, ``count`` and the like are attributes.
    """
    result: dict[str, Any] = {}
    for attribute in body.attributes:
        if attribute.name in META_ARGUMENTS and attribute.name not in keep:
            continue
        if bound and _varies(attribute.expression, frozenset(bound)):
            result[attribute.name] = _plain(scope, written, attribute, bound)
        else:
            place = id(attribute)
            if place not in shared:
                shared[place] = _plain(scope, written, attribute, bound)
            result[attribute.name] = shared[place]
    for block in body.blocks:
        if block.type == "dynamic" and block.labels:
            _dynamic(scope, written, block, bound, result)
        elif block.type == "lifecycle":
            result["lifecycle"] = [_lifecycle(scope, written, block, bound)]
        elif block.type not in DROPPED_BLOCKS:
            blocks = result.setdefault(block.type, [])
            if isinstance(blocks, list):
                blocks.append(_body(scope, written, block.body, bound, shared))
    return result


def _plain(scope: Scope, written: Written, attribute: ast.Attribute, bound: Mapping[str, Any]) -> Any:
    """The attribute's value as rules see it; unknown where writing it out goes beyond the limit."""
    text = written.text_of(attribute)
    value = scope.evaluate(attribute.expression, text, bound)
    try:
        scope.session.budget.spend(weigh(value))
    except LimitError as error:
        span = text.span(attribute.start, attribute.name_end)
        scope.session.report_limit(error.message, span)
        return Unknown(error.message)
    return to_plain(value)


def _lifecycle(scope: Scope, written: Written, block: ast.Block, bound: Mapping[str, Any]) -> dict[str, Any]:
    """The switches of a lifecycle block; its lists name attributes and are no expressions."""
    return {
        attribute.name: to_plain(scope.evaluate(attribute.expression, written.text, bound))
        for attribute in block.body.attributes
        if attribute.name in ("create_before_destroy", "prevent_destroy")
    }


def _dynamic(
    scope: Scope, written: Written, block: ast.Block, bound: Mapping[str, Any], result: dict[str, Any]
) -> None:
    name = block.labels[0]
    content = next((inner for inner in block.body.blocks if inner.type == "content"), None)
    for_each = attribute_of(block.body, "for_each")
    if content is None or for_each is None:
        return
    iterator = attribute_of(block.body, "iterator")
    alias = iterator.expression.name if iterator and isinstance(iterator.expression, ast.Variable) else name
    collection = scope.evaluate(for_each.expression, written.text, bound)
    if isinstance(collection, Unknown):
        result[name] = Unknown(f"the number of {name} blocks depends on {collection.source or 'an unknown value'}: "
                               f"{collection.reason}", collection.source)  # fmt: skip
        return
    if isinstance(collection, dict):
        pairs = sorted(collection.items())
    elif isinstance(collection, SetValue):
        pairs = [(item, item) for item in collection]
    elif isinstance(collection, list):
        pairs = list(enumerate(collection))
    else:
        message = f"the {name} blocks need a list, map or set to be made for, found {type_name(collection)}"
        scope.session.report("terraform-for-each", message, written.span(for_each.start, for_each.end))
        result[name] = Unknown(message)
        return
    blocks = result.setdefault(name, [])
    for key, value in pairs:
        if not scope.session.expand(1, written.span(block.start, block.header_end)):
            result[name] = Unknown(f"the {name} blocks go beyond the limit of instances")
            return
        if isinstance(blocks, list):
            inner = {**bound, alias: {"key": key, "value": value}}
            blocks.append(_body(scope, written, content.body, inner, {}))


@lru_cache(maxsize=4_096)
def _varies(node: ast.Node, names: frozenset[str]) -> bool:
    if isinstance(node, ast.Variable):
        return node.name in names
    return any(_varies(child, names) for child in ast.children(node))


class TerraformLocator:
    """Finds the line that the user can change: through a module's variable, that is the caller's argument."""

    __slots__ = ("_attributes", "_scope", "_written")

    def __init__(self, scope: Scope, written: Written, attributes: dict[str, Any]) -> None:
        self._scope = scope
        self._written = written
        self._attributes = attributes

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        place = _walk(self._written.block.body, path, self._attributes)
        if place is None:
            return Location(self._written.span(), tuple(self._call_chain()))
        start, end, expression = place
        span = _one_line(self._text(path), start, end)
        if expression is not None:
            return _through_variable(self._scope, expression, Location(span, tuple(self._call_chain())))
        return Location(span, tuple(self._call_chain()))

    def extent(self) -> Span:
        """See ``scanner.core.Locator``."""
        return self._written.span(end=self._written.block.end)

    def edits(self, changes: Sequence[Change], source: SourceFile) -> tuple[TextEdit, ...] | None:
        """See ``scanner.core.Editor``; JSON, override files and modules that were fetched are not edited."""
        from scanner.frontends.terraform.edit import changed_lines

        text = self._written.text
        file = text.file
        fetched = not SKIPPED_DIRECTORIES.isdisjoint(file.path.split("/"))
        if self._written.overrides or file.path.endswith(".json") or fetched or text.broken:
            return None
        if text.rewritten > MAX_REWRITTEN:
            return None
        if (source.path, source.text) != (file.path, file.text):
            return None
        block = self._written.block
        span = text.span(block.start, block.end - 1)
        first, count = span.start_line - 1, span.end_line - span.start_line + 1
        lines = "\n".join(source.lines[first : first + count])
        text.rewritten += len(lines) + TRIED
        result = changed_lines(SourceFile(file.path, lines), span.start_column - 1, changes)
        return None if result is None else text_edits(source, result, first, count)

    def _text(self, path: Path) -> Text:
        """The text that the attribute or block at the start of ``path`` stands in."""
        for node, text in self._written.overrides:
            name = node.name if isinstance(node, ast.Attribute) else node.type
            if path and name == path[0]:
                return text
        return self._written.text

    def _call_chain(self) -> Iterator[RelatedSpan]:
        scope = self._scope
        while scope.parent is not None:
            name = scope.calls[-1]
            call = scope.parent.configuration.modules[name]
            yield RelatedSpan(call.span(), f"module {name!r} is called here")
            scope = scope.parent


def _one_line(text: Text, start: int, end: int) -> Span:
    source = text.file.text
    newline = source.find("\n", start, end)
    stop = newline if newline >= 0 else end
    return text.span(start, max(start + len(source[start:stop].rstrip()), start + 1))


def _walk(body: ast.Body, path: Path, attributes: Any) -> tuple[int, int, ast.Expression | None] | None:
    if not path or not isinstance(path[0], str):
        return None
    attribute = attribute_of(body, path[0])
    if attribute is not None:
        return _into(attribute.expression, path[1:], attribute.start, attribute.end)
    blocks = [
        block
        for block in body.blocks
        if block.type == path[0] or (block.type == "dynamic" and block.labels == (path[0],))
    ]
    if not blocks:
        return None
    values = attributes.get(path[0]) if isinstance(attributes, dict) else None
    position = path[1] if len(path) > 1 and isinstance(path[1], int) else 0
    block, value = _block_at(blocks, position, values)
    inner = block.body
    if block.type == "dynamic":
        inner = next((b.body for b in block.body.blocks if b.type == "content"), block.body)
    found = _walk(inner, path[2:], value)
    return found if found is not None else (block.start, block.header_end, None)


def _block_at(blocks: list[ast.Block], position: int, values: Any) -> tuple[ast.Block, Any]:
    """The block that gave the value at ``position``; a dynamic block gives as many as the others leave."""
    value = values[position] if isinstance(values, list) and position < len(values) else None
    spare = max(len(values) - len(blocks) + 1, 0) if isinstance(values, list) else 1
    at = 0
    for block in blocks:
        at += spare if block.type == "dynamic" else 1
        if position < at:
            return block, value
    return blocks[-1], value


def _into(expression: ast.Expression, path: Path, start: int, end: int) -> tuple[int, int, ast.Expression | None]:
    if isinstance(expression, ast.Parentheses):
        return _into(expression.inner, path, start, end)
    if path and isinstance(expression, ast.Call) and expression.name == "jsonencode" and expression.arguments:
        return _into(expression.arguments[0], path, start, end)
    if path and isinstance(expression, ast.ObjectExpression):
        for item in expression.items:
            if isinstance(item.key, ast.Literal) and str(item.key.value) == path[0]:
                return _into(item.value, path[1:], item.start, item.end)
    index = path[0] if path else None
    if isinstance(expression, ast.TupleExpression) and isinstance(index, int) and index < len(expression.items):
        element = expression.items[index]
        return _into(element, path[1:], element.start, element.end)
    return start, end, expression


def _through_variable(scope: Scope, expression: ast.Expression, location: Location) -> Location:
    """Follow ``var.x`` to the argument of the module call that set it."""
    while isinstance(expression, ast.GetAttribute | ast.Index):
        if isinstance(expression.object, ast.Variable) and expression.object.name == "var":
            break
        expression = expression.object
    if not isinstance(expression, ast.GetAttribute):
        return location
    declared = scope.configuration.variables.get(expression.name)
    given = scope.inputs.get(expression.name)
    used = RelatedSpan(location.span, f"var.{expression.name} is used here")
    if given is None or given.span is None:
        if declared is None:
            return location
        return Location(
            location.span, (*location.related, RelatedSpan(declared.span(), "the variable's default applies"))
        )
    moved = Location(given.span, (used, *location.related))
    if given.scope is not None and given.expression is not None:
        return _through_variable(given.scope, given.expression, moved)
    return moved
