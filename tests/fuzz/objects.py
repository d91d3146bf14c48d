"""The objects of the fixtures with fields of them changed at random: what mutation of bytes seldom leaves readable.

    python tests/fuzz/objects.py SECONDS [SEED]

walks at random for that long. What fails is printed with the text that made it fail.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from seeds import seeds
from targets import Texts, judged, yaml

from scanner.core import Location, Parsed, Resource, SourceFile, Span, Unknown
from scanner.frontends.kubernetes.documents import read_manifests
from scanner.frontends.terraform import read_root

MAX_CHANGES = 5
MAX_COPIES = 40
LONG = 3_000
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, -1.5, 10**30, -(10**30), 1e308, float("inf"), float("nan"), 0.1, "", " ", "x", "\n", "\0",
    "é\u2028\U0001f600", "-", "/", ":", ".", "*", "0", "8", "-8", "08", "1e400", "²", "٣", "1_000", "0x1F", "1Gi",
    "-1Gi", "1e999999999Gi", "9" * 400, "8m", "50%", "-50%", "1e9%", "%", "10s", "1h30m", "-1s", "0.0.0.0/0", "::/0",
    "1.2.3.4/99", "[::1]:80", "a:b:c", "@sha256:", "a/b/c:d@e", "hf://", "hf://a", "pvc://", "s3://", "oci://a", "$(X)",
    "${X}", "$X", "$(", "{{ .Values.a }}", "{{", "${var.a}", "$(params.x)", "{{workflow.parameters.a}}",
    "${trialParameters.a}", "--", "--model", "--a=b", "--tensor-parallel-size=0", "--max-model-len=x", "'", '"',
    "bash -c 'vllm serve a", "\\", "a" * LONG,
    [], {}, [None], [[]], [{}], [""], {"a": None}, {"": ""}, {"a": {}}, {"name": "a"}, {"name": None}, {"name": [1]},
    [{"name": "a"}, {"name": "a"}], {"kind": "Pod"}, [0], [True], ["a", None, 1, {}, []],
    {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a"}]}},
)  # fmt: skip
"""Values that a field is given whatever it holds."""
UNKNOWNS: tuple[Any, ...] = (
    Unknown("not set", "var.a"), [Unknown("not set", "var.a")], {"a": Unknown("not set", "")},
    [{"name": Unknown("not set", "var.a")}], ["a", Unknown("not set", "")],
)  # fmt: skip
"""What Terraform's evaluation leaves open."""
KEYS = ("", "a", "name", "kind", "spec", "1", "null", "true", "<<", "-", "~", "é", "a.b", "$", "[*]")


class Nowhere:
    """Finds everything in one place."""

    def locate(self, path: Any) -> Location:
        return Location(Span("main.tf", 1, 1, 1, 1))

    def extent(self) -> Span:
        return Span("main.tf", 1, 1, 1, 1)


@cache
def manifests() -> list[list[dict[str, Any]]]:
    """The objects of each manifest among the fixtures."""
    read = [read_manifests(SourceFile("a.yaml", text), "").resources for text in seeds("yaml")]
    return [[item.attributes for item in resources if item.holder is None] for resources in read if resources]


@cache
def modules() -> list[list[Resource]]:
    """The resources of each Terraform file among the fixtures."""
    read = [read_root(Texts({"main.tf": text}), "").resources for text in seeds("hcl")]
    return [resources for resources in read if resources]


