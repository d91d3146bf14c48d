"""``kilter cost``."""

from __future__ import annotations

from typing import Any

import click

from scanner.cli import scan_command
from scanner.cli.progress import progress
from scanner.cli.settings import ONLY_REPORTING, options_of, scan_configured, with_environment
from scanner.cli.shared import Choice, failures, write


@click.pass_context
def _run(context: click.Context, /, output_format: str, output: str | None, **choices: Any) -> None:
    """What the accelerators below PATHS cost a month at list price.

    The floor is what always runs, the ceiling all that may run. What cannot be known is shown and not counted.
    """
    with failures(), progress(not choices["no_progress"]) as note:
        from scanner.concepts.costs import costs
        from scanner.report.cost import render_cost_json, render_cost_table

        result = scan_configured(context, note)
        found = costs(result.concepts, result.graph)
    lost = sum(item.level == "error" for item in result.diagnostics)
    if lost:
        click.echo(f"kilter: {lost} problems while reading, see kilter scan; the costs may be incomplete", err=True)
    write(render_cost_json(found) if output_format == "json" else render_cost_table(found), output)


OPTIONS = (
    click.Option(
        ["--format", "output_format"],
        type=Choice(("table", "json")),
        default="table",
        show_default=True,
        envvar="KILTER_COST_FORMAT",
    ),
    click.Option(
        ["--output", "-o"],
        metavar="FILE",
        help="Write to a file instead of standard output.",
        envvar="KILTER_COST_OUTPUT",
    ),
)
command = with_environment(
    click.Command(
        "cost", params=[*OPTIONS, *options_of(scan_command.command, ONLY_REPORTING)], callback=_run, help=_run.__doc__
    )
)
