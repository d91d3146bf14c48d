"""The public API: ``scan(paths, options) -> ScanResult``, the one straight line through the program."""

from __future__ import annotations

import datetime
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import ne
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.core import Diagnostic, Finding, Parsed, Resource, SourceFile, Span, Undetermined
from scanner.engine.baseline import Compared, Entry, compare
from scanner.engine.evaluate import Evaluation, evaluate_rules
from scanner.engine.fingerprints import Identity, identity, match, stamp
from scanner.engine.rules import (
    CompiledRule,
    Rule,
    UnknownSelector,
    compile_rule,
    load_rules,
    select_rules,
    selected_by,
    with_severities,
)
from scanner.engine.suppress import Policy, Suppressed, Surroundings, suppress
from scanner.graph import ResourceGraph
from scanner.project.cache import NO_CACHE, Cache
from scanner.project.discovery import Sources, discover
from scanner.project.tree import Tree, Unreadable

if TYPE_CHECKING:
    from scanner.concepts.interpret import Concepts
    from scanner.frontends.helm import ChartValues
    from scanner.project.config import FileSuppression

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
    severities: Mapping[str, str] = field(default_factory=dict)
    """Severities by code, name or category; a code or name wins over a category."""
    suppressions: Policy = field(default_factory=Policy)
    config_directory: Path | None = None
    """What globs of the configuration are relative to; the scan root if there is none."""
    overlay: Mapping[str, str] = field(default_factory=dict)
    """Texts by path that stand in for files, or for var files outside the scan root."""
    today: datetime.date = field(default_factory=datetime.date.today)
    standard_input: str | None = None
    cache: Cache = NO_CACHE
    """Where parsed manifests, rendered charts and rules are kept between scans; nowhere by default."""
    baseline: tuple[Entry, ...] | None = None
    """Known findings that are not reported."""
    diff: str | None = None
    """A git revision: only what the change since then introduces is reported."""
    touched: bool = False
    """The paths are what changed in their repository, which is scanned; only what holds them is reported."""
    progress: Callable[[str], None] | None = None
    """Told what is being done."""


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
    unsuppressible: frozenset[str] = frozenset()
    """Codes of the rules that nothing silences."""
    scope: tuple[str, ...] = ("",)
    """The scanned paths, relative to ``root``."""
    compared_with: str = ""
    """The commit of ``--diff``, as the user would know it."""
    unchanged: int = 0
    """Findings that ``compared_with`` has too; they are not in ``findings``."""
    baselined: int = 0
    """Findings that the baseline has; they are not in ``findings`` either."""
    fixed: Mapping[Entry, int] = field(default_factory=dict)
    """Entries of the baseline that this scan should have found again and did not, and how often."""

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
    return load_rules([*(options.only_rules or (builtin_rules(),)), *options.rule_directories], options.cache)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every known rule, those that run, and the codes of those that nothing silences."""

    known: list[Rule]
    compiled: list[CompiledRule]
    unsuppressible: frozenset[str]


def rule_set(options: ScanOptions) -> RuleSet:
    """The rules of a scan. Raises ``RuleError`` and ``UnknownSelector``."""
    known = with_severities(all_rules(options), options.severities)
    chosen = select_rules(known, options.select, options.ignore, pedantic=options.pedantic)
    texts = options.suppressions.unsuppressible
    fixed = select_rules(known, texts, pedantic=True) if texts else []
    for rule in fixed:
        if any(selected_by(rule, text) for text in options.ignore):
            raise UnknownSelector(f"{rule.id} is unsuppressible in this project and cannot be ignored")
    for name in options.parameters:
        if not any(name in (rule.id, rule.name) for rule in known):
            select_rules(known, [name])
            raise UnknownSelector(f"parameters: {name!r} is not the code or name of one rule")
    compiled = [
        compile_rule(rule, options.parameters.get(rule.id) or options.parameters.get(rule.name)) for rule in chosen
    ]
    return RuleSet(known, compiled, frozenset(rule.id for rule in fixed))


def scan(paths: Sequence[Path], options: ScanOptions | None = None) -> ScanResult:
    """Scan files and directories. The scan root is their common directory.

    Raises ``FileNotFoundError`` for a path that does not exist, and what ``rule_set`` raises.
    """
    options = options or ScanOptions()
    rules = rule_set(options)
    root, relative = scan_root(paths)
    if options.touched:
        root, relative = _in_repository(root, relative)
    overlay = {STANDARD_INPUT: options.standard_input} if options.standard_input is not None else {}
    tree = Tree(root, {**options.overlay, **overlay})
    memory = Memory()
    result = _scan_tree(tree, relative, rules, options, memory)
    compared = _against_baseline(result, rules, options) if options.baseline is not None else None
    introduced = _introduced(result, relative, rules, options, memory) if options.diff is not None else None
    numbers = range(len(result.findings))
    unknown = set(numbers) if compared is None else set(compared.new)
    new = set(numbers) if introduced is None else set(introduced)
    result.unchanged = len(result.findings) - len(new)
    result.baselined = len(new - unknown)
    result.findings = [result.findings[number] for number in numbers if number in new & unknown]
    if compared is not None and introduced is None and not options.touched:
        result.fixed = {entry: count for entry, count in compared.missing.items() if covers(result, entry)}
    return result


def _against_baseline(result: ScanResult, rules: RuleSet, options: ScanOptions) -> Compared:
    compared = compare(identities(result), options.baseline or (), _gone(result))
    fixed = [n for n, finding in enumerate(result.findings) if finding.rule in rules.unsuppressible]
    return replace(compared, new=[*compared.new, *fixed])


def covers(result: ScanResult, entry: Entry) -> bool:
    """Whether a scan like this one would have found a baseline's entry: its rules, its paths, readable files."""
    file = entry.identity.file
    if entry.identity.rule not in result.rules or not file.startswith(result.repository_prefix):
        return False
    inside = file[len(result.repository_prefix) :]
    broken = any(item.level == "error" and item.span.file == inside for item in result.diagnostics)
    return not broken and any(not path or inside == path or inside.startswith(f"{path}/") for path in result.scope)


