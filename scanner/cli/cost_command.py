"""``kilter cost``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from scanner.cli import scan_command
from scanner.cli.progress import progress
from scanner.cli.settings import find_configuration, options_of, resolve, scan_options, with_environment
from scanner.cli.shared import Choice, failures, write

NOT_SHARED = (
    "output_format", "output", "reports", "select", "ignore", "pedantic", "fail_on", "exit_zero", "strict",
    "rule_directories", "baseline", "diff", "no_inline_ignore", "require_reason", "touched", "show_undetermined",
    "quiet",
)  # fmt: skip


@click.pass_context
def _run(context: click.Context, /, output_format: str, output: str | None, **choices: Any) -> None:
    """What the accelerators below PATHS cost a month at list price.

    The floor is what always runs, the ceiling all that may run. What cannot be known is shown and not counted.
    """
    paths: tuple[str, ...] = choices["paths"]
    with failures(), progress(not choices["no_progress"]) as note:
        from scanner.concepts.costs import costs
        from scanner.report.cost import render_cost_json, render_cost_table
        from scanner.scan import scan

        config = find_configuration(choices["config_path"], paths)
        settings = resolve(context, config)
        given = [] if paths == ("-",) else [Path(path) for path in paths or (".",)]
        result = scan(given, replace(scan_options(context, config, settings), progress=note))
        found = costs(result.concepts, result.graph)
    lost = sum(item.level == "error" for item in result.diagnostics)
    if lost:
        click.echo(f"kilter: {lost} problems while reading, see kilter scan; the costs may be incomplete", err=True)
    write(render_cost_json(found) if output_format == "json" else render_cost_table(found), output)


OPTIONS = (
    click.Option(["--format", "output_format"], type=Choice(("table", "json")), default="table", show_default=True),
    click.Option(["--output", "-o"], metavar="FILE", help="Write to a file instead of standard output."),
)
command = with_environment(
    click.Command(
        "cost", params=[*OPTIONS, *options_of(scan_command.command, NOT_SHARED)], callback=_run, help=_run.__doc__
    )
)
