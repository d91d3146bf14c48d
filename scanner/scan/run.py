"""The one straight line: discover, parse, judge, compare."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scanner.core import Diagnostic, Span
from scanner.project.discovery import discover
from scanner.project.survey import Survey, survey
from scanner.project.tree import Tree
from scanner.scan.compare import NeedsGraph, against_baseline, covers, introduced
from scanner.scan.judge import conclude, judge
from scanner.scan.narrow import focused, touched
from scanner.scan.options import STANDARD_INPUT, ScanOptions, named_by_configuration, opened, recallable
from scanner.scan.read import Memory, parse_sources
from scanner.scan.result import ScanResult
from scanner.scan.roots import in_repository, scan_root
from scanner.scan.ruleset import RuleSet, rule_set

if TYPE_CHECKING:
    from scanner.scan.remember import Scanned


def scan(
    paths: Sequence[Path],
    options: ScanOptions | None = None,
    rules: RuleSet | None = None,
    memory: Memory | None = None,
) -> ScanResult:
    """Scan files and directories. The scan root is their common directory.

    ``rules`` are those of the options; ``memory`` is what was read of the same paths before ``options.edited``.
    Raises ``FileNotFoundError`` for a path that does not exist, ``GitError``, and what ``rule_set`` raises.
    """
    options = options or ScanOptions()
    rules = rules or rule_set(options)
    root, relative = scan_root(paths)
    if options.touched:
        root, relative = in_repository(root, relative)
    overlay = {STANDARD_INPUT: options.standard_input} if options.standard_input is not None else {}
    memory = memory or Memory()
    result = _scan_tree(Tree(root, {**options.overlay, **options.edited, **overlay}), relative, rules, options, memory)
    try:
        compared = against_baseline(result, rules, options.baseline) if options.baseline is not None else None
    except NeedsGraph:
        return scan(paths, replace(options, recall=False), rules, memory)
    changes = _changes(result, relative, rules, options, memory) if options.diff is not None else None
    numbers = range(len(result.findings))
    unknown = set(numbers) if compared is None else set(compared.new)
    new = set(numbers) if changes is None else set(changes)
    result.unchanged = len(result.findings) - len(new)
    result.baselined = len(new - unknown)
    result.findings = [result.findings[number] for number in sorted(new & unknown)]
    if compared is not None and changes is None and not options.touched:
        result.fixed = {entry: count for entry, count in compared.missing.items() if covers(result, entry)}
    return result


def _scan_tree(tree: Tree, relative: list[str], rules: RuleSet, options: ScanOptions, memory: Memory) -> ScanResult:
    paths = [""] if options.touched else relative if options.standard_input is None else []
    directories = any(not tree.is_file(path) for path in paths)
    result = _recalled(tree, paths, rules, options) if directories and recallable(options) else None
    if result is None:
        result = _whole(tree, paths, rules, options, memory)
    result.scope = tuple(relative)
    if options.touched:
        return touched(result, relative)
    focus = {path for path in relative if path and tree.is_file(path)}
    return focused(result, focus) if focus and len(focus) == len(relative) else result


def _recalled(tree: Tree, paths: list[str], rules: RuleSet, options: ScanOptions) -> ScanResult | None:
    """The answer with the help of what an earlier scan left; what this one leaves is kept for the next."""
    from scanner.scan.recall import memory_of, recall
    from scanner.scan.remember import memory_key

    key = memory_key(tree.root, paths, rules, options)
    memory = memory_of(key, options)
    seen = survey(tree.root) if memory is None else survey(tree.root, memory.listings, memory.taken)
    if seen is None:
        return None
    result = None if memory is None else recall(memory, seen, tree.root, rules, options)
    if result is None:
        keep = None if opened(options) else partial(_remember, key, seen)
        result = _whole(tree, paths, rules, options, Memory(), keep)
    return result


def _remember(key: str, seen: Survey, scanned: Scanned) -> None:
    from scanner.scan.remember import remember

    with contextlib.suppress(Exception):  # whatever goes wrong here, it must not cost the answer
        remember(key, seen, scanned)


def _whole(
    tree: Tree,
    paths: list[str],
    rules: RuleSet,
    options: ScanOptions,
    memory: Memory,
    keep: Callable[[Scanned], None] | None = None,
) -> ScanResult:
    with tree.tracing() as trace:
        sources = discover(tree, paths, options.exclude, named_by_configuration(tree.root, options))
    if options.standard_input is not None:
        sources.manifests.append(STANDARD_INPUT)
    reading = parse_sources(tree, sources, options, memory)
    judged = judge(reading.parsed.resources, rules, tree.root, options)
    result = conclude(tree, sources, reading, judged, rules, options)
    if keep is not None:
        from scanner.scan.remember import Scanned

        keep(Scanned(sources, trace, reading, judged, result, rules, options))
    return result


def _changes(
    result: ScanResult, relative: list[str], rules: RuleSet, options: ScanOptions, memory: Memory
) -> list[int]:
    """The numbers of the findings that the change since ``options.diff`` introduces. Raises ``GitError``."""
    from scanner.project.git import GitTree, find_base

    base = find_base(result.root, options.diff or "")
    tree = GitTree(result.root, base)
    tree.overlay.update(options.overlay)
    memory.changed = tree.changed() | options.edited.keys()
    before = _scan_tree(tree, relative, rules, options, memory) if memory.changed else result
    new = introduced(result, before)
    result.compared_with = base.name
    if base.note:
        result.diagnostics.append(Diagnostic("note", "diff-base", base.note, Span(".", 1, 1, 1, 1)))
    return new
