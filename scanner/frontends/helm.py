"""Helm charts: rendered by Helm itself, each object traced back to its template."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path as FilePath

from msgspec import Struct

from scanner.core import Diagnostic, Location, Parsed, Path, RelatedSpan, Resource, SourceFile, Span
from scanner.core.patterns import lazy_pattern
from scanner.frontends.chart_parts import Missing, chart_data, missing_parts, put_together
from scanner.frontends.kubernetes import read_manifests
from scanner.project.cache import NO_CACHE, Cache
from scanner.project.tree import MAX_DIRECTORY_DEPTH, Tree, Unreadable

RENDER_SECONDS = 8
"""Charts of a hundred templates render in one to two seconds."""
FREE_SECONDS = 2.0
"""Processor time of a chart that costs nothing: real charts take a fraction of it, also a hundred of them."""
SHARED_SECONDS = 40.0
"""What all charts of a scan may take beyond that: twenty of the largest ones on a slow machine take half of it."""
MAX_ENGINE_BYTES = 768 * 1024 * 1024
MAX_ENGINE_ADDRESSES = 3 * 1024**3
"""Go reserves 1.7 GiB of addresses without using them, and can turn those into data beyond the limit on data."""
ENGINE_THREADS = {"GOMAXPROCS": "2", "MALLOC_ARENA_MAX": "2"}
"""Variables that keep what is reserved from growing with the number of processors."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""Helm itself refuses charts that unpack to more than 100 MiB."""
MAX_ARCHIVE_FILES = 10_000
RELEASE = "release-name"
_SDK = """
import json, sys, helm_python
order = json.load(sys.stdin)
def merged(one, other):
    result = dict(one)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
values = {}
for document in order["documents"]:
    values = merged(values, helm_python.values_from_yaml(document) or {})
for setting in order["settings"]:
    values = merged(values, helm_python.parse_set_string(setting))
place = order["place"]
if place.endswith(".tgz"):
    chart = helm_python.Chart.load_archive(open(place, "rb").read())
else:
    chart = helm_python.Chart.load(place)
rendered = chart.render(values=values, name=order["name"], namespace=order["namespace"], is_install=True)
for name, text in rendered.items():
    if name.endswith((".yaml", ".yml")) and "/templates/tests/" not in name:
        sys.stdout.write("---\\n# Source: " + name + "\\n" + text + "\\n")
"""
"""The Python engine runs in a process of its own, so that a hostile chart can be stopped."""
RAISED = "helm_python.errors.HelmRenderError: "
MAX_RENDERED_BYTES = 32 * 1024 * 1024
_SOURCE = lazy_pattern(r"^# Source: (\S+)\s*$", re.MULTILINE)
_WANTS_VALUES = lazy_pattern(r"required|nil pointer evaluating", re.IGNORECASE)
"""What the engine says where a template asks for a value that the chart's own values do not have."""
_VALUES = lazy_pattern(r"\.Values\.([A-Za-z_][\w.]*)")


class ChartValues(Struct, frozen=True):
    """What a release gives to a chart beyond its defaults, weakest first: documents, files, settings."""

    files: tuple[tuple[str, str], ...] = ()
    """(name for messages, YAML text)."""
    settings: tuple[str, ...] = ()
    """``--set`` expressions."""
    kube_version: str = ""
    documents: tuple[str, ...] = ()
    """YAML texts, such as the ``values`` of a helm_release."""
    name: str = RELEASE
    namespace: str = "default"


class RenderTime(Struct):
    """What is left of the processor time that the charts of a scan share, in seconds."""

    left: float = SHARED_SECONDS

    def spend(self, seconds: float) -> None:
        """Take off what a chart took beyond ``FREE_SECONDS``."""
        self.left -= max(seconds - FREE_SECONDS, 0.0)


