"""``kilter mcp``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.shared import Failure, failures, needs_extra

if TYPE_CHECKING:
    from scanner.scan import ScanOptions


@click.command(name="mcp")
@click.argument("directory", default=".")
@click.option(
    "--config", "config_path", metavar="FILE", help="Configuration file.  [default: found from what is scanned]"
)
def command(directory: str, config_path: str | None) -> None:
    """Serve an assistant over standard input and output; it can scan what lies in DIRECTORY, and nothing else.

    The tools are scan_path, scan_text, explain_rule and list_rules. None of them writes.
    """
    if not Path(directory).is_dir():
        raise Failure(f"{directory}: no such directory")
    with needs_extra("mcp"):
        from scanner.servers.mcp.server import serve

    def settings(root: Path) -> ScanOptions:
        from scanner.cli.settings import default_options

        with failures():
            return default_options(root, config_path)

    serve(Path(directory), settings)
