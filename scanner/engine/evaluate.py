"""Evaluation: compiled rules over a graph and its concepts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from scanner.concepts.model import Concept, PodSet
from scanner.core import (
    AtLeast,
    Change,
    Diagnostic,
    Finding,
    Path,
    Resource,
    Severity,
    Span,
    Undetermined,
    Unknown,
    get,
    is_unknown,
)
from scanner.engine.compile import CONCEPTS, MESSAGE_NAMES, PLACEHOLDER, CompiledRule
from scanner.engine.conditions import ConceptSource, World
from scanner.engine.fix import changes_of
from scanner.engine.guards import Subjects, guards_of
from scanner.engine.limits import PatternLimit, StepLimit
from scanner.engine.logic import Undecided
from scanner.engine.paths import CompiledPath, Found, Frame, compile_path
from scanner.engine.rules import Rule
from scanner.graph import ResourceGraph

MAX_SHOWN = 120
MAX_SHOWN_ITEMS = 40


class Evaluation(Struct):
    """What the rules say: findings and undecided results in the order of files and lines."""

    findings: list[Finding] = field(default_factory=list)
    undetermined: list[Undetermined] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def evaluate_rules(
    rules: Sequence[Rule],
    compiled: Callable[[Rule], CompiledRule],
    graph: ResourceGraph,
    concepts: ConceptSource,
    elsewhere: Mapping[str, bool] | None = None,
) -> Evaluation:
    """Run every rule on everything that it selects; only what there is something to run on is compiled.

    ``elsewhere`` answers the questions of ``scanner.engine.questions`` for what the graph leaves out.
    """
    evaluation = Evaluation()
    world = World(graph, concepts, elsewhere or {})
    names = {name for rule in rules for name in rule.select}
    subjects = Subjects({name: _subjects(name, graph, concepts) for name in names})
    failures: list[_Failure] = []
    limits: dict[str, Diagnostic] = {}
    for rule in rules:
        world.watch.rule = 0.0
        guards, ready = guards_of(rule.where), None
        for subject, resource in chain.from_iterable(subjects.of(name, guards) for name in rule.select):
            world.steps.file = resource.span.file
            try:
                ready = ready or compiled(rule)
                failures.extend(_run(ready, subject, resource, world, evaluation))
            except PatternLimit as error:
                message = f"rule {rule.id} is not applied from here on: {error}"
                evaluation.diagnostics.append(Diagnostic("error", "pattern-limit", message, resource.locate().span))
                break
            except StepLimit as error:
                limits.setdefault(resource.span.file, _too_long(rule.id, resource, error))
            except Exception as error:  # a defect in one rule must not cost the results of the others
                evaluation.diagnostics.append(_defect(rule.id, resource, error, resource.locate().span))
    evaluation.diagnostics.extend(limits.values())
    findings = _once_a_unit(_placed(failures, evaluation), {rule.id for rule in rules if rule.once})
    findings = _without_shared_changes(_without_defined(findings, concepts), graph)
    evaluation.findings = _distinct(sorted(findings, key=finding_order))
    evaluation.undetermined.sort(key=undetermined_order)
    return evaluation


class _Failure(Struct, frozen=True):
    """A finding whose place has not been looked up yet."""

    rule: str
    severity: Severity
    message: str
    resource: Resource
    path: Path
    changes: tuple[Change, ...]


def _placed(failures: Iterable[_Failure], evaluation: Evaluation) -> list[Finding]:
    """The findings with their places, looked up resource by resource: a locator reads its text but once then."""
    by_resource: dict[Resource, list[_Failure]] = {}
    for failure in failures:
        by_resource.setdefault(failure.resource, []).append(failure)
    findings = []
    for item in chain.from_iterable(by_resource.values()):
        resource, path = item.resource, item.path
        try:
            place = resource.locate(path)
        except Exception as error:  # a defect in one locator must not cost the results of the others
            evaluation.diagnostics.append(_defect(item.rule, resource, error, resource.span))
            continue
        findings.append(Finding(item.rule, item.severity, item.message, resource, path, place, changes=item.changes))
    return findings


def _too_long(rule: str, resource: Resource, error: StepLimit) -> Diagnostic:
    message = (
        f"{error}: rule {rule} and others are not decided for {resource.address} and what else has such long lists"
    )
    return Diagnostic("error", "rule-limit", message, resource.locate().span)


def _defect(rule: str, resource: Resource, error: Exception, span: Span) -> Diagnostic:
    message = f"rule {rule} failed on {resource.address}: {type(error).__name__}: {error}"
    return Diagnostic("error", "internal-error", message, span)


def _once_a_unit(findings: list[Finding], once: set[str]) -> list[Finding]:
    """The findings; of each rule in ``once`` only the first of each unit."""
    by_rule: dict[str, list[Finding]] = {rule: [] for rule in once}
    kept: list[Finding] = []
    for finding in findings:
        by_rule.get(finding.rule, kept).append(finding)
    return [*kept, *chain.from_iterable(map(_first_of_each_unit, by_rule.values()))]


def _first_of_each_unit(findings: list[Finding]) -> list[Finding]:
    """The first finding of each unit; units that share the module it stands in share the finding."""
    first: dict[str, Finding] = {}
    for finding in sorted(findings, key=finding_order):
        first.setdefault(finding.resource.unit, finding)
    return list({finding.location.span: finding for finding in reversed(first.values())}.values())


def _without_defined(findings: list[Finding], concepts: ConceptSource) -> list[Finding]:
    """Leave out what a workload has from its runtime where the same rule says it of the runtime itself."""
    runtimes: dict[Resource, list[Resource]] = {}
    for pods in concepts.of_kind("PodSet"):
        if isinstance(pods, PodSet) and pods.defined_by is not None:
            runtimes.setdefault(pods.resource, []).append(pods.defined_by)
    said = {(finding.rule, finding.resource) for finding in findings} if runtimes else set()
    return [
        finding
        for finding in findings
        if not any((finding.rule, runtime) in said for runtime in runtimes.get(finding.resource, ()))
        or get(finding.resource.attributes, *finding.path) is not None
    ]


def _without_shared_changes(findings: list[Finding], graph: ResourceGraph) -> list[Finding]:
    """Take the changes from findings whose block makes other instances too, for which they would be wrong."""
    places = {finding.resource.span for finding in findings if finding.changes and _expandable(finding.resource)}
    if not places:
        return findings
    instances = Counter(item.span for item in graph.resources if item.span in places and _expandable(item))
    alike: dict[tuple[str, Span, str], set[int]] = {}
    for finding in findings:
        alike.setdefault(_remedy(finding), set()).add(id(finding.resource))
    return [
        replace(finding, changes=())
        if finding.changes and len(alike[_remedy(finding)]) < instances[finding.resource.span]
        else finding
        for finding in findings
    ]


def _expandable(resource: Resource) -> bool:
    """Whether the resource's block may make several resources: by count, for_each, or calls of its module."""
    return resource.origin == "terraform" and resource.parent is None


