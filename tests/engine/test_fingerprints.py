"""A finding stays the same finding through edits above it, other findings beside it, and a move of its file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repositories import FLOATING, MODEL

from scanner.engine.fingerprints import Identity, match
from scanner.scan import ScanOptions, ScanResult, identities, rule_set, scan

OPTIONS = ScanOptions(select=("INT001", "INT002", "ROL"))
MANIFESTS = [MODEL.format(name=name, image=FLOATING) for name in ("a", "b", "c")]
LINES = st.lists(
    st.sampled_from(["# a comment\n", "\n", "---\n# nothing\n", "---\nkind: Other\n", "#: :\n"]), max_size=6
)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def rules_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = cache(lambda: rule_set(OPTIONS))
    monkeypatch.setattr("scanner.scan.run.rule_set", lambda _: known())


@pytest.fixture
def scanned(tmp_path: Path) -> Callable[[dict[str, str]], ScanResult]:
    def run(files: dict[str, str]) -> ScanResult:
        for path in tmp_path.rglob("*.yaml"):
            path.unlink()
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return scan([tmp_path], OPTIONS)

    return run


def new_and_gone(before: ScanResult, after: ScanResult) -> tuple[list[int], list[int]]:
    files = {resource.span.file for resource in after.graph.resources}

    def gone(known: Identity) -> bool:
        return known.file not in files

    return match(identities(after), identities(before), gone)


@quick
@given(LINES, st.sampled_from(MANIFESTS))
def test_edits_above_change_no_fingerprint(
    scanned: Callable[[dict[str, str]], ScanResult], above: list[str], manifest: str
) -> None:
    before = scanned({"apps/m.yaml": manifest})
    after = scanned({"apps/m.yaml": "".join(above) + "---\n" + manifest})
    assert before.findings
    assert {item.fingerprint for item in before.findings} == {item.fingerprint for item in after.findings}


@quick
@given(st.permutations(MANIFESTS))
def test_the_order_of_documents_changes_no_fingerprint(
    scanned: Callable[[dict[str, str]], ScanResult], order: list[str]
) -> None:
    before = scanned({"apps/m.yaml": "---\n".join(MANIFESTS)})
    after = scanned({"apps/m.yaml": "---\n".join(order)})
    assert {item.fingerprint for item in before.findings} == {item.fingerprint for item in after.findings}


@quick
@given(st.sampled_from(["apps/other.yaml", "elsewhere/m.yaml", "a/b/c.yaml"]), LINES)
def test_a_file_that_moves_brings_nothing_new(
    scanned: Callable[[dict[str, str]], ScanResult], place: str, above: list[str]
) -> None:
    before = scanned({"apps/m.yaml": MANIFESTS[0]})
    after = scanned({place: "".join(above) + "---\n" + MANIFESTS[0]})
    assert before.findings
    assert new_and_gone(before, after) == ([], [])


@quick
@given(st.lists(st.sampled_from(MANIFESTS), min_size=1, max_size=3, unique=True))
def test_fingerprints_are_unique_and_a_new_resource_is_new(
    scanned: Callable[[dict[str, str]], ScanResult], manifests: list[str]
) -> None:
    before = scanned({"apps/m.yaml": manifests[0]})
    after = scanned({"apps/m.yaml": "---\n".join(manifests)})
    fingerprints = [item.fingerprint for item in after.findings]
    assert len(set(fingerprints)) == len(fingerprints)
    new, missing = new_and_gone(before, after)
    assert missing == []
    assert len(new) == len(after.findings) - len(before.findings)
