"""Functions over files, confined to the scanned root, and templates."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Callable
from typing import Any, Protocol

from scanner.core import Unknown
from scanner.frontends.terraform import ast
from scanner.frontends.terraform.evaluate.expressions import Context, evaluate
from scanner.frontends.terraform.evaluate.functions.function import Function, function
from scanner.frontends.terraform.evaluate.types import ANY, STRING
from scanner.frontends.terraform.evaluate.values import EvaluationError, LimitError, SetValue

MAX_TEMPLATE_DEPTH = 10
MAX_FILESET = 10_000


class FileReader(Protocol):
    """Reads files of the scanned root by path relative to the module's working directory."""

    def read(self, path: str) -> str | None:
        """The text, ``None`` if there is no such file inside the root."""

    def read_bytes(self, path: str) -> bytes | None:
        """The content, ``None`` if there is no such file inside the root."""

    def exists(self, path: str) -> bool | None:
        """Whether there is such a file; ``None`` outside the root."""

    def files_below(self, path: str) -> list[str] | None:
        """Paths of files below a directory, relative to it; ``None`` outside the root."""


def _content(context: Context, path: Any) -> bytes | Unknown:
    data = context.files.read_bytes(path) if context.files is not None else None
    return Unknown(f"the file {path} is not in the scanned directory") if data is None else data


def file(context: Context, path: Any) -> Any:
    """The text of a file."""
    data = _content(context, path)
    if isinstance(data, Unknown):
        return data
    return data.decode("utf-8")


def _hashed(algorithm: str, encode: Callable[[bytes], str]) -> Function:
    def call(context: Context, path: Any) -> Any:
        data = _content(context, path)
        return data if isinstance(data, Unknown) else encode(hashlib.new(algorithm, data).digest())

    return function(call, STRING, needs_context=True)


def fileexists(context: Context, path: Any) -> Any:
    """Whether the file exists; unknown outside the scanned directory."""
    found = context.files.exists(path) if context.files is not None else None
    return Unknown(f"the file {path} is not in the scanned directory") if found is None else found


def filebase64(context: Context, path: Any) -> Any:
    """The content in base64."""
    data = _content(context, path)
    return data if isinstance(data, Unknown) else base64.b64encode(data).decode()


def fileset(context: Context, directory: Any, pattern: Any) -> Any:
    """The files below a directory that match a pattern."""
    paths = context.files.files_below(directory) if context.files is not None else None
    if paths is None:
        return Unknown(f"the directory {directory} is not in the scanned directory")
    expression = _glob(pattern)
    return SetValue((path for path in paths[:MAX_FILESET] if expression.match(path)), STRING)


def _glob(pattern: str) -> re.Pattern[str]:
    out = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\{[^}]*\})", pattern):
        if part == "**/":
            out += "(?:.*/)?"
        elif part in ("**", "*", "?"):
            out += {"**": ".*", "*": "[^/]*", "?": "[^/]"}[part]
        elif part.startswith("{"):
            out += "(?:" + "|".join(re.escape(option) for option in part[1:-1].split(",")) + ")"
        else:
            out += re.escape(part)
    return re.compile(out + r"\Z")


def templatefile(context: Context, path: Any, variables: Any) -> Any:
    """A file rendered as a template with the given variables."""
    text = context.files.read(path) if context.files is not None else None
    if text is None:
        return Unknown(f"the file {path} is not in the scanned directory")
    return render(context, text, variables, path)


def templatestring(context: Context, text: Any, variables: Any) -> Any:
    """A string rendered as a template."""
    return render(context, text, variables, "template")


def render(context: Context, text: str, variables: Any, name: str) -> Any:
    """The value of template text. Raises ``EvaluationError``."""
    from scanner.frontends.terraform.syntax import parse_template

    if not isinstance(variables, dict):
        raise EvaluationError("the variables must be a map")
    depth = context.bindings.get("\0depth", 0)
    if depth >= MAX_TEMPLATE_DEPTH:
        raise LimitError(f"templates are nested deeper than {MAX_TEMPLATE_DEPTH} levels")
    template, diagnostics = parse_template(text, name)
    if diagnostics or isinstance(template, ast.Invalid):
        raise EvaluationError(f"the template {posixpath.basename(name)} cannot be read")

    def lookup(steps: tuple[str, ...]) -> tuple[Any, int]:
        raise EvaluationError(f'the template has no variable "{steps[0]}"')

    inner = Context(lookup, context.files, {**variables, "\0depth": depth + 1}, budget=context.budget)
    return evaluate(template, inner)


def _hex(data: bytes) -> str:
    return data.hex()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def dirname(path: Any) -> str:
    """All but the last step of a path."""
    return posixpath.dirname(path) or "."


def abspath(path: Any) -> Any:
    """An absolute path cleaned; what a relative one becomes depends on the machine."""
    return posixpath.normpath(path) if path.startswith("/") else Unknown("abspath() depends on the machine")


_READS = {"needs_context": True}
FUNCTIONS = {
    "abspath": function(abspath, STRING),
    "basename": function(lambda path: posixpath.basename(path.rstrip("/")) or path[:1] or ".", STRING),
    "dirname": function(dirname, STRING),
    "file": function(file, STRING, **_READS),
    "filebase64": function(filebase64, STRING, **_READS),
    "filebase64sha256": _hashed("sha256", _b64),
    "filebase64sha512": _hashed("sha512", _b64),
    "fileexists": function(fileexists, STRING, **_READS),
    "filemd5": _hashed("md5", _hex),
    "fileset": function(fileset, STRING, STRING, **_READS),
    "filesha1": _hashed("sha1", _hex),
    "filesha256": _hashed("sha256", _hex),
    "filesha512": _hashed("sha512", _hex),
    "pathexpand": function(lambda path: Unknown("~ depends on the user") if path.startswith("~") else path, STRING),
    "templatefile": function(templatefile, STRING, ANY, takes_partial=True, **_READS),
    "templatestring": function(templatestring, STRING, ANY, takes_partial=True, **_READS),
}
