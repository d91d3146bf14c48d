"""``kilter test``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.shared import Failure, failures, listed

if TYPE_CHECKING:
    from scanner.core import Finding
    from scanner.engine.fixtures import FixCase
    from scanner.engine.rules import Rule
    from scanner.scan import ScanResult


@click.command(name="test")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--fixtures", type=click.Path(path_type=Path), help="Fixtures by code.  [default: ../fixtures/rules]")
@click.option("--select", multiple=True, metavar="RULE", help="Test only these.")
def command(directory: Path, fixtures: Path | None, select: tuple[str, ...]) -> None:
    """Test the rules in DIRECTORY against fixtures that mark what they expect with "# expect: CODE".

    The fix of a rule is applied to its failing fixtures: it must remove findings and introduce none of any rule.
    """
    if not directory.is_dir():
        raise Failure(f"{directory}: no such directory")
    place = fixtures or directory.resolve().parent / "fixtures" / "rules"
    with failures():
        from scanner.engine.fixtures import test_rules
        from scanner.engine.rules import load_rules, select_rules
        from scanner.engine.validate import validate_rules

        rules = load_rules([directory])
        validate_rules(rules)
        chosen = select_rules(rules, listed(select), pedantic=True)
        results, complaints = test_rules(chosen, place, _scan_case, _fix_case(directory))
    failed = [result for result in results if not result.passed]
    for result in failed:
        click.echo(f"FAIL {result.rule} {result.path}")
        for file, line in result.missing:
            click.echo(f"  expected a finding at {file}:{line}")
        for (file, line), message in result.unexpected:
            click.echo(f"  unexpected finding at {file}:{line}: {message}")
        for text in result.diagnostics:
            click.echo(f"  {text}")
    for complaint in complaints:
        click.echo(f"FAIL {complaint}")
    click.echo(f"{len(results) - len(failed)} passed, {len(failed) + len(complaints)} failed")
    raise click.exceptions.Exit(1 if failed or complaints or not results else 0)


def _fix_case(directory: Path) -> FixCase:
    """Applies the fix of a rule to a case; every rule of the directory must be content with the result."""
    from scanner.scan import ScanOptions, fix_of, repair, rule_set

    options = ScanOptions(only_rules=(directory,), pedantic=True)
    rules = rule_set(options)

    def fix_case(case: Path, rule: Rule) -> tuple[int, list[str]]:
        repairs = repair([case], options, rules, only=rule.id)
        before, after = (Counter(_known(result)) for result in (repairs.before, repairs.after))
        wrong = [f"the fix introduces {code} for {what}" for code, what in (after - before)]
        left = [finding for finding in repairs.after.findings if finding.rule == rule.id]
        wrong += [
            f"the fix is offered again for {item.resource.address}" for item in left if fix_of(repairs.after, item)
        ]
        return repairs.fixed[rule.id], wrong

    return fix_case


def _known(result: ScanResult) -> Iterator[tuple[str, str]]:
    """What the fix of a rule must add nothing to."""
    yield from ((finding.rule, finding.resource.address) for finding in result.findings)
    yield from ((item.code, item.message) for item in result.diagnostics if item.level == "error")


def _scan_case(case: Path, rule: Rule) -> tuple[list[Finding], list[str]]:
    from scanner.scan import ScanOptions, scan

    builtin = Path(rule.source).parent
    options = ScanOptions(select=(rule.id,), only_rules=(builtin,))
    result = scan([case], options)
    return result.findings, [item.message for item in result.diagnostics if item.level == "error"]
