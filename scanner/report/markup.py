"""Self-contained HTML pages: escaping, and a frame that allows nothing but its own style and script."""

from __future__ import annotations

import base64
import hashlib
import html
from pathlib import Path

from scanner.report.clean import one_line

_ASSETS = Path(__file__).parent / "assets"


def escape(text: str) -> str:
    """``text`` on one line, harmless in HTML content and in quoted attributes."""
    return html.escape(one_line(text))


def page(title: str, body: str) -> str:
    """A whole document. ``body`` is HTML; the style and the script are those of this package and work offline.

    The content security policy forbids every source but these two, which it names by their hashes.
    """
    style, script = (_ASSETS / "page.css").read_text("utf-8"), (_ASSETS / "page.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
