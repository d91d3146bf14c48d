"""The public API: ``scan(paths, options) -> ScanResult``, the one straight line through the program."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.core import Diagnostic, Finding, Parsed, Resource, SourceFile, Span, Undetermined
from scanner.engine.evaluate import Evaluation, evaluate_rules
from scanner.engine.fingerprints import Identity, identity, match, stamp
from scanner.engine.rules import CompiledRule, Rule, compile_rule, load_rules, select_rules
from scanner.engine.suppress import Suppressed, Suppression, apply_suppressions, suppressions
from scanner.graph import ResourceGraph
from scanner.project.discovery import Sources, discover
from scanner.project.tree import Tree, Unreadable

if TYPE_CHECKING:
    from scanner.concepts.interpret import Concepts
    from scanner.frontends.helm import ChartValues

STANDARD_INPUT = "<stdin>"


@dataclass(frozen=True)
class ScanOptions:
    """What a scan may be told. Paths of var files are relative to the scan root."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    pedantic: bool = False
    exclude: tuple[str, ...] = ()
    rule_directories: tuple[Path, ...] = ()
    only_rules: tuple[Path, ...] = ()
    """Directories to load rules from instead of the built-in ones."""
    parameters: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    var_files: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    workspace: str = "default"
    values_files: tuple[Path, ...] = ()
    set_values: tuple[str, ...] = ()
    kube_version: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    inline_ignores: bool = True
    today: datetime.date = field(default_factory=datetime.date.today)
    standard_input: str | None = None
    diff: str | None = None
    """A git revision: only what the change since then introduces is reported."""


@dataclass(slots=True)
class ScanResult:
    """Everything that a report needs. Paths in spans are relative to ``root``."""

    root: Path
    tree: Tree
    graph: ResourceGraph
    concepts: Concepts
    rules: dict[str, Rule]
    findings: list[Finding]
    undetermined: list[Undetermined]
    suppressed: list[Suppressed]
    diagnostics: list[Diagnostic]
    files: int
    repository_prefix: str = ""
    compared_with: str = ""
    """The commit of ``--diff``, as the user would know it."""
    unchanged: int = 0
    """Findings that ``compared_with`` has too; they are not in ``findings``."""

    def source(self, path: str) -> SourceFile | None:
        """The text of a scanned file, for excerpts."""
        try:
            return self.tree.read(path)
        except Unreadable:
            return None


def builtin_rules() -> Path:
    """The directory of the rules that come with Kilter."""
    packaged = Path(__file__).parent / "data" / "rules"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "rules"


def all_rules(options: ScanOptions) -> list[Rule]:
    """The built-in rules and those of further directories. Raises ``RuleError``."""
    return load_rules([*(options.only_rules or (builtin_rules(),)), *options.rule_directories])


def compiled_rules(options: ScanOptions) -> list[CompiledRule]:
    """The selected rules, compiled. Raises ``RuleError`` and ``UnknownSelector``."""
    rules = all_rules(options)
    chosen = select_rules(rules, options.select, options.ignore, pedantic=options.pedantic)
    return [compile_rule(rule, options.parameters.get(rule.id) or options.parameters.get(rule.name)) for rule in chosen]


def scan(paths: Sequence[Path], options: ScanOptions | None = None) -> ScanResult:
    """Scan files and directories. The scan root is their common directory.

    Raises ``FileNotFoundError`` for a path that does not exist, and what ``compiled_rules`` raises.
    """
    options = options or ScanOptions()
    rules = compiled_rules(options)
    root, relative = scan_root(paths)
    overlay = {STANDARD_INPUT: options.standard_input} if options.standard_input is not None else {}
    tree = Tree(root, overlay)
    result = _scan_tree(tree, relative, rules, options)
    if options.diff is not None:
        _keep_new(result, relative, rules, options)
    return result


def _scan_tree(tree: Tree, relative: list[str], rules: list[CompiledRule], options: ScanOptions) -> ScanResult:
    sources = discover(tree, relative if options.standard_input is None else (), options.exclude)
    if options.standard_input is not None:
        sources.manifests.append(STANDARD_INPUT)
    parsed = parse_sources(tree, sources, options)
    result = _judge(tree, sources, parsed, rules, options)
    focus = {path for path in relative if path and tree.is_file(path)}
    return _focused(result, focus) if focus and len(focus) == len(relative) else result


