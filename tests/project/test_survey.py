"""Looking over a directory again: what has not changed is not read, and whatever has is noticed."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from scanner.project.survey import Survey, survey

TICK = 0.02
"""Seconds after which a file system tells the times of two changes apart."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="directories are always read elsewhere")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place in ("a.yaml", "deploy/b.yaml", "deploy/more/c.yaml", ".git/config", "infra/main.tf"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("")
    (tmp_path / "link").symlink_to("deploy")
    return tmp_path


def surveyed(root: Path) -> Survey:
    found = survey(root)
    assert found is not None
    time.sleep(TICK)
    return found


def again(root: Path, before: Survey, after: float = 3600) -> Survey:
    found = survey(root, before.listings, time.time_ns() + int(after * 1e9))
    assert found is not None
    return found


def told(found: Survey) -> tuple[object, ...]:
    names = {place: sorted(listing.files + listing.directories) for place, listing in found.listings.items()}
    return names, found.stamps, found.paths


def test_directories_that_have_not_changed_are_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = surveyed(root)
    assert before.paths == ["a.yaml", "deploy/b.yaml", "deploy/more/c.yaml", "infra/main.tf", "link"]
    monkeypatch.setattr(os, "scandir", None)
    assert told(again(root, before)) == told(before)


def test_files_that_have_changed_are_noticed_all_the_same(root: Path) -> None:
    before = surveyed(root)
    (root / "deploy" / "b.yaml").write_text("changed")
    assert again(root, before).stamps["deploy/b.yaml"] != before.stamps["deploy/b.yaml"]


def test_a_change_is_noticed_though_the_time_is_set_back(root: Path) -> None:
    place = root / "deploy"
    os.utime(place, (1_000_000_000, 1_000_000_000))
    before = surveyed(root)
    (place / "new.yaml").write_text("")
    os.utime(place, (1_000_000_000, 1_000_000_000))
    assert "deploy/new.yaml" in again(root, before).stamps


def test_a_directory_that_changed_shortly_before_is_read(root: Path) -> None:
    before = surveyed(root)
    for listing in before.listings.values():
        listing.files = ["not.there"]
    assert told(again(root, before, after=0)) == told(surveyed(root))
    assert "not.there" in again(root, before).stamps


@pytest.mark.parametrize("seed", range(20))
def test_edits_are_seen_as_by_a_survey_without_memory(seed: int, root: Path) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        before = surveyed(root)
        for edit in chance.sample(EDITS, 2):
            edit(root, chance)
        assert told(again(root, before)) == told(surveyed(root))


def below(root: Path, chance: random.Random, *, files: bool) -> Path:
    found = [path for path in root.rglob("*") if ".git" not in path.parts and not path.is_symlink()]
    return chance.choice([path for path in sorted(found) if path.is_file() is files] or [root])


def new_name(root: Path, chance: random.Random) -> Path:
    return below(root, chance, files=False) / str(chance.randrange(1_000_000))


def write(root: Path, chance: random.Random) -> None:
    new_name(root, chance).write_text("new")


def make_directory(root: Path, chance: random.Random) -> None:
    new_name(root, chance).mkdir()


def move(root: Path, chance: random.Random) -> None:
    file = below(root, chance, files=True)
    if file != root:
        file.rename(new_name(root, chance))


def replace_by_a_directory(root: Path, chance: random.Random) -> None:
    file = below(root, chance, files=True)
    if file != root:
        file.unlink()
        file.mkdir()


def change(root: Path, chance: random.Random) -> None:
    file = below(root, chance, files=True)
    if file != root:
        file.write_text("changed")


EDITS = (write, make_directory, move, replace_by_a_directory, change)
