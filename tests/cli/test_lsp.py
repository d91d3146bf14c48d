"""The language server, spoken to by a real client over standard input and output."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from repositories import BUCKET, FLOATING, MODEL, PINNED, repository, write

KILTER = (sys.executable, "-c", "from scanner.cli import main; main()")
WAIT_SECONDS = 60
"""How long a message may take before the test fails; nothing is measured."""

ACCESS = (
    'resource "aws_s3_bucket_public_access_block" "a" {\n  bucket = aws_s3_bucket.a.id\n'
    "  block_public_acls = true\n  block_public_policy = true\n  ignore_public_acls = true\n"
    "  restrict_public_buckets = true\n}\n"
)


class Editor:
    """An editor with one workspace folder: what it has open, and the last diagnostics of each file."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.said: dict[str, list[types.Diagnostic]] = {}
        self.shown: list[str] = []
        self.news = asyncio.Condition()
        self.versions: dict[str, int] = {}

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str | None = None) -> None:
        self.versions[name] = 1
        text = (self.folder / name).read_text() if text is None else text
        item = types.TextDocumentItem(self.uri(name), "any", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, name: str, text: str) -> None:
        self.versions[name] += 1
        identifier = types.VersionedTextDocumentIdentifier(self.versions[name], self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    def close(self, name: str) -> None:
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(condition), WAIT_SECONDS)

    def codes(self, name: str) -> list[str]:
        return [str(item.code) for item in self.said.get(self.uri(name), [])]

    async def hover(self, name: str, line: int, character: int) -> str:
        place = types.TextDocumentIdentifier(self.uri(name)), types.Position(line, character)
        hover = await self.client.text_document_hover_async(types.HoverParams(*place))
        assert hover is None or isinstance(hover.contents, types.MarkupContent)
        return "" if hover is None else hover.contents.value

    async def actions(self, name: str, place: types.Range) -> list[types.CodeAction]:
        context = types.CodeActionContext(diagnostics=[])
        params = types.CodeActionParams(types.TextDocumentIdentifier(self.uri(name)), place, context)
        found = await self.client.text_document_code_action_async(params) or []
        return [item for item in found if isinstance(item, types.CodeAction)]


@asynccontextmanager
async def editor(
    folder: Path, encodings: list[str] | None = None, snippets: bool = False, command: tuple[str, ...] = KILTER
) -> AsyncIterator[Editor]:
    client = LanguageClient("test", "1")
    await client.start_io(*command, "lsp")
    this = Editor(client, folder)

    async def heard(update: Callable[[], None]) -> None:
        async with this.news:
            update()
            this.news.notify_all()

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    async def published(params: types.PublishDiagnosticsParams) -> None:
        await heard(lambda: this.said.__setitem__(params.uri, list(params.diagnostics)))

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    async def shown(params: types.ShowMessageParams) -> None:
        await heard(lambda: this.shown.append(params.message))

    @client.feature(types.WINDOW_LOG_MESSAGE)
    def logged(_: types.LogMessageParams) -> None:
        pass

    edits = types.WorkspaceEditClientCapabilities(document_changes=True, snippet_edit_support=snippets)
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=encodings),
        workspace=types.WorkspaceClientCapabilities(workspace_edit=edits),
    )
    folders = [types.WorkspaceFolder(folder.as_uri(), "work")]
    start = types.InitializeParams(capabilities=capabilities, workspace_folders=folders)
    result = await client.initialize_async(start)
    assert result.capabilities.hover_provider
    client.initialized(types.InitializedParams())
    try:
        yield this
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()


def run(session: Coroutine[Any, Any, None]) -> None:
    asyncio.run(session)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KILTER_CACHE_DIR", str(tmp_path / "cache"))
    return repository(
        tmp_path / "work",
        {
            "infra/main.tf": BUCKET.format(name="a"),
            "apps/a.yaml": MODEL.format(name="a", image=FLOATING),
            "apps/b.yaml": MODEL.format(name="b", image=FLOATING),
        },
    ).resolve()


