"""Scanning again: what has not changed since an earlier scan is taken from what that one left in the cache.

If files have changed, the parts that looked at them are read again with the rest of their islands, and judged. Whatever
could reach further (another set of files, another kind of file, a unit that shows the others something else) is left to
a whole scan, so that the answer is the same as that of a scan without memory. See ``scanner.scan.remember``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import MsgspecError, Struct, field
from msgspec.json import decode

from scanner.concepts.interpret import Concepts
from scanner.core import Diagnostic, Span
from scanner.engine.evaluate import finding_order, undetermined_order
from scanner.graph import ResourceGraph
from scanner.project.discovery import MANIFEST_SUFFIXES, Sources, relevant, sort_manifests
from scanner.project.survey import Survey, content, digest, directory_of, inside, settled
from scanner.project.tree import Tree, Unreadable
from scanner.scan.islands import units_of
from scanner.scan.judge import Judgement, directories_of, judge, located, silence
from scanner.scan.options import ScanOptions, opened
from scanner.scan.read import Reading, parse_sources
from scanner.scan.result import ScanResult
from scanner.scan.roots import repository_prefix
from scanner.scan.ruleset import RuleSet
from scanner.scan.snapshot import KeptPart, Said, Snapshot, suppressions

FEW_PARTS = 20
"""So many are read again whatever their share: of more, a memory of which most has changed costs more than it saves."""


class Forgotten(Exception):
    """What is remembered does not answer the question; ``why`` is for those who look into it."""

    def __init__(self, why: str) -> None:
        self.why = why


def memory_of(key: str, options: ScanOptions) -> Snapshot | None:
    """What an earlier scan left behind, if it did."""
    kept = options.cache.read(key)
    try:
        return None if kept is None else decode(kept, type=Snapshot)
    except (MsgspecError, ValueError, RecursionError):
        return None


def recall(memory: Snapshot, seen: Survey, root: Path, rules: RuleSet, options: ScanOptions) -> ScanResult | None:
    """The result of a scan whose earlier one left enough behind; ``None`` if everything must be scanned again."""
    try:
        return _recalled(memory, seen, Tree(root, dict(options.overlay)), rules, options)
    except Exception:  # whatever goes wrong here, a whole scan does without it
        return None


def _recalled(memory: Snapshot, seen: Survey, tree: Tree, rules: RuleSet, options: ScanOptions) -> ScanResult:
    """Raises ``Forgotten``."""
    found = {unit for island in memory.islands for unit in island.units}
    _expect(memory.units.keys() <= found, "it lacks islands")
    named = {item.rule for island in memory.islands for item in island.findings}
    named |= {item.rule for island in memory.islands for item in island.undetermined}
    _expect(named <= {rule.id for rule in rules.chosen}, "it speaks of other rules")
    _expect(memory.relevant == seen.files(relevant), "there are other files")
    _expect(opened(options) <= seen.stamps.keys(), "there are other files")
    changed = _changed(memory, seen, tree)
    parts = memory.parts
    affected = _affected(memory, seen, tree, changed)
    reached = {unit for number in affected for unit in parts[number].units}
    again = [number for number, island in enumerate(memory.islands) if not reached.isdisjoint(island.units)]
    units = {unit for number in again for unit in memory.islands[number].units}
    affected |= {number for number, part in enumerate(parts) if not units.isdisjoint(part.units)}
    _expect(len(affected) <= max(FEW_PARTS, len(parts) // 2), "most has changed, and is better left anew")
    units &= memory.units.keys()
    known = _Known(resources=sum(unit.resources for name, unit in memory.units.items() if name not in units))
    known.recalled = known.resources
    known.problems += [_unreadable(*item) for item in memory.sources.unreadable]
    known.directories |= {name: set(found) for name, found in memory.directories.items() if name not in units}
    for number in sorted(set(range(len(parts))) - affected):
        known.problems += parts[number].diagnostics
    if affected:
        reading = _read_again(memory, [parts[number] for number in sorted(affected)], changed, tree, options)
        known.add(reading, _judge_again(memory, units, reading, rules, tree, options))
    for number in sorted(set(range(len(memory.islands))) - set(again)):
        known.said.add(memory.islands[number])
    marked = {path for path in (*memory.marked, *changed) if "kilter:ignore" in _text(tree, path)}
    return _result(known, marked, memory.files, tree, rules, options)


class _Known(Struct):
    """What is known of a scan, from memory and from what was read again."""

    said: Said = field(default_factory=Said)
    problems: list[Diagnostic] = field(default_factory=list)
    directories: dict[str, set[str]] = field(default_factory=dict)
    resources: int = 0
    recalled: int = 0

    def add(self, reading: Reading, judged: Judgement) -> None:
        """Add what was read and judged again."""
        evaluation, resources = judged.evaluation, list(judged.graph.resources)
        annotated = [resource for resource in resources if suppressions(resource)]
        self.said.findings += evaluation.findings
        self.said.undetermined += evaluation.undetermined
        self.said.annotated += annotated
        self.problems += reading.parsed.diagnostics
        self.directories |= directories_of(resources)
        self.resources += len(resources)


def _result(
    known: _Known, marked: set[str], files: int, tree: Tree, rules: RuleSet, options: ScanOptions
) -> ScanResult:
    """The answer; ``marked`` are the files with comments that suppress something."""
    findings = sorted(known.said.findings, key=finding_order)
    kept, silenced, notes = silence(tree, marked, known.said.annotated, findings, rules, options)
    return ScanResult(
        root=tree.root,
        tree=tree,
        graph=ResourceGraph(),
        concepts=Concepts(),
        rules={rule.id: rule for rule in rules.chosen},
        findings=kept,
        undetermined=sorted(known.said.undetermined, key=undetermined_order),
        suppressed=silenced,
        diagnostics=[*located(known.problems), *notes],
        files=files,
        resources=known.resources,
        recalled=known.recalled,
        units=known.directories,
        fixes=known.said.fixes,
        lines=known.said.lines,
        repository_prefix=repository_prefix(tree.root),
        unsuppressible=rules.unsuppressible,
    )


def _expect(holds: bool, why: str) -> None:
    if not holds:
        raise Forgotten(why)


def _unreadable(path: str, code: str, message: str) -> Diagnostic:
    return Diagnostic("error", code, message, Span(path, 1, 1, 1, 1))


def _text(tree: Tree, path: str) -> str:
    try:
        return tree.read(path).text
    except Unreadable:
        return ""


def _changed(memory: Snapshot, seen: Survey, tree: Tree) -> set[str]:
    """The files whose content is not what it was."""
    changed = set()
    known, latest, overlay = seen.stamps, settled(memory.taken), tree.overlay
    for path, (before, was) in memory.stamps.items():
        now = known.get(path) or seen.stamp(tree.root, path)
        unchanged = before == now and now.changed < latest and path not in overlay
        if not unchanged and content(tree, path) != was:
            changed.add(path)
    return changed


def _affected(memory: Snapshot, seen: Survey, tree: Tree, changed: set[str]) -> set[int]:
    """The numbers of the parts that looked at something that has changed. Raises ``Forgotten``."""
    affected = set()
    for number, part in enumerate(memory.parts):
        for directory, names in part.directories.items():
            _expect(names == digest(seen.listed(tree, directory)), f"{directory} has other files")
        for directory, names in part.below.items():
            _expect(names == seen.below(directory), f"{directory} has other files")
        if any(_looks_at(part, path) for path in changed):
            affected.add(number)
    files = {part.path for part in memory.parts if part.kind == "file"}
    known = memory.sources
    for path in changed:
        kinds = _kinds(known, path)
        now = Sources()
        if not path.endswith(".tgz") and (kinds or path.endswith(MANIFEST_SUFFIXES)):
            sort_manifests(tree, [path], known.charts, now)
        _expect(kinds == _kinds(now, path), f"{path} is another kind of file")
        standing = path in files or path in memory.built or not kinds
        _expect(standing or (path in memory.rendered and "${" in _text(tree, path)), f"{path} is no template")
        _expect(path not in known.charts, f"{path} is a packaged chart")
    return affected


def _looks_at(part: KeptPart, path: str) -> bool:
    return path in part.files or directory_of(path) in part.directories or inside(path, part.below)


def _kinds(sources: Sources, path: str) -> list[str]:
    lists = {"manifest": sources.manifests, "plan": sources.plans, "azureml": sources.azureml, "vertex": sources.vertex}
    unreadable = [place for place, _, _ in sources.unreadable]
    return [name for name, paths in {**lists, "unreadable": unreadable}.items() if path in paths]


def _read_again(
    memory: Snapshot, parts: Sequence[KeptPart], changed: set[str], tree: Tree, options: ScanOptions
) -> Reading:
    """What some parts give now. Raises ``Forgotten`` if that could concern others."""
    known = memory.sources
    paths = {kind: [part.path for part in parts if part.kind == kind] for kind in ("root", "file", "chart")}
    files = set(paths["file"])
    chosen = Sources(
        terraform_directories=paths["root"],
        manifests=[path for path in known.manifests if path in files],
        charts=paths["chart"],
        kustomizations=known.kustomizations if any(part.kind == "overlays" for part in parts) else [],
        azureml=[path for path in known.azureml if path in files],
        vertex=[path for path in known.vertex if path in files],
    )
    for directory in {directory_of(path) for path in changed} & memory.calls.keys():
        _expect(_called(tree, directory) == memory.calls[directory], f"{directory} calls other modules")
    reading = parse_sources(tree, chosen, options, roots=paths["root"])
    before = {(part.kind, part.path): part for part in parts}
    _expect(before.keys() == {(part.kind, part.path) for part in reading.parts}, "there are other parts")
    if chosen.kustomizations:
        _expect(sorted(reading.built) == memory.built, "other files go into overlays")
    for part in reading.parts:
        was = before[part.kind, part.path]
        same = (
            sorted(part.trace.consulted) == was.consulted
            and sorted(part.trace.templates) == was.templates
            and sorted(part.charts) == was.charts
        )
        _expect(same, f"{part.kind} {part.path} reads other files")
    return reading


def _called(tree: Tree, directory: str) -> list[str]:
    from scanner.frontends.terraform import called_modules, load_configuration

    return sorted(called_modules(load_configuration(tree, directory)))


def _judge_again(
    memory: Snapshot, units: set[str], reading: Reading, rules: RuleSet, tree: Tree, options: ScanOptions
) -> Judgement:
    """What the rules say of some units now. Raises ``Forgotten`` if they show others something else than before."""
    others = [unit for name, unit in memory.units.items() if name not in units]
    sites = [site for unit in others for site in unit.sites]
    asked = rules.questions()
    said = [{unit.answers[number] for unit in others} for number in range(len(asked))]
    known = {question.key: True in words for question, words in zip(asked, said, strict=True)}
    judged = judge(reading.parsed.resources, rules, tree.root, options, sites, known)
    _expect(not judged.diagnostics, "something went wrong")
    now = units_of(judged.graph, judged.concepts, asked)
    _expect(now.keys() == units, "there are other units")
    for name, unit in now.items():
        before = memory.units[name]
        _expect(unit.shown == before.shown, f"{name} shows others something else")
        for number, words in enumerate(said):
            heard = unit.answers[number] != before.answers[number] and any(number in item.asks for item in others)
            doubtful = number in unit.asks and None in words
            _expect(True in words or not (heard or doubtful), f"{name} is asked for by others, or asks for them")
    return judged
