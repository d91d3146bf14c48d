"""Scanning again: what has not changed since an earlier scan is taken from what that one left in the cache.

An earlier scan leaves the stamps of the files that it looked at, its parts with what each of them looked at, and what
was said of each island. If files have changed, the parts that looked at them are read again with the rest of their
islands, and judged. Whatever could reach further (another set of files, another kind of file, a unit that shows the
others something else) is left to a whole scan, so that the answer is the same as that of a scan without memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scanner.concepts.interpret import Concepts
from scanner.concepts.placement import SiteName
from scanner.core import Diagnostic, Span
from scanner.engine.evaluate import finding_order, undetermined_order
from scanner.frontends.helm import chart_engine
from scanner.graph import ResourceGraph
from scanner.project.discovery import MANIFEST_SUFFIXES, Sources, relevant, sort_manifests
from scanner.project.survey import Stamp, Survey, content, digest, settled, stamp
from scanner.project.tree import Trace, Tree, Unreadable
from scanner.scan.islands import islands, units_of
from scanner.scan.judge import Judgement, directories_of, judge, located, silence
from scanner.scan.options import ScanOptions, opened
from scanner.scan.read import Part, Reading, parse_sources
from scanner.scan.result import ScanResult, fix_of
from scanner.scan.roots import repository_prefix
from scanner.scan.ruleset import RuleSet
from scanner.scan.snapshot import Plain, Said, diagnostics, from_plain, suppressions, to_plain

UNLIKE = ("cache", "progress", "today", "suppressions", "baseline", "diff", "touched", "recall", "values_files")
"""Options that do not change what is read and judged, or not by themselves."""


def memory_key(root: Path, paths: Sequence[str], rules: RuleSet, options: ScanOptions) -> str:
    """The key of what a scan of these paths with these rules and options leaves behind."""
    told = {name: value for name, value in vars(options).items() if name not in UNLIKE}
    told["overlay"] = {path: text for path, text in options.overlay.items() if path not in opened(options)}
    values = [path.read_bytes() for path in options.values_files]
    asked = (root, paths, repository_prefix(root), told, chart_engine())
    return options.cache.key("scan", repr(asked), digest(map(repr, rules.chosen)), *values)


@dataclass(frozen=True, slots=True)
class Scanned:
    """All steps of a scan; ``looked`` is what discovery looked at."""

    sources: Sources
    looked: Trace
    reading: Reading
    judged: Judgement
    result: ScanResult
    rules: RuleSet
    options: ScanOptions


def remember(key: str, seen: Survey, scanned: Scanned) -> None:
    """Leave in the cache what a scan found out, unless something went wrong in it or it has plans."""
    judged, reading, sources, result = scanned.judged, scanned.reading, scanned.sources, scanned.result
    if judged.diagnostics or sources.plans or sources.truncated:
        return
    tree = result.tree
    stamped = _stamped(tree, seen, scanned.looked, reading.parts)
    asked = scanned.rules.questions()
    units = units_of(judged.graph, judged.concepts, asked)
    parts = [_part_to_plain(tree, seen, part) for part in reading.parts]
    together = [*(part.units for part in reading.parts), *_sharing(parts, stamped)]
    groups = islands(judged.graph, judged.concepts, asked, units, together)
    scanned.options.cache.put(
        key,
        {
            "taken": seen.taken,
            "relevant": seen.files(relevant),
            "stamps": {path: [found, _content(tree, path, found)] for path, found in stamped.items()},
            "sources": asdict(sources),
            "files": result.files,
            "calls": {directory: sorted(called) for directory, called in reading.calls.items()},
            "rendered": sorted(reading.rendered),
            "built": sorted(reading.built),
            "marked": sorted(file.path for file in tree.files_read() if "kilter:ignore" in file.text),
            "parts": parts,
            "units": {name: asdict(unit) for name, unit in units.items()},
            "directories": {unit: sorted(found) for unit, found in result.units.items()},
            "islands": _islands_to_plain(groups, judged, result),
        },
    )


def _islands_to_plain(groups: list[list[str]], judged: Judgement, result: ScanResult) -> list[Plain]:
    """The units of each island, and what was said of them."""
    number = {name: index for index, names in enumerate(groups) for name in names}
    said = [Said() for _ in groups]
    for finding in judged.evaluation.findings:
        place = said[number[finding.resource.unit]]
        place.findings.append(finding)
        if finding.changes:
            place.fixes[id(finding)] = fix_of(result, finding)
    for item in judged.evaluation.undetermined:
        said[number[item.resource.unit]].undetermined.append(item)
    for resource in judged.graph.resources:
        if suppressions(resource):
            said[number[resource.unit]].annotated.append(resource)
    return [{"units": names, "said": to_plain(item)} for names, item in zip(groups, said, strict=True)]


def _part_to_plain(tree: Tree, seen: Survey, part: Part) -> Plain:
    trace = part.trace
    return {
        "kind": part.kind,
        "path": part.path,
        "units": sorted(part.units),
        "files": sorted(trace.files),
        "directories": {name: _names(tree, seen, name) for name in sorted(trace.directories)},
        "below": {name: seen.below(name) for name in sorted(trace.below)},
        "consulted": sorted(trace.consulted),
        "templates": sorted(trace.templates),
        "charts": sorted(part.charts),
        "diagnostics": part.diagnostics,
    }


def _names(tree: Tree, seen: Survey, directory: str) -> str:
    names = seen.names.get(directory)
    return digest(tree.list(directory) if names is None else names)


def _stamped(tree: Tree, seen: Survey, discovery: Trace, parts: Iterable[Part]) -> dict[str, Stamp]:
    """The stamps of all files that were looked at, as they were before."""
    looked = Trace(files=set(discovery.files))
    for part in parts:
        looked.add(part.trace)
    files = set(looked.files)
    for directory in looked.directories:
        prefix = f"{directory}/" if directory else ""
        files.update(prefix + name for name in seen.names.get(directory, tree.list(directory)))
    files.update(path for path in seen.stamps if _inside(path, looked.below))
    inside = (path for path in sorted(files) if not path.startswith(("/", "..")))
    return {path: _stamp(tree, seen, path) for path in inside}


def _content(tree: Tree, path: str, found: Stamp) -> str:
    """A digest of what was read; none of a file that was changed meanwhile."""
    return content(tree, path) if stamp(tree.root / path) == found else ""


def _stamp(tree: Tree, seen: Survey, path: str) -> Stamp:
    return seen.stamps.get(path) or stamp(tree.root / path)


def _directory(path: str) -> str:
    return path.rpartition("/")[0]


def _inside(path: str, tops: Iterable[str]) -> bool:
    """Whether a path is, or lies below, one of some directories."""
    while path:
        if path in tops:
            return True
        path = _directory(path)
    return "" in tops


def _looks_at(part: Plain, path: str) -> bool:
    return path in part["files"] or _directory(path) in part["directories"] or _inside(path, part["below"])


def _sharing(parts: Iterable[Plain], paths: Iterable[str]) -> Iterable[list[str]]:
    """The units of parts that look at the same file."""
    files: dict[str, list[str]] = {}
    directories: dict[str, list[str]] = {}
    tops: dict[str, list[str]] = {}
    for part in parts:
        for table, places in ((files, part["files"]), (directories, part["directories"]), (tops, part["below"])):
            for place in places:
                table.setdefault(place, []).extend(part["units"])
    for path in paths:
        above = _directory(path)
        found = [*files.get(path, ()), *directories.get(above, ())]
        while True:
            found += tops.get(path, ())
            if not path:
                break
            path = _directory(path)
        if len(found) > 1:
            yield found


@dataclass(slots=True)
class Forgotten(Exception):
    """What is remembered does not answer the question; ``why`` is for those who look into it."""

    why: str


def recall(key: str, seen: Survey, root: Path, rules: RuleSet, options: ScanOptions) -> ScanResult | None:
    """The result of a scan whose earlier one left enough behind; ``None`` if everything must be scanned again."""
    memory = options.cache.get(key)
    if not isinstance(memory, dict):
        return None
    try:
        return _recalled(memory, seen, Tree(root, dict(options.overlay)), rules, options)
    except Exception:  # whatever goes wrong here, a whole scan does without it
        return None


def _recalled(memory: Plain, seen: Survey, tree: Tree, rules: RuleSet, options: ScanOptions) -> ScanResult:
    """Raises ``Forgotten``."""
    _expect(memory["relevant"] == seen.files(relevant), "there are other files")
    _expect(opened(options) <= seen.stamps.keys(), "there are other files")
    changed = _changed(memory, seen, tree)
    parts: list[Plain] = memory["parts"]
    affected = _affected(memory, seen, tree, changed)
    reached = {unit for number in affected for unit in parts[number]["units"]}
    again = [number for number, island in enumerate(memory["islands"]) if not reached.isdisjoint(island["units"])]
    units = {unit for number in again for unit in memory["islands"][number]["units"]}
    affected |= {number for number, part in enumerate(parts) if not units.isdisjoint(part["units"])}
    units &= memory["units"].keys()
    known = _Known(resources=sum(unit["resources"] for name, unit in memory["units"].items() if name not in units))
    known.recalled = known.resources
    known.problems += [_unreadable(*item) for item in memory["sources"]["unreadable"]]
    known.directories |= {name: set(found) for name, found in memory["directories"].items() if name not in units}
    for number in sorted(set(range(len(parts))) - affected):
        known.problems += diagnostics(parts[number]["diagnostics"])
    if affected:
        reading = _read_again(memory, [parts[number] for number in sorted(affected)], changed, tree, options)
        known.add(reading, _judge_again(memory, units, reading, rules, tree, options))
    for number in sorted(set(range(len(memory["islands"]))) - set(again)):
        known.said.extend(from_plain(memory["islands"][number]["said"]))
    marked = {path for path in (*memory["marked"], *changed) if "kilter:ignore" in _text(tree, path)}
    return _result(known, marked, memory["files"], tree, rules, options)


@dataclass(slots=True)
class _Known:
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
        self.said.extend(Said(evaluation.findings, {}, evaluation.undetermined, annotated))
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


def _changed(memory: Plain, seen: Survey, tree: Tree) -> set[str]:
    """The files whose content is not what it was."""
    changed = set()
    for path, (before, was) in memory["stamps"].items():
        now = _stamp(tree, seen, path)
        unchanged = tuple(before) == now and settled(memory["taken"], now) and path not in tree.overlay
        if not unchanged and content(tree, path) != was:
            changed.add(path)
    return changed


def _affected(memory: Plain, seen: Survey, tree: Tree, changed: set[str]) -> set[int]:
    """The numbers of the parts that looked at something that has changed. Raises ``Forgotten``."""
    affected = set()
    for number, part in enumerate(memory["parts"]):
        for directory, names in part["directories"].items():
            _expect(names == _names(tree, seen, directory), f"{directory} has other files")
        for directory, names in part["below"].items():
            _expect(names == seen.below(directory), f"{directory} has other files")
        if any(_looks_at(part, path) for path in changed):
            affected.add(number)
    files = {part["path"] for part in memory["parts"] if part["kind"] == "file"}
    known = Sources(**memory["sources"])
    for path in changed:
        kinds = _kinds(known, path)
        now = Sources()
        if not path.endswith(".tgz") and (kinds or path.endswith(MANIFEST_SUFFIXES)):
            sort_manifests(tree, [path], known.charts, now)
        _expect(kinds == _kinds(now, path), f"{path} is another kind of file")
        standing = path in files or path in memory["built"] or not kinds
        _expect(standing or (path in memory["rendered"] and "${" in _text(tree, path)), f"{path} is no template")
        _expect(path not in known.charts, f"{path} is a packaged chart")
    return affected


def _kinds(sources: Sources, path: str) -> list[str]:
    lists = {"manifest": sources.manifests, "plan": sources.plans, "azureml": sources.azureml, "vertex": sources.vertex}
    unreadable = [place for place, _, _ in sources.unreadable]
    return [name for name, paths in {**lists, "unreadable": unreadable}.items() if path in paths]


def _read_again(memory: Plain, parts: Sequence[Plain], changed: set[str], tree: Tree, options: ScanOptions) -> Reading:
    """What some parts give now. Raises ``Forgotten`` if that could concern others."""
    known = Sources(**memory["sources"])
    paths = {kind: [part["path"] for part in parts if part["kind"] == kind] for kind in ("root", "file", "chart")}
    files = set(paths["file"])
    chosen = Sources(
        terraform_directories=paths["root"],
        manifests=[path for path in known.manifests if path in files],
        charts=paths["chart"],
        kustomizations=known.kustomizations if any(part["kind"] == "overlays" for part in parts) else [],
        azureml=[path for path in known.azureml if path in files],
        vertex=[path for path in known.vertex if path in files],
    )
    for directory in {_directory(path) for path in changed} & memory["calls"].keys():
        _expect(_called(tree, directory) == memory["calls"][directory], f"{directory} calls other modules")
    reading = parse_sources(tree, chosen, options, roots=paths["root"])
    before = {(part["kind"], part["path"]): part for part in parts}
    _expect(before.keys() == {(part.kind, part.path) for part in reading.parts}, "there are other parts")
    if chosen.kustomizations:
        _expect(sorted(reading.built) == memory["built"], "other files go into overlays")
    for part in reading.parts:
        was = before[part.kind, part.path]
        same = (
            sorted(part.trace.consulted) == was["consulted"]
            and sorted(part.trace.templates) == was["templates"]
            and sorted(part.charts) == was["charts"]
        )
        _expect(same, f"{part.kind} {part.path} reads other files")
    return reading


def _called(tree: Tree, directory: str) -> list[str]:
    from scanner.frontends.terraform import called_modules, load_configuration

    return sorted(called_modules(load_configuration(tree, directory)))


def _judge_again(
    memory: Plain, units: set[str], reading: Reading, rules: RuleSet, tree: Tree, options: ScanOptions
) -> Judgement:
    """What the rules say of some units now. Raises ``Forgotten`` if they show others something else than before."""
    others = [unit for name, unit in memory["units"].items() if name not in units]
    sites = [SiteName(*site) for unit in others for site in unit["sites"]]
    asked = rules.questions()
    said = [{unit["answers"][number] for unit in others} for number in range(len(asked))]
    known = {question.key: "yes" in words for question, words in zip(asked, said, strict=True)}
    judged = judge(reading.parsed.resources, rules, tree.root, options, sites, known)
    _expect(not judged.diagnostics, "something went wrong")
    now = units_of(judged.graph, judged.concepts, asked)
    _expect(now.keys() == units, "there are other units")
    for name, unit in now.items():
        before = memory["units"][name]
        _expect(unit.shown == before["shown"], f"{name} shows others something else")
        for number, words in enumerate(said):
            heard = unit.answers[number] != before["answers"][number] and any(number in item["asks"] for item in others)
            doubtful = number in unit.asks and "open" in words
            _expect("yes" in words or not (heard or doubtful), f"{name} is asked for by others, or asks for them")
    return judged
