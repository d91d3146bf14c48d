"""The language server over standard input and output: it listens, waits until typing pauses, scans and publishes."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from lsprotocol import types
from msgspec import Struct, field
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from scanner.report.clean import one_line
from scanner.scan import ScanOptions
from scanner.servers.lsp.actions import actions_at
from scanner.servers.lsp.check import CONFIGURATIONS, SUFFIXES, Checked, Document, check, matters, root_of
from scanner.servers.lsp.diagnostics import diagnostics_of, uri_of
from scanner.servers.lsp.hover import hover_at
from scanner.servers.streams import take_output
from scanner.version import VERSION

PAUSE_SECONDS = 0.3
"""How long nothing must have been typed before a scan starts."""
STACK_BYTES = 16 * 1024 * 1024
"""Threads have a smaller stack than the main one on some systems; deeply nested sources need it."""
Settings = Callable[[Path], ScanOptions]
"""What a scan of a root is told. Raises an exception whose text says what is wrong with the configuration."""


class Round(Struct):
    """The scans of one root: the last result, what was published of it, and what is still to come."""

    checked: Checked | None = None
    published: set[str] = field(default_factory=set)
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    again: bool = False
    complaint: str = ""


class KilterServer(LanguageServer):
    """A language server and the rounds of its roots."""

    def __init__(self, settings: Settings, pause: float = PAUSE_SECONDS) -> None:
        super().__init__("kilter", VERSION, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.settings = settings
        self.pause = pause
        self.rounds: dict[Path, Round] = {}
        threading.stack_size(STACK_BYTES)
        self.worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kilter-scan")
        # a question about the last scan need not wait for the next one
        self.answers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kilter-answer")

    def documents(self) -> list[Document]:
        """The open texts that a scan may read."""
        found = []
        for item in self.workspace.text_documents.values():
            path = path_of(item.uri)
            if path is not None and matters(path):
                found.append(Document(item.uri, path, item.version, text_of(item)))
        return found

    def folders(self) -> list[Path]:
        """The workspace's folders."""
        uris = [folder.uri for folder in self.workspace.folders.values()]
        if not uris and self.workspace.root_uri:
            uris = [self.workspace.root_uri]
        return [path for path in map(path_of, uris) if path is not None]

    def changed(self, uri: str, pause: float) -> None:
        """Scan the root of a document once nothing has changed for ``pause`` seconds."""
        path = path_of(uri)
        if path is not None and matters(path):
            self.soon(root_of(path, self.folders()), pause)

    def everything(self, pause: float) -> None:
        """Scan every root that was scanned before."""
        for root in list(self.rounds):
            self.soon(root, pause)

    def soon(self, root: Path, pause: float) -> None:
        """Scan a root after a pause, which begins anew with each call."""
        state = self.rounds.setdefault(root, Round())
        if state.timer is not None:
            state.timer.cancel()
        state.timer = asyncio.get_running_loop().call_later(pause, self._start, root, state)

    def _start(self, root: Path, state: Round) -> None:
        state.timer = None
        if state.task is not None and not state.task.done():
            state.again = True
            return
        state.task = asyncio.get_running_loop().create_task(self._rounds(root, state))

    async def _rounds(self, root: Path, state: Round) -> None:
        state.again = True
        while state.again:
            state.again = False
            await self._round(root, state)

    async def _round(self, root: Path, state: Round) -> None:
        documents = [item for item in self.documents() if root_of(item.path, self.folders()) == root]
        # a text may be meant for a directory that does not exist yet
        if not documents or not root.is_dir():
            self._clear(state, set())
            return
        try:
            work = asyncio.get_running_loop().run_in_executor(self.worker, self._check, root, documents)
            state.checked = await work
        except Exception as error:  # whatever it is, the editor goes on and says it
            self._complain(state, error)
            return
        state.complaint = ""
        self._publish(state, state.checked)

    def _check(self, root: Path, documents: list[Document]) -> Checked:
        return check(root, documents, self.settings(root))

    def _complain(self, state: Round, error: Exception) -> None:
        """Say what went wrong, once until it is something else."""
        text = one_line(f"kilter: {error}")
        if text == state.complaint:
            return
        state.complaint = text
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, text))
        details = "".join(traceback.format_exception(error))
        self.window_log_message(types.LogMessageParams(types.MessageType.Log, details))

    def _publish(self, state: Round, checked: Checked) -> None:
        """Publish what is known; a text that has changed meanwhile is left to the scan that is coming."""
        current = {item.uri: item.version for item in self.documents()}
        codec = self.workspace.position_codec
        said = set()
        for file in checked.files():
            uri, document = uri_of(checked, file), checked.documents.get(file)
            said.add(uri)
            if document is None or current.get(uri, document.version) == document.version:
                version = document.version if document is not None else None
                items = diagnostics_of(checked, file, codec)
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, items, version))
        self._clear(state, said)

    def _clear(self, state: Round, said: set[str]) -> None:
        """Take back what was published of other files than those of which something is said now."""
        for uri in state.published - said:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        state.published = said

    def seen(self, uri: str) -> tuple[Checked, str] | None:
        """The last scan of a document's root, and the document's name in it, if the scan saw the text as it is now."""
        path = path_of(uri)
        state = self.rounds.get(root_of(path, self.folders())) if path is not None else None
        if path is None or state is None or state.checked is None or not path.is_relative_to(state.checked.root):
            return None
        file = path.relative_to(state.checked.root).as_posix()
        document = state.checked.documents.get(file)
        if document is None or document.text != text_of(self.workspace.get_text_document(uri)):
            return None
        return state.checked, file


