"""``kilter rules``."""

from __future__ import annotations

import json

import click

from scanner.cli.shared import failures


@click.command(name="rules")
@click.option("--format", "output_format", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(output_format: str) -> None:
    """List the rules that come with Kilter."""
    with failures():
        from scanner.engine.rules import load_rules
        from scanner.scan import builtin_rules

        rules = load_rules([builtin_rules()])
    if output_format == "json":
        keys = ("id", "name", "title", "category", "severity", "precision")
        data = [{key: getattr(rule, key) for key in keys} | {"fixable": rule.fix is not None} for rule in rules]
        click.echo(json.dumps(data, indent=2))
        return
    for rule in rules:
        mark = " " if rule.fix is None else "*"
        click.echo(f"{rule.id}{mark} {rule.severity:<8}  {rule.name:<42}  {rule.title}")
    click.echo(f"\n* kilter scan --fix can remedy it ({sum(rule.fix is not None for rule in rules)} of {len(rules)})")
