"""Scopes: what the names in a module's expressions stand for. Everything is computed once, when asked for."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from scanner.core import Diagnostic, Span, Unknown, is_unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.configuration import Configuration, Written, attribute_of, load_configuration
from scanner.frontends.terraform.evaluate import Context, EvaluationError, evaluate
from scanner.frontends.terraform.evaluate.functions.sensitivity import is_sensitive
from scanner.frontends.terraform.evaluate.types import ANY, Type, convert, parse_type
from scanner.frontends.terraform.evaluate.values import (
    AttributeList,
    Budget,
    LimitError,
    Reference,
    SetValue,
    TypedUnknown,
    UndeclaredError,
    settled,
    to_number,
    type_name,
    weigh,
)
from scanner.frontends.terraform.syntax import Text
from scanner.project.tree import Tree, Unreadable, normalise

MAX_INSTANCES = 5_000
MAX_EXPANDED = 10_000
"""Instances of all resources and modules of one root that count, for_each and module calls multiply into."""
MAX_MODULE_DEPTH = 30
META_ARGUMENTS = frozenset(("count", "for_each", "provider", "depends_on", "providers", "source", "version"))

Instances = list[tuple[Any, dict[str, Any]]]
"""(instance key, names that the key binds) for each instance."""


class Input(Struct):
    """A variable's value and the place where the caller, a file or the command line sets it."""

    value: Any
    expression: ast.Expression | None = None
    scope: Scope | None = None
    span: Span | None = None


class Session(Struct):
    """What all modules of one root share."""

    tree: Tree
    root: str
    workspace: str = "default"
    diagnostics: list[Diagnostic] = field(default_factory=list)
    missing_modules: list[tuple[str, Span]] = field(default_factory=list)
    configurations: dict[str, Configuration] = field(default_factory=dict)
    known: dict[str, Configuration] = field(default_factory=dict)
    """What other roots of the same tree have read already."""
    installed: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    expanded: int = 0
    _reported: set[tuple[Any, ...]] = field(default_factory=set)

    def configuration(self, directory: str) -> Configuration:
        """The configuration of a directory, read once."""
        if directory not in self.configurations:
            loaded = self.known.get(directory) or load_configuration(self.tree, directory)
            self.tree.note_directory(directory)
            self.known[directory] = self.configurations[directory] = loaded
            self.diagnostics.extend(loaded.diagnostics)
        return self.configurations[directory]

    def expand(self, instances: int, span: Span) -> bool:
        """Whether so many instances more stay within the limit; a diagnostic if they do not."""
        if self.expanded + instances > MAX_EXPANDED:
            if self.expanded <= MAX_EXPANDED:
                message = f"this goes beyond the limit of {MAX_EXPANDED} instances in one root module; "
                self.report("expansion-limit", message + "the rest is not looked at", span)
                self.expanded = MAX_EXPANDED + 1
            return False
        self.expanded += instances
        return True

    def report_limit(self, message: str, span: Span) -> None:
        """Report that an expression goes beyond a limit, once for all that follows from it."""
        if not self.budget.reported:
            self.budget.reported = True
            self.report("terraform-limit", message, span)

    def report(self, code: str, message: str, span: Span) -> None:
        """Add a diagnostic once."""
        if (code, message, span) not in self._reported:
            self._reported.add((code, message, span))
            self.diagnostics.append(Diagnostic("warning", code, message, span))


class Files:
    """Files as a module's functions see them: relative to the root module, never outside the scan."""

    def __init__(self, tree: Tree, directory: str) -> None:
        self._tree = tree
        self._directory = directory

    def _path(self, path: str) -> str:
        return normalise(posixpath.join(self._directory, path))

    def read(self, path: str) -> str | None:
        """See ``functions.files.FileReader``."""
        place = self._path(path)
        self._tree.consult(place, template=True)
        try:
            return self._tree.read(place).text
        except Unreadable:
            return None

    def read_bytes(self, path: str) -> bytes | None:
        """See ``functions.files.FileReader``."""
        place = self._path(path)
        self._tree.consult(place, template=False)
        try:
            return self._tree.read_bytes(place)
        except Unreadable:
            return None

    def exists(self, path: str) -> bool | None:
        """See ``functions.files.FileReader``."""
        place = self._path(path)
        if place.startswith(("../", "/")) or place == "..":
            return None
        return self._tree.is_file(place)

    def files_below(self, path: str) -> list[str] | None:
        """See ``functions.files.FileReader``."""
        top = self._path(path)
        if not self._tree.is_dir(top):
            return None
        found: list[str] = []
        queue = [""]
        while queue and len(found) < MAX_INSTANCES:
            directory = queue.pop(0)
            for name in self._tree.list(f"{top}/{directory}" if directory else top):
                inner = f"{directory}/{name}" if directory else name
                place = f"{top}/{inner}" if top else inner
                if self._tree.is_dir(place):
                    queue.append(inner)
                elif self._tree.is_file(place):
                    found.append(inner)
        return found


