"""What an editor offers to do about a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lsprotocol import types
from pygls.workspace import PositionCodec

from scanner.core import Finding
from scanner.core.patterns import lazy_pattern
from scanner.report.clean import one_line
from scanner.scan import fix_of
from scanner.servers.lsp.check import Checked, Document
from scanner.servers.lsp.diagnostics import finding_diagnostic
from scanner.servers.lsp.positions import exact_range

PLACEHOLDER = "reason"
_WITHOUT_COMMENTS = (".json",)
_BLOCK_SCALAR = lazy_pattern(r"^(\s*)(?:- +)*(?:[^#\s].*?:\s+|- +)?[|>][-+0-9]*\s*(?:#.*)?$")
_HEREDOC = lazy_pattern(r"<<-?\s*([A-Za-z_][\w-]*)\s*$")


def actions_at(
    checked: Checked, file: str, place: types.Range, codec: PositionCodec, *, snippets: bool
) -> list[types.CodeAction]:
    """The actions for the findings that touch a range of an open file, in the order of the findings."""
    found: list[types.CodeAction] = []
    for finding in checked.findings.get(file, ()):
        diagnostic = finding_diagnostic(checked, finding, codec)
        if _touch(diagnostic.range, place):
            found.extend(_fixes(checked, file, finding, diagnostic, codec))
            found.extend(_suppressions(checked, file, finding, diagnostic, snippets))
    return found


def _fixes(
    checked: Checked, file: str, finding: Finding, diagnostic: types.Diagnostic, codec: PositionCodec
) -> Iterator[types.CodeAction]:
    document, fix = checked.documents.get(file), fix_of(checked.result, finding)
    if document is None or fix is None or any(edit.span.file != file for edit in fix.edits):
        return
    lines = checked.lines(file)
    edits = [types.TextEdit(exact_range(edit.span, lines, codec), edit.replacement) for edit in fix.edits]
    yield types.CodeAction(
        title=one_line(f"{fix.title} ({finding.rule})"),
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        is_preferred=True,
        edit=_change(document, edits),
    )


def _change(document: Document, edits: Sequence[types.TextEdit | types.SnippetTextEdit]) -> types.WorkspaceEdit:
    identifier = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, list(edits))])


def _touch(one: types.Range, other: types.Range) -> bool:
    return (one.start.line, one.start.character) <= (other.end.line, other.end.character) and (
        other.start.line,
        other.start.character,
    ) <= (one.end.line, one.end.character)


def _suppressions(
    checked: Checked, file: str, finding: Finding, diagnostic: types.Diagnostic, snippets: bool
) -> Iterator[types.CodeAction]:
    document = checked.documents.get(file)
    line = comment_line(finding, file, checked.lines(file))
    if document is None or line is None or finding.rule in checked.result.unsuppressible:
        return
    indent = re.match(r"\s*", checked.lines(file)[line - 1])
    lead = f"{indent[0].rstrip(chr(13)) if indent else ''}# kilter:ignore {finding.rule} -- "
    end = "\r\n" if "\r\n" in document.text else "\n"
    at = types.Range(types.Position(line - 1, 0), types.Position(line - 1, 0))
    edit: types.TextEdit | types.SnippetTextEdit = types.TextEdit(at, lead + PLACEHOLDER + end)
    if snippets:
        edit = types.SnippetTextEdit(at, types.StringValue(f"{lead}${{1:{PLACEHOLDER}}}{end}"))
    yield types.CodeAction(
        title=f"Suppress {finding.rule} here, with a reason",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        edit=_change(document, [edit]),
    )


def comment_line(finding: Finding, file: str, lines: Sequence[str]) -> int | None:
    """The 1-based line to put a suppression above: the finding's, or its resource's where that is inside a string."""
    if file.endswith(_WITHOUT_COMMENTS):
        return None
    for span in (finding.location.span, finding.resource.locate().span):
        known = span.file == file and 1 <= span.start_line <= len(lines)
        if known and not _inside_string(lines, span.start_line):
            return span.start_line
    return None


def _inside_string(lines: Sequence[str], number: int) -> bool:
    """Whether a line belongs to a YAML block scalar or a heredoc, where a comment would become text."""
    closing, indent = "", -1
    for line in lines[: number - 1]:
        text = line.rstrip("\r")
        if closing:
            closing = "" if text.strip() == closing else closing
            continue
        if indent >= 0 and (not text.strip() or len(text) - len(text.lstrip()) > indent):
            continue
        heredoc, scalar = _HEREDOC.search(text), _BLOCK_SCALAR.match(text)
        closing = heredoc[1] if heredoc else ""
        indent = len(scalar[1]) if scalar else -1
    own = lines[number - 1]
    return bool(closing) or (indent >= 0 and len(own) - len(own.lstrip()) > indent)
