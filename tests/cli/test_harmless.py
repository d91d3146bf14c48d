"""What every command prints: nothing of a hostile repository steers a terminal or a CI log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from repositories import FLOATING, MODEL, write

REPOSITORY = Path(__file__).parents[2]
EVIL = "\x1b[2J\u009b31m\u202e\u200b\n::error::pwned\r\n##[error]pwned ##vso[x]y"
NAME = EVIL.replace("/", "")
RULE = {
    "id": "ACM001",
    "name": "evil",
    "title": f"a title {EVIL}",
    "category": "gpu",
    "severity": "medium",
    "precision": "high",
    "select": "ConfigMap",
    "assert": {"path": "$.nothing", "exists": True},
    "message": f"a message {EVIL} {{name}}",
    "remediation": f"a remedy {EVIL}",
    "description": f"a description {EVIL}",
    "references": ["https://example.com/"],
    "params": {f"p{EVIL}": {"default": EVIL, "type": "string", "description": EVIL}},
    "frameworks": {EVIL: [EVIL]},
    "fix": {"title": f"a fix {EVIL}", "edits": [{"set": "$.nothing", "value": EVIL}]},
}


def kilter(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-c", "from scanner.cli import main; main()", *arguments]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | variables
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=120, check=False)


def hold(ended: subprocess.CompletedProcess[bytes]) -> None:
    for output in (ended.stdout, ended.stderr):
        text = output.decode()
        unprinted = {char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")}
        assert unprinted <= {"\u200b"} and EVIL not in text, (unprinted, text[-2000:])
        started = [line for line in text.replace("\r", "\n").splitlines() if line.lstrip().startswith("::")]
        assert started == [] and "##[" not in text and "##vso[" not in text, text[-2000:]
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()[-2000:]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A repository in which everything that has a name or a text has a hostile one."""
    place = tmp_path / "scanned"
    fixtures = place / "fixtures" / "rules" / "ACM001"
    write(
        place,
        {
            ".kilter.yaml": f"rules: [rules]\nexclude: [{json.dumps(EVIL)}]\nworkspace: {json.dumps(EVIL)}\n",
            "rules/ACM001-evil.yaml": json.dumps(RULE),
            f"{NAME}.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {json.dumps(EVIL)}}}\n",
            f"{NAME}/main.tf": 'resource "aws_s3_bucket" "b" {\n',
            "models.yaml": MODEL.format(name="a", image=FLOATING),
            "values.tf": f'locals {{\n  a = {json.dumps(EVIL)}\n}}\nresource "aws_s3_bucket" "{EVIL[:5]}" {{}}\n',
        },
    )
    write(fixtures, {f"fail-{NAME}.yaml": f"kind: {json.dumps(EVIL)} # expect: ACM001\n{EVIL}", "pass.yaml": EVIL})
    (place / ".git").mkdir()
    return place


COMMANDS = {
    ("scan", "."): 1,
    ("scan", "--show-undetermined", "--exit-zero", "."): 0,
    ("scan", "--fix", "--dry-run", "-o", "/dev/null", "."): 1,
    ("rules",): 0,
    ("rules", "--format", "json"): 0,
    ("explain", "ACM001"): 0,
    ("explain", "ACM001", "--format", "json"): 0,
    ("explain", "ACM001", "--format", "markdown"): 0,
    ("explain", EVIL): 2,
    ("test", "rules"): 1,
    ("config", "show", "--origins"): 0,
    ("config", "show", "--format", "json", "--origins"): 0,
    ("graph",): 0,
    ("cost",): 0,
    ("eval", "local.a"): 0,
    ("init", "--dry-run", "--force"): 0,
    ("baseline",): 0,
    ("scan", f"{NAME}.yaml"): 1,
    ("scan", "--config", f"{NAME}/main.tf"): 2,
    ("scan", "--baseline", f"{NAME}.yaml"): 2,
    ("scan", "--diff", EVIL): 2,
    ("docs", "pages", "--rules", "rules"): 0,
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: ascii(" ".join(arguments)[:40]))
def test_no_command_prints_what_steers(arguments: tuple[str, ...], hostile: Path) -> None:
    ended = kilter(*arguments, cwd=hostile, CI="true")
    hold(ended)
    assert ended.returncode == COMMANDS[arguments], ended.stderr.decode()[-2000:]


@pytest.mark.parametrize(
    "change",
    [{"id": f"A{EVIL}"}, {"id": "../../beside"}, {"id": 1}, {"name": EVIL}, {"category": f"gpu,{EVIL}"},
     {"title": [EVIL]}, {"message": {}}, {"references": ["javascript:alert(1)"]}, {"references": "https://a.example"},
     {"references": [f"https://a.example/{EVIL}"]}, {"references": ["https://a.example/> <b>"]}, {"references": [1]},
     {"severity": EVIL}, {"severity_when": [{"when": {"path": "$.a", "exists": True}, "severity": EVIL}]},
     {"severity_when": EVIL}, {EVIL: 1}, {"precision": [EVIL]}],
)  # fmt: skip
def test_a_rule_whose_identity_could_not_be_shown_is_refused(change: dict[str, object], hostile: Path) -> None:
    (hostile / "rules" / "ACM001-evil.yaml").write_text(json.dumps(RULE | change))
    ended = kilter("scan", ".", cwd=hostile)
    hold(ended)
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (2, b"", 1), ended.stderr


def test_an_internal_error_is_harmless_too(hostile: Path) -> None:
    fail = f"def fail(*a, **k): raise KeyError({EVIL!r}) from ValueError({EVIL!r})"
    broken = f"import scanner.scan\n{fail}\nscanner.scan.scan = fail\n"
    command = [sys.executable, "-P", "-c", f"{broken}from scanner.cli import main; main()", "scan", "."]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(command, cwd=hostile, env=environment, capture_output=True, check=False)
    assert (ended.returncode, b"internal error: KeyError" in ended.stderr) == (2, True)
    ended.stderr = ended.stderr.replace(b"Traceback", b"")
    hold(ended)
