"""Faults of the machine: full disks, closed outputs, kills at any moment, many scans at once."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from limited import HEALTHY, MAIN, REPOSITORY, bytecode, kilter

from scanner.project.cache import Cache

SCAN = ("scan", "--format", "json", "--exit-zero")
FULL_DISK = (
    "import resource, sys; sys.dont_write_bytecode = True; resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); " + MAIN
)
"""No file may grow beyond nine bytes, those of compiled modules left alone."""
LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + MAIN
"""An interrupt arrives even where the suite runs in the background of a shell, which has its jobs ignore it."""
ROOT = getattr(os, "geteuid", lambda: 1)() == 0


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    directory = tmp_path / "sources"
    directory.mkdir()
    for number in range(6):
        (directory / f"{number}.yaml").write_text(HEALTHY.replace("name: healthy", f"name: healthy-{number}"))
        (directory / f"{number}.tf").write_text(f'resource "aws_s3_bucket" "b{number}" {{\n  bucket = "b"\n}}\n')
    return directory


def start(*arguments: str, cache: Path | None = None, script: str = MAIN, **options: object) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONPYCACHEPREFIX": bytecode()}
    environment |= {"KILTER_CACHE_DIR": str(cache)} if cache is not None else {}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, "-P", "-c", script, *arguments], env=environment, **streams)  # type: ignore[call-overload, no-any-return]


def cached(directory: Path, cache: Path, **options: object) -> str:
    """The report of a scan with that cache, which must be the same whatever state the cache is in."""
    run = kilter(*SCAN, str(directory), variables={"KILTER_CACHE_DIR": str(cache)}, **options)  # type: ignore[arg-type]
    assert run.status == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


def test_a_full_disk_costs_the_report_and_leaves_what_was_there(sources: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("before")
    process = start(*SCAN, "--no-cache", "-o", str(target), str(sources), script=FULL_DISK)
    error = process.communicate()[1].decode()
    assert process.returncode == 2
    assert "cannot be written" in error
    assert "Traceback" not in error
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "sources"]


def test_a_full_disk_costs_nothing_but_the_cache(sources: Path, tmp_path: Path) -> None:
    expected = cached(sources, tmp_path / "other")
    process = start(*SCAN, str(sources), cache=tmp_path / "cache", script=FULL_DISK)
    out, error = process.communicate()
    assert (process.returncode, out.decode(), error) == (0, expected, b"")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_an_output_that_cannot_be_written_is_an_error(sources: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "missing" / "report.json", tmp_path, sources / "0.yaml" / "report.json"):
        run = kilter(*SCAN, "-o", str(place), str(sources))
        assert run.status == 2
        assert "cannot be written" in run.stderr
        assert "Traceback" not in run.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", [("scan", "--exit-zero", "fixtures/stacks/example"), ("rules",)])
def test_standard_output_on_a_full_disk_is_an_error(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(*command, stdout=full, cwd=REPOSITORY)
        error = process.communicate()[1].decode()
    assert process.returncode == 2, error
    assert "No space left on device" in error


def test_a_closed_pipe_is_the_end_without_a_word(sources: Path) -> None:
    process = start(*SCAN, str(sources))
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 2


@pytest.mark.parametrize("command", [("rules",), ("explain", "GPU007"), ("scan", "--format", "html", ".")])
def test_whoever_reads_only_the_first_line_gets_no_word_and_no_status_of_findings(
    command: tuple[str, ...], sources: Path
) -> None:
    process = start(*command, cwd=sources)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 2


def without(*descriptors: int) -> str:
    """The command in a process that was started with these closed."""
    closing = "".join(f"os.close({number}); " for number in descriptors)
    return f"import os, sys; {closing}os.execv(sys.executable, [sys.executable, '-P', '-c', {MAIN!r}, *sys.argv[1:]])"


@pytest.mark.parametrize("command", [("scan", "--no-cache", "."), ("rules",), ("graph",), ("config", "show")])
def test_without_standard_output_is_an_error(command: tuple[str, ...], sources: Path) -> None:
    process = start(*command, script=without(1), cwd=sources)
    error = process.communicate()[1]
    assert (process.returncode, error) == (2, b"kilter: standard output cannot be written: it is closed\n")


def test_without_standard_error_a_scan_is_what_it_is(sources: Path) -> None:
    process = start("scan", "--no-cache", ".", script=without(0, 2), cwd=sources)
    out = process.communicate()[0]
    assert (process.returncode, b"INT001" in out) == (1, True)
    assert start("scan", "missing", script=without(0, 1, 2), cwd=sources).wait() == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command", [("scan", "missing"), ("scan", "--no-such"), ("nothing",), ("scan", "--diff=x", ".")]
)
def test_an_error_that_cannot_be_told_is_still_one(command: tuple[str, ...], sources: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        assert start(*command, stderr=full, cwd=sources).wait() == 2


@pytest.mark.parametrize("command", [("scan", "-"), ("eval", "-")])
def test_without_standard_input_is_one_line(command: tuple[str, ...], sources: Path) -> None:
    process = start(*command, script=without(0), cwd=sources)
    assert process.communicate()[1] == b"kilter: standard input is closed\n"
    assert process.returncode == 2


@pytest.mark.parametrize("content", [b"kind: \xe9\n", b"\0" * 9, b"a" * (10 * 1024**2 + 1)])
def test_what_cannot_be_a_manifest_on_standard_input_is_one_line(content: bytes, sources: Path) -> None:
    process = start("scan", "-", "--no-cache", stdin=subprocess.PIPE, cwd=sources)
    error = process.communicate(content)[1]
    assert (process.returncode, error.count(b"\n"), b"standard input is" in error) == (2, 1, True), error


GONE = "import os, sys; os.rmdir(os.getcwd()); " + MAIN


@pytest.mark.parametrize(
    "command", [("scan",), ("graph", "."), ("eval", "1"), ("rules",), ("config", "show"), ("init",), ("baseline",)]
)
def test_a_current_directory_that_was_deleted_is_said(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    process = start(*command, script=GONE, cwd=tmp_path / "gone")
    error = process.communicate()[1]
    assert (process.returncode, error) == (2, b"kilter: the current directory no longer exists\n")


def test_a_scan_of_a_place_needs_no_current_directory(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    process = start(*SCAN, str(sources), script=GONE, cwd=tmp_path / "gone")
    out, error = process.communicate()
    assert (process.returncode, error, b"INT001" in out) == (0, b"", True)


@pytest.mark.parametrize(
    "command", [("scan", "--exit-zero", "."), ("rules",), ("explain", "GPU007"), ("scan", "--help")]
)
def test_a_terminal_that_knows_ascii_only_costs_nothing(command: tuple[str, ...], sources: Path) -> None:
    (sources / "é\u202e.yaml").write_text(HEALTHY)
    variables = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    run = kilter(*command, cwd=sources, variables=variables)
    assert (run.status, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(signal.SIGINT, 130, b"kilter: interrupted"), (signal.SIGTERM, 143, b"kilter: terminated")],
)
def test_a_signal_to_end_is_one_line(number: signal.Signals, status: int, words: bytes, tmp_path: Path) -> None:
    block = 'resource "aws_s3_bucket" "b%d" {\n  count = 9000\n  bucket = "${count.index}"\n}\n'
    (tmp_path / "main.tf").write_text("".join(block % number for number in range(5)))
    process = start("scan", str(tmp_path), cache=tmp_path / "cache", script=LISTENING)
    deadline = time.monotonic() + 60
    # the rules are kept when they are read, so that the scan is under way once something is in the cache
    while not (tmp_path / "cache").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    out, error = process.communicate()
    assert (process.returncode, out, error.strip()) == (status, b"", words)


def test_a_kill_at_any_moment_leaves_a_cache_that_works(sources: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = cached(sources, tmp_path / "other")
    chance = random.Random(7)
    for _ in range(6):
        process = start(*SCAN, str(sources), cache=cache, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.05, 0.6))
        process.kill()
        process.wait()
    assert cached(sources, cache) == expected
    assert cached(sources, cache) == expected


def test_eight_scans_at_once_on_one_cache_agree(sources: Path, tmp_path: Path) -> None:
    expected = cached(sources, tmp_path / "other")
    running = [start(*SCAN, str(sources), cache=tmp_path / "cache") for _ in range(8)]
    results = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * 8
    assert {out.decode() for out, _ in results} == {expected}
    assert {error for _, error in results} == {b""}


def test_corrupted_entries_are_computed_again(sources: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = cached(sources, cache)
    entries = sorted(path for path in cache.rglob("*") if path.is_file())
    assert entries
    for number, entry in enumerate(entries):
        data = entry.read_bytes()
        middle = len(data) // 2
        entry.write_bytes(
            [b"", data[:middle], data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], b"\0" * 99][number % 4]
        )
    assert cached(sources, cache) == expected


def test_an_entry_under_a_wrong_key_is_not_taken(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    one, other = cache.key("kind", "one"), cache.key("kind", "other")
    cache.put(one, {"a": [1]})
    place = tmp_path / one[:2] / one[2:]
    (tmp_path / other[:2]).mkdir(exist_ok=True)
    (tmp_path / other[:2] / other[2:]).write_bytes(place.read_bytes())
    assert cache.get(one) == {"a": [1]}
    assert cache.get(other) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b'"\\ud800', b"nul"])
def test_an_entry_that_is_no_json_is_none(body: bytes, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    key = cache.key("kind", "one")
    cache.put(key, "whole")
    place = tmp_path / key[:2] / key[2:]
    place.write_bytes(hashlib.sha256(key.encode() + body).hexdigest().encode() + b"\n" + body)
    assert cache.get(key) is None


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_a_cache_that_is_read_only_is_read(sources: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = cached(sources, cache)
    for place in (*cache.rglob("*"), cache):
        place.chmod(place.stat().st_mode & 0o555)
    assert cached(sources, cache) == expected


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cache", "file"])
def test_a_cache_that_cannot_be_made_is_none(place: str, sources: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert json.loads(cached(sources, tmp_path / place))["findings"]


def in_home(directory: Path, home: Path, **variables: str) -> str:
    """The report of a scan without a cache of its own choice."""
    script = "import os; os.umask(0); os.environ.pop('KILTER_CACHE_DIR', None); " + MAIN
    places = {"HOME": str(home), "XDG_CACHE_HOME": ""} | variables
    run = kilter(*SCAN, str(directory), variables=places, script=script, cwd=directory)
    assert (run.status, run.stderr) == (0, "")
    return run.stdout


def test_the_cache_is_its_users_alone_whatever_the_umask(sources: Path, tmp_path: Path) -> None:
    expected = in_home(sources, tmp_path)
    cache = tmp_path / ".cache" / "kilter"
    found = [cache, *cache.rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in found if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in found if path.is_file()} == {"0o600"}
    assert in_home(sources, tmp_path) == expected


@pytest.mark.parametrize("relative", ["HOME", "XDG_CACHE_HOME"])
def test_no_cache_among_the_sources(relative: str, sources: Path, tmp_path: Path) -> None:
    """A relative place would be looked for in the current directory."""
    places = {"HOME": str(tmp_path)} | {relative: "."}
    in_home(sources, tmp_path, **places)
    assert [path.name for path in sources.iterdir() if path.is_dir()] == []


def test_a_cache_that_others_may_write_to_is_not_used(sources: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = cached(sources, cache)
    entries = {path: path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    cache.chmod(0o777)
    for path in entries:
        path.write_bytes(b"")
    assert cached(sources, cache) == expected
    assert {path.read_bytes() for path in entries} == {b""}
    cache.chmod(0o700)
    assert cached(sources, cache) == expected
    assert {path.read_bytes() for path in entries} != {b""}


@pytest.mark.skipif(not ROOT, reason="only root may give files away")
def test_a_cache_of_somebody_else_is_not_used(sources: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(0o700)
    os.chown(cache, 12345, 12345)
    cached(sources, cache)
    assert list(cache.iterdir()) == []