def test_findings_follow_the_unsaved_text(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            found = next(item for item in this.said[this.uri("apps/a.yaml")] if item.code == "INT001")
            assert found.source == "kilter"
            assert found.code_description is not None and found.code_description.href.startswith("https://")
            text = (work / "apps" / "a.yaml").read_text().split("\n")
            assert FLOATING in text[found.range.start.line][found.range.start.character : found.range.end.character]
            this.change("apps/a.yaml", MODEL.format(name="a", image=PINNED))
            await this.until(lambda: "INT001" not in this.codes("apps/a.yaml"))
            this.change("apps/a.yaml", MODEL.format(name="a", image=FLOATING))
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))

    run(session())


def test_only_what_is_open_is_reported_and_closing_clears_it(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: this.codes("apps/a.yaml") != [])
            assert this.codes("apps/b.yaml") == [] and this.codes("infra/main.tf") == []
            this.close("apps/a.yaml")
            await this.until(lambda: this.codes("apps/a.yaml") == [])

    run(session())


def test_a_unit_is_understood_as_a_whole(work: Path) -> None:
    """What another file of the root module says decides, whether it is saved or not."""
    write(work, {"infra/access.tf": ACCESS})

    async def session() -> None:
        async with editor(work) as this:
            this.open("infra/main.tf")
            this.open("infra/access.tf")
            await this.until(lambda: this.uri("infra/main.tf") in this.said)
            assert "REG104" not in this.codes("infra/main.tf")
            this.change("infra/access.tf", ACCESS.replace("block_public_policy = true", "block_public_policy = false"))
            await this.until(lambda: "REG104" in this.codes("infra/main.tf"))

    run(session())


def test_a_module_finding_is_related_to_its_places(work: Path) -> None:
    write(
        work,
        {
            "roots/main.tf": 'module "m" {\n  source   = "../modules/m"\n  internal = false\n}\n',
            "modules/m/main.tf": 'variable "internal" { type = bool }\n'
            'resource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n  role_arn = "r"\n'
            '  instance_type = "ml.t3.medium"\n'
            '  direct_internet_access = var.internal ? "Disabled" : "Enabled"\n}\n',
        },
    )

    async def session() -> None:
        async with editor(work) as this:
            this.open("modules/m/main.tf")
            await this.until(lambda: this.codes("modules/m/main.tf") != [])
            related = [
                item for found in this.said[this.uri("modules/m/main.tf")] for item in found.related_information or ()
            ]
            assert this.uri("roots/main.tf") in {item.location.uri for item in related}
            value = await this.hover("modules/m/main.tf", 5, 31)
            assert "module.m.aws_sagemaker_notebook_instance.n" in value and "false" in value

    run(session())


