"""Settings from the command line, the environment, the configuration file and defaults, in that order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from scanner.cli.shared import Failure, listed, standard_input, variables

if TYPE_CHECKING:
    from scanner.engine.baseline import Entry
    from scanner.engine.rules import Rule
    from scanner.project.config import Config
    from scanner.scan import ScanOptions, ScanResult

PREFIX = "KILTER_"


class Key(Struct, frozen=True):
    """A key of the configuration file, the option that goes with it, and whether the two add up."""

    name: str
    option: str = ""
    adds: bool = False


KEYS = (
    Key("select", "select"),
    Key("ignore", "ignore", adds=True),
    Key("exclude", "exclude", adds=True),
    Key("fail-on", "fail_on"),
    Key("pedantic", "pedantic"),
    Key("strict", "strict"),
    Key("rules", "rule_directories", adds=True),
    Key("parameters"),
    Key("severities"),
    Key("var-files", "var_files", adds=True),
    Key("workspace", "workspace"),
    Key("values", "values_files", adds=True),
    Key("kube-version", "kube_version"),
    Key("baseline", "baseline"),
    Key("inline-ignore", "no_inline_ignore"),
    Key("require-reason", "require_reason"),
    Key("unsuppressible"),
    Key("suppressions"),
)
COMMA_SEPARATED = ("select", "ignore", "exclude")


class Setting(Struct, frozen=True):
    """A value and where it comes from: one origin for each item of a list or mapping, else one."""

    value: Any
    origins: tuple[str, ...]


def with_environment(command: click.Command) -> click.Command:
    """Let every option be given as ``KILTER_<OPTION>`` too."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.envvar is None:
            longest = max(parameter.opts, key=len)
            parameter.envvar = PREFIX + longest.lstrip("-").replace("-", "_").upper()
    return command


def options_of(command: click.Command, left_out: Iterable[str]) -> list[click.Parameter]:
    """The parameters of a command for another one, without those of these names."""
    names = frozenset(left_out)
    return [parameter for parameter in command.params if parameter.name not in names]


def find_configuration(path: str | None, paths: tuple[str, ...]) -> Config:
    """The configuration that is named, or found from the first path; the defaults where there is none."""
    from scanner.project.config import Config, find_config, load_config

    if path is not None:
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        return load_config(Path(path))
    start = Path(paths[0]) if paths and paths != ("-",) else Path.cwd()
    found = find_config(start.resolve()) if start.exists() else None
    return load_config(found) if found is not None else Config()


def resolve(context: click.Context, config: Config) -> dict[str, Setting]:
    """Every setting by its key in the configuration file."""
    return {key.name: _setting(context, config, key) for key in KEYS}


def _setting(context: click.Context, config: Config, key: Key) -> Setting:
    value = getattr(config, key.name.replace("-", "_"))
    places = tuple(str(place) for place in config.origins.get(key.name, ()))
    origin = _given_by(context, key.option)
    if not origin:
        return Setting(value, places or ("default",))
    given = context.params[key.option]
    if key.name in COMMA_SEPARATED:
        given = listed(given)
    if key.name == "inline-ignore":
        given = not given
    if not key.adds:
        return Setting(given, (origin,) * (len(given) if isinstance(given, tuple) else 1))
    return Setting((*value, *given), (*places, *(origin for _ in given)))


def _given_by(context: click.Context, option: str) -> str:
    source = context.get_parameter_source(option) if option else None
    parameter = next((item for item in context.command.params if item.name == option), None)
    if source is click.core.ParameterSource.COMMANDLINE and parameter is not None:
        return f"command line ({max(parameter.opts, key=len)})"
    if source is click.core.ParameterSource.ENVIRONMENT and parameter is not None:
        return f"environment ({parameter.envvar})"
    return ""


ONLY_REPORTING = frozenset((
    "output_format", "output", "reports", "select", "ignore", "pedantic", "fail_on", "exit_zero", "strict", "fix",
    "dry_run", "rule_directories", "baseline", "diff", "no_inline_ignore", "require_reason", "touched",
    "show_undetermined", "quiet",
))  # fmt: skip
"""Options of ``kilter scan`` that say what is made of its findings, not what is read."""


def scan_configured(context: click.Context, note: Callable[[str], None] | None) -> ScanResult:
    """The scan of a command that has the options of ``kilter scan`` without ``ONLY_REPORTING``.

    Raises ``click.ClickException``, ``ConfigError`` and ``FileNotFoundError``.
    """
    from msgspec.structs import replace

    from scanner.scan import scan

    paths: tuple[str, ...] = context.params["paths"]
    config = find_configuration(context.params["config_path"], paths)
    options = scan_options(context, config, resolve(context, config))
    given = [] if paths == ("-",) else [Path(path) for path in paths or (".",)]
    return scan(given, replace(options, progress=note))