@dataclass
class Memory:
    """What was read of one side of a change, for the other side where it is the same."""

    parts: dict[tuple[str, str], Parsed] = field(default_factory=dict)
    consulted: set[str] = field(default_factory=set)
    """Files that Terraform functions read."""
    changed: frozenset[str] | None = None
    """The paths that differ between the sides; ``None`` while the first one is read."""

    def part(self, kind: str, path: str, same: Callable[[str], bool], read: Callable[[], Parsed]) -> Parsed:
        """What ``read`` gives, or gave for the other side if ``same`` is true of every changed path."""
        known = self.parts.get((kind, path))
        if known is not None and self.changed is not None and all(same(changed) for changed in self.changed):
            return known
        return self.parts.setdefault((kind, path), read()) if self.changed is None else read()


def _scan_tree(
    tree: Tree, relative: list[str], rules: RuleSet, options: ScanOptions, memory: Memory | None = None
) -> ScanResult:
    paths = [""] if options.touched else relative if options.standard_input is None else []
    sources = discover(tree, paths, options.exclude, _named(tree.root, options))
    if options.standard_input is not None:
        sources.manifests.append(STANDARD_INPUT)
    parsed = parse_sources(tree, sources, options, memory)
    result = _judge(tree, sources, parsed, rules, options)
    result.scope = tuple(relative)
    if options.touched:
        return _touched(result, relative)
    focus = {path for path in relative if path and tree.is_file(path)}
    return _focused(result, focus) if focus and len(focus) == len(relative) else result


def _focused(result: ScanResult, files: set[str]) -> ScanResult:
    """Only what concerns the files that were named; what surrounds them was read to understand them."""
    result.findings = [item for item in result.findings if item.location.span.file in files]
    result.suppressed = [item for item in result.suppressed if item.finding.location.span.file in files]
    result.undetermined = [item for item in result.undetermined if item.resource.locate().span.file in files]
    result.diagnostics = [item for item in result.diagnostics if item.span.file in files]
    return result


def _in_repository(root: Path, relative: list[str]) -> tuple[Path, list[str]]:
    prefix = _repository_prefix(root)
    top = root.parents[prefix.count("/") - 1] if prefix else root
    return top, [(prefix + path).rstrip("/") for path in relative]


def _touched(result: ScanResult, files: list[str]) -> ScanResult:
    """Only the units that hold one of the files: root modules, charts, overlays; of plain manifests only the files.

    The rest of the repository was read all the same, because what one unit lacks another one may have.
    """
    named = set(files)
    units = _touched_units(result.graph, files)

    def holds(resource: Resource, place: Span) -> bool:
        return place.file in named or (resource.origin != "kubernetes" and resource.unit in units)

    result.findings = [item for item in result.findings if holds(item.resource, item.location.span)]
    result.suppressed = [s for s in result.suppressed if holds(s.finding.resource, s.finding.location.span)]
    result.undetermined = [item for item in result.undetermined if holds(item.resource, item.resource.span)]
    result.diagnostics = [
        item for item in result.diagnostics if item.span.file in named or posixpath.dirname(item.span.file) in units
    ]
    return result


