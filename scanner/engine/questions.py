"""Questions that rules ask about the whole scan (``present`` with ``scope: scan``), and what each unit answers.

They are the only way in which a rule sees a unit that nothing joins to its subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scanner.core import Resource
from scanner.core.patterns import lazy_pattern
from scanner.engine.compile import CONCEPTS
from scanner.engine.conditions import (
    ConceptSource,
    Condition,
    Names,
    World,
    believed,
    compile_condition,
    item_of,
    question_key,
    targets_of,
)
from scanner.engine.logic import Truth
from scanner.engine.paths import Found, Frame
from scanner.engine.rules import Rule
from scanner.graph import ResourceGraph

_OUTWARD = lazy_pattern(r"'[$^]")
"""A path in a condition that leads to the rule's own subject."""


class Question(Struct, frozen=True):
    """One ``present``: what it looks for, and what must hold for it."""

    key: str
    targets: tuple[str, ...]
    condition: Condition
    subjects: frozenset[str]
    """What the asking rules select."""
    outward: bool
    """Whether the answer depends on the subject."""


def questions(rules: Iterable[tuple[Rule, Mapping[str, Any]]]) -> list[Question]:
    """The questions of rules with their parameters, each once."""
    found: dict[str, Question] = {}
    for rule, parameters in rules:
        if b"scan" not in bytes(rule):  # told in a tenth of the time that a walk through it takes
            continue
        names = Names(parameters, frozenset(CONCEPTS), pointing=False)
        for data in _asked([rule.where, rule.condition, rule.severity_when, rule.fix]):
            key = question_key(data, parameters)
            known = found.get(key)
            if known is not None:
                found[key] = replace(known, subjects=known.subjects.union(rule.select))
                continue
            condition = compile_condition(data.get("where", {}), names)
            outward = bool(_OUTWARD.search(repr(data.get("where"))))
            found[key] = Question(key, tuple(targets_of(data["type"])), condition, frozenset(rule.select), outward)
    return list(found.values())


def _asked(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        present = value.get("present")
        if isinstance(present, dict) and present.get("scope") == "scan":
            yield present
        for item in value.values():
            yield from _asked(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _asked(item)


def selected(names: Iterable[str], graph: ResourceGraph, concepts: ConceptSource) -> Iterator[Resource]:
    """The resources that are or carry one of the named types and concepts."""
    for name in names:
        if name in CONCEPTS:
            yield from dict.fromkeys(concept.resource for concept in concepts.of_kind(name))
        else:
            yield from graph.of_type(name)


def answers(question: Question, graph: ResourceGraph, concepts: ConceptSource) -> Iterator[tuple[str, Truth]]:
    """(unit, truth) for each thing that a question looks for, whatever the subject."""
    world = World(graph, concepts)
    names = Names({}, frozenset(CONCEPTS))
    for resource in dict.fromkeys(selected(question.targets, graph, concepts)):
        for item in item_of(resource, list(question.targets), names, world):
            nothing = Found(None, None)
            yield resource.unit, believed(question.condition(Frame(nothing, item, nothing, resource), world), item)
