import json
from pathlib import Path
from typing import Any

import pytest

from scanner.engine import rules as loading
from scanner.engine.compile import compile_rule
from scanner.engine.fixtures import FixCase
from scanner.engine.fixtures import test_rules as run_fixtures
from scanner.engine.rules import (
    RuleError,
    UnknownSelector,
    find_rule,
    load_rules,
    rule_from_data,
    select_rules,
)
from scanner.engine.validate import validate_rules
from scanner.project.cache import Cache
from scanner.scan import ScanOptions, fix_trial, rule_set, ruleset, scan

REPOSITORY = Path(__file__).parent.parent.parent
RULES = load_rules([REPOSITORY / "rules"])
MINIMAL: dict[str, Any] = {
    "id": "GPU999",
    "name": "sample",
    "title": "A sample",
    "category": "gpu",
    "severity": "low",
    "precision": "high",
    "select": "PodSet",
    "assert": {"path": "$.replicas", "gt": 1},
    "message": "{$.name} has too few replicas",
    "remediation": "Add replicas.",
}


def test_builtin_rules_follow_the_schema_and_compile() -> None:
    validate_rules(RULES)


@pytest.fixture(scope="module")
def trial() -> FixCase:
    return fix_trial(ScanOptions(pedantic=True))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_shown_failing_and_passing_and_its_fix_holds(rule: Any, trial: FixCase) -> None:
    def scan_case(case: Path, rule: Any) -> Any:
        result = scan([case], ScanOptions(select=(rule.id,)))
        return result.findings, [item.message for item in result.diagnostics if item.level == "error"]

    results, complaints = run_fixtures([rule], REPOSITORY / "fixtures" / "rules", scan_case, trial)
    assert complaints == []
    failed = [result for result in results if not result.passed]
    assert [(item.path.name, item.missing, item.unexpected, item.diagnostics) for item in failed] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"assert": {"path": "$.replicas", "equal": 1}}, "did you mean 'equals'"),
        ({"assert": {"path": "$.replica", "gt": 1}}, "did you mean 'replicas'"),
        ({"assert": {"path": "replicas", "gt": 1}}, r"must start with \$"),
        ({"assert": {"path": "$.replicas", "gt": {"param": "minimum"}}}, "unknown parameter"),
        ({"assert": {"related": {"edge": "disrupt", "to": "PodSet", "some": {}}}}, "did you mean 'disrupts'"),
        ({"severity": "urgent"}, "severity must be one of"),
        ({"severity": "hgih"}, "did you mean 'high'"),
        ({"precision": "lwo"}, "did you mean 'low'"),
        ({"values": {"most": {"add": [1, 2]}}, "assert": {"path": "$.replicas", "le": {"value": "mots"}}}, "'most'"),
        ({"message": "{value.most} is too many", "values": {"mots": {"add": [1, 2]}}}, "did you mean 'mots'"),
        ({"values": {"most": {"divide": [1, 2]}}}, "unknown operand 'divide'"),
        ({"asert": {}}, "did you mean 'assert'"),
    ],
)
def test_mistakes_in_rules_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        compile_rule(rule_from_data(MINIMAL | change, "sample.yaml"))


def test_unknown_selectors_suggest_the_nearest() -> None:
    with pytest.raises(UnknownSelector, match="did you mean 'rollout'"):
        select_rules(RULES, ["rolout"])


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("gpu007", "GPU007"), ("trust-remote-cod", "trust-remote-code"), ("GPU", "")],
)
def test_a_rule_is_found_by_code_and_name_and_nothing_else(text: str, nearest: str) -> None:
    assert find_rule(RULES, "INT002") is find_rule(RULES, "trust-remote-code")
    with pytest.raises(UnknownSelector, match=f"did you mean {nearest!r}" if nearest else "not the code or name"):
        find_rule(RULES, text)


