"""YAML text to node trees (with marks) and node trees to plain values, as Kubernetes reads them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from sys import intern
from typing import Any, NamedTuple, TypeAlias

from scanner.core import Diagnostic, SourceFile, Span
from scanner.core.patterns import lazy_pattern

MAX_DEPTH = 100
MAX_NODES = 500_000
MAX_CHARACTERS = 32 * 1024 * 1024
"""Of the texts in one document, aliases counted expanded."""
MAX_FILE_NODES = 1_000_000
"""Of the documents of one file that has aliases; a megabyte of YAML without them has about 100,000."""
MAX_DOCUMENTS = 10_000
MAX_SLOW_CHARACTERS = 200_000
"""A longer document is not given to the parser in Python (about 100,000 characters a second)."""
MAX_PARSED_DEPTH = 1_000
"""Flow collections; the C composer recurses, and 8 MiB of stack were measured to hold more than 20,000 levels."""
VALUES_AT_A_TIME = 4
COMPOSED_AT_A_TIME = 16
"""Node trees are a hundred times larger than their text: those of the latest documents are kept, and no others."""
IMPLICIT_TAG = "implicit"
_NO_BRACKETS = lazy_pattern(r"[^\[\]{}]+")
_DEEP_BLOCKS = lazy_pattern(r"^ {500}|^ *(?:[-?:][ \t]+){100}", re.MULTILINE)
_LINE_END = lazy_pattern("\n")
_NEXT_DOCUMENT = lazy_pattern(r"\n---(?=[ \t\r\n]|\Z)")
_DEFINITION = "kind: CustomResourceDefinition"

_INTEGER = lazy_pattern(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0o[0-7]+|0[0-7]+|0b[01]+)\Z")
_FLOAT = lazy_pattern(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {"": None, "~": None}
for _word, _value in (("null", None), ("true", True), ("false", False), ("yes", True), ("no", False),
                      ("on", True), ("off", False)):  # fmt: skip
    for _form in (_word, _word.capitalize(), _word.upper()):
        _WORDS[_form] = _value


class LimitExceeded(Exception):
    """A document that goes beyond a bound; the message names the limit."""


def compose(file: SourceFile) -> tuple[list[Any], list[Diagnostic]]:
    """The documents' root nodes. A broken document costs only itself."""
    text = _without_definitions(file.text)
    try:
        return _compose(text), []
    except LimitExceeded as error:
        return [], [Diagnostic("error", "yaml-limit", str(error), Span(file.path, 1, 1, 1, 1))]
    except Exception as error:
        if not _is_yaml_error(error):
            raise
    nodes: list[Any] = []
    diagnostics: list[Diagnostic] = []
    if "{{" in text:
        message = "this is a Go template outside a chart's templates; what it renders to is not checked"
        first = text[: text.index("{{")].count("\n") + 1
        diagnostics.append(Diagnostic("warning", "template-not-rendered", message, Span(file.path, first, 1, first, 1)))
    templated = bool(diagnostics)
    for offset, part in _split(text):
        padded = "\n" * offset + part
        try:
            nodes.extend(_compose_leniently(padded))
        except Exception as error:
            if not _is_yaml_error(error) and not isinstance(error, LimitExceeded):
                raise
            if not (templated and "{{" in part):
                diagnostics.append(_syntax_diagnostic(file.path, error, offset))
    return nodes, diagnostics


def plain_documents(file: SourceFile) -> list[tuple[int, Any]] | None:
    """(line, value) of each document; ``None`` for text that needs nodes: errors, anchors, tags, limits.

    Parser events take a hundredth of the memory of nodes, and nothing in most manifests needs more.
    """
    return _plain_values(_without_definitions(file.text))


def _plain_values(text: str) -> list[tuple[int, Any]] | None:
    try:
        _check_depth(text)
        loader = _loader()(text)
        try:
            return _from_events(loader.get_event)
        finally:
            loader.dispose()
    except LimitExceeded:
        return None
    except Exception as error:
        if not _is_yaml_error(error):
            raise
        return None


Entries: TypeAlias = dict[int, dict[str, tuple[Any, Any]]]
"""The (key node, value node) of each key of the mapping nodes that were asked, by the ``id`` of the node."""


class Composed(NamedTuple):
    """The root node of a document, the line that its marks count from, and what was looked up in it."""

    offset: int
    root: Any
    entries: Entries


class Documents:
    """The documents of a file one at a time, so that asking for a place in one does not read all of them."""

    def __init__(self, file: SourceFile) -> None:
        self._text = _without_definitions(file.text)
        self._starts = array("L", [0, *(match.end() for match in _LINE_END.finditer(self._text))])

    @lru_cache(maxsize=COMPOSED_AT_A_TIME)  # noqa: B019 the latest few of all files, on purpose
    def at(self, line: int) -> Composed | None:
        """The document whose content starts on ``line``; ``None`` if it is not alone."""
        offset, text = self._slice(line)
        root = compose_alone(text)
        return Composed(offset, root, {}) if root is not None and root.start_mark.line + offset + 1 == line else None

    def lines(self, line: int) -> tuple[int, int]:
        """(index of the first line, number of lines) of the document whose content starts on ``line``."""
        offset, text = self._slice(line)
        return offset, text.count("\n") + 1

    def _slice(self, line: int) -> tuple[int, str]:
        text, starts = self._text, self._starts
        below = starts[line] if line < len(starts) else len(text)
        start = text.rfind("\n---", 0, below) + 1
        following = _NEXT_DOCUMENT.search(text, max(below - 1, 0))
        return bisect_left(starts, start), text[start : following.start() if following is not None else len(text)]


