"""What a scan leaves in the cache for the next one, which ``scanner.scan.recall`` takes up again.

These are the stamps of the files that it looked at, its parts with what each of them looked at, and what was said of
each island.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import asdict

from scanner.frontends.helm import chart_engine
from scanner.project.discovery import Sources, relevant
from scanner.project.survey import Stamp, Survey, content, digest, directory_of, inside, stamp
from scanner.project.tree import Trace, Tree
from scanner.scan.islands import islands, units_of
from scanner.scan.judge import Judgement
from scanner.scan.options import ScanOptions, opened
from scanner.scan.read import Part, Reading
from scanner.scan.result import ScanResult, fix_of, line_of
from scanner.scan.roots import repository_prefix
from scanner.scan.ruleset import RuleSet
from scanner.scan.snapshot import Island, Keeper, KeptPart, Snapshot, suppressions

UNLIKE = ("cache", "progress", "today", "suppressions", "baseline", "diff", "touched", "recall", "values_files")
"""Options that do not change what is read and judged, or not by themselves."""


def memory_key(root: Path, paths: Sequence[str], rules: RuleSet, options: ScanOptions) -> str:
    """The key of what a scan of these paths with these rules and options leaves behind."""
    told = {name: value for name, value in asdict(options).items() if name not in UNLIKE}
    told["overlay"] = {path: text for path, text in options.overlay.items() if path not in opened(options)}
    values = [path.read_bytes() for path in options.values_files]
    asked = (root, paths, repository_prefix(root), told, chart_engine())
    return options.cache.key("scan", repr(asked), *map(bytes, rules.chosen), *values)


class Scanned(Struct, frozen=True):
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
    parts = [_kept_part(tree, seen, part) for part in reading.parts]
    together = [*(part.units for part in reading.parts), *_sharing(parts, stamped)]
    groups = islands(judged.graph, judged.concepts, asked, units, together)
    scanned.options.cache.write(
        key,
        encode(
            Snapshot(
                taken=seen.taken,
                listings=seen.listings,
                relevant=seen.files(relevant),
                stamps={path: (found, _content(tree, path, found)) for path, found in stamped.items()},
                sources=sources,
                files=result.files,
                calls={directory: sorted(called) for directory, called in reading.calls.items()},
                rendered=sorted(reading.rendered),
                built=sorted(reading.built),
                marked=sorted(file.path for file in tree.files_read() if "kilter:ignore" in file.text),
                parts=parts,
                units=units,
                directories={unit: sorted(found) for unit, found in result.units.items()},
                islands=_islands(groups, judged, result),
            )
        ),
    )


def _islands(groups: list[list[str]], judged: Judgement, result: ScanResult) -> list[Island]:
    """The units of each island, and what was said of them."""
    keepers = [Keeper(names) for names in groups]
    keeper = {name: keepers[index] for index, names in enumerate(groups) for name in names}
    for finding in judged.evaluation.findings:
        keeper[finding.resource.unit].finding(finding, fix_of(result, finding), line_of(result, finding))
    for item in judged.evaluation.undetermined:
        keeper[item.resource.unit].undetermined(item)
    for resource in judged.graph.resources:
        if suppressions(resource):
            keeper[resource.unit].annotated(resource)
    return [item.island for item in keepers]


def _kept_part(tree: Tree, seen: Survey, part: Part) -> KeptPart:
    trace = part.trace
    return KeptPart(
        kind=part.kind,
        path=part.path,
        units=sorted(part.units),
        files=sorted(trace.files),
        directories={name: digest(seen.listed(tree, name)) for name in sorted(trace.directories)},
        below={name: seen.below(name) for name in sorted(trace.below)},
        consulted=sorted(trace.consulted),
        templates=sorted(trace.templates),
        charts=sorted(part.charts),
        diagnostics=part.diagnostics,
    )


def _stamped(tree: Tree, seen: Survey, discovery: Trace, parts: Iterable[Part]) -> dict[str, Stamp]:
    """The stamps of all files that were looked at, as they were before."""
    looked = Trace(files=set(discovery.files))
    for part in parts:
        looked.add(part.trace)
    files = set(looked.files)
    for directory in looked.directories:
        prefix = f"{directory}/" if directory else ""
        files.update(prefix + name for name in seen.listed(tree, directory))
    files.update(path for path in seen.stamps if inside(path, looked.below))
    below = (path for path in sorted(files) if not path.startswith(("/", "..")))
    return {path: seen.stamp(tree.root, path) for path in below}


def _content(tree: Tree, path: str, found: Stamp) -> str:
    """A digest of what was read; none of a file that was changed meanwhile."""
    return content(tree, path) if stamp(tree.root / path) == found else ""


def _sharing(parts: Iterable[KeptPart], paths: Iterable[str]) -> Iterable[list[str]]:
    """The units of parts that look at the same file."""
    files: dict[str, list[str]] = {}
    directories: dict[str, list[str]] = {}
    tops: dict[str, list[str]] = {}
    for part in parts:
        for table, places in ((files, part.files), (directories, part.directories), (tops, part.below)):
            for place in places:
                table.setdefault(place, []).extend(part.units)
    for path in paths:
        above = directory_of(path)
        found = [*files.get(path, ()), *directories.get(above, ())]
        while True:
            found += tops.get(path, ())
            if not path:
                break
            path = directory_of(path)
        if len(found) > 1:
            yield found
