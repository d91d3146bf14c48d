"""From sources to resources: every front end over what was discovered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import ne
from typing import TYPE_CHECKING

from msgspec import Struct, field

from scanner.core import Diagnostic, Parsed, Resource, SourceFile, Span
from scanner.project.cache import Cache
from scanner.project.discovery import Sources
from scanner.project.tree import Trace, Tree, Unreadable
from scanner.scan.options import ScanOptions

if TYPE_CHECKING:
    from scanner.frontends.helm import ChartValues, RenderTime
    from scanner.frontends.terraform.configuration import Configuration


class Memory(Struct):
    """What was read of one side of a change, for the other side where it is the same."""

    parts: dict[tuple[str, str], Parsed] = field(default_factory=dict)
    consulted: set[str] = field(default_factory=set)
    """Files that Terraform functions read."""
    templates: set[str] = field(default_factory=set)
    """Those of them that are templates."""
    changed: frozenset[str] | None = None
    """The paths that differ between the sides; ``None`` while the first one is read."""

    def part(self, kind: str, path: str, same: Callable[[str], bool], read: Callable[[], Parsed]) -> Parsed:
        """What ``read`` gives, or gave for the other side if ``same`` is true of every changed path."""
        known = self.parts.get((kind, path))
        read = partial(_contained, path, read)
        if known is not None and self.changed is not None and all(same(changed) for changed in self.changed):
            return known
        return self.parts.setdefault((kind, path), read()) if self.changed is None else read()


def _contained(path: str, read: Callable[[], Parsed]) -> Parsed:
    """What ``read`` gives; a defect that one part brings out must not cost the others."""
    try:
        return read()
    except Unreadable as error:
        code, message = error.code, error.message
    except Exception as error:
        code, message = "internal-error", f"{path} could not be read: {type(error).__name__}: {error}"
    return Parsed(diagnostics=[Diagnostic("error", code, message, Span(path, 1, 1, 1, 1))])


class Part(Struct):
    """What one source gave: a root module with what it deploys, all overlays, a file, a chart."""

    kind: str
    path: str
    parsed: Parsed
    trace: Trace
    deployed: Parsed = field(default_factory=Parsed)
    charts: frozenset[str] = frozenset()
    """Local charts that a root module deploys."""

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What could not be read."""
        return [*self.parsed.diagnostics, *self.deployed.diagnostics]

    @property
    def units(self) -> set[str]:
        """The units of what was read."""
        return {item.unit for item in (*self.parsed.resources, *self.deployed.resources)}


class Reading(Struct):
    """Everything that was read, and the parts that it is made of."""

    parsed: Parsed = field(default_factory=Parsed)
    parts: list[Part] = field(default_factory=list)
    built: set[str] = field(default_factory=set)
    """The files that went into overlays."""
    rendered: set[str] = field(default_factory=set)
    """Files that would be manifests, but are templates that Terraform renders."""
    calls: dict[str, set[str]] = field(default_factory=dict)
    """By directory of Terraform: the other ones that it calls as modules."""


def parse_sources(
    tree: Tree,
    sources: Sources,
    options: ScanOptions,
    memory: Memory | None = None,
    roots: Sequence[str] | None = None,
) -> Reading:
    """Every resource that the front ends can read, and diagnostics for the rest.

    ``roots`` are the root modules among the directories of Terraform, where they are known.
    """
    memory = memory or Memory()
    from scanner.frontends.azureml import read_azureml
    from scanner.frontends.kubernetes import read_manifests
    from scanner.frontends.vertex import read_vertex

    reading = Reading()
    parsed = reading.parsed
    others = {**dict.fromkeys(sources.azureml, read_azureml), **dict.fromkeys(sources.vertex, read_vertex)}
    for path, code, message in sources.unreadable:
        parsed.diagnostics.append(Diagnostic("error", code, message, Span(path, 1, 1, 1, 1)))
    if sources.terraform_directories:
        _read_terraform(tree, sources, options, reading, memory, roots)
    if sources.kustomizations:
        _read_overlays(tree, sources, reading)
    note = options.progress or unheard
    for path in (*sources.manifests, *others):
        note(f"reading {path}")
        if path in reading.built:
            continue
        if _is_template(tree, path):
            reading.rendered.add(path)
            continue
        read = partial(_read_file, tree, path, others.get(path) or partial(read_manifests, cache=options.cache))
        _add(reading, tree, "file", path, partial(memory.part, "file", path, partial(ne, path), read))
    if sources.plans:
        _read_plans(tree, sources, parsed)
    values, shared = _chart_values(options)
    deployed = _read_embedded(tree, reading, values, shared)
    _read_twins(parsed)
    for chart in sources.charts:
        note(f"rendering {chart}")
        if chart not in deployed:
            read_chart = partial(_read_chart, tree, chart, values, options.cache, shared)
            same = partial(_outside, [chart])
            _add(reading, tree, "chart", chart, partial(memory.part, "chart", chart, same, read_chart))
    return reading


def _add(reading: Reading, tree: Tree, kind: str, path: str, read: Callable[[], Parsed]) -> None:
    with tree.tracing() as trace:
        part = Part(kind, path, read(), trace)
    reading.parts.append(part)
    reading.parsed.extend(part.parsed)


