"""``kilter rules``."""

from __future__ import annotations

import json

import click

from scanner.cli.settings import known_rules, rule_options
from scanner.cli.shared import Choice, failures


@click.command(name="rules")
@rule_options
@click.option("--format", "output_format", type=Choice(("text", "json")), default="text", show_default=True)
def command(rule_directories: tuple[str, ...], config_path: str | None, output_format: str) -> None:
    """List the rules that come with Kilter and those that the configuration adds."""
    with failures():
        rules = known_rules(config_path, rule_directories)
    if output_format == "json":
        keys = ("id", "name", "title", "category", "severity", "precision")
        data = [{key: getattr(rule, key) for key in keys} | {"fixable": rule.fix is not None} for rule in rules]
        click.echo(json.dumps(data, indent=2))
        return
    for rule in rules:
        mark = " " if rule.fix is None else "*"
        click.echo(f"{rule.id}{mark} {rule.severity:<8}  {rule.name:<42}  {rule.title}")
    click.echo(f"\n* kilter scan --fix can remedy it ({sum(rule.fix is not None for rule in rules)} of {len(rules)})")