def render_chart(
    tree: Tree,
    chart: str,
    values: ChartValues | None = None,
    cache: Cache = NO_CACHE,
    shared: RenderTime | None = None,
) -> Parsed:
    """The objects of a chart. A chart that cannot be rendered is a diagnostic.

    ``shared`` is the time that the charts of a scan share.
    """
    place = tree.absolute(chart)
    name = f"{chart}/Chart.yaml" if chart and not chart.endswith(".tgz") else chart or "Chart.yaml"
    span = Span(name, 1, 1, 1, 1)
    if place is None:
        return Parsed(diagnostics=[Diagnostic("error", "outside-root", f"{chart} is outside the scan", span)])
    metadata = chart_data(tree, name)
    if metadata.get("type") == "library":
        return Parsed()
    values = values or ChartValues()
    given = values.files or values.settings or values.documents
    defaults = {} if given else chart_data(tree, _beside(name, "values.yaml"))
    missing = missing_parts(tree, chart, metadata, defaults)
    obstacle = next(filter(None, (_obstacle(tree, part) for part in (chart, *missing.parts.values()))), None)
    if obstacle is not None:
        code, reason = obstacle
        return Parsed(diagnostics=[Diagnostic("error", code, f"this chart is not checked: {reason}", span)])
    if shutil.which("helm") is None and find_spec("helm_python") is None:
        message = (
            "this chart is not checked: rendering it needs the helm command on PATH, or the Python engine: "
            "pip install 'kilter[helm]'"
        )
        return Parsed(diagnostics=[Diagnostic("error", "helm-engine-missing", message, span)])
    text, problem = _rendered_whole(tree, place, missing, values, cache, shared or RenderTime())
    diagnostics = []
    hint = "; give it the values that it asks for with --values or --set" if _WANTS_VALUES.search(problem) else ""
    if missing.names:
        names = ", ".join(missing.names)
        message = (
            f"this chart is not checked: rendering it without {names}, which its charts/ directory lacks, failed: "
            f"{problem}{hint}; run `helm dependency build`"
            if problem
            else f"the chart depends on {names}, and its charts/ directory lacks it, so what that adds is "
            "not checked; run `helm dependency build`"
        )
        diagnostics.append(Diagnostic("error", "helm-dependency-missing", message, span))
    elif problem:
        message = f"this chart is not checked: rendering it failed: {problem}{hint}"
        diagnostics.append(Diagnostic("error", "helm-render-failed", message, span))
    if problem:
        return Parsed(diagnostics=diagnostics)
    if values.kube_version and shutil.which("helm") is None:
        message = "the Kubernetes version was not applied: only the helm command can set it"
        diagnostics.append(Diagnostic("warning", "helm-kube-version", message, span))
    parsed = read_rendered(tree, chart, text, missing.renamed)
    parsed.diagnostics.extend(diagnostics)
    return parsed


def _obstacle(tree: Tree, chart: str) -> tuple[str, str] | None:
    """(diagnostic code, reason) for what the engine must not meet: a link that leaves the scan, endless directories."""
    top = tree.absolute(chart)
    if top is None or not top.is_dir():
        return None
    waiting, seen = [top], {top.resolve()}
    while waiting:
        directory = waiting.pop()
        if len(directory.relative_to(top).parts) > MAX_DIRECTORY_DEPTH:
            return "helm-limit", f"its directories are nested deeper than the limit of {MAX_DIRECTORY_DEPTH}"
        for place in directory.iterdir():
            if place.is_symlink() and tree.absolute(str(place.relative_to(tree.root))) is None:
                name = place.relative_to(tree.root).as_posix()
                return "outside-root", f"{name} is a link to a place outside the scanned directory"
            # the engine follows links, and what they lead to may hold others
            if place.is_dir() and (real := place.resolve()) not in seen:
                seen.add(real)
                waiting.append(place)
    return None


def _beside(path: str, name: str) -> str:
    return f"{path.rpartition('/')[0]}/{name}".lstrip("/")


def _rendered_whole(
    tree: Tree, place: FilePath, missing: Missing, values: ChartValues, cache: Cache, shared: RenderTime
) -> tuple[str, str]:
    """What ``_rendered`` gives for the chart with those of its dependencies that lie elsewhere in the scan."""
    if not missing.parts:
        return _rendered(place, values, cache, shared)
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kilter-") as scratch:
        whole = put_together(tree, place, missing.parts, FilePath(scratch))
        if whole is None:
            return "", "its dependencies are larger than the limit"
        return _rendered(whole, values, cache, shared)


def _rendered(place: FilePath, values: ChartValues, cache: Cache, shared: RenderTime) -> tuple[str, str]:
    """What ``_render`` gives, from the cache where the same chart was rendered with the same values before."""
    key = (
        cache.key("chart", *_chart_content(place), repr(values), chart_engine()) if cache.directory is not None else ""
    )
    stored = cache.get(key)
    if isinstance(stored, str):
        return stored, ""
    if shared.left <= 0:
        return "", f"the charts before it took more than the limit of {SHARED_SECONDS:.0f} s that all charts share"
    started, used = time.monotonic(), _engine_seconds()
    text, problem = _render(place, values)
    # an engine that waits, for a pipe say, uses no processor until it is stopped
    shared.spend(time.monotonic() - started if problem else _engine_seconds() - used)
    if not problem:
        cache.put(key, text)
    return text, problem


