"""Helm charts: rendered by Helm itself, each object traced back to its template."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import Any

from scanner.core import Diagnostic, Location, Parsed, Path, RelatedSpan, SourceFile, Span
from scanner.frontends.kubernetes import read_manifests
from scanner.project.tree import Tree, Unreadable

RENDER_SECONDS = 30
RELEASE = "release-name"
_SDK = f"""
import sys, helm_python
place = sys.argv[1]
if place.endswith(".tgz"):
    chart = helm_python.Chart.load_archive(open(place, "rb").read())
else:
    chart = helm_python.Chart.load(place)
for name, text in chart.render(name="{RELEASE}", namespace="default", is_install=True).items():
    if name.endswith((".yaml", ".yml")) and "/templates/tests/" not in name:
        sys.stdout.write(f"---\\n# Source: {{name}}\\n{{text}}\\n")
"""
"""The Python engine runs in a process of its own, so that a hostile chart can be stopped."""
MAX_RENDERED_CHARACTERS = 32 * 1024 * 1024
_SOURCE = re.compile(r"^# Source: (\S+)\s*$", re.MULTILINE)
_VALUES = re.compile(r"\.Values\.([A-Za-z_][\w.]*)")


def render_chart(tree: Tree, chart: str) -> Parsed:
    """The objects of a chart with its default values. A chart that cannot be rendered is a diagnostic."""
    place = tree.absolute(chart)
    name = f"{chart}/Chart.yaml" if chart and not chart.endswith(".tgz") else chart or "Chart.yaml"
    span = Span(name, 1, 1, 1, 1)
    if place is None:
        return Parsed(diagnostics=[Diagnostic("error", "outside-root", f"{chart} is outside the scan", span)])
    if _is_library(tree, name):
        return Parsed()
    if shutil.which("helm") is None and find_spec("helm_python") is None:
        message = (
            "this chart is not checked: rendering it needs the helm command on PATH, or the Python engine: "
            "pip install 'kilter[helm]'"
        )
        return Parsed(diagnostics=[Diagnostic("error", "helm-engine-missing", message, span)])
    text, problem = _render(place)
    if problem:
        message = f"this chart is not checked: rendering it failed: {problem}"
        return Parsed(diagnostics=[Diagnostic("error", "helm-render-failed", message, span)])
    return read_rendered(tree, chart, text)


def _is_library(tree: Tree, path: str) -> bool:
    try:
        return re.search(r"^type:\s*library\b", tree.read(path).text, re.MULTILINE) is not None
    except Unreadable:
        return False


def _render(place: FilePath) -> tuple[str, str]:
    """(rendered text as ``helm template`` prints it, problem); one of the two is empty."""
    helm = shutil.which("helm")
    command = (
        [helm, "template", RELEASE, str(place), "--skip-tests"] if helm else [sys.executable, "-c", _SDK, str(place)]
    )
    try:
        result = subprocess.run(command, capture_output=True, timeout=RENDER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "", f"it takes longer than the limit of {RENDER_SECONDS} s"
    except OSError as error:
        return "", str(error)
    if result.returncode != 0:
        lines = result.stderr.decode("utf-8", "replace").strip().splitlines()
        return "", (lines[-1] if lines else "no message")[:500]
    return result.stdout.decode("utf-8", "replace")[:MAX_RENDERED_CHARACTERS], ""


def read_rendered(tree: Tree, chart: str, text: str) -> Parsed:
    """The objects in the output of ``helm template``, each placed in the template that it comes from."""
    parsed = Parsed()
    for source, document in _documents(text):
        template = _template_path(chart, source)
        rendered = read_manifests(SourceFile(template, document), chart, "helm")
        try:
            original = tree.read(template)
        except Unreadable:
            original = None
        values = _values_file(tree, chart)
        for resource in rendered.resources:
            if original is not None:
                resource.locator = TemplateLocator(original, document, resource.locator, values)
        parsed.extend(rendered)
    return parsed


def _values_file(tree: Tree, chart: str) -> SourceFile | None:
    try:
        return tree.read(f"{chart}/values.yaml" if chart else "values.yaml")
    except Unreadable:
        return None


def _documents(text: str) -> Iterator[tuple[str, str]]:
    source = ""
    for document in re.split(r"^---[ \t]*$", text, flags=re.MULTILINE):
        match = _SOURCE.search(document)
        source = match[1] if match is not None else source
        if source and document.strip():
            yield source, document


def _template_path(chart: str, source: str) -> str:
    """``chart-name/templates/x.yaml`` as a path in the scan."""
    inside = source.partition("/")[2]
    return f"{chart}/{inside}" if chart else inside


class TemplateLocator:
    """Places of rendered values in the template: the line with the same key, else the ``kind:`` line."""

    __slots__ = ("_inner", "_rendered", "_template", "_values")

    def __init__(self, template: SourceFile, rendered: str, inner: Any, values: SourceFile | None) -> None:
        self._template = template
        self._rendered = rendered
        self._inner = inner
        self._values = values

    def locate(self, path: Path) -> Location:
        """See ``scanner.core.Locator``."""
        rendered = self._inner.locate(path).span
        lines = self._rendered.split("\n")
        line = lines[rendered.start_line - 1] if rendered.start_line <= len(lines) else ""
        number = _find_line(self._template.lines, line, path)
        text = self._template.lines[number - 1]
        start = len(text) - len(text.lstrip()) + 1
        span = Span(self._template.path, number, start, number, max(len(text.rstrip()) + 1, start + 1))
        return Location(span, tuple(self._related(text)))

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


def _find_line(lines: list[str], rendered: str, path: Path) -> int:
    """The template's line that gave a rendered line: the same text, else the same key, else ``kind:``."""
    wanted = rendered.strip()
    exact = [number for number, line in enumerate(lines, 1) if line.strip() == wanted and wanted]
    if exact:
        return exact[0]
    key = wanted.removeprefix("- ").partition(":")[0]
    by_key = [n for n, line in enumerate(lines, 1) if line.strip().removeprefix("- ").startswith(f"{key}:") and key]
    if by_key:
        return by_key[0]
    return next((number for number, line in enumerate(lines, 1) if line.startswith("kind:")), 1)
