"""What shells offer for the arguments of commands. It must be quick: it runs at every press of the tab key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import click
from click.shell_completion import CompletionItem

from scanner.report.formats import FORMATS

Completer = Callable[[click.Parameter, click.Context, str], list[CompletionItem]]
FILES = ("paths", "path", "output", "config_path", "baseline", "var_files", "values_files")
"""Parameters that take files, whatever the command."""


def complete_rules(parameter: click.Parameter, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Codes, and names once a letter of one is there; what stands before the last comma is kept."""
    before, comma, last = incomplete.rpartition(",")
    return [
        CompletionItem(before + comma + value, help=text)
        for value, text in _selectors(categories=parameter.name in ("select", "ignore"), names=bool(last))
        if value.startswith(last)
    ]


def complete_reports(parameter: click.Parameter, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """The formats of ``FORMAT=FILE``, then files."""
    if "=" in incomplete:
        return [CompletionItem(incomplete, type="file")]
    return [CompletionItem(f"{name}=") for name in FORMATS if name.startswith(incomplete)]


def complete_files(parameter: click.Parameter, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Whatever files the shell knows."""
    return [CompletionItem(incomplete, type="file")]


def complete_directories(parameter: click.Parameter, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Whatever directories the shell knows."""
    return [CompletionItem(incomplete, type="dir")]


def _selectors(*, categories: bool, names: bool) -> Iterator[tuple[str, str]]:
    """Codes, categories and names with what they mean, from the names of the rule files alone."""
    from scanner.project.packs import builtin_rules

    files = sorted(builtin_rules().rglob("*.yaml"), key=lambda path: path.stem)
    rules = [(path.stem.partition("-")[0], path.stem.partition("-")[2], path.parent.name) for path in files]
    if categories:
        yield from ((category, "all rules of the category") for category in sorted({rule[2] for rule in rules}))
    yield from ((code, name) for code, name, _ in rules)
    if names:
        yield from ((name, code) for code, name, _ in rules)


COMPLETERS: dict[str, Completer] = {
    **dict.fromkeys(FILES, complete_files),
    **dict.fromkeys(("rule_directories", "directory", "rules_directory", "fixtures"), complete_directories),
    **dict.fromkeys(("select", "ignore", "rule"), complete_rules),
    "reports": complete_reports,
}
"""By the name of the parameter."""


def with_completion(command: click.Command) -> click.Command:
    """Let the parameters of a command complete by their names."""
    for parameter in command.params:
        completer = COMPLETERS.get(parameter.name or "")
        if completer is not None:
            parameter.shell_complete = partial(completer, parameter)  # type: ignore[method-assign]
    return command
