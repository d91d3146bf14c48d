"""Rules and configuration come with a pull request too: what is wrong with them is one line and exit status 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from limited import HEALTHY, MEMORY_BYTES, SECONDS, kilter

BOMB = "[&a0 [x, x, x, x, x, x, x, x, x, x], " + ", ".join(
    f"&a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)
) + "]"  # fmt: skip
RULE = """\
id: XYZ001
name: hostile
title: t
category: gpu
severity: low
precision: high
select: PodSet
message: m
remediation: r
"""
CASES = {
    "alias bomb": BOMB,
    "cyclic list": "&a [*a]",
    "cyclic map": "&a {b: *a}",
    "deep lists": "[" * 100_000,
    "deep maps": "{a: " * 100_000 + "1" + "}" * 100_000,
    "deep blocks": "\n  " + "- " * 100_000 + "x",
    "wrong type": "7",
    "a date": "2001-01-01",
    "map as a key": "{{a: b}: c}",
    "too long": "[" + "x, " * 500_000 + "]",
}


def refused(directory: Path, *arguments: str) -> None:
    (directory / "healthy.yaml").write_text(HEALTHY)
    run = kilter("scan", str(directory / "healthy.yaml"), "--format", "json", *arguments)
    assert run.status == 2, (run.status, run.stderr[-500:])
    assert "Traceback" not in run.stderr
    assert len(run.stderr) < 2_000
    assert run.seconds < SECONDS
    assert run.memory < MEMORY_BYTES


@pytest.mark.parametrize("name", CASES)
def test_configuration(name: str, tmp_path: Path) -> None:
    (tmp_path / ".kilter.yaml").write_text(f"parameters: {CASES[name]}\n")
    refused(tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_conditions_of_rules(name: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "XYZ001-hostile.yaml").write_text(f"{RULE}assert: {CASES[name]}\n")
    refused(tmp_path, "--rules", str(rules))


@pytest.mark.parametrize(
    "condition",
    ['{path: $.name, matches: "("}', '{path: $.name, matches: 7}', "{path: $.name, in: 7}", "{path: $.name, in: x}",
     "{path: $.name, within: [nonsense]}", "{path: $.name, starts_with: [a]}", "{path: 7, exists: true}",
     "{related: 7}", "{related: {edge: [], to: {}, some: {}}}",
     "{present: {}}", "{all: 7}", "{path: $.name, count: 7}"],
)  # fmt: skip
def test_operands_of_the_wrong_type(condition: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "XYZ001-hostile.yaml").write_text(f"{RULE}assert: {condition}\n")
    refused(tmp_path, "--rules", str(rules))


@pytest.mark.parametrize("line", ["params: [1]", "params: {a: 1}", "message: '{$.name[}'", "severity_when: [{}]"])
def test_parts_of_the_wrong_shape(line: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    text = "".join(kept for kept in RULE.splitlines(True) if kept.split(":")[0] != line.split(":")[0])
    (rules / "XYZ001-hostile.yaml").write_text(f"{text}{line}\nassert: {{path: $.name, exists: true}}\n")
    refused(tmp_path, "--rules", str(rules))


@pytest.mark.parametrize("kind", ["a device", "a pipe", "a file outside", "a large file"])
def test_rules_that_must_not_be_read(kind: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (tmp_path / "secret.yaml").write_text("kilter-secret-7d1f: 1\n")
    place = rules / "XYZ001-hostile.yaml"
    if kind == "a pipe":
        os.mkfifo(place)
    elif kind == "a large file":
        with place.open("wb") as file:
            file.truncate(2 * 1024**3)
    else:
        place.symlink_to("/dev/zero" if kind == "a device" else tmp_path / "secret.yaml")
    (tmp_path / ".kilter.yaml").write_text("rules: [rules]\n")
    (tmp_path / "healthy.yaml").write_text(HEALTHY)
    run = kilter("scan", str(tmp_path), "--format", "json")
    assert run.status == 2
    assert place.name in run.stderr
    assert "Traceback" not in run.stderr
    assert "kilter-secret-7d1f" not in run.stderr
    assert run.memory < MEMORY_BYTES


@pytest.mark.parametrize("name", [".kilter.yaml", "pyproject.toml", "baseline.json"])
def test_settings_that_are_too_large(name: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("wb") as file:
        file.write(b"[tool.kilter]\n")
        file.truncate(2 * 1024**3)
    (tmp_path / "healthy.yaml").write_text(HEALTHY)
    given = ["--baseline", str(tmp_path / name)] if name == "baseline.json" else []
    run = kilter("scan", str(tmp_path), "--format", "json", "--exit-zero", *given)
    assert "Traceback" not in run.stderr
    assert run.memory < MEMORY_BYTES
    assert run.status == (0 if name == "pyproject.toml" else 2)


def test_a_table_that_is_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.kilter]\na = " + "[" * 100_000)
    refused(tmp_path)
