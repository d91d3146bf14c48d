"""Functions that encode, decode and hash."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import re
import urllib.parse
import uuid
import zlib
from decimal import Decimal
from typing import Any

from scanner.core import Unknown, UnknownText
from scanner.frontends.terraform.evaluate.functions.function import fixed
from scanner.frontends.terraform.evaluate.values import (
    MAX_ITEMS,
    MAX_STRING,
    EvaluationError,
    LimitError,
    first_unknown,
    from_plain,
    number_text,
    to_number,
    to_plain,
    to_text,
)

MAX_DECODED = 2 * 1024 * 1024
MAX_YAML_DEPTH = 100
MAX_BRACKETS = 10_000
"""Flow collections in YAML text; the parser is recursive, and 8 MiB of stack hold more than 20,000 levels."""
_DEEP_YAML = re.compile(r"^ {500}|^ *(?:[-?:][ \t]+){100}", re.MULTILINE)


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
    source = to_text(text)
    if len(source) > MAX_DECODED:
        raise LimitError(f"the text is longer than the limit of {MAX_DECODED} characters")
    return from_plain(json.loads(source, parse_float=lambda digits: float(digits)))


def yamldecode(text: Any) -> Any:
    """The value of YAML text, one document."""
    from ruamel.yaml.cyaml import CSafeLoader
    from ruamel.yaml.error import YAMLError

    source = to_text(text)
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
    return None if node is None else _yaml_value(node, [0])


def _yaml_value(node: Any, count: list[int], depth: int = 0) -> Any:
    count[0] += 1
    if count[0] > MAX_ITEMS or depth > MAX_YAML_DEPTH:
        raise LimitError(f"the YAML text holds more than {MAX_ITEMS} values or {MAX_YAML_DEPTH} levels")
    if node.id == "mapping":
        return {str(key.value): _yaml_value(item, count, depth + 1) for key, item in node.value}
    if node.id == "sequence":
        return [_yaml_value(item, count, depth + 1) for item in node.value]
    return _yaml_scalar(node)


_YAML_WORDS: dict[str, Any] = {"": None, "~": None}
for _words, _meaning in ((("null",), None), (("true", "yes", "on", "y"), True), (("false", "no", "off", "n"), False)):
    for _word in _words:
        _YAML_WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _meaning)
_YAML_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?\Z")
_YAML_BASED = re.compile(r"([-+]?)0([xob])([0-9a-fA-F]+)\Z")


def _yaml_scalar(node: Any) -> Any:
    text = node.value
    if node.style:
        return text
    if text in _YAML_WORDS:
        return _YAML_WORDS[text]
    plain = text.replace("_", "")
    based = _YAML_BASED.match(plain)
    if based is not None:
        try:
            return int(based[1] + based[3], {"x": 16, "o": 8, "b": 2}[based[2]])
        except ValueError:
            return text
    return to_number(plain.lstrip("+")) if _YAML_NUMBER.match(plain) else text


def yamlencode(value: Any) -> str:
    """YAML as Terraform writes it: sorted, block style, quoted strings."""
    return "".join(f"{line}\n" for line in _yaml_lines(value))


def _yaml_lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        lines: list[str] = []
        for key, item in sorted(value.items()):
            inner = _yaml_lines(item)
            head = f"{_json_text(key)}:"
            if isinstance(item, dict) and item:
                lines += [head, *(f"  {line}" for line in inner)]
            elif isinstance(item, list) and item:
                lines += [head, *inner]
            else:
                lines.append(f"{head} {inner[0]}")
                lines.extend(f"  {line}" if line else "" for line in inner[1:])
        return lines
    if isinstance(value, list) and value:
        return [
            ("- " if number == 0 else "  " if line else "") + line
            for item in value
            for number, line in enumerate(_yaml_lines(item))
        ]
    if isinstance(value, str) and "\n" in value and _may_be_literal(value):
        return _yaml_literal(value)
    return [jsonencode(value)]


def _may_be_literal(text: str) -> bool:
    """Whether the emitter writes text in literal style rather than quoted: no odd characters or line ends."""
    return not text.endswith(" ") and " \n" not in text and all(char.isprintable() or char == "\n" for char in text)


def _yaml_literal(text: str) -> list[str]:
    hint = "2" if text[0] in " \n" else ""
    chomp = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") or text == "\n" else ""
    lines = text.split("\n")
    return [f"|{hint}{chomp}", *(lines if not text.endswith("\n") else lines[:-1])]


def csvdecode(text: Any) -> list[dict[str, str]]:
    """Rows as maps by the header's names."""
    rows = list(itertools.islice(csv.reader(io.StringIO(to_text(text))), MAX_ITEMS + 1))
    if len(rows) > MAX_ITEMS:
        raise LimitError(f"the text has more than {MAX_ITEMS} rows")
    if not rows:
        raise EvaluationError("the header is missing")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if row]


def _bytes(text: Any) -> bytes:
    return str(to_text(text)).encode()


def base64decode(text: Any) -> str:
    """Text of its base64 form."""
    return base64.b64decode(_bytes(text), validate=True).decode("utf-8")


def base64gunzip(text: Any) -> str:
    """Text of its compressed base64 form."""
    inflater = zlib.decompressobj(31)
    data = inflater.decompress(base64.b64decode(_bytes(text), validate=True), MAX_STRING)
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
    space = spaces.get(to_text(namespace)) or uuid.UUID(to_text(namespace))
    return str(uuid.uuid5(space, to_text(name)))


def urlencode(text: Any) -> str:
    """Text for a query string."""
    return urllib.parse.quote_plus(to_text(text), safe="-_.~").replace("%7E", "~")


FUNCTIONS = {
    "base64decode": fixed(base64decode, 1),
    "base64encode": fixed(lambda text: base64.b64encode(_bytes(text)).decode(), 1),
    "base64gunzip": fixed(base64gunzip, 1),
    "base64sha256": fixed(base64digest("sha256"), 1),
    "base64sha512": fixed(base64digest("sha512"), 1),
    "csvdecode": fixed(csvdecode, 1),
    "jsondecode": fixed(jsondecode, 1),
    "jsonencode": fixed(_encoded, 1, takes_null=True, takes_partial=True),
    "md5": fixed(hexdigest("md5"), 1),
    "sha1": fixed(hexdigest("sha1"), 1),
    "sha256": fixed(hexdigest("sha256"), 1),
    "sha512": fixed(hexdigest("sha512"), 1),
    "textdecodebase64": fixed(lambda text, name: base64.b64decode(_bytes(text)).decode(to_text(name)), 2),
    "textencodebase64": fixed(lambda text, name: base64.b64encode(to_text(text).encode(to_text(name))).decode(), 2),
    "urldecode": fixed(lambda text: urllib.parse.unquote_plus(to_text(text)), 1),
    "urlencode": fixed(urlencode, 1),
    "uuidv5": fixed(uuidv5, 2),
    "yamldecode": fixed(yamldecode, 1),
    "yamlencode": fixed(yamlencode, 1, takes_null=True),
}