class Scope:
    """One instance of a module: its inputs, and lazily everything that its expressions can name."""

    def __init__(
        self,
        session: Session,
        directory: str,
        inputs: Mapping[str, Input],
        *,
        path: tuple[str, ...] = (),
        calls: tuple[str, ...] = (),
        parent: Scope | None = None,
        bindings: Mapping[str, Any] | None = None,
    ) -> None:
        self.session = session
        self.configuration = session.configuration(directory)
        self.inputs = inputs
        self.path = path
        self.calls = calls
        """The names of the module calls that lead here; ``path`` has them with their instance keys."""
        self.parent = parent
        self.context = Context(
            self.lookup,
            Files(session.tree, session.root),
            bindings or {},
            budget=session.budget,
            sensitive=self.is_sensitive,
        )
        self._variables: dict[str, Any] = {}
        self._locals: dict[str, Any] = {}
        self._active: list[str] = []
        self._instances: dict[tuple[str, str, str], Instances | Unknown] = {}
        self._references: dict[tuple[str, str, str], Reference] = {}
        self._children: dict[str, list[tuple[Any, Scope]] | Unknown | None] = {}

    @property
    def prefix(self) -> str:
        """The address prefix of this module instance, with a final dot unless it is the root."""
        return "".join(f"{step}." for step in self.path)

    def evaluate(self, expression: ast.Expression, text: Text, bindings: Mapping[str, Any] | None = None) -> Any:
        """The value; an expression that Terraform would refuse becomes a diagnostic and an unknown."""
        context = self.context.bind(bindings) if bindings else self.context
        budget = self.session.budget
        budget.enter()
        try:
            return evaluate(expression, context)
        except LimitError as error:
            self.session.report_limit(error.message, text.span(error.start, error.end))
            return Unknown(error.message)
        except UndeclaredError as error:
            self.session.report("terraform-undeclared", error.message, text.span(error.start, error.end))
            return Unknown(f"the expression is invalid: {error.message}")
        except EvaluationError as error:
            self.session.report("terraform-expression", error.message, text.span(error.start, error.end))
            return Unknown(f"the expression is invalid: {error.message}")
        except RecursionError:
            span = text.span(expression.start, expression.end)
            self.session.report("terraform-limit", "the expression is nested too deeply", span)
            return Unknown("the expression is nested too deeply")
        finally:
            budget.leave()

    def lookup(self, steps: tuple[str, ...]) -> tuple[Any, int]:
        """What a traversal's first steps stand for, and how many steps that took."""
        root = steps[0]
        if root in ("var", "local", "module", "data", "path", "terraform", "each", "count", "self") and len(steps) == 1:
            raise EvaluationError(f"{root} as a whole is not a value")
        if root == "var":
            return self.variable(steps[1]), 2
        if root == "local":
            return self.local(steps[1]), 2
        if root == "module":
            return self._module(steps[1]), 2
        if root == "path":
            return self._path_value(steps[1]), 2
        if root in ("terraform", "tofu"):
            known = steps[1] == "workspace"
            return (self.session.workspace if known else Unknown(f"{root}.{steps[1]}", f"{root}.{steps[1]}")), 2
        if root in ("each", "count", "self"):
            return Unknown(f"{root}.{steps[1]} is not known here", f"{root}.{steps[1]}"), 2
        if root == "ephemeral":
            return Unknown("ephemeral values exist only during a run", ".".join(steps[:3])), len(steps)
        if root == "data" and len(steps) > 2:
            return self._resource("data", steps[1], steps[2]), 3
        if root == "resource" and len(steps) > 2:
            return self._resource("resource", steps[1], steps[2]), 3
        if len(steps) > 1:
            return self._resource("resource", root, steps[1]), 2
        raise EvaluationError(f'there is no "{root}" to refer to')

    def variable(self, name: str) -> Any:
        """The value of ``var.name``."""
        if name not in self._variables:
            self._variables[name] = self._variable(name)
        return self._variables[name]

    def _variable(self, name: str) -> Any:
        declared = self.configuration.variables.get(name)
        if declared is None:
            raise UndeclaredError(f'there is no variable "{name}" in this module')
        kind = self._type(declared)
        body = declared.block.body
        default = attribute_of(body, "default")
        given = self.inputs.get(name)
        nullable = attribute_of(body, "nullable")
        if given is not None and given.value is None and default is not None and nullable is not None:
            nullable_value = self.evaluate(nullable.expression, declared.text)
            given = given if is_unknown(nullable_value) or nullable_value else None
        if given is not None:
            value, span = given.value, given.span or declared.span()
        elif default is not None:
            value, span = self.evaluate(default.expression, declared.text), declared.span()
        else:
            return TypedUnknown(Unknown(f'variable "{name}" has no value', f"{self.prefix}var.{name}"), kind)
        try:
            weigh(value)
            return convert(value, kind, lambda expression: evaluate(expression, self.context))
        except EvaluationError as error:
            message = f'the value of variable "{name}" does not fit its type: {error.message}'
            self.session.report("terraform-variable", message, span)
            return Unknown(message, f"{self.prefix}var.{name}")

    def _type(self, declared: Written) -> Type:
        attribute = attribute_of(declared.block.body, "type")
        if attribute is None:
            return ANY
        try:
            return parse_type(attribute.expression)
        except EvaluationError as error:
            self.session.report("terraform-type", error.message, declared.text.span(error.start, error.end))
            return ANY

    def local(self, name: str) -> Any:
        """The value of ``local.name``."""
        if name in self._locals:
            return self._locals[name]
        if name not in self.configuration.locals:
            raise UndeclaredError(f'there is no local value "{name}" in this module')
        attribute, text = self.configuration.locals[name]
        if name in self._active:
            cycle = " -> ".join([*self._active[self._active.index(name) :], name])
            self.session.report(
                "terraform-cycle",
                f"local values refer to themselves: {cycle}",
                text.span(attribute.start, attribute.name_end),
            )
            return Unknown(f"local.{name} refers to itself", f"local.{name}")
        self._active.append(name)
        try:
            self._locals[name] = self.evaluate(attribute.expression, text)
        finally:
            self._active.pop()
        return self._locals[name]

    def is_sensitive(self, steps: tuple[str, ...], depth: int) -> bool:
        """Whether a variable, local value or module output is declared sensitive or comes from one that is."""
        root, name = steps[0], steps[1] if len(steps) > 1 else ""
        if root == "var" and name in self.configuration.variables:
            if self._is_marked(self.configuration.variables[name]):
                return True
            given = self.inputs.get(name)
            if given is None or given.scope is None or given.expression is None:
                return False
            return is_sensitive(given.expression, given.scope.context, depth)
        if root == "local" and name in self.configuration.locals:
            return is_sensitive(self.configuration.locals[name][0].expression, self.context, depth)
        if root == "module" and len(steps) > 2:
            children = self.children(name) if name in self.configuration.modules else None
            written = (
                children[0][1].configuration.outputs.get(steps[2]) if isinstance(children, list) and children else None
            )
            return written is not None and self._is_marked(written)
        return False

    def _is_marked(self, declared: Written) -> bool:
        attribute = attribute_of(declared.block.body, "sensitive")
        return attribute is not None and self.evaluate(attribute.expression, declared.text) is True

    def _path_value(self, name: str) -> Any:
        if name == "module":
            return posixpath.relpath(self.configuration.directory or ".", self.session.root or ".")
        return "." if name == "root" else Unknown(f"path.{name} depends on the machine", f"path.{name}")

    def _resource(self, mode: str, kind: str, name: str) -> Any:
        key = mode, kind, name
        if key not in self._references:
            self._references[key] = self._reference(mode, kind, name)
        return self._references[key]

    def _reference(self, mode: str, kind: str, name: str) -> Reference:
        written = self.configuration.resources.get((mode, kind, name))
        address = f"data.{kind}.{name}" if mode == "data" else f"{kind}.{name}"
        if written is None:
            raise UndeclaredError(f'there is no resource "{address}" in this module')
        body = written.block.body
        for_each = attribute_of(body, "for_each")
        if attribute_of(body, "count") is None and for_each is None:
            return self._instance_reference(written, self.prefix + address, {})
        found_instances: list[dict[Any, Any] | None] = []

        def instances() -> dict[Any, Any] | None:
            if not found_instances:
                found = self.instances((mode, kind, name))
                found_instances.append(
                    None
                    if isinstance(found, Unknown)
                    else {
                        key: self._instance_reference(written, self.prefix + address + key_text(key), bound)
                        for key, bound in found
                    }
                )
            return found_instances[0]

        def whole() -> Any:
            known = instances()
            if known is None:
                return Unknown(f"the number of instances of {address} is not known", address)
            return dict(known) if for_each is not None else list(known.values())

        def instance(key: Any) -> Any:
            known = instances()
            if known is None:
                return self._instance_reference(written, self.prefix + address, {})
            if key not in known:
                raise EvaluationError(f"{key!r} is outside the list of instances of {address}")
            return known[key]

        return Reference(
            self.prefix + address,
            lambda attribute: Unknown(f"{address} has several instances", f"{address}.{attribute}"),
            instance,
            instances,
            whole,
        )

    def _instance_reference(self, written: Written, address: str, bound: Mapping[str, Any]) -> Reference:
        def attribute(name: str) -> Any:
            found = attribute_of(written.block.body, name)
            if found is None or f"{address}.{name}" in self._active:
                return Unknown(f"{address}.{name} is known only after apply", f"{address}.{name}")
            self._active.append(f"{address}.{name}")
            try:
                value = self.evaluate(found.expression, written.text, bound)
                return AttributeList(value) if type(value) is list else value
            finally:
                self._active.pop()

        return Reference(address, attribute)

    def instances(self, key: tuple[str, str, str]) -> Instances | Unknown:
        """The instances of a resource; unknown where count or for_each is."""
        if key not in self._instances:
            self._instances[key] = Unknown("the number of instances depends on the instances")
            self._instances[key] = self.expand(self.configuration.resources[key])
        return self._instances[key]

    def expand(self, written: Written) -> Instances | Unknown:
        """The instances that count or for_each of a block asks for."""
        body = written.block.body
        count, for_each = attribute_of(body, "count"), attribute_of(body, "for_each")
        if count is not None:
            return self._counted(self.evaluate(count.expression, written.text), written, count)
        if for_each is not None:
            return self._for_each(self.evaluate(for_each.expression, written.text), written, for_each)
        return [(None, {})]

    def _counted(self, value: Any, written: Written, at: ast.Attribute) -> Instances | Unknown:
        try:
            number = to_number(value)
            valid = number is not None and (is_unknown(number) or number >= 0)
        except EvaluationError:
            valid = False
        if not valid:
            message = "count needs a whole number that is not negative"
            self.session.report("terraform-count", message, written.span(at.start, at.end))
            return Unknown(message)
        if is_unknown(number):
            return number
        wanted = int(min(number, MAX_INSTANCES + 1)) if number > 0 else 0
        self._check_limit(wanted, written, at)
        return [(index, {"count": {"index": index}}) for index in range(min(wanted, MAX_INSTANCES))]

    def _for_each(self, value: Any, written: Written, at: ast.Attribute) -> Instances | Unknown:
        if isinstance(value, Reference) and value.instances is not None:
            known = value.instances()
            value = value if known is None else known
        if is_unknown(value):
            return value
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, SetValue | AttributeList) and all(isinstance(item, str) for item in value):
            pairs = [(item, item) for item in value]
        elif isinstance(value, SetValue | AttributeList) and any(map(is_unknown, value)):
            return next(item for item in value if is_unknown(item))
        else:
            message = f"for_each needs a map or a set of strings, found {_found(value)}"
            self.session.report("terraform-for-each", message, written.span(at.start, at.end))
            return Unknown(message)
        self._check_limit(len(pairs), written, at)
        return [(key, {"each": {"key": key, "value": item}}) for key, item in pairs[:MAX_INSTANCES]]

    def _check_limit(self, number: int, written: Written, at: ast.Attribute) -> None:
        if number > MAX_INSTANCES:
            message = f"more instances than the limit of {MAX_INSTANCES}; the rest is not looked at"
            self.session.report("expansion-limit", message, written.span(at.start, at.end))

    def _module(self, name: str) -> Any:
        if name not in self.configuration.modules:
            raise UndeclaredError(f'there is no module "{name}"')
        address = f"{self.prefix}module.{name}"
        children = self.children(name)

        def output_of(scope: Scope, output: str) -> Any:
            written = scope.configuration.outputs.get(output)
            if written is None:
                raise EvaluationError(f'module "{name}" has no output "{output}"')
            value = attribute_of(written.block.body, "value")
            key = f"output.{output}"
            if value is None or key in scope._active:
                return Unknown(f"{address}.{output} refers to itself", f"{address}.{output}")
            scope._active.append(key)
            try:
                return scope.evaluate(value.expression, written.text)
            finally:
                scope._active.pop()

        if children is None or isinstance(children, Unknown):
            reason = f"module.{name} is not on disk" if children is None else children.reason
            return Reference(
                address,
                lambda output: Unknown(reason, f"{address}.{output}"),
                lambda key: Reference(address, lambda output: Unknown(reason, f"{address}.{output}")),
            )

        def instance_of(key: Any, scope: Scope) -> Reference:
            def whole() -> dict[str, Any]:
                return {output: output_of(scope, output) for output in scope.configuration.outputs}

            return Reference(address + key_text(key), lambda output: output_of(scope, output), whole=whole)

        if len(children) == 1 and children[0][0] is None:
            return instance_of(*children[0])
        table = {key: instance_of(key, scope) for key, scope in children}
        for_each = attribute_of(self.configuration.modules[name].block.body, "for_each")

        def all_instances() -> Any:
            known = {key: settled(reference) for key, reference in table.items()}
            return known if for_each is not None else list(known.values())

        def instance(key: Any) -> Any:
            if key not in table:
                raise EvaluationError(f"{key!r} is outside the list of instances of module.{name}")
            return table[key]

        return Reference(
            address,
            lambda output: Unknown(f"module.{name} has several instances"),
            instance,
            lambda: dict(table),
            all_instances,
        )

    def children(self, name: str) -> list[tuple[Any, Scope]] | Unknown | None:
        """(key, scope) of each instance of a module call; ``None`` where its source is not on disk."""
        if name not in self._children:
            self._children[name] = Unknown(f"module.{name} calls itself")
            self._children[name] = self._load_children(name)
        return self._children[name]

    def _load_children(self, name: str) -> list[tuple[Any, Scope]] | Unknown | None:
        written = self.configuration.modules[name]
        directory = self._module_directory(name, written)
        if directory is None:
            return None
        if len(self.path) >= MAX_MODULE_DEPTH or directory in self._ancestors():
            message = (
                f'module "{name}" calls itself' if directory in self._ancestors() else "modules are nested too deeply"
            )
            self.session.report("module-cycle", message, written.span())
            return Unknown(message)
        instances = self.expand(written)
        found = [(None, {})] if isinstance(instances, Unknown) else instances
        size = 1 + len(self.session.configuration(directory).resources)
        found = [item for item in found if self.session.expand(size, written.span())]
        return [
            (
                key,
                Scope(
                    self.session,
                    directory,
                    self._arguments(written, bound),
                    path=(*self.path, f"module.{name}{key_text(key)}"),
                    calls=(*self.calls, name),
                    parent=self,
                ),
            )
            for key, bound in found
        ]

    def _ancestors(self) -> set[str]:
        directories, scope = set(), self
        while True:
            directories.add(scope.configuration.directory)
            if scope.parent is None:
                return directories
            scope = scope.parent

    def _arguments(self, written: Written, bound: Mapping[str, Any]) -> dict[str, Input]:
        return {
            attribute.name: Input(
                self.evaluate(attribute.expression, written.text, bound),
                attribute.expression,
                self,
                written.text.span(attribute.start, attribute.end),
            )
            for attribute in written.block.body.attributes
            if attribute.name not in META_ARGUMENTS
        }

    def _module_directory(self, name: str, written: Written) -> str | None:
        source = attribute_of(written.block.body, "source")
        value = self.evaluate(source.expression, written.text) if source is not None else None
        if isinstance(value, str) and value.startswith(("./", "../")):
            directory = normalise(posixpath.join(self.configuration.directory, value))
            if self.session.tree.is_dir(directory):
                return directory
            at = source or written.block
            self.session.report(
                "module-not-found", f"there is no directory {value} in the scan", written.span(at.start, at.end)
            )
            return None
        installed = self.session.installed.get(".".join([*self.calls, name]))
        if installed is not None and self.session.tree.is_dir(installed):
            return installed
        self.session.missing_modules.append((str(value), written.span()))
        return None


def _found(value: Any) -> str:
    if isinstance(value, SetValue):
        return "a set of other values"
    if isinstance(value, list):
        return f"a {type_name(value)}; toset() makes a set of it"
    # the instances of a resource with count are numbered
    return "a tuple" if isinstance(value, dict) else f"a {type_name(value)}" if value is not None else "null"


def key_text(key: Any) -> str:
    """An instance key as it stands in an address."""
    if key is None:
        return ""
    return f"[{key}]" if isinstance(key, int) else f"[{json.dumps(str(key), ensure_ascii=False)}]"