def _focused(result: ScanResult, files: set[str]) -> ScanResult:
    """Only what concerns the files that were named; what surrounds them was read to understand them."""
    result.findings = [item for item in result.findings if item.location.span.file in files]
    result.suppressed = [item for item in result.suppressed if item.finding.location.span.file in files]
    result.undetermined = [item for item in result.undetermined if item.resource.locate().span.file in files]
    result.diagnostics = [item for item in result.diagnostics if item.span.file in files]
    return result


def _keep_new(result: ScanResult, relative: list[str], rules: list[CompiledRule], options: ScanOptions) -> None:
    """Leave only what the base does not have. Raises ``GitError``."""
    from scanner.project.git import GitTree, find_base

    base = find_base(result.root, options.diff or "")
    before = _scan_tree(GitTree(result.root, base), relative, rules, options)
    new, _ = match(identities(result), identities(before), _gone(result))
    result.compared_with = base.name
    result.unchanged = len(result.findings) - len(new)
    result.findings = [result.findings[number] for number in new]
    known = {(item.rule, item.resource.unit, item.resource.address) for item in before.undetermined}
    result.undetermined = [
        item for item in result.undetermined if (item.rule, item.resource.unit, item.resource.address) not in known
    ]
    reported = {(item.code, item.message, item.span.file) for item in before.diagnostics}
    result.diagnostics = [d for d in result.diagnostics if (d.code, d.message, d.span.file) not in reported]
    if base.note:
        result.diagnostics.append(Diagnostic("note", "diff-base", base.note, Span(".", 1, 1, 1, 1)))


def identities(result: ScanResult) -> list[Identity]:
    """What makes each finding of a scan the same finding in another scan."""

    def lines(path: str) -> Sequence[str]:
        source = result.source(path)
        return source.lines if source is not None else ()

    return [identity(finding, result.repository_prefix, lines) for finding in result.findings]


def _gone(result: ScanResult) -> Callable[[Identity], bool]:
    """Whether a known finding's resource is no longer where it was."""
    by_address: dict[str, list[Resource]] = {}
    for resource in result.graph.resources:
        by_address.setdefault(resource.address, []).append(resource)

    def gone(known: Identity) -> bool:
        resources = by_address.get(known.address, ())
        files = {span.file for item in resources for span in (item.span, item.locate().span)}
        return known.file not in {result.repository_prefix + file for file in files}

    return gone


def scan_root(paths: Sequence[Path]) -> tuple[Path, list[str]]:
    """The common directory of the paths, and the paths relative to it."""
    places = [path.resolve() for path in paths] or [Path.cwd()]
    for given, place in zip(paths, places, strict=False):
        if not place.exists():
            raise FileNotFoundError(str(given))
    root = Path(os.path.commonpath([str(place if place.is_dir() else place.parent) for place in places]))
    return root, ["" if place == root else place.relative_to(root).as_posix() for place in places]


def parse_sources(tree: Tree, sources: Sources, options: ScanOptions) -> Parsed:
    """Every resource that the front ends can read, and diagnostics for the rest."""
    from scanner.frontends.azureml import read_azureml
    from scanner.frontends.kubernetes import read_manifests

    parsed = Parsed()
    manifests = frozenset(sources.manifests)
    for path, code, message in sources.unreadable:
        parsed.diagnostics.append(Diagnostic("error", code, message, Span(path, 1, 1, 1, 1)))
    if sources.terraform_directories:
        _read_terraform(tree, sources, options, parsed)
    built = _read_overlays(tree, sources, parsed) if sources.kustomizations else set()
    for path in (*sources.manifests, *sources.azureml):
        if path in built or _is_template(tree, path):
            continue
        read = read_manifests if path in manifests else read_azureml
        try:
            parsed.extend(read(tree.read(path), path.rpartition("/")[0]))
        except Unreadable as error:
            parsed.diagnostics.append(Diagnostic("error", error.code, error.message, Span(path, 1, 1, 1, 1)))
    if sources.plans:
        _read_plans(tree, sources, parsed)
    values = _chart_values(options)
    deployed = _read_embedded(tree, parsed, values)
    for chart in sources.charts:
        if chart not in deployed:
            _read_chart(tree, chart, values, parsed)
    return parsed


def _is_template(tree: Tree, path: str) -> bool:
    """Whether Terraform renders the file: what it renders to is checked, not the template."""
    return path in tree.consulted and "${" in tree.read(path).text


def _read_overlays(tree: Tree, sources: Sources, parsed: Parsed) -> set[str]:
    """Build the overlays; the files that went into them are not manifests on their own."""
    from scanner.frontends.kustomize import build_overlays

    built, used = build_overlays(tree, sources.kustomizations)
    parsed.extend(built)
    return used