def _remedy(finding: Finding) -> tuple[str, Span, str]:
    return finding.rule, finding.resource.span, repr(finding.changes)


def finding_order(finding: Finding) -> tuple[Any, ...]:
    """The order of files and lines."""
    return (*finding.location.span[:3], finding.rule, finding.resource.address, finding.message)


def undetermined_order(item: Undetermined) -> tuple[Any, ...]:
    """The order of files, then of rules: where exactly a resource stands is not looked up for what is undecided."""
    return (item.resource.span.file, item.rule, item.resource.unit, item.resource.address, repr(item.path))


def _distinct(findings: list[Finding]) -> list[Finding]:
    """One cause, one finding: the same rule and message at the same place is reported once.

    Overlays that build one manifest under several names share its mistakes, so their names do not count.
    """
    seen: set[tuple[Any, ...]] = set()
    result = []
    for finding in findings:
        built = finding.resource.origin == "kustomize"
        message = finding.message.replace(shown(finding.resource.name), "") if built else finding.message
        key = (finding.rule, finding.location.span, message)
        if key not in seen:
            seen.add(key)
            result.append(finding)
    return result


def _subjects(name: str, graph: ResourceGraph, concepts: ConceptSource) -> list[tuple[Found, Resource]]:
    """What a name selects: the concepts of a kind, or the resources of a type."""
    if name in CONCEPTS:
        return [(Found(concept, concept.at), concept.resource) for concept in concepts.of_kind(name)]
    return [(Found(resource.attributes, ()), resource) for resource in graph.of_type(name)]