def test_a_file_that_was_never_saved_is_part_of_its_unit(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            this.open("infra/main.tf")
            await this.until(lambda: "REG104" in this.codes("infra/main.tf"))
            this.open("infra/new.tf", ACCESS)
            await this.until(lambda: "REG104" not in this.codes("infra/main.tf"))

    run(session())


def test_a_chart_is_rendered_with_its_unsaved_texts(work: Path) -> None:
    template = MODEL.format(name="c", image="{{ .Values.image }}")
    chart = {
        "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
        "chart/values.yaml": f"image: {PINNED}\n",
        "chart/templates/a.yaml": template,
    }
    write(work, chart)

    async def session() -> None:
        async with editor(work) as this:
            this.open("chart/templates/a.yaml")
            this.open("chart/values.yaml")
            await this.until(lambda: this.codes("chart/templates/a.yaml") != [])
            assert "INT001" not in this.codes("chart/templates/a.yaml") + this.codes("chart/values.yaml")
            this.change("chart/values.yaml", f"\nimage: {FLOATING}\n")
            await this.until(lambda: "INT001" in this.codes("chart/templates/a.yaml") + this.codes("chart/values.yaml"))
            assert (work / "chart" / "values.yaml").read_text() == chart["chart/values.yaml"]

    run(session())


def test_a_hover_explains_a_finding(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            found = next(item for item in this.said[this.uri("apps/a.yaml")] if item.code == "INT001")
            text = await this.hover("apps/a.yaml", found.range.start.line, found.range.start.character + 2)
            assert "**INT001**" in text and "**What to do:**" in text and "https://" in text
            assert await this.hover("apps/a.yaml", 0, 0) == ""

    run(session())


def test_a_hover_shows_what_an_expression_comes_to(work: Path) -> None:
    source = (
        'variable "team" {}\nlocals {\n  name = upper("models")\n}\nresource "aws_s3_bucket" "x" {\n'
        '  for_each = toset(["a", "b"])\n  bucket   = "${local.name}-${each.key}-${var.team}"\n}\n'
    )
    write(work, {"other/main.tf": source})

    async def session() -> None:
        async with editor(work) as this:
            this.open("other/main.tf")
            await this.until(lambda: this.uri("other/main.tf") in this.said)
            line = source.split("\n")[6]
            assert '"MODELS"' in await this.hover("other/main.tf", 6, line.index("local.") + 3)
            each = await this.hover("other/main.tf", 6, line.index("each.") + 3)
            assert 'aws_s3_bucket.x["a"]' in each and '"b"' in each
            unknown = await this.hover("other/main.tf", 6, line.index("var.") + 3)
            assert "is not known" in unknown and "has no value" in unknown

    run(session())


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 4), ("utf-16", 2), ("utf-32", 1)])
def test_columns_count_in_the_units_that_were_agreed_on(work: Path, encoding: str, width: int) -> None:
    text = MODEL.format(name="a", image=FLOATING).replace(
        "        - name: vllm\n          image: ", '        - {name: "\U0001f680", image: '
    )
    text = text.replace(FLOATING, f"{FLOATING}}}")
    write(work, {"apps/a.yaml": text})

    async def session() -> None:
        async with editor(work, [encoding]) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            found = next(item for item in this.said[this.uri("apps/a.yaml")] if item.code == "INT001")
            line = text.split("\n")[found.range.start.line]
            assert found.range.start.character == line.index("image:") + width - 1
            assert "INT001" in await this.hover("apps/a.yaml", found.range.start.line, found.range.start.character)

    run(session())


FIXABLE = {
    "notebook/main.tf": (
        "INT105",
        '# 🚀\r\nresource "aws_sagemaker_notebook_instance" "n" {\r\n  name = "n" /* 🚀 */\r\n'
        '  role_arn = "r"\r\n  instance_type = "ml.t3.medium"\r\n  root_access = "Enabled"\r\n}\r\n',
    ),
    "jobs/job.yaml": (
        "CST002",
        "apiVersion: ray.io/v1\nkind: RayJob\nmetadata: {name: train}\nspec:\n  # 🚀\n"
        "  shutdownAfterJobFinishes: false\n  rayClusterSpec:\n    headGroupSpec:\n      template:\n        spec:\n"
        "          containers:\n            - name: head\n              image: rayproject/ray:2.9.0-gpu\n"
        "              resources: {limits: {nvidia.com/gpu: 1}}\n",
    ),
}