def _touched_units(graph: ResourceGraph, files: list[str]) -> set[str]:
    """The units that a file lies in, next to its sources, or nearest above it."""
    directories = {posixpath.dirname(file) for file in files}
    units = {resource.unit for resource in graph.resources if resource.origin != "kubernetes"}
    touched = {r.unit for r in graph.resources if posixpath.dirname(r.span.file) in directories}
    for place in directories:
        while place and place not in units:
            place = posixpath.dirname(place)
        touched.add(place)
    return touched & units


def _introduced(
    result: ScanResult, relative: list[str], rules: RuleSet, options: ScanOptions, memory: Memory
) -> list[int]:
    """The findings that the base does not have; other results that it has too are dropped. Raises ``GitError``."""
    from scanner.project.git import GitTree, find_base

    base = find_base(result.root, options.diff or "")
    tree = GitTree(result.root, base)
    tree.overlay.update(options.overlay)
    result.compared_with = base.name
    memory.changed = tree.changed()
    if not memory.changed:
        result.undetermined, result.diagnostics = [], []
        return []
    before = _scan_tree(tree, relative, rules, options, memory)
    new, _ = match(identities(result), identities(before), _gone(result))
    known = {(item.rule, item.resource.unit, item.resource.address) for item in before.undetermined}
    result.undetermined = [
        item for item in result.undetermined if (item.rule, item.resource.unit, item.resource.address) not in known
    ]
    reported = {(item.code, item.message, item.span.file) for item in before.diagnostics}
    result.diagnostics = [d for d in result.diagnostics if (d.code, d.message, d.span.file) not in reported]
    if base.note:
        result.diagnostics.append(Diagnostic("note", "diff-base", base.note, Span(".", 1, 1, 1, 1)))
    return new


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


def parse_sources(tree: Tree, sources: Sources, options: ScanOptions, memory: Memory | None = None) -> Parsed:
    """Every resource that the front ends can read, and diagnostics for the rest."""
    memory = memory or Memory()
    from scanner.frontends.azureml import read_azureml
    from scanner.frontends.kubernetes import read_manifests

    parsed = Parsed()
    manifests = frozenset(sources.manifests)
    for path, code, message in sources.unreadable:
        parsed.diagnostics.append(Diagnostic("error", code, message, Span(path, 1, 1, 1, 1)))
    if sources.terraform_directories:
        _read_terraform(tree, sources, options, parsed, memory)
    built = _read_overlays(tree, sources, parsed) if sources.kustomizations else set()
    note = options.progress or _unheard
    for path in (*sources.manifests, *sources.azureml):
        note(f"reading {path}")
        if path in built or _is_template(tree, path):
            continue
        read = partial(read_manifests, cache=options.cache) if path in manifests else read_azureml
        parsed.extend(memory.part("file", path, partial(ne, path), partial(_read_file, tree, path, read)))
    if sources.plans:
        _read_plans(tree, sources, parsed)
    values = _chart_values(options)
    deployed = _read_embedded(tree, parsed, values)
    _read_twins(parsed)
    for chart in sources.charts:
        note(f"rendering {chart}")
        if chart not in deployed:
            same = partial(_outside, [chart])
            parsed.extend(memory.part("chart", chart, same, partial(_read_chart, tree, chart, values, options.cache)))
    return parsed


def _read_file(tree: Tree, path: str, read: Callable[[SourceFile, str], Parsed]) -> Parsed:
    try:
        return read(tree.read(path), path.rpartition("/")[0])
    except Unreadable as error:
        return Parsed(diagnostics=[Diagnostic("error", error.code, error.message, Span(path, 1, 1, 1, 1))])


def _outside(directories: Iterable[str], path: str) -> bool:
    """Whether a path is none of the directories and in none of them."""
    return all(place and path != place and not path.startswith(f"{place}/") for place in directories)


def _unheard(_: str) -> None:
    """Nobody wants to know."""


def _is_template(tree: Tree, path: str) -> bool:
    """Whether Terraform renders the file: what it renders to is checked, not the template."""
    return path in tree.consulted and "${" in tree.read(path).text