def scan_options(context: click.Context, config: Config, settings: Mapping[str, Setting]) -> ScanOptions:
    """What a scan is told.

    Raises ``FileNotFoundError`` for files and directories that do not exist, and ``click.ClickException``.
    """
    from scanner.engine.suppress import Policy
    from scanner.project.cache import NO_CACHE, user_cache
    from scanner.scan import ScanOptions

    given = {name: setting.value for name, setting in settings.items()}
    choices = context.params
    piped = choices["paths"] == ("-",)
    var_files, overlay = _var_files(given["var-files"], choices["paths"], touched=choices.get("touched", False))
    return ScanOptions(
        select=given["select"],
        ignore=given["ignore"],
        pedantic=given["pedantic"],
        exclude=given["exclude"],
        rule_directories=tuple(_rule_directory(name) for name in given["rules"]),
        parameters=given["parameters"],
        severities=given["severities"],
        var_files=var_files,
        overlay=overlay,
        variables=variables(choices["vars_"]),
        workspace=given["workspace"],
        values_files=tuple(_values_file(name) for name in given["values"]),
        set_values=choices["set_values"],
        kube_version=given["kube-version"],
        environment={name: value for name, value in os.environ.items() if name.startswith("TF_VAR_")},
        suppressions=Policy(
            given["inline-ignore"], given["require-reason"], given["unsuppressible"], given["suppressions"]
        ),
        config_directory=config.source.resolve().parent if config.source is not None else None,
        standard_input=standard_input() if piped else None,
        cache=NO_CACHE if choices.get("no_cache") else user_cache(),
    )


def default_options(root: Path, config_path: str | None = None) -> ScanOptions:
    """What a scan of a directory is told without options: by the configuration and the environment.

    Raises ``click.ClickException``, ``ConfigError`` and ``FileNotFoundError``.
    """
    from msgspec.structs import replace

    from scanner.cli.scan_command import command

    with command.make_context("kilter scan", ["--", str(root)]) as context:
        config = find_configuration(config_path, (str(root),))
        settings = resolve(context, config)
        options = scan_options(context, config, settings)
    return replace(options, baseline=known_findings(settings["baseline"].value))


def rule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands about rules, for ``known_rules``."""
    rules = click.option(
        "--rules",
        "rule_directories",
        multiple=True,
        metavar="DIR",
        envvar=f"{PREFIX}RULES",
        help="Directory with further rules.",
    )
    config = click.option(
        "--config", "config_path", metavar="FILE", envvar=f"{PREFIX}CONFIG", help="Configuration file."
    )
    return rules(config(function))


def known_rules(config_path: str | None, directories: tuple[str, ...]) -> list[Rule]:
    """The built-in rules, those of the configuration and those of further directories.

    Raises ``click.ClickException``, ``ConfigError``, ``RuleError`` and ``FileNotFoundError``.
    """
    from scanner.engine.rules import load_rules
    from scanner.scan import builtin_rules

    names = (*find_configuration(config_path, ()).rules, *directories)
    return load_rules([builtin_rules(), *(_rule_directory(name) for name in names)])


def _rule_directory(name: str) -> Path:
    from scanner.project.packs import PREFIX as PACKAGE
    from scanner.project.packs import find_pack, pack_rules

    if name.startswith(PACKAGE):
        pack = find_pack(name.removeprefix(PACKAGE))
        if pack is None:
            raise Failure(f"no installed rule pack is called {name.removeprefix(PACKAGE)!r}")
        return pack_rules(pack)
    if not Path(name).is_dir():
        raise FileNotFoundError(name)
    return Path(name)


def _values_file(name: str) -> Path:
    from scanner.project.tree import MAX_FILE_BYTES

    place = Path(name)
    if not place.exists():
        raise FileNotFoundError(name)
    if not place.is_file():
        raise Failure(f"{name}: a values file must be a regular file")
    if place.stat().st_size > MAX_FILE_BYTES:
        raise Failure(f"{name} is larger than the limit of {MAX_FILE_BYTES // (1024 * 1024)} MiB")
    return place


def _var_files(
    names: tuple[str, ...], paths: tuple[str, ...], *, touched: bool
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Variables files relative to the scan root, and the texts of those outside it, which were named by hand.

    A relative name is looked up in the current directory, then in the scan root.
    """
    from scanner.scan import in_repository, scan_root

    root, inside = scan_root([] if paths == ("-",) else [Path(path) for path in paths or (".",)])
    if touched:
        root, _ = in_repository(root, inside)
    found, overlay = [], {}
    for name in names:
        place = next((place for place in (Path(name), root / name) if place.is_file()), None)
        if place is None:
            raise FileNotFoundError(name)
        relative = os.path.relpath(place.resolve(), root).replace(os.sep, "/")
        if relative.startswith("../"):
            overlay[relative] = place.read_text("utf-8", "replace")
        found.append(relative)
    return tuple(found), overlay


def known_findings(path: str) -> tuple[Entry, ...] | None:
    """The entries of a baseline file; ``None`` if none is wanted. Raises ``BaselineError``."""
    from scanner.engine.baseline import read_baseline
    from scanner.project.bounds import read_text

    if not path:
        return None
    if not Path(path).is_file():
        raise Failure(f"{path}: there is no such baseline; `kilter baseline --output {path}` writes it")
    try:
        text = read_text(Path(path), errors="replace")
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: {error}") from error
    return tuple(read_baseline(text, path))
