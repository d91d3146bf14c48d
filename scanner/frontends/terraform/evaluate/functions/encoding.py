"""Functions that encode, decode and hash."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import urllib.parse
import uuid
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from scanner.core import Unknown, UnknownText
from scanner.core.patterns import lazy_pattern
from scanner.frontends.terraform.evaluate.floats import number_text
from scanner.frontends.terraform.evaluate.functions.function import function
from scanner.frontends.terraform.evaluate.types import ANY, STRING, object_of
from scanner.frontends.terraform.evaluate.values import (
    MAX_ITEMS,
    MAX_STRING,
    EvaluationError,
    LimitError,
    ListValue,
    first_unknown,
    from_plain,
    to_number,
    to_plain,
)

MAX_DECODED = 2 * 1024 * 1024
MAX_YAML_DEPTH = 100
MAX_SIMPLE_KEY_BYTES = 128
MAX_BRACKETS = 10_000
"""Flow collections in YAML text; the parser is recursive, and 8 MiB of stack hold more than 20,000 levels."""
_YAML_BREAK = lazy_pattern("[\n\r\x85\u2028\u2029]")
_DEEP_YAML = lazy_pattern(r"^ {500}|^ *(?:[-?:][ \t]+){100}", re.MULTILINE)


def jsonencode(value: Any) -> str:
    """JSON as Terraform writes it: sorted keys, no spaces, ``<``, ``>`` and ``&`` escaped."""
    return "".join(_json_parts(value))


def _encoded(value: Any) -> str | Unknown:
    """The JSON of a value; where parts are unknown the text is, and carries what is known."""
    unknown = first_unknown(value)
    return jsonencode(value) if unknown is None else UnknownText(unknown.reason, unknown.source, to_plain(value))


def _json_parts(value: Any) -> list[str]:
    if isinstance(value, dict):
        inner = ",".join(f"{_json_text(key)}:{jsonencode(item)}" for key, item in sorted(value.items()))
        return ["{", inner, "}"]
    if isinstance(value, list):
        return ["[", ",".join(jsonencode(item) for item in value), "]"]
    if isinstance(value, str):
        return [_json_text(value)]
    if isinstance(value, Decimal):
        return [number_text(value)]
    return [json.dumps(value)]


def _json_text(text: str) -> str:
    encoded = json.dumps(text, ensure_ascii=False)
    for char, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"),
                       ("\u2029", "\\u2029"), ("\x7f", "\x7f")):  # fmt: skip
        encoded = encoded.replace(char, code)
    return encoded


def jsondecode(text: Any) -> Any:
    """The value of JSON text."""
    source = text
    if len(source) > MAX_DECODED:
        raise LimitError(f"the text is longer than the limit of {MAX_DECODED} characters")
    return from_plain(json.loads(source, parse_float=_json_number, parse_int=_json_number, parse_constant=_no_constant))


def _json_number(digits: str) -> Any:
    return to_number(digits)


def _no_constant(word: str) -> Any:
    raise EvaluationError(f"{word} is no JSON value")


def yamldecode(text: Any) -> Any:
    """The value of YAML text, one document."""
    from ruamel.yaml.cyaml import CSafeLoader
    from ruamel.yaml.error import YAMLError

    source = text
    if len(source) > MAX_DECODED or _DEEP_YAML.search(source) or source.count("[") + source.count("{") > MAX_BRACKETS:
        raise LimitError("the YAML text is longer or nested deeper than the limit")
    try:
        loader = CSafeLoader(source)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except YAMLError as error:
        raise EvaluationError(f"the text is not valid YAML: {str(error).splitlines()[0]}") from error
    if node is None:
        raise EvaluationError("the text holds no YAML document")
    return _YamlReader(source).value(node)


class _YamlReader(Struct):
    """Turns the nodes of one document into values."""

    source: str
    count: int = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        """The value of a node. Raises ``EvaluationError``."""
        self.count += 1
        if self.count > MAX_ITEMS or depth > MAX_YAML_DEPTH:
            raise LimitError(f"the YAML text holds more than {MAX_ITEMS} values or {MAX_YAML_DEPTH} levels")
        if node.id == "mapping":
            return self._mapping(node, depth)
        if node.id == "sequence":
            return [self.value(item, depth + 1) for item in node.value]
        if not node.tag.startswith(_YAML_TAG) and node.tag != "!":
            raise EvaluationError(f"the YAML tag {node.tag} is not supported")
        is_text = node.style or (node.tag == f"{_YAML_TAG}str" and self.source[node.start_mark.index] == "!")
        return node.value if is_text else _yaml_plain(node.value)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            value = self.value(item, depth + 1)
            if key.value == "<<" and not key.style:
                for given in reversed(value if isinstance(value, list) else [value]):
                    if not isinstance(given, dict):
                        raise EvaluationError("only a mapping can be merged into a mapping")
                    merged.update(given)
            elif key.id != "scalar":
                raise EvaluationError("a key must be a scalar")
            else:
                result[key.value] = value
        return {**merged, **result}


_YAML_WORDS: dict[str, Any] = {"": None, "~": None}
for _words, _meaning in ((("null",), None), (("true", "yes", "on", "y"), True), (("false", "no", "off", "n"), False)):
    for _word in _words:
        _YAML_WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _meaning)
_YAML_NUMBER = lazy_pattern(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?\Z")
_YAML_BASED = lazy_pattern(r"([-+]?)0([xo])([0-9a-fA-F]+)\Z")
_YAML_DATE = lazy_pattern(r"\d{4}-\d\d-\d\d\Z")
_YAML_TAG = "tag:yaml.org,2002:"


def _yaml_plain(text: str) -> Any:
    if text in _YAML_WORDS:
        return _YAML_WORDS[text]
    based = _YAML_BASED.match(text)
    if based is not None:
        try:
            return int(based[1] + based[3], {"x": 16, "o": 8}[based[2]])
        except ValueError:
            return text
    if _YAML_DATE.match(text):
        return f"{text}T00:00:00Z"
    return to_number(text.lstrip("+")) if _YAML_NUMBER.match(text) else text


def yamlencode(value: Any) -> str:
    """YAML as Terraform writes it: sorted, block style, quoted strings."""
    lines = _yaml_lines(value)
    if isinstance(value, str) and len(lines) > 1:
        lines[1:] = [f"  {line}" if line else "" for line in lines[1:]]
    elif not isinstance(value, str | list | dict):
        lines.append("...")
    return "".join(f"{line}\n" for line in lines)


def _yaml_lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        lines: list[str] = []
        for key, item in sorted(value.items()):
            inner = _yaml_lines(item)
            if _is_complex_key(key):
                lines += [*_yaml_hung("? ", _yaml_lines(key)), *_yaml_hung(": ", inner)]
                continue
            head = f"{_yaml_text(key)}:"
            if isinstance(item, dict) and item:
                lines += [head, *(f"  {line}" for line in inner)]
            elif isinstance(item, list) and item:
                lines += [head, *inner]
            else:
                lines.append(f"{head} {inner[0]}")
                lines.extend(f"  {line}" if line else "" for line in inner[1:])
        return lines
    if isinstance(value, list) and value:
        return [line for item in value for line in _yaml_hung("- ", _yaml_lines(item))]
    if isinstance(value, str) and "\n" in value and _may_be_literal(value):
        return _yaml_literal(value)
    return [_yaml_text(value) if isinstance(value, str) else jsonencode(value)]


def _yaml_hung(indicator: str, lines: list[str]) -> list[str]:
    """The lines of a node behind an indicator of two characters."""
    return [(indicator if number == 0 else "  " if line else "") + line for number, line in enumerate(lines)]


def _is_complex_key(key: str) -> bool:
    """Whether the emitter writes ``? key`` rather than ``key:``: line breaks and long keys (libyaml's emitter.c)."""
    return len(key.encode()) > MAX_SIMPLE_KEY_BYTES or _YAML_BREAK.search(key) is not None


def _yaml_text(text: str) -> str:
    """Double-quoted text; what libyaml takes for unprintable is escaped, all beyond the first plane included."""
    return f'"{"".join(map(_yaml_character, text))}"'


_YAML_ESCAPES = {"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
                 '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P"}  # fmt: skip


def _yaml_character(char: str) -> str:
    if char in _YAML_ESCAPES:
        return "\\" + _YAML_ESCAPES[char]
    if " " <= char <= "~" or "\xa0" <= char <= "\ud7ff" or ("\ue000" <= char <= "\ufffd" and char != "\ufeff"):
        return char
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _may_be_literal(text: str) -> bool:
    """Whether the emitter writes text in literal style rather than quoted: no odd characters or line ends."""
    return not text.endswith(" ") and " \n" not in text and all(char.isprintable() or char == "\n" for char in text)


def _yaml_literal(text: str) -> list[str]:
    hint = "2" if text[0] in " \n" else ""
    chomp = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") or text == "\n" else ""
    lines = text.split("\n")
    return [f"|{hint}{chomp}", *(lines if not text.endswith("\n") else lines[:-1])]


_FIELD = lazy_pattern(r'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|\Z)')


def _csv_rows(text: str) -> Iterator[list[str]]:
    """The rows of RFC 4180 text; empty lines are none. Raises ``EvaluationError``."""
    at, row = 0, list[str]()
    while at < len(text) or row:
        if not row and text[at] == "\n":
            at += 1
            continue
        match = _FIELD.match(text, at)
        if match is None:
            raise EvaluationError("the text is not valid CSV: a quote stands where none may")
        row.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        at = match.end()
        if match[3] != ",":
            yield row
            row = []


def csvdecode(text: Any) -> Any:
    """Rows as maps by the header's names."""
    rows = list(itertools.islice(_csv_rows(text.replace("\r\n", "\n")), MAX_ITEMS + 1))
    if len(rows) > MAX_ITEMS:
        raise LimitError(f"the text has more than {MAX_ITEMS} rows")
    if not rows:
        raise EvaluationError("the header is missing")
    if len(set(rows[0])) < len(rows[0]):
        raise EvaluationError("a name stands twice in the header")
    kind = object_of(dict.fromkeys(rows[0], STRING))
    return ListValue((dict(zip(rows[0], row, strict=True)) for row in rows[1:]), kind)


def _bytes(text: str) -> bytes:
    return text.encode()


def base64decode(text: Any) -> str:
    """Text of its base64 form."""
    return _decoded(text).decode("utf-8")


def _decoded(text: str) -> bytes:
    return base64.b64decode(_bytes(text.replace("\n", "").replace("\r", "")), validate=True)


def base64gunzip(text: Any) -> str:
    """Text of its compressed base64 form."""
    inflater = zlib.decompressobj(31)
    data = inflater.decompress(_decoded(text), MAX_STRING)
    if inflater.unconsumed_tail:
        raise LimitError(f"the text grows beyond the limit of {MAX_STRING} characters")
    return data.decode("utf-8")


def hexdigest(algorithm: str) -> Any:
    """A function that gives the hexadecimal hash of text."""
    return lambda text: hashlib.new(algorithm, _bytes(text)).hexdigest()


def base64digest(algorithm: str) -> Any:
    """A function that gives the base64 hash of text."""
    return lambda text: base64.b64encode(hashlib.new(algorithm, _bytes(text)).digest()).decode()


def uuidv5(namespace: Any, name: Any) -> str:
    """A name-based identifier."""
    spaces = {
        "dns": uuid.NAMESPACE_DNS,
        "url": uuid.NAMESPACE_URL,
        "oid": uuid.NAMESPACE_OID,
        "x500": uuid.NAMESPACE_X500,
    }
    space = spaces.get(namespace) or uuid.UUID(namespace)
    return str(uuid.uuid5(space, name))


_CODECS = {"utf-8", "utf-16le", "utf-16be", "utf-16", "us-ascii", "windows-31j", "shift_jis", "euc-jp", "euc-kr", "gbk",
           "gb18030", "gb2312", "big5", "koi8-r", "koi8-u", "iso-2022-jp", "macintosh"}  # fmt: skip
_CODEC_FAMILIES = lazy_pattern(r"(windows-\d+|iso-8859-\d+|ibm\d+)\Z")


def _codec(name: str) -> str:
    """Python's name of an IANA character encoding."""
    known = name.lower()
    if known not in _CODECS and not _CODEC_FAMILIES.match(known):
        raise EvaluationError(f"{name!r} is not a supported character encoding")
    return "mac_roman" if known == "macintosh" else known


def textencodebase64(text: str, encoding: str) -> str:
    """Text in another character encoding, in base64."""
    return base64.b64encode(text.encode(_codec(encoding))).decode()


def textdecodebase64(text: str, encoding: str) -> str:
    """Text of base64 in another character encoding."""
    return _decoded(text).decode(_codec(encoding))


def urlencode(text: Any) -> str:
    """Text for a query string."""
    return urllib.parse.quote_plus(text, safe="-_.~").replace("%7E", "~")


FUNCTIONS = {
    "base64decode": function(base64decode, STRING),
    "base64encode": function(lambda text: base64.b64encode(_bytes(text)).decode(), STRING),
    "base64gunzip": function(base64gunzip, STRING),
    "base64sha256": function(base64digest("sha256"), STRING),
    "base64sha512": function(base64digest("sha512"), STRING),
    "csvdecode": function(csvdecode, STRING),
    "jsondecode": function(jsondecode, STRING),
    "jsonencode": function(_encoded, ANY, takes_null=True, takes_partial=True),
    "md5": function(hexdigest("md5"), STRING),
    "sha1": function(hexdigest("sha1"), STRING),
    "sha256": function(hexdigest("sha256"), STRING),
    "sha512": function(hexdigest("sha512"), STRING),
    "textdecodebase64": function(textdecodebase64, STRING, STRING),
    "textencodebase64": function(textencodebase64, STRING, STRING),
    "urldecode": function(urllib.parse.unquote_plus, STRING),
    "urlencode": function(urlencode, STRING),
    "uuidv5": function(uuidv5, STRING, STRING),
    "yamldecode": function(yamldecode, STRING),
    "yamlencode": function(yamlencode, ANY, takes_null=True),
}