@lru_cache(maxsize=COMPOSED_AT_A_TIME)
def compose_alone(text: str) -> Any:
    """The root node of a text with one document; ``None`` if it has several or cannot be read."""
    try:
        roots = _compose_leniently(text)
    except Exception as error:
        if not _is_yaml_error(error) and not isinstance(error, LimitExceeded):
            raise
        return None
    return roots[0] if len(roots) == 1 else None


@lru_cache(maxsize=VALUES_AT_A_TIME)
def value_alone(text: str) -> Any:
    """The value of a text with one document, not to be changed.

    Raises ``ValueError`` if it has several or cannot be read, and ``LimitExceeded``.
    """
    quick = _plain_values(text)
    if quick is not None and len(quick) == 1:
        return quick[0][1]
    root = compose_alone(text)
    if root is None:
        raise ValueError("the text is not one document")
    return Constructor().value(root)


def _from_events(get: Callable[[], Any]) -> list[tuple[int, Any]] | None:
    from ruamel.yaml import events

    documents: list[tuple[int, Any]] = []
    stack: list[tuple[Any, str | None]] = []
    top: Any = None
    key: str | None = None
    count = 0
    while True:
        event = get()
        kind = type(event)
        if kind is events.ScalarEvent:
            if event.anchor or event.tag:
                return None
            value: Any = event.value
            if key is None and type(top) is dict:
                if value == "<<":
                    return None
                key = intern(value)
                continue
            if not event.style:
                value = plain(value)
        elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            value = {} if kind is events.MappingStartEvent else []
            if event.anchor or event.tag or len(stack) > MAX_DEPTH or (key is None and type(top) is dict):
                return None
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            top, key = stack.pop()
            continue
        elif kind is events.DocumentStartEvent:
            count = 0
            continue
        elif kind is events.StreamEndEvent:
            return documents
        elif kind is events.AliasEvent:
            return None
        else:
            continue
        count += 1
        if count > MAX_NODES or len(documents) > MAX_DOCUMENTS:
            return None
        if top is None:
            documents.append((event.start_mark.line + 1, value))
        elif key is None:
            top.append(value)
        else:
            top[key] = value
            key = None
        if kind is not events.ScalarEvent:
            stack.append((top, key))
            top, key = value, None


def _without_definitions(text: str) -> str:
    """The text with the documents of CustomResourceDefinitions blanked: they are long and say nothing to rules."""
    if _DEFINITION not in text:
        return text
    parts = list(_split(text))
    lines = text.split("\n")
    for offset, part in parts:
        if f"\n{_DEFINITION}" in f"\n{part}":
            for number in range(offset + part.startswith("---"), offset + part.count("\n") + 1):
                lines[number] = ""
    return "\n".join(lines)


def _is_yaml_error(error: Exception) -> bool:
    from ruamel.yaml.error import YAMLError

    return isinstance(error, YAMLError | ValueError)


def _compose_leniently(text: str) -> list[Any]:
    """The C parser knows no ``{image: server:v1}``; YAML 1.2, and so Kubernetes, allows the second colon."""
    try:
        return _compose(text)
    except Exception as error:
        flow_colon = _is_yaml_error(error) and "unexpected ':'" in str(error)
        if not flow_colon or len(text) > MAX_SLOW_CHARACTERS:
            raise
        try:
            return _compose(text, _python_loader())
        except (AttributeError, LookupError, TypeError):  # the parser in Python stumbles over misplaced directives
            raise error from None


def _compose(text: str, loader_class: Any = None) -> list[Any]:
    _check_depth(text)
    loader = (loader_class or _loader())(text)
    nodes: list[Any] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                nodes.append(node)
            if len(nodes) > MAX_DOCUMENTS:
                raise LimitExceeded(f"more than {MAX_DOCUMENTS} documents in one file")
    finally:
        loader.dispose()
    return nodes


@cache
def _loader() -> Any:
    """The C parser without tag resolution by regular expressions: ``scalar`` resolves plain values itself.

    ruamel's own loaders refer to themselves, so that each keeps 64 KiB of buffers until a garbage collection.
    """
    from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]
    from ruamel.yaml.tag import Tag

    tag = Tag(suffix=IMPLICIT_TAG)

    class Loader(CParser):  # type: ignore[misc]
        def descend_resolver(self, parent: Any, index: Any) -> None: ...

        def ascend_resolver(self) -> None: ...

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            return tag

    return Loader