def _read_terraform(tree: Tree, sources: Sources, options: ScanOptions, parsed: Parsed) -> None:
    from scanner.frontends.terraform import TerraformOptions, read_root, root_modules

    terraform = TerraformOptions(options.var_files, options.variables, options.workspace, options.environment)
    for directory in root_modules(tree, sources.terraform_directories):
        parsed.extend(read_root(tree, directory, terraform))


def _read_plans(tree: Tree, sources: Sources, parsed: Parsed) -> None:
    from scanner.frontends.plan import join_sources, read_plan

    planned = Parsed()
    for path in sources.plans:
        planned.extend(read_plan(tree.read(path)))
    parsed.resources = join_sources(planned.resources, parsed.resources)
    parsed.diagnostics.extend(planned.diagnostics)


def _chart_values(options: ScanOptions) -> ChartValues:
    """Raises ``FileNotFoundError`` for a values file that does not exist."""
    from scanner.frontends.helm import ChartValues

    files = tuple((str(path), path.read_text("utf-8", "replace")) for path in options.values_files)
    return ChartValues(files, options.set_values, options.kube_version)


def _read_embedded(tree: Tree, parsed: Parsed, values: ChartValues) -> frozenset[str]:
    """Add the Kubernetes objects that Terraform deploys; the local charts among them are not rendered again."""
    if not any(resource.type.startswith(("kubernetes_", "kubectl_", "k8s_", "helm_")) for resource in parsed.resources):
        return frozenset()
    from scanner.frontends.embedded import embedded_objects

    deployed = embedded_objects(tree, list(parsed.resources), values)
    parsed.extend(deployed.parsed)
    return deployed.charts


def _read_chart(tree: Tree, chart: str, values: ChartValues, parsed: Parsed) -> None:
    from scanner.frontends.helm import render_chart

    parsed.extend(render_chart(tree, chart, values))


def _judge(tree: Tree, sources: Sources, parsed: Parsed, rules: list[CompiledRule], options: ScanOptions) -> ScanResult:
    from scanner.concepts import interpret

    graph = ResourceGraph(parsed.resources)
    concepts = interpret(graph)
    evaluation = evaluate_rules(rules, graph, concepts)
    prefix = _repository_prefix(tree.root)
    evaluation.findings = stamp(evaluation.findings, prefix)
    diagnostics = _located([*parsed.diagnostics, *concepts.diagnostics, *evaluation.diagnostics])
    kept, silenced, notes = _suppress(tree, evaluation, rules, options)
    return ScanResult(
        root=tree.root,
        tree=tree,
        graph=graph,
        concepts=concepts,
        rules={compiled.rule.id: compiled.rule for compiled in rules},
        findings=kept,
        undetermined=evaluation.undetermined,
        suppressed=silenced,
        diagnostics=[*diagnostics, *notes],
        files=_count(tree, sources),
        repository_prefix=prefix,
    )


def _located(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(dict.fromkeys(diagnostics), key=lambda item: (*item.span[:3], item.code, item.message))


def _count(tree: Tree, sources: Sources) -> int:
    terraform = sum(
        name.endswith((".tf", ".tofu", ".tf.json", ".tofu.json"))
        for directory in sources.terraform_directories
        for name in tree.list(directory)
    )
    return terraform + len(sources.manifests) + len(sources.charts) + len(sources.plans) + len(sources.azureml)


def _suppress(
    tree: Tree, evaluation: Evaluation, rules: list[CompiledRule], options: ScanOptions
) -> tuple[list[Finding], list[Suppressed], list[Diagnostic]]:
    if not options.inline_ignores:
        return evaluation.findings, [], []
    known = all_rules(options)
    selected = {compiled.rule.id for compiled in rules}
    found: list[Suppression] = []
    diagnostics: list[Diagnostic] = []
    for file in tree.files_read():
        if "kilter:ignore" in file.text:
            items, notes = suppressions(file.path, file.lines, known)
            found.extend(item for item in items if selected.issuperset(item.rules))
            diagnostics.extend(notes)
    kept, silenced, notes = apply_suppressions(
        evaluation.findings, found, options.today, lambda path: tree.read(path).lines
    )
    return kept, silenced, [*diagnostics, *notes]


def _repository_prefix(root: Path) -> str:
    """The path of the scan root inside its git repository, with a final slash; empty if it is the root."""
    for place in (root, *root.parents):
        if (place / ".git").exists():
            inside = root.relative_to(place).as_posix()
            return "" if inside == "." else f"{inside}/"
    return ""
