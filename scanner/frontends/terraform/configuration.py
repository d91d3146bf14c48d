"""A module as it is written: all files of a directory merged, without any evaluation."""

from __future__ import annotations

from msgspec import Struct, field

from scanner.core import Diagnostic, Span
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.syntax import ParsedFile, Text, parse, parse_json
from scanner.project.tree import Tree, Unreadable

SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")


class Written(Struct, frozen=True):
    """A block with the text that it stands in."""

    block: ast.Block
    text: Text
    overrides: tuple[tuple[ast.Attribute | ast.Block, Text], ...] = ()
    """Attributes and nested blocks that an override file gave, with the text that they stand in."""

    def span(self, start: int | None = None, end: int | None = None) -> Span:
        """The span of a part of the block; its header by default."""
        return self.text.span(
            self.block.start if start is None else start, self.block.header_end if end is None else end
        )

    def text_of(self, node: ast.Attribute | ast.Block) -> Text:
        """The text that one of the block's own attributes or nested blocks stands in."""
        return next((text for other, text in self.overrides if other is node), self.text)


class Configuration(Struct):
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
    prefix = f"{directory}/" if directory else ""
    for name in _file_names(tree.list(directory)):
        path = prefix + name
        try:
            file = tree.read(path)
        except Unreadable as error:
            span = Span(path, 1, 1, 1, 1)
            configuration.diagnostics.append(Diagnostic("error", error.code, error.message, span))
            continue
        try:
            parsed = parse_json(file) if name.endswith(".json") else parse(file)
        except Exception as error:  # a defect in reading one file must not cost the others
            message = f"{path} could not be read: {type(error).__name__}: {error}"
            configuration.diagnostics.append(Diagnostic("error", "internal-error", message, Span(path, 1, 1, 1, 1)))
            continue
        configuration.files.append(parsed)
        configuration.diagnostics.extend(parsed.diagnostics)
        _declare(configuration, parsed, override=_is_override(name))
    return configuration


def _file_names(names: list[str]) -> list[str]:
    """Configuration files in Terraform's order, overrides last; a .tofu file hides the .tf file beside it."""
    hidden = {name.replace(".tofu", ".tf") for name in names if name.endswith((".tofu", ".tofu.json"))}
    chosen = [name for name in names if name.endswith(SUFFIXES) and name not in hidden and not name.startswith(".")]
    return sorted(chosen, key=lambda name: (_is_override(name), name))


def _is_override(name: str) -> bool:
    stem = name.removesuffix(".json").rsplit(".", 1)[0]
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
    """An override's attributes and blocks replace those of the same name."""
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
    merged = ast.Block(base.block.start, base.block.end, block.type, block.labels, base.block.header_end, body)
    nodes: tuple[ast.Attribute | ast.Block, ...] = (*block.body.attributes, *block.body.blocks)
    given = tuple((node, later.text) for node in nodes)
    return Written(merged, base.text, (*base.overrides, *given))