def _run(
    compiled: CompiledRule, subject: Found, resource: Resource, world: World, evaluation: Evaluation
) -> Iterator[_Failure]:
    frame = Frame(subject, subject, subject, resource)
    whole = compiled.where(frame, world) if compiled.of_subject else None
    if whole is False:
        return
    for item in compiled.each.find(frame) if compiled.each is not None else [subject]:
        if is_unknown(item.value):
            continue
        current = Frame(subject, item, subject, resource)
        applies = compiled.where(current, world) if whole is None else whole
        if applies is False:
            continue
        world.pointer = None
        holds = compiled.condition(current, world)
        if holds is True:
            continue
        doubt = subject.value.doubt if isinstance(subject.value, Concept) else None
        if isinstance(holds, Undecided) or isinstance(applies, Undecided) or doubt is not None:
            causes = [c for truth in (applies, holds) if isinstance(truth, Undecided) for c in truth.causes]
            causes += [doubt] if doubt is not None else []
            evaluation.undetermined.append(
                Undetermined(compiled.rule.id, resource, item.source or (), tuple(dict.fromkeys(causes)))
            )
            continue
        path = _place(compiled, current, item, world)
        yield _Failure(
            compiled.rule.id,
            _severity(compiled, current, world),
            render_message(compiled, current),
            resource,
            path,
            changes_of(compiled.fix, current, world, compiled.parameters) if compiled.fix else (),
        )


def _place(compiled: CompiledRule, frame: Frame, item: Found, world: World) -> Path:
    if compiled.at is not None:
        source = compiled.at.source(frame)
        return () if source is None else source
    pointed = world.pointer
    if pointed is not None:
        return pointed
    return item.source if compiled.each is not None and item.source is not None else ()


def _severity(compiled: CompiledRule, frame: Frame, world: World) -> Severity:
    for condition, severity in compiled.severities:
        if condition(frame, world) is True:
            return severity
    return compiled.rule.severity


def render_message(compiled: CompiledRule, frame: Frame) -> str:
    """The rule's message with its placeholders filled in."""

    def substitute(match: re.Match[str]) -> str:
        name = match[1]
        if name in MESSAGE_NAMES:
            return shown(getattr(frame.resource, name))
        if name.startswith("param."):
            return shown(compiled.parameters.get(name.removeprefix("param.")))
        if name.startswith("value."):
            return _as(compiled.values[name.removeprefix("value.")](frame), match[2] or "")
        path: CompiledPath = compile_path(name)
        values = [found.value for found in path.find(frame)]
        if len(values) == 1 and isinstance(values[0], list) and match[2] == "join":
            values = values[0]
        return _listed([_as(value, match[2] or "") for value in values[: MAX_SHOWN_ITEMS + 1]], len(values))

    return PLACEHOLDER.sub(substitute, compiled.rule.message)


def _listed(texts: list[str], number: int) -> str:
    """Texts for a message, where they are the first of ``number``."""
    if number > MAX_SHOWN_ITEMS:
        return f"{', '.join(texts[:MAX_SHOWN_ITEMS])} and {number - MAX_SHOWN_ITEMS:,} more"
    return ", ".join(texts) if texts else "(not set)"


def _as(value: Any, form: str) -> str:
    """A value as ``bytes`` (64 MiB) or as ``count NOUN`` (1 replica, 2 replicas); any other as it is."""
    if form.startswith("count "):
        number = value.least if isinstance(value, AtLeast) else value
        return f"{shown(value)} {form.removeprefix('count ')}{'' if number == 1 else 's'}"
    if form == "bytes" and isinstance(value, int | float) and not isinstance(value, bool):
        size, units = float(value), ["bytes", "KiB", "MiB", "GiB", "TiB"]
        while size >= 1024 and len(units) > 1:
            size /= 1024
            units.pop(0)
        return f"{size:.1f}".removesuffix(".0") + f" {units[0]}"
    return shown(value)


def shown(value: Any) -> str:
    """A value for a message: short, on one line, without control characters."""
    if isinstance(value, Unknown):
        return f"at least {value.least}" if isinstance(value, AtLeast) else "(unknown)"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else "null" if value is None else str(value)
    text = "".join(char if char.isprintable() else " " for char in text[: MAX_SHOWN + 1])
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