@cache
def _python_loader() -> Any:
    """The parser in Python, which is a hundred times slower and knows YAML 1.2."""
    from ruamel.yaml.loader import SafeLoader
    from ruamel.yaml.tag import Tag

    class Loader(SafeLoader):
        max_depth = MAX_DEPTH

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            return Tag(suffix=IMPLICIT_TAG)

    return Loader


def _check_depth(text: str) -> None:
    """Refuse nesting that would exhaust the C stack before the parser sees it.

    Nested block collections start in ever greater columns, so that short indents and short runs of indicators bound
    their depth; the exact limit is held when values are built.
    """
    if text.count("[") + text.count("{") > MAX_PARSED_DEPTH:
        depth = 0
        for char in _NO_BRACKETS.sub("", text):
            depth = depth + 1 if char in "[{" else max(0, depth - 1)
            if depth > MAX_PARSED_DEPTH:
                raise LimitExceeded(f"nested deeper than {MAX_DEPTH} levels")
    if _DEEP_BLOCKS.search(text) is not None:
        raise LimitExceeded(f"nested deeper than {MAX_DEPTH} levels")


def _split(text: str) -> Iterator[tuple[int, str]]:
    start, lines = 0, text.split("\n")
    for number, line in enumerate([*lines, "---"]):
        if line.startswith("---") and (len(line) == 3 or line[3] in " \t\r"):
            if number > start:
                yield start, "\n".join(lines[start:number])
            start = number
    return


def _syntax_diagnostic(path: str, error: Exception, offset: int) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else offset + 1
    column = mark.column + 1 if mark is not None else 1
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Diagnostic(
        "error",
        "yaml-syntax",
        f"this document is not valid YAML: {problem}",
        Span(path, line, column, line, column),
    )


def construct(roots: list[Any], path: str) -> tuple[list[tuple[int, Any]], list[Diagnostic]]:
    """(line, value) of each document of a file; ``None`` for one that goes beyond its limits."""
    documents: list[tuple[int, Any]] = []
    diagnostics: list[Diagnostic] = []
    nodes = characters = 0
    for number, root in enumerate(roots):
        line = root.start_mark.line + 1
        constructor = Constructor()
        try:
            documents.append((line, constructor.value(root)))
        except (LimitExceeded, RecursionError) as error:
            message = f"document skipped: {error if isinstance(error, LimitExceeded) else 'nested too deeply'}"
            diagnostics.append(Diagnostic("error", "yaml-limit", message, Span(path, line, 1, line, 1)))
            documents.append((line, None))
        nodes += constructor.count
        characters += constructor.characters
        if (nodes > MAX_FILE_NODES or characters > MAX_CHARACTERS) and number + 1 < len(roots):
            limit = f"more than {MAX_FILE_NODES} values or {MAX_CHARACTERS} characters (aliases are counted expanded)"
            message = f"the {len(roots) - number - 1} documents from here on are skipped: those before have {limit}"
            line = roots[number + 1].start_mark.line + 1
            diagnostics.append(Diagnostic("error", "yaml-limit", message, Span(path, line, 1, line, 1)))
            break
    return documents, diagnostics


class Constructor:
    """Builds plain values from nodes; counts them, so that aliases cannot multiply without bound."""

    def __init__(self) -> None:
        self.count = 0
        self.characters = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        """The plain value of ``node``. Raises ``LimitExceeded``."""
        self.count += 1
        if self.count > MAX_NODES:
            raise LimitExceeded(f"more than {MAX_NODES} values in one document (aliases are counted expanded)")
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"nested deeper than {MAX_DEPTH} levels")
        kind = node.id
        if kind == "scalar":
            self.characters += len(node.value)
            if self.characters > MAX_CHARACTERS:
                raise LimitExceeded(f"texts of more than {MAX_CHARACTERS} characters (aliases are counted expanded)")
            return scalar(node)
        if kind == "sequence":
            return [self.value(item, depth + 1) for item in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if key.id == "scalar" and key.value == "<<" and not key.style:
                parts = item.value if item.id == "sequence" else [item]
                for part in parts:
                    if part.id == "mapping":
                        for name, value in self._mapping(part, depth + 1).items():
                            merged.setdefault(name, value)
                continue
            name = key.value if key.id == "scalar" else str(self.value(key, depth + 1))
            result[name] = self.value(item, depth + 1)
        return {**merged, **result} if merged else result


def scalar(node: Any) -> Any:
    """A scalar as sigs.k8s.io/yaml resolves it: YAML 1.1 words, but no dates and no sexagesimals."""
    text: str = node.value
    if node.style:
        return text
    return text if node.tag.endswith(":str") else plain(text)


def plain(text: str) -> Any:
    """The value of a scalar without quotes and tag."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first.isdecimal() or first in "+-.":
        return _number(text)
    return text


def _number(text: str) -> Any:
    digits = text.replace("_", "")
    if _INTEGER.match(text) and len(text) < 100:
        unsigned = digits.lstrip("+-")
        if unsigned.startswith("0") and unsigned[1:].isdecimal():
            return int(digits, 8)
        return int(digits, 0)
    if _FLOAT.match(text):
        return float(digits)
    return text