def _chart_content(place: FilePath) -> Iterator[str | bytes]:
    """Names and contents of a chart's files."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    for path in files:
        yield path.relative_to(place).as_posix()
        try:
            yield path.read_bytes() if path.stat().st_size <= MAX_UNPACKED_BYTES else str(path.stat().st_mtime_ns)
        except OSError as error:
            yield str(error)


def chart_engine() -> str:
    """The engine's file and its time, so that another version renders anew."""
    helm = shutil.which("helm")
    found = None if helm else find_spec("helm_python")
    place = helm or (found.origin if found is not None else None)
    return f"{place} {FilePath(place).stat().st_mtime_ns}" if place else ""


def _render(place: FilePath, values: ChartValues) -> tuple[str, str]:
    """(rendered text as ``helm template`` prints it, problem); one of the two is empty."""
    import subprocess
    import tempfile

    helm = shutil.which("helm")
    if place.suffix == ".tgz" and (problem := _archive_problem(place)):
        return "", problem
    with (
        tempfile.TemporaryDirectory(prefix="kilter-") as scratch,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as messages,
    ):
        command, order = _helm_command(helm, place, values, FilePath(scratch)) if helm else _sdk_command(place, values)
        try:
            result = subprocess.run(
                command,
                input=order,
                stdout=out,
                stderr=messages,
                timeout=RENDER_SECONDS,
                check=False,
                env={**os.environ, **ENGINE_THREADS},
                preexec_fn=_limit_engine if os.name == "posix" else None,
            )
        except subprocess.TimeoutExpired:
            return "", f"it takes longer than the limit of {RENDER_SECONDS} s"
        except OSError as error:
            return "", str(error)
        out.seek(0)
        messages.seek(0)
        if result.returncode < 0:
            limits = f"{RENDER_SECONDS} s, {MAX_ENGINE_BYTES // 1024**2} MiB of memory or of output"
            return "", f"it was stopped at a limit ({limits})"
        if result.returncode != 0:
            lines = [line for line in messages.read(65_536).decode("utf-8", "replace").splitlines() if line.strip()]
            return "", (_reason(lines) if lines else "no message")[:500]
        return out.read().decode("utf-8", "replace"), ""


def _engine_seconds() -> float:
    """Processor time of the engines so far; wall-clock time on systems that do not tell."""
    if os.name != "posix":
        return time.monotonic()
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _reason(lines: list[str]) -> str:
    """The line that says what went wrong: the engine's own error, not the trace of a crash below it.

    What a chart itself has to say (``fail``) may go on over the lines that follow.
    """
    fatal = next((line for line in lines if line.startswith(("fatal error:", "runtime:", "Error:"))), None)
    raised = next((place for place, line in enumerate(lines) if line.startswith(RAISED)), len(lines) - 1)
    return fatal or " ".join(line.strip() for line in lines[raised:]).removeprefix(RAISED)


