"""``kilter config``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from scanner.cli import scan_command
from scanner.cli.settings import Setting, find_configuration, options_of, resolve, with_environment
from scanner.cli.shared import Choice, failures, write

NOT_SHARED = (
    "output_format", "output", "reports", "exit_zero", "diff", "touched", "fix", "dry_run", "show_undetermined",
    "quiet", "no_progress", "vars_", "set_values",
)  # fmt: skip


@click.group(name="config")
def command() -> None:
    """Show what the configuration comes to."""


@click.pass_context
def _show(context: click.Context, /, output_format: str, origins: bool, **choices: Any) -> None:
    """Show every setting of a scan of PATHS, with all options that kilter scan has.

    The command line wins over KILTER_ variables of the environment, those over the configuration file with what it
    extends, and that over the defaults. Lists such as ignore add up.
    """
    from scanner.report.clean import clean, json_text

    with failures():
        config = find_configuration(choices["config_path"], choices["paths"])
        settings = resolve(context, config)
    shown = {name: Setting(_plain(item.value), tuple(map(_short, item.origins))) for name, item in settings.items()}
    if output_format == "json":
        write(json_text({name: _json(item, origins) for name, item in shown.items()}), "-")
    else:
        lines = (line for name, item in shown.items() for line in _yaml(name, item, origins))
        write("".join(f"{clean(line)}\n" for line in lines), "-")


@command.command(name="schema")
def _schema() -> None:
    """Print the JSON Schema of the configuration.

    Editors complete and check a configuration that begins with # yaml-language-server: $schema=FILE.
    """
    from scanner.engine.validate import schema_text

    click.echo(schema_text("config"), nl=False)


def _json(setting: Setting, origins: bool) -> Any:
    return {"value": setting.value, "origins": list(setting.origins)} if origins else setting.value


def _yaml(name: str, setting: Setting, origins: bool) -> Iterator[str]:
    value = setting.value
    items: list[str] = []
    if isinstance(value, list):
        items = [f"  - {_flow(item)}" for item in value]
    elif isinstance(value, dict):
        items = [f"  {_flow(key)}: {_flow(item)}" for key, item in value.items()]
    head = f"{name}:" if items else f"{name}: {_flow(value)}"
    if items and len(items) == len(setting.origins):
        yield head
        yield from (_commented(item, origin, origins) for item, origin in zip(items, setting.origins, strict=True))
    else:
        yield _commented(head, ", ".join(dict.fromkeys(setting.origins)), origins)
        yield from items


def _commented(text: str, origin: str, wanted: bool) -> str:
    return f"{text}  # {origin}" if wanted else text


def _flow(value: Any) -> str:
    """JSON, which is YAML; plain words stay plain."""
    if isinstance(value, str) and value and value.replace("-", "").isalnum() and not value[0].isdigit():
        return value
    from scanner.report.clean import json_escaped

    return json_escaped(json.dumps(value, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if hasattr(value, "place"):
        rules = value.rules[0] if len(value.rules) == 1 else list(value.rules)
        rest = {key: getattr(value, key) for key in ("path", "kind", "namespace", "name", "address")}
        until = {"until": value.until.isoformat()} if value.until is not None else {}
        return {"rule": rules, **{key: text for key, text in rest.items() if text}, "reason": value.reason, **until}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _short(origin: str) -> str:
    """A place relative to the current directory where it lies below it."""
    path, _, line = origin.rpartition(":")
    if not path or not line.isdigit():
        return origin
    relative = os.path.relpath(path, Path.cwd())
    return origin if relative.startswith("..") else f"{relative}:{line}"


command.add_command(
    with_environment(
        click.Command(
            "show",
            params=[
                click.Option(["--origins"], is_flag=True, help="Say where each value comes from."),
                click.Option(
                    ["--format", "output_format"],
                    type=Choice(("yaml", "json")),
                    default="yaml",
                    show_default=True,
                    envvar="KILTER_CONFIG_FORMAT",
                ),
                *options_of(scan_command.command, NOT_SHARED),
            ],
            callback=_show,
            help=_show.__doc__,
            short_help="Show every setting of a scan of PATHS.",
        )
    )
)