def _read_overlays(tree: Tree, sources: Sources, parsed: Parsed) -> set[str]:
    """Build the overlays; the files that went into them are not manifests on their own."""
    from scanner.frontends.kustomize import build_overlays

    built, used = build_overlays(tree, sources.kustomizations)
    parsed.extend(built)
    return used


def _read_terraform(tree: Tree, sources: Sources, options: ScanOptions, parsed: Parsed, memory: Memory) -> None:
    from scanner.frontends.terraform import TerraformOptions, read_root, root_modules

    terraform = TerraformOptions(options.var_files, options.variables, options.workspace, options.environment)
    roots = root_modules(tree, sources.terraform_directories)
    for directory in roots:
        (options.progress or _unheard)(f"evaluating {directory or tree.root.name}")
        # a change in another root stays there; one in a called module or in a file that is read may reach any root
        reaching = {place for place in sources.terraform_directories if place not in roots} | {directory}
        reaching |= memory.consulted | set(options.var_files)
        read = partial(read_root, tree, directory, terraform)
        parsed.extend(memory.part("root", directory, partial(_outside, reaching), read))
    if memory.changed is None:
        memory.consulted = set(tree.consulted)
    else:
        tree.consulted.update(memory.consulted)


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


def _read_twins(parsed: Parsed) -> None:
    """Add what ``azapi_resource`` and calls of public modules stand for."""
    from scanner.frontends.twins import TYPES, twins

    if any(resource.type in TYPES for resource in parsed.resources):
        parsed.resources.extend(twins(parsed.resources))


def _read_chart(tree: Tree, chart: str, values: ChartValues, cache: Cache) -> Parsed:
    from scanner.frontends.helm import render_chart

    return render_chart(tree, chart, values, cache)


def _judge(tree: Tree, sources: Sources, parsed: Parsed, rules: RuleSet, options: ScanOptions) -> ScanResult:
    from scanner.concepts import interpret

    graph = ResourceGraph(parsed.resources)
    concepts = interpret(graph)
    (options.progress or _unheard)(f"checking {len(graph)} resources")
    evaluation = evaluate_rules(rules.compiled, graph, concepts)
    prefix = _repository_prefix(tree.root)
    evaluation.findings = stamp(evaluation.findings, prefix)
    diagnostics = _located([*parsed.diagnostics, *concepts.diagnostics, *evaluation.diagnostics])
    kept, silenced, notes = _suppress(tree, graph, evaluation, rules, options)
    return ScanResult(
        root=tree.root,
        tree=tree,
        graph=graph,
        concepts=concepts,
        rules={compiled.rule.id: compiled.rule for compiled in rules.compiled},
        findings=kept,
        undetermined=evaluation.undetermined,
        suppressed=silenced,
        diagnostics=[*diagnostics, *notes],
        files=_count(tree, sources),
        repository_prefix=prefix,
        unsuppressible=rules.unsuppressible,
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
    tree: Tree, graph: ResourceGraph, evaluation: Evaluation, rules: RuleSet, options: ScanOptions
) -> tuple[list[Finding], list[Suppressed], list[Diagnostic]]:
    def shown(entry: FileSuppression) -> str:
        return Path(os.path.relpath(entry.place.file, tree.root)).as_posix()

    around = Surroundings(
        files=tree.files_read(),
        resources=graph.resources,
        rules=rules.known,
        selected={compiled.rule.id for compiled in rules.compiled},
        today=options.today,
        lines=lambda path: tree.read(path).lines,
        named=_named(tree.root, options),
        shown=shown,
    )
    policy = replace(options.suppressions, unsuppressible=tuple(rules.unsuppressible))
    return suppress(evaluation.findings, policy, around)


def _named(root: Path, options: ScanOptions) -> Callable[[str], str]:
    """Scanned files as the configuration names them: relative to its own directory."""
    if options.config_directory is None or options.config_directory == root:
        return str
    inside = os.path.relpath(root, options.config_directory).replace(os.sep, "/")
    return lambda path: posixpath.normpath(f"{inside}/{path}")


def _repository_prefix(root: Path) -> str:
    """The path of the scan root inside its git repository, with a final slash; empty if it is the root."""
    for place in (root, *root.parents):
        if (place / ".git").exists():
            inside = root.relative_to(place).as_posix()
            return "" if inside == "." else f"{inside}/"
    return ""
