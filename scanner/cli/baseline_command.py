"""``kilter baseline``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli import scan_command
from scanner.cli.progress import progress
from scanner.cli.settings import (
    find_configuration,
    known_findings,
    options_of,
    resolve,
    scan_options,
    with_environment,
)
from scanner.cli.shared import Failure, failures, say, write

if TYPE_CHECKING:
    from scanner.engine.baseline import Entry
    from scanner.scan import ScanOptions

DEFAULT = ".kilter-baseline.json"
NOT_SHARED = (
    "output_format", "output", "reports", "fail_on", "exit_zero", "strict", "baseline", "diff", "touched",
    "fix", "dry_run", "show_undetermined", "quiet",
)  # fmt: skip


@click.pass_context
def _run(context: click.Context, /, output: str | None, update: bool, **choices: Any) -> None:
    """Write today's findings below PATHS to a baseline, so that scans report only others.

    Reasons that were added to entries are kept. Entries of paths and rules that are not scanned stay as they are.
    """
    paths: tuple[str, ...] = choices["paths"]
    if paths == ("-",):
        raise Failure("a baseline cannot be made from standard input")
    with failures(), progress(not choices["no_progress"]) as note:
        from msgspec.structs import replace

        config = find_configuration(choices["config_path"], paths)
        settings = resolve(context, config)
        target = output or config.baseline or DEFAULT
        before = known_findings(target) if update or Path(target).exists() else None
        options = replace(scan_options(context, config, settings), progress=note)
        given = [Path(path) for path in paths or (".",)]
        entries, message = _updated(given, options, before or ()) if update else _recorded(given, options, before or ())
    from scanner.engine.baseline import write_baseline

    write(write_baseline(entries), target)
    say(f"{target}: {message}")
    if not config.baseline:
        say(f"To use it: kilter scan --baseline {target}, or `baseline: {target}` in .kilter.yaml")


def _updated(paths: list[Path], options: ScanOptions, before: tuple[Entry, ...]) -> tuple[list[Entry], str]:
    from msgspec.structs import replace

    from scanner.engine.baseline import without_fixed
    from scanner.scan import scan

    result = scan(paths, replace(options, baseline=before))
    left = without_fixed(before, dict(result.fixed))
    message = f"{sum(entry.count for entry in left)} findings, {sum(result.fixed.values())} fixed ones dropped"
    if result.findings:
        message += f"; {len(result.findings)} new findings are not in it"
    return left, message


def _recorded(paths: list[Path], options: ScanOptions, before: tuple[Entry, ...]) -> tuple[list[Entry], str]:
    from scanner.engine.baseline import record
    from scanner.scan import covers, identities, scan

    result = scan(paths, options)
    elsewhere = [entry for entry in before if not covers(result, entry)]
    found = [item for item in identities(result) if item.rule not in result.unsuppressible]
    entries = [*elsewhere, *record(found, before)]
    message = f"{len(found)} findings recorded"
    if len(found) < len(result.findings):
        message += f", {len(result.findings) - len(found)} of unsuppressible rules left out"
    return entries, message


OPTIONS = (
    click.Option(
        ["--output", "-o"],
        metavar="FILE",
        help=f"The baseline file.  [default: the configuration's, else {DEFAULT}]",
        envvar="KILTER_BASELINE_OUTPUT",
    ),
    click.Option(["--update"], is_flag=True, help="Only drop what is fixed; new findings stay new."),
)
command = with_environment(
    click.Command(
        "baseline",
        params=[*OPTIONS, *options_of(scan_command.command, NOT_SHARED)],
        callback=_run,
        help=_run.__doc__,
    )
)
