"""What there is to scan: one walk over the tree that sorts files by the front end that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from scanner.core.patterns import lazy_pattern
from scanner.project.globs import compile_globs
from scanner.project.tree import Tree, Unreadable, normalise

TERRAFORM_SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")
MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MAX_FILES = 200_000
MAX_SHOWN = 1_000
"""Characters of a directory's path."""

_KUBERNETES_HINT = lazy_pattern(r"^[ \t{\"'-]*[\"']?apiVersion[\"']?[ \t]*:", re.MULTILINE)
_AZUREML_HINT = lazy_pattern(r"^\$schema:.*azuremlschemas", re.MULTILINE)
_VERTEX_HINT = lazy_pattern(r"^[ \t{]*[\"']?workerPoolSpecs[\"']?[ \t]*:", re.MULTILINE)
_PLAN_HINT = '"planned_values"'


class Sources(Struct):
    """Paths by front end, each relative to the tree's root and sorted."""

    terraform_directories: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    kustomizations: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    azureml: list[str] = field(default_factory=list)
    vertex: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str, str]] = field(default_factory=list)
    """(path, diagnostic code, message) for files that looked relevant and could not be read."""
    truncated: bool = False


def discover(
    tree: Tree, paths: Iterable[str] = ("",), exclude: Iterable[str] = (), named: Callable[[str], str] = str
) -> Sources:
    """Sort the files below ``paths`` by what reads them.

    ``exclude`` holds glob patterns over paths in the tree, or over those paths as ``named`` gives them.
    """
    sources = Sources()
    pattern = compile_globs(exclude)

    def excluded(path: str) -> bool:
        return pattern is not None and bool(pattern.match(path) or pattern.match(named(path)))

    chart_roots: list[str] = []
    terraform: set[str] = set()
    manifests: list[str] = []
    for count, path in enumerate(_walk(tree, paths, excluded)):
        if count >= MAX_FILES:
            sources.truncated = True
            break
        directory, _, name = path.rpartition("/")
        if name.endswith(TERRAFORM_SUFFIXES):
            terraform.add(directory)
        elif name == "Chart.yaml":
            chart_roots.append(directory)
        elif name in KUSTOMIZATION_NAMES:
            sources.kustomizations.append(directory)
        elif name.endswith(".tgz"):
            sources.charts.append(path)
        elif name.endswith(MANIFEST_SUFFIXES):
            manifests.append(path)
    for directory, reason in tree.unlisted.items():
        message = f"the files in {directory[-MAX_SHOWN:] or '.'} cannot be listed: {reason}"
        sources.unreadable.append((directory[-MAX_SHOWN:], "unreadable-directory", message))
    sources.terraform_directories = sorted(terraform)
    charts = _top_charts(chart_roots)
    sources.charts = sorted([*charts, *(a for a in sources.charts if not _inside(a, charts) and _is_chart(tree, a))])
    sort_manifests(tree, manifests, charts, sources)
    sources.kustomizations = sorted(k for k in sources.kustomizations if not _inside(k, charts))
    return sources


def _walk(tree: Tree, paths: Iterable[str], excluded: Callable[[str], bool]) -> Iterator[str]:
    seen: set[str] = set()
    for start in paths:
        start = normalise(start)
        if tree.is_file(start):
            candidates: Iterator[str] = iter((start,))
        else:
            candidates = tree.walk(start)
        for path in candidates:
            if path not in seen and not excluded(path):
                seen.add(path)
                yield path


def _top_charts(roots: list[str]) -> list[str]:
    tops: list[str] = []
    for root in sorted(roots, key=lambda path: (path.count("/"), path)):
        if not any(root.startswith(f"{top}/charts/" if top else "charts/") for top in tops):
            tops.append(root)
    return sorted(tops)


def _inside(path: str, directories: Iterable[str]) -> bool:
    return any(directory == "" or path.startswith(f"{directory}/") for directory in directories)


def _chart_file(path: str, charts: list[str]) -> bool:
    """Whether a file belongs to a chart's engine: templates, values, subcharts and metadata."""
    for chart in charts:
        prefix = f"{chart}/" if chart else ""
        rest = path.removeprefix(prefix)
        if path.startswith(prefix) and (
            rest.startswith(("templates/", "charts/", "crds/", "ci/")) or ("/" not in rest and _is_values(rest))
        ):
            return True
    return False


def _is_values(name: str) -> bool:
    return name.startswith(("values", "Chart.", "requirements."))


def _is_chart(tree: Tree, path: str) -> bool:
    try:
        return tree.read_bytes(path)[:2] == b"\x1f\x8b"
    except Unreadable:
        return False


def relevant(path: str) -> bool:
    """Whether a file of that name may be a source."""
    name = path.rpartition("/")[2]
    return name.endswith((*TERRAFORM_SUFFIXES, *MANIFEST_SUFFIXES, ".tgz")) or name in KUSTOMIZATION_NAMES


def sort_manifests(tree: Tree, paths: Iterable[str], charts: list[str], sources: Sources) -> None:
    """Add files to the front ends that read them, by their content; those of charts belong to the engine.

    Words are looked for before patterns, which take a hundred times as long in large data files.
    """
    for path in paths:
        if _chart_file(path, charts):
            continue
        try:
            text = tree.read(path).text
        except Unreadable as error:
            if error.code != "binary-file":
                sources.unreadable.append((path, error.code, error.message))
            continue
        if path.endswith(".json") and _PLAN_HINT in text:
            sources.plans.append(path)
        elif "azuremlschemas" in text and _AZUREML_HINT.search(text):
            sources.azureml.append(path)
        elif "apiVersion" in text and _KUBERNETES_HINT.search(text):
            sources.manifests.append(path)
        elif "workerPoolSpecs" in text and _VERTEX_HINT.search(text):
            sources.vertex.append(path)
        else:
            tree.forget(path)
