"""The report formats, by name. A renderer is imported only when its format is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from scanner.scan import ScanResult

RENDERERS = {
    "text": ("text", "render_text"),
    "json": ("json_report", "render_json"),
    "sarif": ("sarif", "render_sarif"),
    "junit": ("junit", "render_junit"),
    "gitlab": ("gitlab", "render_gitlab"),
    "github": ("github", "render_github"),
    "markdown": ("markdown", "render_markdown"),
    "html": ("html", "render_html"),
    "csv": ("csv_report", "render_csv"),
}
"""Format name -> module of this package and function in it, ``(ScanResult) -> str``."""
FORMATS = tuple(RENDERERS)
DRAWN = frozenset(("html",))
"""Formats that show the graph itself, which only a whole scan has."""


def renderer(name: str) -> Callable[..., str]:
    """The function that renders a format of ``FORMATS``; that of ``text`` takes options too."""
    module, function = RENDERERS[name]
    found: Callable[..., str] = getattr(importlib.import_module(f"scanner.report.{module}"), function)
    return found


def render(result: ScanResult, name: str, **text_options: bool) -> str:
    """``result`` in a format of ``FORMATS``; the options are those of the text report and concern it alone."""
    return renderer(name)(result, **(text_options if name == "text" else {}))
