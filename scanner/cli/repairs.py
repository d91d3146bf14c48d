"""What ``kilter scan --fix`` does with the fixes of a scan: write them, or show them as a diff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.scan import Repairs, ScanResult

NO_LINE_END = "\\ No newline at end of file\n"


def written(repairs: Repairs) -> ScanResult:
    """Write the files, and give the scan of what they then are. Raises ``NotWritten``."""
    from scanner.project.write import rewrite

    rewrite(repairs.before.tree, repairs.texts)
    result = repairs.after
    result.repaired = repairs.fixed.total()
    result.rewritten = tuple(sorted(repairs.texts))
    return result


def difference(repairs: Repairs) -> str:
    """The fixes as a unified diff that ``git apply`` and ``patch -p1`` take."""
    return "".join(line for path in sorted(repairs.texts) for line in _diff(repairs, path))


def _diff(repairs: Repairs, path: str) -> Iterator[str]:
    from difflib import unified_diff

    old, new = (_lines(text) for text in (repairs.before.tree.read(path).text, repairs.texts[path]))
    for line in unified_diff(old, new, f"a/{path}", f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n{NO_LINE_END}"


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def would_be(repairs: Repairs) -> str:
    """The outcome in a few words."""
    files = len(repairs.texts)
    counts = f"{repairs.fixed.total()} of {len(repairs.before.findings)} findings"
    return f"{counts} would be fixed in {files} file{'' if files == 1 else 's'}"
