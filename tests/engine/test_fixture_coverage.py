"""Every rule is shown failing, passing and at a near miss, and finds the same in every source language."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from scanner.engine.rules import Rule, load_rules
from scanner.scan import ScanOptions, scan

REPOSITORY = Path(__file__).parent.parent.parent
FIXTURES = REPOSITORY / "fixtures" / "rules"
RULES = load_rules([REPOSITORY / "rules"])
KINDS = ("fail", "pass", "near-miss")
KUBERNETES = [rule for rule in RULES if rule.id[3] == "0"]
"""Rules over Kubernetes objects, whatever language declares these."""


def cases(rule: Rule, kind: str) -> list[Path]:
    return sorted(path for path in (FIXTURES / rule.id).iterdir() if re.match(rf"{kind}([-.]|$)", path.name))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_has_fixtures_of_every_kind(rule: Rule) -> None:
    assert [kind for kind in KINDS if not cases(rule, kind)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_fixtures_say_what_they_are(rule: Rule) -> None:
    named = {path for kind in KINDS for path in cases(rule, kind)}
    assert sorted(path.name for path in (FIXTURES / rule.id).iterdir() if path not in named) == []


def manifests() -> list[tuple[Rule, Path]]:
    """For each rule the first failing case that is one manifest."""
    found = [(rule, [path for path in cases(rule, "fail") if path.suffix == ".yaml"]) for rule in KUBERNETES]
    return [(rule, paths[0]) for rule, paths in found if paths]


@cache
def messages(place: Path, code: str, category: str) -> list[str]:
    return sorted(
        {
            finding.message
            for finding in scan(
                [place], ScanOptions(select=(code,), only_rules=(REPOSITORY / "rules" / category,))
            ).findings
        }
    )


def _overlay(case: Path, place: Path) -> None:
    shutil.copy(case, place / "objects.yaml")
    (place / "kustomization.yaml").write_text("resources: [objects.yaml]\n")


def _chart(case: Path, place: Path) -> None:
    (place / "templates").mkdir()
    (place / "Chart.yaml").write_text("apiVersion: v2\nname: sample\nversion: 1.0.0\n")
    text = case.read_text().replace("{{", "{{ `{{` }}")
    (place / "templates" / "objects.yaml").write_text(text)


def _terraform(case: Path, place: Path) -> None:
    documents = [part for part in re.split(r"(?m)^---\s*$", case.read_text()) if part.strip()]
    blocks = []
    for number, text in enumerate(documents):
        (place / f"object{number}.yml.txt").write_text(text)
        body = f'yamldecode(file("${{path.module}}/${{var.prefix}}{number}.yml.txt"))'
        blocks.append(f'resource "kubernetes_manifest" "object{number}" {{\n  manifest = {body}\n}}\n')
    variable = 'variable "prefix" {\n  default = "object"\n}\n'
    (place / "main.tf").write_text("\n".join([variable, *blocks]))


@pytest.mark.parametrize(("rule", "case"), manifests(), ids=lambda item: getattr(item, "id", getattr(item, "stem", "")))
@pytest.mark.parametrize("write", [_overlay, _chart, _terraform], ids=["kustomize", "helm", "terraform"])
def test_rule_finds_the_same_in_every_source_language(rule: Rule, case: Path, write: object, tmp_path: Path) -> None:
    expected = messages(case, rule.id, rule.category)
    place = tmp_path / "set"
    place.mkdir()
    write(case, place)  # type: ignore[operator]
    assert expected
    assert messages(place, rule.id, rule.category) == expected
