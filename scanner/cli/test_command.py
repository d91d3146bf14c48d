"""``kilter test``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.shared import Failure, failures, listed, say

if TYPE_CHECKING:
    from scanner.core import Finding
    from scanner.engine.rules import Rule

FIXTURES = "Fixtures by code.  [default: fixtures/rules beside DIRECTORY or above it]"


@click.command(name="test")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--fixtures", type=click.Path(path_type=Path), help=FIXTURES)
@click.option("--select", multiple=True, metavar="RULE", help="Test only these.")
def command(directory: Path, fixtures: Path | None, select: tuple[str, ...]) -> None:
    """Test the rules in DIRECTORY against fixtures that mark what they expect with "# expect: CODE".

    The fix of a rule is applied to its failing fixtures: it must remove findings and introduce none of any rule.
    """
    if not directory.is_dir():
        raise Failure(f"{directory}: no such directory")
    with failures():
        from scanner.engine.fixtures import test_rules
        from scanner.engine.rules import load_rules, select_rules
        from scanner.engine.validate import validate_rules
        from scanner.scan import ScanOptions, fix_trial, fixtures_of

        place = fixtures or fixtures_of(directory)
        if not place.is_dir():
            raise Failure(f"{place}: no such directory; --fixtures names the one that has a folder for each rule")
        rules = load_rules([directory])
        validate_rules(rules)
        chosen = select_rules(rules, listed(select), pedantic=True)
        trial = fix_trial(ScanOptions(only_rules=(directory,), pedantic=True))
        results, complaints = test_rules(chosen, place, _scan_case, trial)
    failed = [result for result in results if not result.passed]
    for result in failed:
        say(f"FAIL {result.rule} {result.path}")
        for file, line in result.missing:
            say(f"  expected a finding at {file}:{line}")
        for (file, line), message in result.unexpected:
            say(f"  unexpected finding at {file}:{line}: {message}")
        for text in result.diagnostics:
            say(f"  {text}")
    for complaint in complaints:
        say(f"FAIL {complaint}")
    say(f"{len(results) - len(failed)} passed, {len(failed) + len(complaints)} failed")
    raise click.exceptions.Exit(1 if failed or complaints or not results else 0)


def _scan_case(case: Path, rule: Rule) -> tuple[list[Finding], list[str]]:
    from scanner.scan import ScanOptions, scan

    builtin = Path(rule.source).parent
    options = ScanOptions(select=(rule.id,), only_rules=(builtin,))
    result = scan([case], options)
    return result.findings, [item.message for item in result.diagnostics if item.level == "error"]
