"""``kilter docs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.shared import Failure, failures, say, write

if TYPE_CHECKING:
    from scanner.engine.rules import Rule


@click.command(name="docs")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--rules", "rules_directory", type=click.Path(path_type=Path), help="Rules.  [default: the built-in ones]"
)
@click.option(
    "--fixtures",
    type=click.Path(path_type=Path),
    help="Fixtures by code.  [default: fixtures/rules beside the rules or above them]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a page is missing or out of date.")
def command(directory: Path, rules_directory: Path | None, fixtures: Path | None, check: bool) -> None:
    """Write a Markdown page for each rule into DIRECTORY, and an index by category and system.

    The examples are the rules' own fixtures, and a rule is listed under the systems that its failing fixtures show.
    """
    with failures():
        from scanner.engine.rules import load_rules
        from scanner.scan import builtin_rules, fixtures_of

        directories = [rules_directory or builtin_rules()]
        pages = _pages(load_rules(directories), fixtures or fixtures_of(*directories))
    stale = sorted(name for name, text in pages.items() if _read(directory / name) != text)
    gone = sorted(path.name for path in directory.glob("*.md") if path.name not in pages)
    if check:
        for name in (*stale, *gone):
            say(f"{directory / name} is out of date", err=True)
        raise click.exceptions.Exit(1 if stale or gone else 0)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{directory} cannot be written: {error.strerror}") from error
    for name in stale:
        write(pages[name], str(directory / name))
    say(f"{len(pages)} pages, {len(stale)} written")
    for name in gone:
        say(f"{directory / name} belongs to no rule", err=True)


def _pages(rules: list[Rule], fixtures: Path) -> dict[str, str]:
    from scanner.engine.examples import examples
    from scanner.report.rule_pages import index_page, rule_page

    systems = {rule.id: _systems(rule, fixtures) for rule in rules}
    pages = {f"{rule.id}.md": rule_page(rule, examples(rule, fixtures), systems[rule.id]) for rule in rules}
    return {"README.md": index_page(rules, systems), **pages}


def _systems(rule: Rule, fixtures: Path) -> set[str]:
    from scanner.concepts.model import PodSet
    from scanner.engine.fixtures import cases_of
    from scanner.facts.systems import system_of, system_of_runtime
    from scanner.scan import ScanOptions, scan

    cases = [case for case in cases_of(rule, fixtures) if case.name.startswith("fail")]
    options = ScanOptions(select=(rule.id,), only_rules=(Path(rule.source).parent,))
    found: set[str | None] = set()
    for case in cases:
        result = scan([case], options)
        for resource in {finding.resource for finding in result.findings}:
            found.add(system_of(resource.type, resource.api_version, resource.origin))
            pods = [item for item in result.concepts.of_resource(resource) if isinstance(item, PodSet)]
            found |= {system_of_runtime(item.runtime) for item in pods if isinstance(item.runtime, str)}
    return {name for name in found if name is not None}


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
