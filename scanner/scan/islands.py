"""Islands: units that nothing joins to the rest of a scan, and what a unit shows to the others.

As long as a unit shows the others the same, a change in it concerns nothing outside its island.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from scanner.concepts.placement import SiteName
from scanner.core import Resource
from scanner.engine.logic import Undecided
from scanner.engine.questions import Question, answers, selected
from scanner.graph import ResourceGraph
from scanner.graph.groups import Groups
from scanner.project.survey import digest

if TYPE_CHECKING:
    from scanner.concepts.interpret import Concepts

UNSEEN = frozenset(
    """image imagePullPolicy command args workingDir resources limits requests ports lifecycle livenessProbe
    readinessProbe startupProbe replicas strategy updateStrategy terminationGracePeriodSeconds securityContext
    tolerations nodeSelector affinity value volumeMounts priorityClassName topologySpreadConstraints backoffLimit
    activeDeadlineSeconds""".split()
)
"""Keys of a workload's manifest that no other unit looks at: nothing selects, names or mounts by them."""


class Unit(Struct):
    """What is kept of a unit: what it shows to others, and what it says and asks about the whole scan."""

    shown: str = ""
    """A digest of everything by which another unit could be joined to it."""
    sites: list[SiteName] = field(default_factory=list)
    answers: list[bool | None] = field(default_factory=list)
    """To each question about the whole scan; ``None`` is open."""
    asks: list[int] = field(default_factory=list)
    """The numbers of the questions that rules on its own resources ask."""
    resources: int = 0


def units_of(graph: ResourceGraph, concepts: Concepts, asked: Sequence[Question]) -> dict[str, Unit]:
    """Every unit of a graph, by name."""
    shown: dict[str, list[str]] = {}
    units: dict[str, Unit] = {}
    for resource in graph.resources:
        units.setdefault(resource.unit, Unit()).resources += 1
        if resource.api_version or resource.origin == "azureml":
            workload = any(type(item).__name__ == "PodSet" for item in concepts.of_resource(resource))
            seen = _seen(resource.attributes) if workload else resource.attributes
            shown.setdefault(resource.unit, []).append(f"{resource.address} {resource.namespace} {seen!r}")
    for site in concepts.sites:
        units.setdefault(site.unit, Unit()).sites.append(site)
        shown.setdefault(site.unit, []).append(repr(site))
    for number, question in enumerate(asked):
        for name in _units(selected(question.subjects, graph, concepts)):
            units[name].asks.append(number)
        for resource in selected((*question.subjects, *question.targets), graph, concepts) if question.outward else ():
            shown.setdefault(resource.unit, []).append(f"{question.key} {resource.address}")
        said = _answers(question, graph, concepts)
        for name, unit in units.items():
            unit.answers.append(said.get(name, False))
    for name, unit in units.items():
        unit.shown = digest(shown.get(name, ()))
    return units


def _seen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _seen(item) for key, item in value.items() if key not in UNSEEN}
    return [_seen(item) for item in value] if isinstance(value, list) else value


def _answers(question: Question, graph: ResourceGraph, concepts: Concepts) -> dict[str, bool | None]:
    said: dict[str, bool | None] = {}
    for unit, truth in answers(question, graph, concepts):
        if truth is True:
            said[unit] = True
        elif isinstance(truth, Undecided):
            said.setdefault(unit, None)
    return said


def islands(
    graph: ResourceGraph,
    concepts: Concepts,
    asked: Sequence[Question],
    units: dict[str, Unit],
    together: Iterable[Iterable[str]],
) -> list[list[str]]:
    """The units of each island; those of each item of ``together`` were read as one."""
    groups = Groups(units)
    for source, target, _, _ in graph.edges():
        groups.join(source.unit, target.unit)
    for pair in graph.ties:
        groups.join(*pair)
    for names in together:
        groups.join(*names)
    for number, question in enumerate(asked):
        groups.join(*_asking(question, number, graph, concepts, units))
    return groups.all()


def _asking(
    question: Question, number: int, graph: ResourceGraph, concepts: Concepts, units: dict[str, Unit]
) -> list[str]:
    """The units whose findings depend on more of others than one word."""
    asking = [name for name, unit in units.items() if number in unit.asks]
    if not asking:
        return []
    if question.outward:
        return [*asking, *_units(selected(question.targets, graph, concepts))]
    said = {name: unit.answers[number] for name, unit in units.items()}
    opened = [] if True in said.values() else [name for name, word in said.items() if word is None]
    return [*asking, *opened] if opened else []


def _units(resources: Iterable[Resource]) -> list[str]:
    return list(dict.fromkeys(resource.unit for resource in resources))