def _limit_engine() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (RENDER_SECONDS, RENDER_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_ENGINE_BYTES, MAX_ENGINE_BYTES))
    if sys.platform == "linux":  # elsewhere a process holds more addresses than that from the start
        resource.setrlimit(resource.RLIMIT_AS, (MAX_ENGINE_ADDRESSES, MAX_ENGINE_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_RENDERED_BYTES, MAX_RENDERED_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _archive_problem(place: FilePath) -> str:
    """Why an archive is not given to the engine: it unpacks to more than any chart holds, or names places outside."""
    import gzip
    import tarfile
    import zlib

    try:
        with gzip.open(place) as stream:
            size = 0
            while chunk := stream.read(1024 * 1024):
                size += len(chunk)
                if size > MAX_UNPACKED_BYTES:
                    return f"the archive unpacks to more than the limit of {MAX_UNPACKED_BYTES // 1024**2} MiB"
        with tarfile.open(place) as archive:
            for number, member in enumerate(archive):
                if number >= MAX_ARCHIVE_FILES:
                    return f"the archive holds more than the limit of {MAX_ARCHIVE_FILES} files"
                steps = member.name.split("/")
                if member.name.startswith("/") or ".." in steps or member.issym() or member.islnk():
                    return f"the archive names a place outside itself: {member.name[:100]!r}"
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        return f"the archive cannot be read: {error}"
    return ""


def _helm_command(helm: str, place: FilePath, values: ChartValues, scratch: FilePath) -> tuple[list[str], bytes]:
    command = [helm, "template", "--skip-tests", "--namespace", values.namespace]
    for number, text in enumerate((*values.documents, *(text for _, text in values.files))):
        file = scratch / f"values-{number}.yaml"
        file.write_text(text, "utf-8")
        command += ["--values", str(file)]
    for setting in values.settings:
        command += ["--set", setting]
    if values.kube_version:
        command += ["--kube-version", values.kube_version]
    # a source chooses the release's name, and options of helm can run programs
    return [*command, "--", values.name, str(place)], b""


def _sdk_command(place: FilePath, values: ChartValues) -> tuple[list[str], bytes]:
    order = {
        "place": str(place),
        "documents": [*values.documents, *(text for _, text in values.files)],
        "settings": values.settings,
        "name": values.name,
        "namespace": values.namespace,
    }
    # modules come from the installation, never from the current directory, which may be the scanned one
    return [sys.executable, "-P", "-c", _SDK], json.dumps(order).encode()


def read_rendered(tree: Tree, chart: str, text: str, parts: Mapping[str, str] | None = None) -> Parsed:
    """The objects in the output of ``helm template``, each placed in the template that it comes from.

    ``parts`` tells where charts lie that the chart holds by dependency.
    """
    parsed = Parsed()
    for source, document in _documents(text):
        template = _template_path(chart, source, parts or {})
        rendered = read_manifests(SourceFile(template, document), chart, "helm")
        try:
            original = tree.read(template)
        except Unreadable:
            original = None
        values = _values_file(tree, chart)
        for resource in rendered.resources:
            if original is not None:
                resource.locator = TemplateLocator(original, document, resource, values)
        parsed.extend(rendered)
    return parsed


def _values_file(tree: Tree, chart: str) -> SourceFile | None:
    try:
        return tree.read(f"{chart}/values.yaml" if chart else "values.yaml")
    except Unreadable:
        return None


def _documents(text: str) -> Iterator[tuple[str, str]]:
    source = ""
    # as Helm does, also where more stands on the line: cert-manager's chart has ---# and a comment
    for document in re.split(r"^---(?!-)[ \t]*", text, flags=re.MULTILINE):
        match = _SOURCE.search(document)
        source = match[1] if match is not None else source
        if source and document.strip():
            yield source, document


def _template_path(chart: str, source: str, parts: Mapping[str, str]) -> str:
    """``chart-name/templates/x.yaml`` as a path in the scan."""
    inside = source.partition("/")[2]
    holder = max((part for part in parts if inside.startswith(f"{part}/")), key=len, default="")
    top = parts[holder] if holder else chart
    return f"{top}/{inside.removeprefix(holder).lstrip('/')}".lstrip("/")


class TemplateLocator:
    """Places of rendered values in the template: the line with the same key, else the ``kind:`` line."""

    __slots__ = ("_inner", "_kind", "_rendered", "_template", "_values")

    def __init__(self, template: SourceFile, rendered: str, resource: Resource, values: SourceFile | None) -> None:
        self._template = template
        self._rendered = rendered
        self._inner = resource.locator
        self._kind = resource.type
        self._values = values

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        rendered = self._inner.locate(path).span
        lines = self._rendered.split("\n")
        line = lines[rendered.start_line - 1] if rendered.start_line <= len(lines) else ""
        number = _find_line(_lines_of(self._template.lines, self._kind), line, path)
        text = self._template.lines[number - 1]
        start = len(text) - len(text.lstrip()) + 1
        span = Span(self._template.path, number, start, number, max(len(text.rstrip()) + 1, start + 1))
        return Location(span, tuple(self._related(text)))

    def extent(self) -> Span:
        """The object's ``kind:`` line in the template: which further lines made it cannot be told."""
        return self.locate(()).span

    def _related(self, text: str) -> Iterator[RelatedSpan]:
        match = _VALUES.search(text)
        if match is None or self._values is None:
            return
        key = match[1].rpartition(".")[2]
        for number, line in enumerate(self._values.lines, 1):
            if line.strip().startswith(f"{key}:"):
                span = Span(self._values.path, number, 1, number, len(line.rstrip()) + 1)
                yield RelatedSpan(span, f".Values.{match[1]} is set here")
                return


def _lines_of(lines: list[str], kind: str) -> list[tuple[int, str]]:
    """The numbered lines of the template's documents of a kind; all of them where none says so."""
    documents: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(lines, 1):
        if line.startswith("---"):
            documents.append([])
        documents[-1].append((number, line))
    mine = [document for document in documents if any(line.rstrip() == f"kind: {kind}" for _, line in document)]
    return [line for document in mine or documents for line in document]


def _find_line(lines: list[tuple[int, str]], rendered: str, path: Path) -> int:
    """The template's line that gave a rendered line: the same text, else a key, else ``kind:``."""
    wanted = rendered.strip()
    exact = next((number for number, line in lines if wanted and line.strip() == wanted), None)
    if exact is not None:
        return exact
    around = [step for step in reversed(path) if isinstance(step, str)]
    for key in (wanted.removeprefix("- ").partition(":")[0], *around):
        by_key = (n for n, line in lines if key and line.strip().removeprefix("- ").startswith(f"{key}:"))
        found = next(by_key, None)
        if found is not None:
            return found
    return next((number for number, line in lines if line.startswith("kind:")), 1)
