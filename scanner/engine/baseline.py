"""The baseline: findings that are known today, so that only new ones count."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scanner.engine.fingerprints import Identity, match

VERSION = 1
_TEXTS = ("fingerprint", "context", "rule", "file", "resource")


class BaselineError(Exception):
    """A baseline file that cannot be used; the message names it."""


class Entry(Struct, frozen=True):
    """Findings with one fingerprint. ``reason`` is free text that people add and that updates keep."""

    identity: Identity
    count: int = 1
    reason: str = ""


class Compared(Struct, frozen=True):
    """Findings by index that are not in a baseline, and how often each of its entries was not found."""

    new: list[int]
    missing: dict[Entry, int]


def record(found: Iterable[Identity], before: Sequence[Entry] = ()) -> list[Entry]:
    """Entries for findings, with the reasons that earlier entries of the same fingerprint or context gave."""
    reasons = {key: entry.reason for entry in reversed(before) if entry.reason for key in _keys(entry.identity)}
    entries: dict[tuple[str, str], Entry] = {}
    for item in found:
        key = (item.fingerprint, item.context)
        reason = next((reasons[name] for name in _keys(item) if name in reasons), "")
        known = entries.get(key, Entry(item, 0, reason))
        entries[key] = replace(known, count=known.count + 1)
    return sorted(entries.values(), key=_order)


def _keys(item: Identity) -> tuple[tuple[str, ...], ...]:
    return (item.fingerprint, item.context), (item.fingerprint,)


def _order(entry: Entry) -> tuple[str, ...]:
    item = entry.identity
    return item.file, item.rule, item.address, item.fingerprint, item.context


def compare(found: Sequence[Identity], entries: Sequence[Entry], gone: Callable[[Identity], bool]) -> Compared:
    """Which findings the entries do not account for, and which entries account for nothing (any more)."""
    owners = [entry for entry in entries for _ in range(entry.count)]
    new, left = match(found, [entry.identity for entry in owners], gone)
    missing: dict[Entry, int] = {}
    for number in left:
        missing[owners[number]] = missing.get(owners[number], 0) + 1
    return Compared(new, missing)


def without_fixed(entries: Iterable[Entry], fixed: dict[Entry, int]) -> list[Entry]:
    """The entries less what is fixed. Nothing is added: new findings stay new."""
    left = [replace(entry, count=entry.count - fixed.get(entry, 0)) for entry in entries]
    return [entry for entry in left if entry.count > 0]


def write_baseline(entries: Iterable[Entry]) -> str:
    """The text of a baseline file."""
    rows = [_row(entry) for entry in sorted(entries, key=_order)]
    return json.dumps({"kilter-baseline": VERSION, "findings": rows}, indent=2, ensure_ascii=False) + "\n"


def _row(entry: Entry) -> dict[str, Any]:
    item = entry.identity
    row: dict[str, Any] = {"rule": item.rule, "file": item.file, "resource": item.address}
    row |= {"fingerprint": item.fingerprint, "context": item.context}
    row |= {"count": entry.count} if entry.count > 1 else {}
    return row | ({"reason": entry.reason} if entry.reason else {})


def read_baseline(text: str, source: str) -> list[Entry]:
    """The entries of a baseline file. Raises ``BaselineError``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{source}: not a baseline file: {error}") from error
    if not isinstance(data, dict) or "kilter-baseline" not in data:
        raise BaselineError(f"{source}: not a baseline file; `kilter baseline` writes one")
    if data["kilter-baseline"] != VERSION or not isinstance(data.get("findings"), list):
        raise BaselineError(f"{source}: a baseline of version {data['kilter-baseline']!r} cannot be read")
    return [_entry(row, f"{source}: findings[{number}]") for number, row in enumerate(data["findings"])]


def _entry(row: Any, place: str) -> Entry:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in _TEXTS):
        raise BaselineError(f"{place}: must have {', '.join(_TEXTS)}")
    count, reason = row.get("count", 1), row.get("reason", "")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1_000_000:
        raise BaselineError(f"{place}: count must be a positive number, found {count!r}")
    if not isinstance(reason, str):
        raise BaselineError(f"{place}: reason must be a text, found {reason!r}")
    item = Identity(row["fingerprint"], row["context"], row["rule"], row["file"], row["resource"])
    return Entry(item, count, reason)
