"""From resources to findings: graph, concepts, rules, suppressions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from scanner.core import Diagnostic, Finding, Resource
from scanner.engine.fingerprints import stamp
from scanner.engine.suppress import Suppressed, Surroundings, suppress
from scanner.graph import ResourceGraph
from scanner.project.discovery import Sources
from scanner.project.tree import Tree, Unreadable
from scanner.scan.options import ScanOptions, named_by_configuration
from scanner.scan.read import Reading, unheard
from scanner.scan.result import ScanResult
from scanner.scan.roots import repository_prefix
from scanner.scan.ruleset import RuleSet

if TYPE_CHECKING:
    from scanner.concepts.interpret import Concepts
    from scanner.concepts.placement import SiteName
    from scanner.engine.evaluate import Evaluation
    from scanner.project.config import FileSuppression


class Judgement(Struct):
    """What rules say of resources, before anything is suppressed."""

    graph: ResourceGraph
    concepts: Concepts
    evaluation: Evaluation

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What could not be worked out."""
        return [*self.concepts.diagnostics, *self.evaluation.diagnostics]


def judge(
    resources: Iterable[Resource],
    rules: RuleSet,
    root: Path,
    options: ScanOptions,
    sites: Sequence[SiteName] = (),
    elsewhere: Mapping[str, bool] | None = None,
) -> Judgement:
    """Link, interpret and check resources.

    ``sites`` and ``elsewhere`` tell what a part of a scan has to know of the rest; see ``interpret`` and
    ``evaluate_rules``.
    """
    from scanner.concepts.interpret import interpret
    from scanner.engine.evaluate import evaluate_rules

    graph = ResourceGraph(resources)
    concepts = interpret(graph, sites)
    (options.progress or unheard)(f"checking {len(graph)} resources")
    evaluation = evaluate_rules(rules.chosen, rules.compiled, graph, concepts, elsewhere)
    evaluation.findings = stamp(evaluation.findings, repository_prefix(root))
    return Judgement(graph, concepts, evaluation)


def conclude(
    tree: Tree, sources: Sources, reading: Reading, judged: Judgement, rules: RuleSet, options: ScanOptions
) -> ScanResult:
    """The answer of a scan that has read and judged everything."""
    resources = list(judged.graph.resources)
    evaluation = judged.evaluation
    files = {item.location.span.file for item in evaluation.findings} | {item.span.file for item in resources}
    kept, silenced, notes = silence(tree, files, resources, evaluation.findings, rules, options)
    return ScanResult(
        root=tree.root,
        tree=tree,
        graph=judged.graph,
        concepts=judged.concepts,
        rules={rule.id: rule for rule in rules.chosen},
        findings=kept,
        undetermined=evaluation.undetermined,
        suppressed=silenced,
        diagnostics=[*located([*reading.parsed.diagnostics, *judged.diagnostics]), *notes],
        files=count(tree, sources),
        resources=len(resources),
        units=directories_of(resources),
        repository_prefix=repository_prefix(tree.root),
        unsuppressible=rules.unsuppressible,
    )


def located(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics in the order of files and lines, each once."""
    return sorted(dict.fromkeys(diagnostics), key=lambda item: (*item.span[:3], item.code, item.message))


def directories_of(resources: Iterable[Resource]) -> dict[str, set[str]]:
    """By each root module, chart and overlay: the directories that hold its sources."""
    found: dict[str, set[str]] = {}
    deployed = set()
    for resource in resources:
        found.setdefault(resource.unit, set()).add(resource.span.file.rpartition("/")[0])
        if resource.origin != "kubernetes":
            deployed.add(resource.unit)
    return {unit: directories for unit, directories in found.items() if unit in deployed}


def count(tree: Tree, sources: Sources) -> int:
    """The number of files that front ends read."""
    terraform = sum(
        name.endswith((".tf", ".tofu", ".tf.json", ".tofu.json"))
        for directory in sources.terraform_directories
        for name in tree.list(directory)
    )
    files = (sources.manifests, sources.charts, sources.plans, sources.azureml, sources.vertex)
    return terraform + sum(map(len, files))


def silence(
    tree: Tree,
    files: Iterable[str],
    resources: Iterable[Resource],
    findings: Iterable[Finding],
    rules: RuleSet,
    options: ScanOptions,
) -> tuple[list[Finding], list[Suppressed], list[Diagnostic]]:
    """What ``suppress`` makes of findings; ``files`` are those that comments are looked for in, besides those read."""

    def shown(entry: FileSuppression) -> str:
        return Path(os.path.relpath(entry.place.file, tree.root)).as_posix()

    # what is taken over from another side or round was not read in this tree, and its comments hold all the same
    for file in files:
        with contextlib.suppress(Unreadable):
            tree.read(file)
    around = Surroundings(
        files=tree.files_read(),
        resources=resources,
        rules=rules.known,
        selected={rule.id for rule in rules.chosen},
        today=options.today,
        lines=lambda path: tree.read(path).lines,
        named=named_by_configuration(tree.root, options),
        shown=shown,
    )
    policy = replace(options.suppressions, unsuppressible=tuple(rules.unsuppressible))
    return suppress(findings, policy, around)