def test_selection_by_code_prefix_name_and_category() -> None:
    assert {rule.id for rule in select_rules(RULES, ["GPU00"])} >= {"GPU001", "GPU009"}
    assert [rule.id for rule in select_rules(RULES, ["trust-remote-code"])] == ["INT002"]
    assert all(rule.category == "cost" for rule in select_rules(RULES, ["cost"]))
    assert "GPU001" not in {rule.id for rule in select_rules(RULES, ignore=["GPU001"])}


def test_parameters_are_checked() -> None:
    rule = next(rule for rule in RULES if rule.id == "ROL003")
    assert compile_rule(rule, {"min_replicas": 3}).parameters == {"min_replicas": 3}
    with pytest.raises(RuleError, match="must be of type integer"):
        compile_rule(rule, {"min_replicas": "three"})
    with pytest.raises(RuleError, match="has no parameter"):
        compile_rule(rule, {"minimum": 3})


@pytest.mark.parametrize(
    ("replicas", "message"),
    [
        (1, "a has 1 replica of 64 MiB: x, 1 or 2"),
        (3, "a has 3 replicas of 64 MiB: x, 1 or 2"),
        ("two", "a has two replicas"),
    ],
)
def test_messages_say_numbers_as_people_do(tmp_path: Path, replicas: Any, message: str) -> None:
    (tmp_path / "rules").mkdir()
    rule = dict(
        MINIMAL,
        select="Sample",
        message="{$.metadata.name} has {$.replicas|count replica} of {$.size|bytes}: {$.names|join} or {param.most}",
        params={"most": {"default": 2, "type": "integer", "description": "The most"}},
    )
    rule["assert"] = {"path": "$.never", "exists": True}
    (tmp_path / "rules" / "r.yaml").write_text(json.dumps(rule))
    sample = {"apiVersion": "x/v1", "kind": "Sample", "metadata": {"name": "a"}, "size": 67108864, "names": ["x", 1]}
    (tmp_path / "a.yaml").write_text(json.dumps({**sample, "replicas": replicas}))
    result = scan([tmp_path / "a.yaml"], ScanOptions(only_rules=(tmp_path / "rules",)))
    assert [finding.message[: len(message)] for finding in result.findings] == [message]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": 2, "b": 3, "found": 9}, "9 of 10 (2 times 3.5 and 3)"),
        ({"a": 2, "b": 3, "found": 10}, None),
        ({"a": 40, "b": 3, "found": 9}, "9 of 143 (40 times 3.5 and 3)"),
        ({"a": 2, "found": 0}, "0 of 1 (2 times 3.5 and (not set))"),
        ({"a": "many", "b": 3, "found": 0}, "0 of 1 (many times 3.5 and 3)"),
    ],
)
def test_a_named_value_is_computed_once_for_condition_and_message(
    tmp_path: Path, given: dict[str, Any], message: str | None
) -> None:
    (tmp_path / "rules").mkdir()
    product = {"multiply": [{"path": "$.a"}, {"param": "each"}]}
    rule = dict(
        MINIMAL,
        select="Sample",
        message="{$.found} of {value.wanted} ({$.a} times {param.each} and {$.b})",
        params={"each": {"default": 3.5, "type": "number", "description": "Of each"}},
        values={"wanted": {"max": [1, {"add": [product, {"path": "$.b"}]}]}},
    )
    rule["assert"] = {"path": "$.found", "ge": {"value": "wanted"}}
    (tmp_path / "rules" / "r.yaml").write_text(json.dumps(rule))
    sample = {"apiVersion": "x/v1", "kind": "Sample", "metadata": {"name": "a"}}
    (tmp_path / "a.yaml").write_text(json.dumps({**sample, **given}))
    result = scan([tmp_path / "a.yaml"], ScanOptions(only_rules=(tmp_path / "rules",)))
    assert [finding.message for finding in result.findings] == ([] if message is None else [message])


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        ({"path": "$.ports[*].number", "not_in": [80, 81]}, 7),
        ({"path": "$.ports[*].number", "not_equals": 81}, 7),
        ({"path": "$.ports[*].number", "equals": 90}, 6),
        ({"not": {"path": "$.ports[*].number", "lt": 444}}, 7),
        ({"path": "$.ports[*].number", "every": {"path": "@", "ge": 100}}, 7),
    ],
)
def test_a_finding_points_at_the_one_of_several_values_that_decided(
    tmp_path: Path, condition: dict[str, Any], line: int
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "r.yaml").write_text(json.dumps({**MINIMAL, "select": "Sample", "assert": condition}))
    ports = "".join(f"  - number: {number}\n" for number in (8443, 81, 8444))
    (tmp_path / "a.yaml").write_text(f"apiVersion: x/v1\nkind: Sample\nmetadata:\n  name: a\nports:\n{ports}")
    result = scan([tmp_path / "a.yaml"], ScanOptions(only_rules=(tmp_path / "rules",)))
    assert [finding.location.span.start_line for finding in result.findings] == [line]


