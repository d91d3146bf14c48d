"""``kilter scan``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from scanner.cli.progress import progress
from scanner.cli.repairs import difference, would_be, written
from scanner.cli.settings import find_configuration, known_findings, resolve, scan_options, with_environment
from scanner.cli.shared import Choice, Failure, colour_wanted, failures, write
from scanner.core.findings import SEVERITIES
from scanner.core.nearest import nearest
from scanner.report.formats import DRAWN, FORMATS, render

if TYPE_CHECKING:
    from scanner.scan import ScanResult


@click.command(name="scan")
@click.argument("paths", nargs=-1)
@click.option("--format", "output_format", type=Choice(FORMATS), default="text", show_default=True)
@click.option("--output", "-o", metavar="FILE", help="Write the report to a file instead of standard output.")
@click.option("--report", "reports", multiple=True, metavar="FORMAT=FILE", help="Write a further report; repeatable.")
@click.option(
    "--select", multiple=True, metavar="RULE", help="Run only these codes, code prefixes, names or categories."
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Leave these out.")
@click.option("--pedantic", is_flag=True, help="Run rules of low precision too.")
@click.option("--fail-on", type=Choice(SEVERITIES), help="Lowest severity that fails the run.  [default: medium]")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option("--strict", is_flag=True, help="Fail on input that could not be read in full.")
@click.option("--var-file", "var_files", multiple=True, metavar="FILE", help="Terraform variables file; repeatable.")
@click.option("--var", "vars_", multiple=True, metavar="NAME=VALUE", help="Terraform variable; repeatable.")
@click.option("--workspace", default="default", show_default=True, help="Terraform workspace.")
@click.option(
    "--values", "values_files", multiple=True, metavar="FILE", help="Values file for every chart; repeatable."
)
@click.option("--set", "set_values", multiple=True, metavar="KEY=VALUE", help="Value for every chart; repeatable.")
@click.option("--kube-version", default="", metavar="VERSION", help="Kubernetes version to render charts for.")
@click.option("--config", "config_path", metavar="FILE", help="Configuration file.")
@click.option("--rules", "rule_directories", multiple=True, metavar="DIR", help="Directory with further rules.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match; repeatable.")
@click.option("--baseline", metavar="FILE", help="Leave out the findings of a baseline (see kilter baseline).")
@click.option("--diff", metavar="REF", help="Report only what the change since this git revision introduces.")
@click.option("--fix", is_flag=True, help="Write the remedies of rules that have one into the files.")
@click.option("--dry-run", is_flag=True, help="With --fix: print what would change, and change nothing.")
@click.option("--no-inline-ignore", is_flag=True, help="Do not honour suppressions in the sources.")
@click.option("--require-reason", is_flag=True, help="Suppressions in the sources hold only with a reason.")
@click.option("--touched", is_flag=True, help="PATHS are what changed: report on the units that hold them.")
@click.option("--show-undetermined", is_flag=True, help="List what could not be decided, and why.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache (see KILTER_CACHE_DIR).")
@click.option("--quiet", "-q", is_flag=True, help="Leave notes out of the text report.")
@click.option("--no-progress", is_flag=True, help="Show no progress on the terminal.")
@click.pass_context
def command(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    output_format: str,
    output: str | None,
    reports: tuple[str, ...],
    exit_zero: bool,
    config_path: str | None,
    diff: str | None,
    touched: bool,
    fix: bool,
    dry_run: bool,
    show_undetermined: bool,
    quiet: bool,
    no_progress: bool,
    **_: Any,
) -> None:
    """Check Terraform, Kubernetes and Helm sources below PATHS (default: the current directory).

    A single - reads Kubernetes manifests from standard input. Every option can also be given as an environment
    variable: KILTER_FAIL_ON=high, KILTER_SELECT="GPU CST".
    """
    wanted = [_report(value) for value in reports]
    if dry_run and not fix:
        raise Failure("--dry-run goes with --fix")
    if fix and paths == ("-",):
        raise Failure("--fix needs files; standard input has no place to write to")
    with failures(), progress(not no_progress and not quiet) as note:
        from scanner.scan import repair, scan

        config = find_configuration(config_path, paths)
        settings = resolve(context, config)
        given = [] if paths == ("-",) else [Path(path) for path in paths or (".",)]
        options = replace(
            scan_options(context, config, settings),
            baseline=known_findings(settings["baseline"].value),
            diff=None if paths == ("-",) else diff or _pushed_from(),
            touched=touched and paths != ("-",),
            recall=not fix and DRAWN.isdisjoint((output_format, *(name for name, _ in wanted))),
            progress=note,
        )
        repairs = repair(given, options) if fix else None
        result = scan(given, options) if repairs is None else repairs.before if dry_run else written(repairs)
    if result.files == 0:
        click.echo("kilter: nothing found to scan (no Terraform, Kubernetes or Helm files)", err=True)
    colour = output is None and colour_wanted(sys.stdout)
    text_options = {"show_undetermined": show_undetermined, "quiet": quiet}
    if repairs is not None and dry_run:
        from scanner.report.clean import clean_lines

        steered = sys.stdout.isatty() or bool(os.environ.get("CI"))
        write(clean_lines(difference(repairs)) if steered else difference(repairs), "-")
        click.echo(f"kilter: {would_be(repairs)}; nothing was written", err=True)
    shown = [] if dry_run and output is None else [(output_format, output or "-")]
    _write(result, [*wanted, *shown], {"colour": colour, **text_options})
    strict, fail_on = settings["strict"].value, settings["fail-on"].value
    # unlike an exception of click's, this one keeps the result alive until the process ends
    sys.exit(_exit_status(result, fail_on, exit_zero=exit_zero, strict=strict))


def _report(value: str) -> tuple[str, str]:
    name, equals, file = value.partition("=")
    if not equals or not file or name not in FORMATS:
        hint = nearest(name, FORMATS) if name not in FORMATS else ""
        wanted = f"must have the form FORMAT=FILE with a format of {', '.join(FORMATS)}"
        raise Failure(f"--report {value!r} {wanted}{hint}")
    return name, file


def _write(result: ScanResult, reports: list[tuple[str, str]], text_options: dict[str, bool]) -> None:
    """Write every report, standard output last; a failure is raised only when the others are written."""
    failed = []
    for name, file in sorted(reports, key=lambda report: report[1] == "-"):
        options = text_options if file == "-" else text_options | {"colour": False}
        try:
            write(render(result, name, **options), file)
        except Failure as failure:
            failed.append(failure.message)
    if failed:
        raise Failure("; ".join(failed))


def _pushed_from() -> str | None:
    """The base that pre-commit gives where it knows a range: on push, or with --from-ref."""
    base = os.environ.get("PRE_COMMIT_FROM_REF", "")
    return base if base.strip("0") and os.environ.get("PRE_COMMIT_TO_REF") else None


def _exit_status(result: ScanResult, fail_on: str, *, exit_zero: bool, strict: bool) -> int:
    """0 nothing at or above the threshold, 1 findings; the format plays no part."""
    if exit_zero:
        return 0
    threshold = SEVERITIES.index(fail_on)
    if any(SEVERITIES.index(finding.severity) <= threshold for finding in result.findings):
        return 1
    return 1 if strict and any(item.level == "error" for item in result.diagnostics) else 0


with_environment(command)
