"""``kilter completion``."""

from __future__ import annotations

import click

from scanner.cli.shared import Choice

HOW = {
    "bash": 'eval "$(kilter completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(kilter completion zsh)" in ~/.zshrc, after compinit',
    "fish": "kilter completion fish > ~/.config/fish/completions/kilter.fish",
}


@click.command(name="completion", epilog=f"To use it: {'; '.join(HOW.values())}.")
@click.argument("shell", type=Choice(tuple(HOW)))
def command(shell: str) -> None:
    """Print the script that makes a shell complete commands, options, rules, categories and formats."""
    from click.shell_completion import get_completion_class

    from scanner.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "kilter", "_KILTER_COMPLETE").source())
