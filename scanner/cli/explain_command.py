"""``kilter explain``."""

from __future__ import annotations

import textwrap

import click

from scanner.cli.shared import failures


@click.command(name="explain")
@click.argument("rule")
def command(rule: str) -> None:
    """Explain a rule: why it matters, what to do, and where it comes from."""
    with failures():
        from scanner.engine.rules import UnknownSelector, load_rules, select_rules
        from scanner.scan import builtin_rules

        rules = load_rules([builtin_rules()])
        found = next((item for item in rules if rule in (item.id, item.name)), None)
        if found is None:
            select_rules(rules, [rule])
            raise UnknownSelector(f"{rule!r} is not the code or name of one rule")
    lines = [
        f"{found.id} {found.name}",
        f"{found.title}",
        "",
        f"severity {found.severity}, precision {found.precision}",
    ]
    for text in (found.description, f"What to do: {found.remediation}"):
        if text:
            lines += ["", textwrap.fill(" ".join(text.split()), 88)]
    for name, declared in found.params.items():
        lines += ["", f"Parameter {name} (default {declared.get('default')}): {declared.get('description', '')}"]
    for title, example in found.examples.items():
        lines += ["", f"{title.capitalize()}:", textwrap.indent(example.rstrip(), "    ")]
    if found.references:
        lines += ["", "References:", *(f"  {link}" for link in found.references)]
    click.echo("\n".join(lines))
