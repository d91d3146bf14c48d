"""From resources to findings: graph, concepts, rules, suppressions."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.core import Diagnostic, Finding, Parsed
from scanner.engine.evaluate import Evaluation, evaluate_rules
from scanner.engine.fingerprints import stamp
from scanner.engine.suppress import Suppressed, Surroundings, suppress
from scanner.graph import ResourceGraph
from scanner.project.discovery import Sources
from scanner.project.tree import Tree, Unreadable
from scanner.scan.options import ScanOptions, named_by_configuration
from scanner.scan.read import unheard
from scanner.scan.result import ScanResult
from scanner.scan.roots import repository_prefix
from scanner.scan.ruleset import RuleSet

if TYPE_CHECKING:
    from scanner.project.config import FileSuppression


def judge(tree: Tree, sources: Sources, parsed: Parsed, rules: RuleSet, options: ScanOptions) -> ScanResult:
    """Link, interpret and check what was read, and take out what is suppressed."""
    from scanner.concepts import interpret

    graph = ResourceGraph(parsed.resources)
    concepts = interpret(graph)
    (options.progress or unheard)(f"checking {len(graph)} resources")
    evaluation = evaluate_rules(rules.compiled, graph, concepts)
    prefix = repository_prefix(tree.root)
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
    files = (sources.manifests, sources.charts, sources.plans, sources.azureml, sources.vertex)
    return terraform + sum(map(len, files))


def _suppress(
    tree: Tree, graph: ResourceGraph, evaluation: Evaluation, rules: RuleSet, options: ScanOptions
) -> tuple[list[Finding], list[Suppressed], list[Diagnostic]]:
    def shown(entry: FileSuppression) -> str:
        return Path(os.path.relpath(entry.place.file, tree.root)).as_posix()

    # what is taken over from another side or round was not read in this tree, and its comments hold all the same
    for file in {item.location.span.file for item in evaluation.findings} | {
        item.span.file for item in graph.resources
    }:
        with contextlib.suppress(Unreadable):
            tree.read(file)
    around = Surroundings(
        files=tree.files_read(),
        resources=graph.resources,
        rules=rules.known,
        selected={compiled.rule.id for compiled in rules.compiled},
        today=options.today,
        lines=lambda path: tree.read(path).lines,
        named=named_by_configuration(tree.root, options),
        shown=shown,
    )
    policy = replace(options.suppressions, unsuppressible=tuple(rules.unsuppressible))
    return suppress(evaluation.findings, policy, around)
