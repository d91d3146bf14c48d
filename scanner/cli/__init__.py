"""The command line. Commands are imported when they are called, so that starting costs little."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from scanner.version import VERSION

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "scan": "Check Terraform, Kubernetes and Helm sources.",
    "init": "Set Kilter up in a repository.",
    "baseline": "Record today's findings, so that only new ones count.",
    "config": "Show what the configuration comes to.",
    "rules": "List the rules.",
    "explain": "Explain a rule.",
    "docs": "Write a page for each rule.",
    "test": "Test rules against their fixtures.",
    "graph": "Show the resource graph.",
    "cost": "Show what the accelerators cost a month.",
    "eval": "Evaluate Terraform expressions.",
    "lsp": "Serve an editor (language server).",
    "mcp": "Serve an assistant (Model Context Protocol).",
    "completion": "Print the completion script of a shell.",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"scanner.cli.{cmd_name}_command")
        command: click.Command = module.command
        if ctx.resilient_parsing:
            from scanner.cli.completing import with_completion

            return with_completion(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands without importing them."""
        from click.shell_completion import CompletionItem

        # fish takes what stands after a comma for something else
        texts = {name: text.replace(",", ";") for name, text in COMMANDS.items() if name.startswith(incomplete)}
        found = [CompletionItem(name, help=text) for name, text in texts.items()]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        from scanner.core.nearest import suggestion

        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise click.UsageError(f"there is no command {args[0]!r}{suggestion(args[0], COMMANDS)}", ctx)
        if not ctx.resilient_parsing:
            _refuse_files_like_options(args, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _refuse_files_like_options(arguments: list[str], context: click.Context) -> None:
    """A hook or a shell's pattern may pass the name of a hostile file where an option would be understood."""
    for argument in itertools.takewhile(lambda argument: argument != "--", arguments):
        if argument.startswith("-") and os.path.lexists(argument):
            message = f"{argument!r} is an option and also the name of a file; put -- before the names of files"
            raise click.UsageError(message, context)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="kilter")
def cli() -> None:
    """Kilter finds mistakes in AI infrastructure at review time."""


class Terminated(BaseException):
    """Somebody asked the process to end; like an interrupt, it must leave neither temporary files nor children."""


def _terminate(*_: object) -> None:
    raise Terminated


def main() -> None:
    """Entry point: 0 clean, 1 findings, 2 usage, configuration or internal error, 130 interrupted, 143 terminated."""
    import gc
    import signal

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    # what a scan builds lives until the end: looking through it again and again took a third of the time
    gc.set_threshold(500_000, 20, 500)
    try:
        _leave(cli(standalone_mode=False) or 0)
    except SystemExit as stop:
        _leave(int(stop.code or 0))
    except click.ClickException as error:
        _show(error)
        _leave(2)
    except (click.Abort, KeyboardInterrupt):
        _end("interrupted", 130)
    except Terminated:
        _end("terminated", 143)
    except Exception as error:
        _show_defect(error)
        _leave(2)


def _leave(status: int) -> NoReturn:
    """End the process at once: to take apart what it gives back anyway takes a twentieth of a quick scan."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # it is closed or full
            stream.flush()
    os._exit(status)


def _end(why: str, status: int) -> NoReturn:
    from scanner.cli.shared import say

    say(f"kilter: {why}", err=True)
    _leave(status)


def _show(error: click.ClickException) -> None:
    """What is wrong, if anybody can be told: the status must be 2 in any case."""
    from scanner.cli.shared import abandon

    try:
        error.show()
    except (OSError, ValueError, AttributeError):
        abandon(sys.stderr)
    abandon(sys.stdout)


def _show_defect(error: Exception) -> None:
    """A defect with its trace, unless all that is wrong is that the current directory was deleted."""
    import traceback

    from scanner.cli.shared import abandon, directory_is_gone, say

    problem = f"kilter: internal error: {type(error).__name__}: {error}; please report it with the above"
    gone = directory_is_gone()
    trace = "".join(traceback.format_exception(error))
    say("kilter: the current directory no longer exists" if gone else f"{trace}{problem}", err=True)
    abandon(sys.stdout)
