"""``kilter graph``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from scanner.cli import scan_command
from scanner.cli.progress import progress
from scanner.cli.settings import ONLY_REPORTING, options_of, scan_configured, with_environment
from scanner.cli.shared import Choice, failures, write

if TYPE_CHECKING:
    from scanner.core import Resource
    from scanner.graph import ResourceGraph
    from scanner.scan import ScanResult


@click.pass_context
def _run(context: click.Context, /, output_format: str, output: str | None, **choices: Any) -> None:
    """Show the resources below PATHS and the edges between them."""
    with failures(), progress(not choices["no_progress"]) as note:
        result = scan_configured(context, note)
    write(render_graph(result, output_format), output)


OPTIONS = (
    click.Option(
        ["--format", "output_format"],
        type=Choice(("json", "dot", "mermaid", "html")),
        default="json",
        show_default=True,
        envvar="KILTER_GRAPH_FORMAT",
    ),
    click.Option(
        ["--output", "-o"],
        metavar="FILE",
        help="Write to a file instead of standard output.",
        envvar="KILTER_GRAPH_OUTPUT",
    ),
)
command = with_environment(
    click.Command(
        "graph",
        params=[*OPTIONS, *options_of(scan_command.command, ONLY_REPORTING)],
        callback=_run,
        help=_run.__doc__,
    )
)


def render_graph(result: ScanResult, output_format: str) -> str:
    """The resource graph as ``json``, ``dot``, ``mermaid`` or ``html``."""
    if output_format == "html":
        from scanner.report.html import render_graph_html

        return render_graph_html(result)
    return {"json": _json, "dot": _dot, "mermaid": _mermaid}[output_format](result.graph.as_written())


def _json(graph: ResourceGraph) -> str:
    from scanner.report.clean import json_text

    resources = []
    for resource in graph.resources:
        span = resource.extent()
        resources.append(
            {
                "address": resource.address,
                "type": resource.type,
                "file": span.file,
                "line": span.start_line,
                "end_line": span.end_line,
                "attributes": _plain(resource.attributes),
            }
        )
    pairs = sorted((source.address, target.address, kind) for source, target, kind, _ in graph.edges())
    edges = [{"from": source, "to": target, "kind": kind} for source, target, kind in pairs]
    return json_text({"resources": resources, "edges": edges})


def _dot(graph: ResourceGraph) -> str:
    """Graphviz. Nodes have names of their own, because an address may occur in several root modules."""
    nodes = [f"  {name} [label={_dot_string(address)}];" for name, address in _names(graph).values()]
    edges = [
        f"  {source} -> {target} [label={_dot_string(kind)}{', style=dashed' if possible else ''}];"
        for source, target, kind, possible in _edges(graph)
    ]
    return "\n".join(["digraph kilter {", "  rankdir=LR;", "  node [shape=box];", *nodes, *edges, "}"]) + "\n"


def _mermaid(graph: ResourceGraph) -> str:
    nodes = [f'  {name}["{_mermaid_text(address)}"]' for name, address in _names(graph).values()]
    edges = [
        f"  {source} {'-.->' if possible else '-->'}|{kind}| {target}"
        for source, target, kind, possible in _edges(graph)
    ]
    return "\n".join(["graph LR", *nodes, *edges]) + "\n"


def _names(graph: ResourceGraph) -> dict[Resource, tuple[str, str]]:
    """A plain name for each resource, and its address."""
    return {resource: (f"n{number}", resource.address) for number, resource in enumerate(graph.resources)}


def _edges(graph: ResourceGraph) -> list[tuple[str, str, str, bool]]:
    """The edges between plain names, by the addresses of their ends."""
    names = _names(graph)
    found = sorted(graph.edges(), key=lambda edge: (edge[0].address, edge[1].address, edge[2]))
    return [(names[source][0], names[target][0], kind, possible) for source, target, kind, possible in found]


def _dot_string(text: str) -> str:
    """``text`` as a quoted Graphviz string; a backslash would start an escape, an ampersand an HTML entity."""
    from scanner.report.clean import one_line

    shown = one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{shown}"'


def _mermaid_text(text: str) -> str:
    """``text`` inside Mermaid's quotes: everything but plain characters as entity codes (``#35;``)."""
    from scanner.report.clean import one_line

    return re.sub(r"[^\w ./:=,@-]", lambda match: f"#{ord(match[0])};", one_line(text))


def _plain(value: Any) -> Any:
    from scanner.core import Unknown

    if isinstance(value, Unknown):
        return {"$unknown": True}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
