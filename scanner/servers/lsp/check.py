"""A scan of what is being edited: all of it is read, with open texts as files, and what is touched is reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from scanner.core import Diagnostic, Finding
from scanner.project.tree import MAX_FILE_BYTES
from scanner.scan import ScanOptions, ScanResult, repository_prefix, scan, touched

CONFIGURATIONS = (".kilter.yaml", "kilter.yaml", "pyproject.toml")
SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", ".yaml", ".yml", ".json", ".tpl")
"""Files that a scan may read; others need no new scan when they change."""


class Document(Struct, frozen=True):
    """A text that an editor has open. ``uri`` is as the editor writes it."""

    uri: str
    path: Path
    version: int | None
    text: str


class Checked(Struct, frozen=True):
    """What a scan says about a root, by file relative to it, and the texts that it saw in the place of files."""

    root: Path
    result: ScanResult
    options: ScanOptions
    documents: dict[str, Document]
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    diagnostics: dict[str, list[Diagnostic]] = field(default_factory=dict)

    def files(self) -> list[str]:
        """Every file that something is said about, and every open one."""
        return sorted({*self.documents, *self.findings, *self.diagnostics})

    def lines(self, file: str) -> Sequence[str]:
        """The lines of a file as the scan saw them."""
        source = self.result.source(file)
        return source.lines if source is not None else ()


def matters(path: Path) -> bool:
    """Whether a change of the file may change what a scan says."""
    return path.name.endswith(SUFFIXES) or path.name in CONFIGURATIONS


def root_of(path: Path, folders: Iterable[Path]) -> Path:
    """What is scanned for a file: the repository that holds its workspace folder, else the folder.

    A repository is scanned as a whole because what one directory lacks another one may have.
    """
    around = [folder for folder in folders if path.is_relative_to(folder)]
    start = max(around, key=lambda folder: len(folder.parts), default=path.parent)
    prefix = repository_prefix(start)
    return start.parents[prefix.count("/") - 1] if prefix else start


def check(root: Path, documents: Iterable[Document], options: ScanOptions) -> Checked:
    """Scan ``root``; only the units that hold an open document are reported. Raises what ``scan`` raises."""
    opened = {item.path.relative_to(root).as_posix(): item for item in documents if item.path.is_relative_to(root)}
    texts = {file: item.text for file, item in opened.items() if len(item.text) <= MAX_FILE_BYTES and not _saved(item)}
    result = scan([root], replace(options, overlay={**options.overlay, **texts}, recall=True))
    checked = Checked(root, touched(result, list(opened)), options, opened)
    for finding in result.findings:
        checked.findings.setdefault(finding.location.span.file, []).append(finding)
    for item in result.diagnostics:
        if result.tree.is_file(item.span.file):
            checked.diagnostics.setdefault(item.span.file, []).append(item)
    return checked


def _saved(document: Document) -> bool:
    """Whether the file holds what the editor shows."""
    try:
        return document.path.read_bytes() == document.text.encode("utf-8", "surrogatepass")
    except OSError:
        return False
