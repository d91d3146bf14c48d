"""A rule's own fixtures as its examples: what it reports and what it accepts, both held true by ``kilter test``."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from scanner.core.patterns import lazy_pattern
from scanner.engine.fixtures import MARK, case_files, cases_of
from scanner.engine.rules import Rule
from scanner.project.bounds import read_text

_MARK = lazy_pattern(rf"[ \t]*{MARK.pattern}[^\n]*")


class Example(Struct, frozen=True):
    """The files of one fixture by name. ``marked`` are (file, line) of what the rule reports, 1-based."""

    files: dict[str, str]
    marked: tuple[tuple[str, int], ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """How much there is to read: files, then characters."""
        return len(self.files), sum(len(text) for text in self.files.values())

    @property
    def lines(self) -> frozenset[str]:
        """The different lines, without their indentation."""
        return frozenset(line.strip() for text in self.files.values() for line in text.split("\n"))


def examples(rule: Rule, fixtures: Path) -> tuple[Example | None, Example | None]:
    """The shortest failing fixture below ``fixtures/<CODE>``, and the passing one that is most like it."""
    read = [(case.name.startswith("near-miss"), _read(case)) for case in cases_of(rule, fixtures)]
    bad = min((example for _, example in read if example.marked), key=lambda example: example.size, default=None)
    good = [(near, example) for near, example in read if not example.marked]
    lines = bad.lines if bad is not None else frozenset()
    best = min(good, key=lambda item: (item[0], -_likeness(lines, item[1].lines), item[1].size), default=None)
    return bad, best[1] if best is not None else None


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _read(case: Path) -> Example:
    texts, marked = {}, []
    for name, path in case_files(case):
        lines: list[str] = []
        for line in read_text(path).rstrip("\n").split("\n"):
            without = _MARK.sub("", line)
            if without == line or without.strip():
                lines.append(without)
            if without != line:
                marked.append((name, len(lines) if without.strip() else len(lines) + 1))
        texts[name] = "\n".join(lines) + "\n"
    return Example(texts, tuple(marked))