@cache
def donors() -> tuple[dict[str, list[Any]], list[str]]:
    """What stands in the fixtures by key, and the keys."""
    by_key: dict[str, list[Any]] = {}
    values = [*manifests(), *([item.attributes for item in resources] for resources in modules())]
    for path, value in (found for group in values for found in places(group)):
        if isinstance(path[-1], str):
            by_key.setdefault(path[-1], []).append(value)
    return by_key, sorted(by_key)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each path in a value, and what stands there."""
    if path:
        yield path, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from places(item, (*path, key))


def change(documents: list[Any], odd: tuple[Any, ...], chance: random.Random) -> None:
    """Change one field of one of the objects."""
    found = [path for path, _ in places(documents) if len(path) > 1]
    if found:
        *steps, last = chance.choice(found)
        holder: Any = documents
        for step in steps:
            holder = holder[step]
        chance.choice(WAYS)(holder, last, odd, chance)


def _replaced(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    holder[last] = copy.deepcopy(chance.choice(odd))


def _given(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    """What another object has at the same key, or anywhere."""
    by_key, keys = donors()
    known = by_key.get(last) if isinstance(last, str) and chance.random() < 0.7 else None
    holder[last] = copy.deepcopy(chance.choice(known or by_key[chance.choice(keys)]))


def _deleted(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    del holder[last]


def _doubled(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    value = holder[last]
    if isinstance(holder, list):
        times = chance.choice((1, 1, 2, MAX_COPIES)) if len(repr(value)) < LONG else 1
        holder[last:last] = [copy.deepcopy(value) for _ in range(times)]
    else:
        holder[chance.choice(donors()[1])] = copy.deepcopy(value)


def _renamed(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    if isinstance(holder, dict):
        holder[chance.choice((*KEYS, chance.choice(donors()[1])))] = holder.pop(last)


def _wrapped(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    value = holder[last]
    holder[last] = chance.choice(([value], [value, value], {"name": value}, {chance.choice(donors()[1]): value}))


def _unwrapped(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    value = holder[last]
    if isinstance(value, dict | list) and value:
        holder[last] = chance.choice(list(value.values()) if isinstance(value, dict) else value)


def _cut(holder: Any, last: Any, odd: tuple[Any, ...], chance: random.Random) -> None:
    value = holder[last]
    if isinstance(value, str):
        cut = chance.randint(0, len(value))
        holder[last] = value[:cut] + str(chance.choice(ODD)) + value[cut + chance.randint(0, 3) :]


WAYS = (_replaced, _replaced, _replaced, _given, _given, _deleted, _doubled, _renamed, _wrapped, _unwrapped, _cut)


def changed(documents: list[Any], others: list[list[Any]], odd: tuple[Any, ...], chance: random.Random) -> list[Any]:
    """The objects, perhaps with those of another file, with a few fields changed."""
    result: list[Any] = copy.deepcopy(documents)
    if chance.random() < 0.3:
        result += copy.deepcopy(chance.choice(others))
    for _ in range(chance.randint(1, MAX_CHANGES)):
        change(result, odd, chance)
    return result


def flow(value: Any) -> str:
    """A value in YAML's flow style; some keys are no strings there."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key_text(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return ".nan" if value != value else ".inf"
    return json.dumps("{{ .Values.a }}" if isinstance(value, Unknown) else value)


def key_text(key: Any) -> str:
    return key if key in ("1", "null", "true", "~", "<<") else json.dumps(key)


def manifest_text(chance: random.Random) -> str:
    """Manifests with some fields changed."""
    documents = changed(chance.choice(manifests()), manifests(), ODD, chance)
    if chance.random() < 0.05:
        documents = [{"apiVersion": "v1", "kind": "List", "items": documents}]
    return "\n---\n".join(map(flow, documents))


def resources_changed(chance: random.Random) -> list[Resource]:
    """Resources of Terraform with some attributes changed."""
    origin = chance.choice(modules())
    values = [{item.address: item.attributes} for item in origin]
    found = changed(values, values, (*ODD, *UNKNOWNS), chance)
    result = []
    for item, value in zip(origin, found, strict=False):
        attributes = value.get(item.address) if isinstance(value, dict) else None
        if isinstance(attributes, dict):
            result.append(
                Resource(item.address, item.type, item.name, item.provider, attributes, item.span, Nowhere(),
                         "terraform", "", module_path=item.module_path, instance_key=item.instance_key,
                         references=item.references)
            )  # fmt: skip
    return result


def walk(number: int, chance: random.Random, failed: Callable[[str, Exception], None]) -> None:
    """Judge so many files at random, one of three of Terraform."""
    for turn in range(number):
        text, resources = (manifest_text(chance), []) if turn % 3 else ("", resources_changed(chance))
        try:
            if text:
                yaml(text.encode("utf-8", "replace"))
            else:
                judged(Parsed(resources=resources))
        except Exception as error:
            failed(text or repr([(item.address, item.attributes) for item in resources]), error)


def main() -> None:
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    chance, end, number = random.Random(seed), time.monotonic() + seconds, 0
    seen: set[str] = set()

    def failed(text: str, error: Exception) -> None:
        where = traceback.format_tb(error.__traceback__)[-1]
        sign = f"{where}{str(error)[-40:]}"
        if sign not in seen:
            seen.add(sign)
            print(f"{type(error).__name__}: {error}\n{where}{text[:LONG]}\n", flush=True)

    while time.monotonic() < end:
        walk(300, chance, failed)
        number += 300
    print(f"{number} executions, {len(seen)} failures")


if __name__ == "__main__":
    main()
