"""The fingerprints that reports carry: Kilter's own and the one of code scanning."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.scan import ScanResult

WINDOW = 100
_MODULUS = 2**64


def fingerprints(result: ScanResult) -> list[str]:
    """One key for each finding: rule, file, resource and attribute, without line numbers."""
    return [finding.fingerprint for finding in result.findings]


def line_hashes(text: str) -> list[str]:
    """GitHub's hash of each line: the rolling hash over the next 100 characters that are no white space.

    Algorithm: github/codeql-action, src/fingerprints.ts (multiplier 37, 64 bits, ``:n`` for repeats).
    """
    first_power = pow(37, WINDOW, _MODULUS)
    window = [0] * WINDOW
    starts: list[int] = [-1] * WINDOW
    hashes: dict[int, str] = {}
    repeats: Counter[str] = Counter()
    state = {"raw": 0, "index": 0}

    def output() -> None:
        index = state["index"]
        line = starts[index]
        if line < 0:
            return
        value = format(state["raw"], "x")
        repeats[value] += 1
        hashes[line] = f"{value}:{repeats[value]}"
        starts[index] = -1

    def update(code: int, line: int) -> None:
        index = state["index"]
        begin = window[index]
        window[index] = code
        state["raw"] = (37 * state["raw"] + code - first_power * begin) % _MODULUS
        starts[index] = line
        state["index"] = (index + 1) % WINDOW

    line, at_start = 0, True
    normalised = text.replace("\r\n", "\n").replace("\r", "\n")
    for char in [*normalised, "\uffff"]:
        code = 65535 if char == "\uffff" else ord(char)
        if char in " \t":
            continue
        if starts[state["index"]] >= 0:
            output()
        update(code, line if at_start else -1)
        at_start = char == "\n"
        if at_start:
            line += 1
    for _ in range(WINDOW):
        if starts[state["index"]] >= 0:
            output()
        update(0, -1)
    return [hashes.get(number, "") for number in range(line + 1)]