def test_rules_beside_the_packaged_ones_are_checked_before_there_is_anything_to_run_them_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules-of-ours").mkdir()
    (tmp_path / "rules-of-ours" / "sample.yaml").write_text(json.dumps(MINIMAL | {"assert": {"path": "$.a["}}))
    monkeypatch.setattr(ruleset, "builtin_rules", lambda: tmp_path / "rules")
    with pytest.raises(RuleError, match=r"sample\.yaml"):
        rule_set(ScanOptions(rule_directories=(tmp_path / "rules-of-ours",)))


def test_a_condition_may_be_a_list_of_conditions(tmp_path: Path) -> None:
    both = [{"path": "$.a", "gt": 1}, {"path": "$.b", "gt": 1}]
    (tmp_path / "rules").mkdir()
    rule = MINIMAL | {"select": "Sample", "where": both, "assert": {"path": "$.c", "exists": True}}
    (tmp_path / "rules" / "r.yaml").write_text(json.dumps(rule))
    for name, b in (("two", 2), ("one", 1)):
        sample = {"apiVersion": "x/v1", "kind": "Sample", "metadata": {"name": name}, "a": 2, "b": b}
        (tmp_path / f"{name}.yaml").write_text(json.dumps(sample))
    found = scan([tmp_path], ScanOptions(only_rules=(tmp_path / "rules",), exclude=("rules/**",))).findings
    assert [finding.resource.name for finding in found] == ["two"]


def test_rules_from_the_cache_are_the_rules_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # files that were changed a moment ago are not cached: they may change again within one tick of the clock
    monkeypatch.setattr(loading, "SETTLED_NANOSECONDS", -(10**18))
    cache = Cache(tmp_path / "cache")
    place = tmp_path / "rules"
    place.mkdir()
    (place / "a.yaml").write_text(json.dumps(MINIMAL | {"where": [{"path": "$.name", "exists": True}]}))
    (place / "b.yaml").write_text(json.dumps(MINIMAL | {"id": "GPU998", "name": "other", "select": ["PodSet"]}))
    for directory in (REPOSITORY / "rules", place):
        fresh = load_rules([directory])
        assert load_rules([directory], cache) == fresh
        monkeypatch.setattr(loading, "_read", lambda path: pytest.fail(f"{path} was read again"))
        assert load_rules([directory], cache) == fresh
        monkeypatch.undo()
        monkeypatch.setattr(loading, "SETTLED_NANOSECONDS", -(10**18))
    (place / "b.yaml").write_text(json.dumps(MINIMAL | {"id": "GPU997", "name": "other"}))
    assert [rule.id for rule in load_rules([place], cache)] == ["GPU997", "GPU999"]


def test_rules_that_were_changed_a_moment_ago_are_not_cached(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(json.dumps(MINIMAL))
    load_rules([tmp_path / "rules"], Cache(tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()
