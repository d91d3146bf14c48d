"""``kilter explain``."""

from __future__ import annotations

import json

import click

from scanner.cli.shared import failures


@click.command(name="explain")
@click.argument("rule")
@click.option(
    "--format", "output_format", type=click.Choice(("text", "json", "markdown")), default="text", show_default=True
)
def command(rule: str, output_format: str) -> None:
    """Explain a rule: why it matters, what to do, what it reports and what it accepts."""
    with failures():
        from scanner.engine.examples import examples
        from scanner.engine.rules import UnknownSelector, load_rules, select_rules
        from scanner.report.rule_pages import explain_data, explain_text, rule_page
        from scanner.scan import builtin_fixtures, builtin_rules

        rules = load_rules([builtin_rules()])
        found = next((item for item in rules if rule in (item.id, item.name)), None)
        if found is None:
            select_rules(rules, [rule])
            raise UnknownSelector(f"{rule!r} is not the code or name of one rule")
        shown = examples(found, builtin_fixtures())
    if output_format == "json":
        click.echo(json.dumps(explain_data(found, shown), indent=2))
    else:
        click.echo((rule_page if output_format == "markdown" else explain_text)(found, shown), nl=False)
