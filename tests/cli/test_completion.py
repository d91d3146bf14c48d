"""Completion as the shells ask for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KILTER = (sys.executable, "-c", "from scanner.cli import main; main()")


def script(shell: str) -> str:
    return subprocess.run([*KILTER, "completion", shell], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A directory with an executable ``kilter``."""
    place = tmp_path / "bin" / "kilter"
    place.parent.mkdir()
    place.write_text(f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'kilter'\nfrom scanner.cli import main\nmain()\n")
    place.chmod(0o755)
    return place.parent


def bash(command: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    array = " ".join(f"'{word}'" for word in words)
    program = (
        f"{script('bash')}\nCOMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; COMPREPLY=()\n"
        'compopt() { printf "%s " compopt "$@"; echo; }\n'
        f'"$(complete -p kilter | sed -E "s/.*-F ([^ ]+) .*/\\1/")" kilter\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    )
    environment = os.environ | {"PATH": f"{command}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run(
        ["bash", "--norc", "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert ended.stderr == ""
    return [line for line in ended.stdout.split("\n") if line]


def test_bash_completes_commands_and_options(command: Path) -> None:
    assert {"scan", "explain", "completion"} <= set(bash(command, "kilter", ""))
    assert bash(command, "kilter", "expl") == ["explain"]
    assert "--format" in bash(command, "kilter", "scan", "--f")


def test_bash_completes_formats_and_severities(command: Path) -> None:
    assert bash(command, "kilter", "scan", "--format", "s") == ["sarif"]
    assert bash(command, "kilter", "scan", "--fail-on", "h") == ["high"]
    assert bash(command, "kilter", "scan", "--report", "sar") == ["sarif="]
    assert bash(command, "kilter", "completion", "") == ["bash", "zsh", "fish"]


def test_bash_completes_rules_and_categories(command: Path) -> None:
    assert bash(command, "kilter", "explain", "GPU00")[:2] == ["GPU001", "GPU002"]
    assert "floating-image-tag" in bash(command, "kilter", "explain", "floating-im")
    offered = bash(command, "kilter", "scan", "--select", "")
    assert {"gpu", "cost", "INT001"} <= set(offered) and "floating-image-tag" not in offered
    assert bash(command, "kilter", "scan", "--ignore", "CST,INT00")[:1] == ["CST,INT001"]


def test_bash_completes_files_where_files_are_wanted(command: Path) -> None:
    assert bash(command, "kilter", "scan", "") == ["compopt -o default "]
    assert bash(command, "kilter", "test", "") == ["compopt -o dirnames "]


def test_nonsense_completes_to_nothing(command: Path) -> None:
    assert bash(command, "kilter", "scna", "x") == []
    assert bash(command, "kilter", "explain", "ZZZ") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_scripts_of_other_shells_are_accepted_by_them(shell: str, tmp_path: Path) -> None:
    place = tmp_path / f"kilter.{shell}"
    place.write_text(script(shell))
    assert "_KILTER_COMPLETE" in place.read_text()
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n", str(place)], check=True)


def test_an_unknown_shell_is_a_usage_error() -> None:
    assert subprocess.run([*KILTER, "completion", "tcsh"], check=False, capture_output=True).returncode == 2
