"""``kilter rules``."""

from __future__ import annotations

import click

from scanner.cli.settings import known_rules, rule_options
from scanner.cli.shared import Choice, failures, say, write


@click.command(name="rules")
@rule_options
@click.option("--format", "output_format", type=Choice(("text", "json")), default="text", show_default=True)
def command(rule_directories: tuple[str, ...], config_path: str | None, output_format: str) -> None:
    """List the rules that come with Kilter and those that the configuration adds."""
    with failures():
        from scanner.report.clean import json_text, one_line

        rules = known_rules(config_path, rule_directories)
    if output_format == "json":
        keys = ("id", "name", "title", "category", "severity", "precision")
        data = [{key: getattr(rule, key) for key in keys} | {"fixable": rule.fix is not None} for rule in rules]
        write(json_text(data), "-")
        return
    for rule in rules:
        mark = " " if rule.fix is None else "*"
        say(f"{rule.id}{mark} {rule.severity:<8}  {rule.name:<42}  {one_line(rule.title)}")
    say(f"\n* kilter scan --fix can remedy it ({sum(rule.fix is not None for rule in rules)} of {len(rules)})")
