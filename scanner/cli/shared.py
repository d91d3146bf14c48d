"""What several commands need: errors as exit codes, options, writing output."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from scanner.core.nearest import nearest


class Choice(click.Choice):  # type: ignore[type-arg]  # click 8.1 knows no type argument
    """One of some names; a wrong one is answered with the nearest."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name. Raises ``click.BadParameter``."""
        names = [str(name) for name in self.choices]
        if value not in names:
            self.fail(f"{value!r} is not one of {', '.join(names)}{nearest(value, names)}", param, ctx)
        return value


class Failure(click.ClickException):
    """A usage or configuration error: one line and exit status 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Print the message to standard error."""
        say(f"kilter: {self.message}", err=True)


def say(text: str, *, err: bool = False) -> None:
    """Print lines on standard output or error. What the input has put into them steers no terminal and no CI log.

    Raises ``Failure`` where standard output cannot be written; that of errors is done without.
    """
    from scanner.report.clean import clean_lines

    lines = f"{clean_lines(text)}\n"
    if not err:
        write(lines, "-")
        return
    try:
        click.echo(lines.encode("utf-8", "replace"), nl=False, err=True)
    except (OSError, ValueError):
        abandon(sys.stderr)


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Turn the precise errors of the lower floors into ``Failure``."""
    try:
        yield
    except FileNotFoundError as error:
        if error.filename is None and directory_is_gone():
            raise Failure("the current directory no longer exists") from error
        raise Failure(f"{error.filename or error}: no such file or directory") from error
    except Exception as error:
        from scanner.engine.baseline import BaselineError
        from scanner.engine.rules import RuleError, UnknownSelector
        from scanner.project.config import ConfigError
        from scanner.project.git import GitError
        from scanner.project.write import NotWritten

        if isinstance(error, (RuleError, UnknownSelector, ConfigError, GitError, BaselineError, NotWritten)):
            raise Failure(str(error)) from error
        raise


@contextlib.contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Say how to install an extra whose packages are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("scanner"):
            raise
        raise Failure(f"this needs the package {error.name}; install it with: pip install 'kilter[{name}]'") from error


def variables(values: tuple[str, ...]) -> dict[str, str]:
    """``name=value`` options as a mapping."""
    result: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise Failure(f"--var {value!r} must have the form NAME=VALUE")
        result[name] = text
    return result


def standard_input() -> str:
    """The text on standard input. Raises ``Failure``."""
    from scanner.project.tree import MAX_FILE_BYTES, Unreadable, decode

    if sys.stdin is None:
        raise Failure("standard input is closed")
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise Failure(f"standard input is larger than the limit of {MAX_FILE_BYTES // (1024 * 1024)} MiB")
    try:
        return decode("standard input", content)
    except Unreadable as error:
        raise Failure(error.message) from error


def listed(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of a repeatable option, which may also be separated by commas."""
    return tuple(item.strip() for value in values for item in value.split(",") if item.strip())


def colour_wanted(stream: object) -> bool:
    """One decision on colour: NO_COLOR, then FORCE_COLOR, then whether the stream is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) and os.environ.get("TERM") != "dumb"


def write(text: str, output: str | None) -> None:
    """Write a report to a file, which is replaced as a whole, or to standard output. Raises ``Failure``."""
    from scanner.project.write import replace_file

    data = text.encode("utf-8", "replace")
    if output is None or output == "-":
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        except BrokenPipeError as error:
            # whoever read it has gone: nobody to tell, but the status that means findings would be wrong
            abandon(sys.stdout)
            raise SystemExit(2) from error
        except (OSError, AttributeError) as error:  # there is no stream at all where it was closed
            reason = getattr(error, "strerror", None) or "it is closed"
            raise Failure(f"standard output cannot be written: {reason}") from error
        return
    try:
        replace_file(Path(output).resolve(), data)
    except (OSError, ValueError, RuntimeError) as error:
        raise Failure(f"{output} cannot be written: {getattr(error, 'strerror', None) or error}") from error


def abandon(stream: Any) -> None:
    """Let nobody write again, at exit, what could not be written to standard output or error."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def directory_is_gone() -> bool:
    """Whether the current directory was deleted."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return True
    return False