def _read_file(tree: Tree, path: str, read: Callable[[SourceFile, str], Parsed]) -> Parsed:
    return read(tree.read(path), path.rpartition("/")[0])


def _outside(directories: Iterable[str], path: str) -> bool:
    """Whether a path is none of the directories and in none of them."""
    return all(place and path != place and not path.startswith(f"{place}/") for place in directories)


def unheard(_: str) -> None:
    """Nobody wants to know."""


def _is_template(tree: Tree, path: str) -> bool:
    """Whether Terraform renders the file: what it renders to is checked, not the template."""
    return path in tree.templates and "${" in tree.read(path).text


def _read_overlays(tree: Tree, sources: Sources, reading: Reading) -> None:
    """Build the overlays; the files that went into them are not manifests on their own."""
    from scanner.frontends.kustomize import build_overlays

    def read() -> Parsed:
        built, used = build_overlays(tree, sources.kustomizations)
        reading.built.update(used)
        return built

    _add(reading, tree, "overlays", "", read)


def _read_terraform(
    tree: Tree,
    sources: Sources,
    options: ScanOptions,
    reading: Reading,
    memory: Memory,
    roots: Sequence[str] | None,
) -> None:
    from scanner.frontends.terraform import TerraformOptions, called_modules, read_root, root_modules

    terraform = TerraformOptions(options.var_files, options.variables, options.workspace, options.environment)
    configurations: dict[str, Configuration] = {}
    if roots is None:
        roots = root_modules(tree, sources.terraform_directories, configurations)
    reading.calls = {directory: called_modules(known) for directory, known in configurations.items()}
    # a change in another root stays there; one in a called module or in a file that is read may reach any root
    reaching = {*sources.terraform_directories} - {*roots} | memory.consulted | {*options.var_files}
    reached = not all(_outside(reaching, path) for path in memory.changed or ())
    for directory in roots:
        (options.progress or unheard)(f"evaluating {directory or tree.root.name}")
        read = partial(read_root, tree, directory, terraform, configurations)
        same = partial(_outside, [""] if reached else [directory])
        _add(reading, tree, "root", directory, partial(memory.part, "root", directory, same, read))
    if memory.changed is None:
        memory.consulted, memory.templates = set(tree.consulted), set(tree.templates)
    else:
        tree.consulted.update(memory.consulted)
        tree.templates.update(memory.templates)


def _read_plans(tree: Tree, sources: Sources, parsed: Parsed) -> None:
    from scanner.frontends.plan import join_sources, read_plan

    planned = Parsed()
    for path in sources.plans:
        planned.extend(_contained(path, lambda path=path: read_plan(tree.read(path))))  # type: ignore[misc]
    parsed.resources = join_sources(planned.resources, parsed.resources)
    parsed.diagnostics.extend(planned.diagnostics)


def _chart_values(options: ScanOptions) -> tuple[ChartValues, RenderTime]:
    """What charts are given, and the time that they share. Raises ``FileNotFoundError``."""
    from scanner.frontends.helm import ChartValues, RenderTime

    files = tuple((str(path), path.read_text("utf-8", "replace")) for path in options.values_files)
    return ChartValues(files, options.set_values, options.kube_version), RenderTime()


def _read_embedded(tree: Tree, reading: Reading, values: ChartValues, shared: RenderTime) -> frozenset[str]:
    """Add the Kubernetes objects that Terraform deploys; the local charts among them are not rendered again."""
    parsed = reading.parsed
    if not any(resource.type.startswith(("kubernetes_", "kubectl_", "k8s_", "helm_")) for resource in parsed.resources):
        return frozenset()
    from scanner.frontends.embedded import embedded_objects, place_in_manifests

    manifests = [item for item in parsed.resources if item.origin == "kubernetes" and item.span.file in tree.consulted]
    groups: dict[str, list[Resource]] = {}
    for resource in parsed.resources:
        groups.setdefault(resource.unit if resource.origin == "terraform" else "", []).append(resource)
    roots = {part.path: part for part in reading.parts if part.kind == "root"}
    charts: set[str] = set()
    twice: set[Resource] = set()
    for unit, resources in groups.items():
        with tree.tracing() as trace:
            deployed = embedded_objects(tree, resources, values, shared)
        twice.update(place_in_manifests(deployed.parsed.resources, manifests))
        parsed.extend(deployed.parsed)
        charts.update(deployed.charts)
        if unit in roots:
            roots[unit].deployed, roots[unit].charts = deployed.parsed, deployed.charts
            roots[unit].trace.add(trace)
    parsed.resources = [item for item in parsed.resources if item not in twice]
    return frozenset(charts)


def _read_twins(parsed: Parsed) -> None:
    """Add what ``azapi_resource`` and calls of public modules stand for."""
    from scanner.frontends.twins import TYPES, twins

    if any(resource.type in TYPES for resource in parsed.resources):
        parsed.resources.extend(twins(parsed.resources))


def _read_chart(tree: Tree, chart: str, values: ChartValues, cache: Cache, shared: RenderTime) -> Parsed:
    from scanner.frontends.helm import render_chart

    return render_chart(tree, chart, values, cache, shared)