def text_of(document: TextDocument) -> str:
    """What a scan reads of an open text: a byte order mark is no part of it, as in files."""
    return document.source.removeprefix("\ufeff")


def path_of(uri: str) -> Path | None:
    """The file that a URI names; ``None`` for what is no file, such as a text that was never saved."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(path).resolve() if path else None


def create_server(settings: Settings, pause: float = PAUSE_SECONDS) -> KilterServer:
    """A server that asks ``settings`` anew for every scan, so that a changed configuration counts at once."""
    server = KilterServer(settings, pause)

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        await _watch_files(server)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri, server.pause)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(_: types.DidChangeWatchedFilesParams) -> None:
        server.everything(server.pause)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders(_: types.DidChangeWorkspaceFoldersParams) -> None:
        for document in server.documents():
            server.changed(document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        seen = server.seen(params.text_document.uri)
        if seen is None:
            return None
        work = partial(hover_at, *seen, params.position, server.workspace.position_codec)
        return await asyncio.get_running_loop().run_in_executor(server.answers, work)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        seen = server.seen(params.text_document.uri)
        wanted = params.context.only
        if seen is None or (wanted and not any(_asks_for(kind) for kind in wanted)):
            return []
        return actions_at(*seen, params.range, server.workspace.position_codec, snippets=_takes_snippets(server))

    return server


def serve(settings: Settings) -> None:
    """Serve one editor over standard input and output until it says exit or goes away."""
    create_server(settings).start_io(stdout=take_output())


def _asks_for(kind: types.CodeActionKind | str) -> bool:
    """Whether quick fixes are among the actions of a kind."""
    name = kind.value if isinstance(kind, types.CodeActionKind) else kind
    return name in ("", types.CodeActionKind.QuickFix.value)


def _takes_snippets(server: KilterServer) -> bool:
    workspace = server.client_capabilities.workspace
    edits = workspace.workspace_edit if workspace is not None else None
    return bool(edits is not None and edits.snippet_edit_support)


async def _watch_files(server: KilterServer) -> None:
    """Ask to be told of files that change on disk, where the editor can do that."""
    workspace = server.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace is not None else None
    if watching is None or not watching.dynamic_registration:
        return
    names = ",".join([*(f"*{suffix}" for suffix in SUFFIXES), *CONFIGURATIONS])
    watcher = types.FileSystemWatcher(glob_pattern=f"**/{{{names}}}")
    options = types.DidChangeWatchedFilesRegistrationOptions(watchers=[watcher])
    method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
    registration = types.Registration(id="kilter-files", method=method, register_options=options)
    await server.client_register_capability_async(types.RegistrationParams([registration]))
