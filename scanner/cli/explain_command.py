"""``kilter explain``."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli.settings import known_rules, rule_options
from scanner.cli.shared import Choice, failures, say, write


@click.command(name="explain")
@click.argument("rule")
@rule_options
@click.option("--format", "output_format", type=Choice(("text", "json", "markdown")), default="text", show_default=True)
def command(rule: str, rule_directories: tuple[str, ...], config_path: str | None, output_format: str) -> None:
    """Explain a rule: why it matters, what to do, what it reports and what it accepts."""
    with failures():
        from scanner.engine.examples import examples
        from scanner.engine.rules import find_rule
        from scanner.report.clean import json_text
        from scanner.report.rule_pages import explain_data, explain_text, rule_page
        from scanner.scan import fixtures_of

        found = find_rule(known_rules(config_path, rule_directories), rule)
        shown = examples(found, fixtures_of(Path(found.source)))
    if output_format == "json":
        write(json_text(explain_data(found, shown)), "-")
    else:
        say((rule_page if output_format == "markdown" else explain_text)(found, shown).removesuffix("\n"))
