"""What a scan may be told."""

from __future__ import annotations

import datetime
import os
import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from scanner.engine.baseline import Entry
from scanner.engine.suppress import Policy
from scanner.project.cache import NO_CACHE, Cache

STANDARD_INPUT = "<stdin>"


class ScanOptions(Struct, frozen=True):
    """What a scan may be told. Paths of var files are relative to the scan root."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    pedantic: bool = False
    exclude: tuple[str, ...] = ()
    rule_directories: tuple[Path, ...] = ()
    only_rules: tuple[Path, ...] = ()
    """Directories to load rules from instead of the built-in ones."""
    parameters: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    var_files: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    workspace: str = "default"
    values_files: tuple[Path, ...] = ()
    set_values: tuple[str, ...] = ()
    kube_version: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    """Severities by code, name or category; a code or name wins over a category."""
    suppressions: Policy = field(default_factory=Policy)
    config_directory: Path | None = None
    """What globs of the configuration are relative to; the scan root if there is none."""
    overlay: Mapping[str, str] = field(default_factory=dict)
    """Texts by path that stand in for files, or for var files outside the scan root."""
    edited: Mapping[str, str] = field(default_factory=dict)
    """Texts by path that stand in for files of the scanned side alone, as fixes would leave them."""
    today: datetime.date = field(default_factory=datetime.date.today)
    standard_input: str | None = None
    cache: Cache = NO_CACHE
    """Where parsed manifests, rendered charts and rules are kept between scans; nowhere by default."""
    baseline: tuple[Entry, ...] | None = None
    """Known findings that are not reported."""
    diff: str | None = None
    """A git revision: only what the change since then introduces is reported."""
    touched: bool = False
    """The paths are what changed in their repository, which is scanned; only what holds them is reported."""
    recall: bool = False
    """Whether what the cache knows of an earlier scan may stand in for what has not changed since."""
    progress: Callable[[str], None] | None = None
    """Told what is being done."""


def named_by_configuration(root: Path, options: ScanOptions) -> Callable[[str], str]:
    """Scanned files as the configuration names them: relative to its own directory."""
    if options.config_directory is None or options.config_directory == root:
        return str
    inside = os.path.relpath(root, options.config_directory).replace(os.sep, "/")
    return lambda path: posixpath.normpath(f"{inside}/{path}")


def recallable(options: ScanOptions) -> bool:
    """Whether a scan can be answered from memory at all: not where two sides of a change are compared."""
    compared = options.edited or options.diff is not None or options.standard_input is not None
    return options.recall and options.cache.directory is not None and not compared


def opened(options: ScanOptions) -> set[str]:
    """The files below the root that other texts stand in for, such as an editor's."""
    return {path for path in options.overlay if not path.startswith("../")}
