"""What makes a finding the same finding after unrelated edits, and which findings of two sets are the same."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from scanner.core import Finding


class Identity(NamedTuple):
    """A finding without its place. ``context`` is what it keeps when its file is renamed."""

    fingerprint: str
    context: str
    rule: str
    file: str
    address: str


def stamp(findings: Iterable[Finding], prefix: str) -> list[Finding]:
    """The findings with fingerprints over rule, file, resource and attribute; repeats are numbered.

    ``prefix`` is the path of the scan root in its repository, so that scans of parts agree with the whole.
    """
    seen: Counter[str] = Counter()
    stamped = []
    for finding in findings:
        digest = _digest(finding.rule, prefix + finding.location.span.file, finding.resource.address, _path(finding))
        seen[digest] += 1
        stamped.append(replace(finding, fingerprint=f"{digest}:{seen[digest]}"))
    return stamped


def identity(finding: Finding, prefix: str, lines: Callable[[str], Sequence[str]]) -> Identity:
    """The identity of a stamped finding; ``lines`` gives the lines of a file."""
    span = finding.location.span
    text = lines(span.file)
    snippet = " ".join(text[span.start_line - 1].split()) if span.start_line <= len(text) else ""
    return Identity(
        finding.fingerprint.partition(":")[0],
        _digest(finding.rule, finding.resource.address, snippet)[:16],
        finding.rule,
        prefix + span.file,
        finding.resource.address,
    )


def match(
    found: Sequence[Identity], known: Sequence[Identity], gone: Callable[[Identity], bool]
) -> tuple[list[int], list[int]]:
    """(indices of ``found`` that are not known, indices of ``known`` that are not found), each counted once.

    The same fingerprint with the same text matches first, then the same fingerprint, then the same context where
    ``gone`` says that the known finding's resource is no longer where it was.
    """
    new, left = list(range(len(found))), list(range(len(known)))
    new, left = _pair(new, left, lambda n: found[n][:2], lambda n: known[n][:2])
    new, left = _pair(new, left, lambda n: found[n].fingerprint, lambda n: known[n].fingerprint)
    moved = {n for n in left if gone(known[n])} if new else set()
    new, unmoved = _pair(new, sorted(moved), lambda n: found[n].context, lambda n: known[n].context)
    return new, [n for n in left if n not in moved or n in set(unmoved)]


def _pair(
    new: list[int], left: list[int], new_key: Callable[[int], Hashable], left_key: Callable[[int], Hashable]
) -> tuple[list[int], list[int]]:
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number in left:
        waiting[left_key(number)].append(number)
    unmatched = []
    for number in new:
        key = new_key(number)
        if waiting.get(key):
            waiting[key].pop(0)
        else:
            unmatched.append(number)
    return unmatched, sorted(number for numbers in waiting.values() for number in numbers)


def _path(finding: Finding) -> str:
    return "/".join("*" if isinstance(step, int) else step for step in finding.path)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
