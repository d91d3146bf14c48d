"""``kilter graph``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from scanner.cli.shared import failures


@click.command(name="graph")
@click.argument("path", default=".")
@click.option(
    "--format", "output_format", type=click.Choice(("json", "dot", "mermaid")), default="json", show_default=True
)
def command(path: str, output_format: str) -> None:
    """Show the resources below PATH and the edges between them."""
    with failures():
        from scanner.scan import ScanOptions, scan

        graph = scan([Path(path)], ScanOptions()).graph
    edges = sorted((source.address, target.address, kind) for source, target, kind, _ in graph.edges())
    if output_format == "json":
        resources = []
        for resource in graph.resources:
            span = resource.locate().span
            resources.append(
                {
                    "address": resource.address,
                    "type": resource.type,
                    "file": span.file,
                    "line": span.start_line,
                    "end_line": span.end_line,
                    "attributes": _json(resource.attributes),
                }
            )
        document = {
            "resources": resources,
            "edges": [{"from": source, "to": target, "kind": kind} for source, target, kind in edges],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif output_format == "dot":
        lines = [f"  {_quoted(source)} -> {_quoted(target)} [label={kind}];" for source, target, kind in edges]
        click.echo("\n".join(["digraph kilter {", "  rankdir=LR;", *lines, "}"]))
    else:
        names = {resource.address: f"n{number}" for number, resource in enumerate(graph.resources)}
        nodes = [f"  {name}[{_quoted(address)}]" for address, name in names.items()]
        lines = [f"  {names[source]} -->|{kind}| {names[target]}" for source, target, kind in edges]
        click.echo("\n".join(["graph LR", *nodes, *lines]))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


def _json(value: Any) -> Any:
    from scanner.core import Unknown

    if isinstance(value, Unknown):
        return {"$unknown": True}
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, list) else value
