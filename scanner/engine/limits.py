"""What one scan may spend on rules: seconds for patterns, steps for lists.

Seconds bound what cannot be counted; everything else is counted, so that a report does not depend on the machine.
"""

from __future__ import annotations

from msgspec import Struct, field

RULE_SECONDS = 1.0
TOTAL_SECONDS = 4.0
_SLOW_SECONDS = 0.001
"""A match on real input takes microseconds; only what is slower counts towards the limits."""
MAX_STEPS = 500_000
"""Of one file: items of long lists that conditions go through. Real files need a few thousand."""
MAX_TOTAL_STEPS = 5_000_000
LONG = 20
"""Lists of up to so many items cost nothing: a condition goes through them as often as it is asked."""
SHOWN_PATTERN = 100


class PatternLimit(Exception):
    """A pattern that takes too long on a text; the message names both."""


class StepLimit(Exception):
    """Conditions that go through too many items; the message names the limit."""


class Stopwatch(Struct):
    """The seconds that slow matches have taken: of the rule that runs, and in all."""

    rule: float = 0.0
    total: float = 0.0

    def add(self, seconds: float, pattern: str) -> None:
        """Count a match. Raises ``PatternLimit`` beyond ``RULE_SECONDS`` and ``TOTAL_SECONDS``."""
        if seconds > _SLOW_SECONDS:
            self.rule += seconds
            self.total += seconds
            if self.rule > RULE_SECONDS:
                raise PatternLimit(f"the pattern {shown_pattern(pattern)} takes longer than {RULE_SECONDS} s in all")
            if self.total > TOTAL_SECONDS:
                raise PatternLimit(f"the patterns of all rules take longer than {TOTAL_SECONDS} s")


class Steps(Struct):
    """The items of long lists that conditions went through, by the file of the subject, and in all."""

    file: str = ""
    """That of the subject that is asked about now."""
    total: int = 0
    by_file: dict[str, int] = field(default_factory=dict)

    def spend(self, steps: int) -> None:
        """Count steps. Raises ``StepLimit`` beyond ``MAX_STEPS`` of a file and ``MAX_TOTAL_STEPS``."""
        self.total += steps
        spent = self.by_file[self.file] = self.by_file.get(self.file, 0) + steps
        if spent > MAX_STEPS:
            raise StepLimit(f"conditions go through more than the limit of {MAX_STEPS} items for this file")
        if self.total > MAX_TOTAL_STEPS:
            raise StepLimit(f"conditions go through more than the limit of {MAX_TOTAL_STEPS} items in all")


def shown_pattern(pattern: str) -> str:
    """A pattern for a message."""
    return repr(pattern if len(pattern) <= SHOWN_PATTERN else pattern[:SHOWN_PATTERN] + "…")