@pytest.mark.parametrize("name", FIXABLE)
def test_a_finding_with_a_mechanical_remedy_can_be_fixed(work: Path, name: str) -> None:
    rule, text = FIXABLE[name]
    (work / name).parent.mkdir()
    (work / name).write_bytes(text.encode())

    async def session() -> None:
        async with editor(work) as this:
            this.open(name, text)
            await this.until(lambda: rule in this.codes(name))
            found = next(item for item in this.said[this.uri(name)] if item.code == rule)
            action = next(item for item in await this.actions(name, found.range) if item.is_preferred)
            assert action.title.endswith(f"({rule})")
            assert [item.code for item in action.diagnostics or ()] == [rule]
            assert action.edit is not None and action.edit.document_changes is not None
            change = action.edit.document_changes[0]
            assert isinstance(change, types.TextDocumentEdit) and change.text_document.version == 1
            changed = applied(text, [item for item in change.edits if isinstance(item, types.TextEdit)])
            assert changed != text and changed.count("\r\n") - changed.count("\n") in (0, -changed.count("\n"))
            this.change(name, changed)
            await this.until(lambda: rule not in this.codes(name))

    run(session())


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """The text with edits in UTF-16 units made, as an editor makes them."""
    lines = text.split("\n")

    def offset(place: types.Position) -> int:
        column = len(lines[place.line].encode("utf-16-le")[: place.character * 2].decode("utf-16-le"))
        return sum(len(line) + 1 for line in lines[: place.line]) + column

    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def test_a_finding_can_be_suppressed_with_a_reason(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            found = next(item for item in this.said[this.uri("apps/a.yaml")] if item.code == "INT001")
            action = next(a for a in await this.actions("apps/a.yaml", found.range) if "Suppress INT001" in a.title)
            assert action.edit is not None and action.edit.document_changes is not None
            change = action.edit.document_changes[0]
            assert isinstance(change, types.TextDocumentEdit)
            edit = change.edits[0]
            assert isinstance(edit, types.TextEdit) and edit.range.start == edit.range.end
            lines = (work / "apps" / "a.yaml").read_text().splitlines(keepends=True)
            lines.insert(edit.range.start.line, edit.new_text)
            this.change("apps/a.yaml", "".join(lines))
            await this.until(lambda: "INT001" not in this.codes("apps/a.yaml"))
            assert not {code for code in this.codes("apps/a.yaml") if code.startswith("suppression")}

    run(session())


def test_the_reason_is_a_placeholder_where_the_editor_has_them(work: Path) -> None:
    async def session() -> None:
        async with editor(work, snippets=True) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            found = next(item for item in this.said[this.uri("apps/a.yaml")] if item.code == "INT001")
            action = (await this.actions("apps/a.yaml", found.range))[0]
            assert action.edit is not None and action.edit.document_changes is not None
            change = action.edit.document_changes[0]
            assert isinstance(change, types.TextDocumentEdit)
            assert isinstance(change.edits[0], types.SnippetTextEdit)
            assert "${1:reason}" in change.edits[0].snippet.value

    run(session())


def test_what_suppresses_nothing_is_shown_as_superfluous(work: Path) -> None:
    write(work, {"apps/a.yaml": "# kilter:ignore INT001 -- no more\n" + MODEL.format(name="a", image=PINNED)})

    async def session() -> None:
        async with editor(work) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "suppression-unused" in this.codes("apps/a.yaml"))
            found = next(i for i in this.said[this.uri("apps/a.yaml")] if i.code == "suppression-unused")
            assert list(found.tags or ()) == [types.DiagnosticTag.Unnecessary]

    run(session())


