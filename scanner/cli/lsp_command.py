"""``kilter lsp``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.shared import failures, needs_extra

if TYPE_CHECKING:
    from scanner.scan import ScanOptions


@click.command(name="lsp")
@click.option("--config", "config_path", metavar="FILE", help="Configuration file.  [default: found from the root]")
@click.option("--stdio", is_flag=True, help="Ignored: standard input and output are always used.")
def command(config_path: str | None, stdio: bool) -> None:
    """Serve an editor over standard input and output: findings, explanations, fixes and suppressions while typing.

    The repository of each open file is scanned as kilter scan does it, with its configuration and the KILTER_
    variables of the environment.
    """
    with needs_extra("lsp"):
        from scanner.servers.lsp.server import serve

    def settings(root: Path) -> ScanOptions:
        from scanner.cli.settings import default_options

        with failures():
            return default_options(root, config_path)

    serve(settings)
