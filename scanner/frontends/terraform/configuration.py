"""A module as it is written: all files of a directory merged, without any evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.core import Diagnostic, Span
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.syntax import ParsedFile, Text, parse
from scanner.project.tree import Tree, Unreadable


@dataclass(frozen=True, slots=True)
class Written:
    """A block with the text that it stands in."""

    block: ast.Block
    text: Text

    def span(self, start: int | None = None, end: int | None = None) -> Span:
        """The span of a part of the block; its header by default."""
        return self.text.span(
            self.block.start if start is None else start, self.block.header_end if end is None else end
        )


@dataclass(slots=True)
class Configuration:
    """The blocks of one directory by what they declare; ``resources`` by (mode, type, name)."""

    directory: str
    variables: dict[str, Written] = field(default_factory=dict)
    locals: dict[str, tuple[ast.Attribute, Text]] = field(default_factory=dict)
    outputs: dict[str, Written] = field(default_factory=dict)
    modules: dict[str, Written] = field(default_factory=dict)
    resources: dict[tuple[str, str, str], Written] = field(default_factory=dict)
    providers: list[Written] = field(default_factory=list)
    files: list[ParsedFile] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def attribute_of(body: ast.Body, name: str) -> ast.Attribute | None:
    """The attribute with that name; the last one wins, as an override does."""
    return next((a for a in reversed(body.attributes) if a.name == name), None)


def load_configuration(tree: Tree, directory: str) -> Configuration:
    """Read a module's directory. Files that cannot be read become diagnostics."""
    configuration = Configuration(directory)
    names = tree.list(directory)
    prefix = f"{directory}/" if directory else ""
    stems = {name.removesuffix(".tofu") for name in names if name.endswith(".tofu")}
    chosen = [n for n in names if n.endswith(".tofu") or (n.endswith(".tf") and n.removesuffix(".tf") not in stems)]
    for name in sorted(chosen, key=lambda item: (_is_override(item), item)):
        path = prefix + name
        try:
            parsed = parse(tree.read(path))
        except Unreadable as error:
            span = Span(path, 1, 1, 1, 1)
            configuration.diagnostics.append(Diagnostic("error", error.code, error.message, span))
            continue
        configuration.files.append(parsed)
        configuration.diagnostics.extend(parsed.diagnostics)
        _declare(configuration, parsed, override=_is_override(name))
    for name in names:
        if name.endswith((".tf.json", ".tofu.json")):
            message = "Terraform's JSON syntax is not read yet; the file is skipped"
            configuration.diagnostics.append(
                Diagnostic("warning", "terraform-json", message, Span(prefix + name, 1, 1, 1, 1))
            )
    return configuration


def _is_override(name: str) -> bool:
    stem = name.rsplit(".", 1)[0]
    return stem == "override" or stem.endswith("_override")


def _declare(configuration: Configuration, parsed: ParsedFile, *, override: bool) -> None:
    for block in parsed.body.blocks:
        written = Written(block, parsed.text)
        labels = block.labels
        if block.type == "locals":
            for attribute in block.body.attributes:
                configuration.locals[attribute.name] = attribute, parsed.text
        elif block.type in ("resource", "data") and len(labels) == 2:
            key = (block.type, labels[0], labels[1])
            configuration.resources[key] = _merged(configuration.resources.get(key), written, override)
        elif block.type == "provider" and labels:
            configuration.providers.append(written)
        else:
            table = {
                "variable": configuration.variables,
                "output": configuration.outputs,
                "module": configuration.modules,
            }.get(block.type)
            if table is not None and labels:
                table[labels[0]] = _merged(table.get(labels[0]), written, override)


def _merged(base: Written | None, later: Written, override: bool) -> Written:
    """An override's attributes and blocks replace those of the same name.

    Places of the merged block are those of the override where its text is longer; values are exact.
    """
    if base is None or not override:
        return later
    block = later.block
    names = {attribute.name for attribute in block.body.attributes}
    kinds = {inner.type for inner in block.body.blocks}
    body = ast.Body(
        base.block.body.start,
        base.block.body.end,
        (*(a for a in base.block.body.attributes if a.name not in names), *block.body.attributes),
        (*(b for b in base.block.body.blocks if b.type not in kinds), *block.body.blocks),
    )
    return Written(
        ast.Block(base.block.start, base.block.end, block.type, block.labels, base.block.header_end, body), base.text
    )