def test_a_broken_text_and_a_broken_configuration_are_said_and_survived(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            this.change("apps/a.yaml", "apiVersion: v1\nkind: [\n")
            await this.until(lambda: "yaml-syntax" in this.codes("apps/a.yaml"))
            write(work, {".kilter.yaml": "ignroe: [INT001]\n"})
            this.change("apps/a.yaml", MODEL.format(name="a", image=FLOATING))
            await this.until(lambda: any("ignroe" in text for text in this.shown))
            write(work, {".kilter.yaml": "ignore: [INT001]\n"})
            this.change("apps/a.yaml", MODEL.format(name="a", image=FLOATING) + "\n")
            await this.until(lambda: this.codes("apps/a.yaml") != [] and "INT001" not in this.codes("apps/a.yaml"))

    run(session())


def test_a_folder_outside_git_and_a_file_outside_every_folder_are_scanned(work: Path, tmp_path: Path) -> None:
    write(tmp_path, {"plain/apps/a.yaml": MODEL.format(name="a", image=FLOATING)})
    write(tmp_path, {"other place/a \u00fc.yaml": MODEL.format(name="a", image=FLOATING)})

    async def session() -> None:
        async with editor(tmp_path.resolve() / "plain") as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            this.folder = tmp_path.resolve() / "other place"
            this.open("a \u00fc.yaml")
            await this.until(lambda: "INT001" in this.codes("a \u00fc.yaml"))
            this.open("missing.yaml", MODEL.format(name="b", image=FLOATING))
            await this.until(lambda: "INT001" in this.codes("missing.yaml"))

    run(session())


def test_a_text_for_a_directory_that_does_not_exist_disturbs_nobody(work: Path, tmp_path: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            far = (tmp_path / "not" / "yet" / "a.yaml").as_uri()
            text = MODEL.format(name="a", image=FLOATING)
            item = types.TextDocumentItem(far, "yaml", 1, text)
            this.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            assert this.shown == []
            (tmp_path / "not" / "yet").mkdir(parents=True)
            identifier = types.VersionedTextDocumentIdentifier(2, far)
            change = types.TextDocumentContentChangeWholeDocument(f"{text}# more\n")
            this.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
            await this.until(lambda: "INT001" in [str(found.code) for found in this.said.get(far, [])])

    run(session())


def test_many_files_that_are_renamed_and_deleted_with_questions_in_between(work: Path) -> None:
    async def session() -> None:
        async with editor(work) as this:
            names = [f"apps/m{number}.yaml" for number in range(30)]
            for name in names:
                this.open(name, MODEL.format(name=Path(name).stem, image=FLOATING))
            await this.until(lambda: all("INT001" in this.codes(name) for name in names))
            this.change(names[0], MODEL.format(name="m0", image=PINNED))
            whole = types.Range(types.Position(0, 0), types.Position(99, 0))
            questions = [this.hover(name, 0, 0) for name in names], [this.actions(name, whole) for name in names]
            answers = await asyncio.wait_for(asyncio.gather(*questions[0], *questions[1]), WAIT_SECONDS)
            assert all(answers[len(names) + 1 :])
            (work / "apps" / "b.yaml").unlink()
            for number, name in enumerate(names):
                this.close(name)
                this.open(f"moved/{number}.yaml", MODEL.format(name=Path(name).stem, image=FLOATING))
            await this.until(lambda: all("INT001" in this.codes(f"moved/{n}.yaml") for n in range(len(names))))
            await this.until(lambda: not any(this.codes(name) for name in names))

    run(session())


def test_what_an_engine_prints_does_not_end_the_session(work: Path) -> None:
    program = (
        "import os, scanner.servers.lsp.server as server\nfrom scanner.cli import main\ncheck = server.check\n"
        "def loud(*given):\n    print('noise', flush=True)\n    os.write(1, b'noise')\n    return check(*given)\n"
        "server.check = loud\nmain()"
    )

    async def session() -> None:
        async with editor(work, command=(sys.executable, "-c", program)) as this:
            this.open("apps/a.yaml")
            await this.until(lambda: "INT001" in this.codes("apps/a.yaml"))
            assert "INT001" in await this.hover("apps/a.yaml", 11, 20)

    run(session())


def test_the_server_ends_with_its_editor() -> None:
    ended = subprocess.run([*KILTER, "lsp", "--stdio"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, b"")


def test_a_missing_extra_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text("import sys\nsys.modules['pygls'] = None\nsys.modules['mcp'] = None\n")
    for name in ("lsp", "mcp"):
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        command = [*KILTER, name, *([str(tmp_path)] if name == "mcp" else [])]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1 and f"pip install 'kilter[{name}]'" in ended.stderr
