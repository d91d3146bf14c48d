import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from repositories import FLOATING, MODEL, PINNED, repository, write

from scanner.cli import cli

BASELINE = ".kilter-baseline.json"


def model(name: str, image: str = FLOATING) -> str:
    return MODEL.format(name=name, image=image)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(tmp_path, {"a/old.yaml": model("old"), "b/other.yaml": model("other")})
    monkeypatch.chdir(root)
    monkeypatch.setenv("KILTER_SELECT", "INT001")
    return root


def kilter(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def files(*arguments: str) -> list[str]:
    report = kilter("scan", "--format", "json", "--baseline", BASELINE, *arguments)
    return [item["location"]["file"] for item in json.loads(report.stdout)["findings"]]


def entries(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / BASELINE).read_text())["findings"]
    return found


def test_a_baseline_leaves_only_new_findings(work: Path) -> None:
    assert "2 findings recorded" in kilter("baseline").output
    run = kilter("scan", "--baseline", BASELINE)
    assert run.exit_code == 0
    assert "2 in the baseline" in run.output
    write(work, {"a/new.yaml": model("new"), "a/old.yaml": "\n\n# moved down\n" + model("old")})
    assert files() == ["a/new.yaml"]


def test_a_baseline_holds_no_line_numbers_and_is_stable(work: Path) -> None:
    kilter("baseline")
    first = (work / BASELINE).read_bytes()
    write(work, {"a/old.yaml": "\n\n\n" + model("old")})
    kilter("baseline")
    assert (work / BASELINE).read_bytes() == first
    assert set(entries(work)[0]) == {"rule", "file", "resource", "fingerprint", "context"}


def test_findings_that_differ_only_by_file_do_not_hide_each_other(work: Path) -> None:
    kilter("baseline")
    write(work, {"c/copy.yaml": model("old")})
    assert files() == ["c/copy.yaml"]


def test_a_renamed_file_keeps_its_entries(work: Path) -> None:
    kilter("baseline")
    (work / "a" / "old.yaml").rename(work / "a" / "renamed.yaml")
    assert files() == []


def test_repeats_are_counted(work: Path) -> None:
    container = "        - name: more\n          image: vllm/vllm-openai:latest\n"
    write(work, {"a/old.yaml": model("old") + container})
    kilter("baseline")
    assert sorted(entry.get("count", 1) for entry in entries(work)) == [1, 2]
    assert files() == []
    write(work, {"a/old.yaml": model("old") + container.replace("more", "m1") + container.replace("more", "m2")})
    assert files() == ["a/old.yaml"]


def test_update_drops_what_is_fixed_and_adds_nothing(work: Path) -> None:
    kilter("baseline")
    document = json.loads((work / BASELINE).read_text())
    for entry in document["findings"]:
        entry["reason"] = f"known: {entry['resource']}"
    (work / BASELINE).write_text(json.dumps(document))
    write(work, {"a/old.yaml": model("old", PINNED), "a/new.yaml": model("new")})
    run = kilter("scan", "--baseline", BASELINE)
    assert "1 baseline entry is fixed; run `kilter baseline --update`" in run.output
    update = kilter("baseline", "--update")
    assert "1 fixed ones dropped; 1 new findings are not in it" in update.output
    assert [entry["reason"] for entry in entries(work)] == ["known: Deployment/inference/other"]
    assert files() == ["a/new.yaml"]
    kilter("baseline")
    assert [entry.get("reason", "") for entry in entries(work)] == ["", "known: Deployment/inference/other"]


def test_a_part_neither_drops_nor_reports_entries_of_the_rest(work: Path) -> None:
    kilter("baseline")
    write(work, {"a/old.yaml": model("old", PINNED), "b/other.yaml": model("other", PINNED)})
    assert "1 baseline entry is fixed" in kilter("scan", "a", "--baseline", BASELINE).output
    assert "fixed" not in kilter("scan", "a", "--baseline", BASELINE, "--select", "GPU").output
    assert "fixed" not in kilter("scan", "--baseline", BASELINE, "--diff", "HEAD").output
    kilter("baseline", "a")
    assert [entry["file"] for entry in entries(work)] == ["b/other.yaml"]


def test_a_file_that_cannot_be_read_is_not_fixed(work: Path) -> None:
    kilter("baseline")
    write(work, {"a/old.yaml": "apiVersion: apps/v1\nkind: [\n"})
    kilter("baseline", "--update")
    assert len(entries(work)) == 2


def test_a_baseline_and_a_base_are_applied_together(work: Path) -> None:
    kilter("baseline")
    write(work, {"a/new.yaml": model("new")})
    assert files("--diff", "HEAD") == ["a/new.yaml"]
    kilter("baseline")
    assert files("--diff", "HEAD") == []


def test_the_configuration_can_name_the_baseline(work: Path) -> None:
    kilter("baseline")
    write(work, {".kilter.yaml": f"baseline: {BASELINE}\n"})
    assert kilter("scan").exit_code == 0
    assert kilter("scan", "a").exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a baseline file"),
        ('{"results": []}', "not a baseline file"),
        ('{"kilter-baseline": 9, "findings": []}', "version 9"),
        ('{"kilter-baseline": 1, "findings": [{}]}', "findings[0]: must have"),
    ],
)
def test_a_wrong_baseline_is_one_line_and_is_not_overwritten(work: Path, text: str, message: str) -> None:
    (work / BASELINE).write_text(text)
    for command in (("scan", "--baseline", BASELINE), ("baseline",), ("baseline", "--update")):
        run = kilter(*command)
        assert (run.exit_code, message in run.output) == (2, True), run.output
    assert (work / BASELINE).read_text() == text


def test_a_missing_baseline_says_how_to_write_it(work: Path) -> None:
    run = kilter("scan", "--baseline", "none.json")
    assert run.exit_code == 2
    assert "`kilter baseline --output none.json` writes it" in run.output
