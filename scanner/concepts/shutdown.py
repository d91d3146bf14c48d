"""How pods are stopped: what their hooks wait for, and how long they have."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from scanner.concepts.command_lines import words
from scanner.concepts.model import PodSet
from scanner.concepts.quantities import whole
from scanner.core import get
from scanner.core.values import listed

BRANCHES = frozenset(("if", "case", "while", "until", "for"))
"""Words of a script after which not every command runs, or some run several times."""
HARMLESS = frozenset(("true", ":"))
"""What stands behind ``||`` where a failure is only to be passed over."""


def pause(hook: Any) -> int | None:
    """Seconds that a preStop hook sleeps at least; ``None`` where it does not sleep, or only on a condition."""
    asked = whole(get(hook, "sleep", "seconds"))
    if isinstance(asked, int):
        return asked
    told = [str(word).rstrip(";") for word in words(listed(get(hook, "exec", "command", default=[])), [])]
    pairs = list(pairwise(told))
    if BRANCHES & set(told) or any(word == "||" and following not in HARMLESS for word, following in pairs):
        return None
    seconds = [int(following) for word, following in pairs if word == "sleep" and following.isdigit()]
    return sum(seconds) if seconds else None


def sum_up(pods: PodSet) -> None:
    """Fill in what is said of the pods' hooks in messages."""
    longest = max((c.pre_stop_seconds for c in pods.containers if c.pre_stop_seconds is not None), default=None)
    hooked = any(container.pre_stop is not None for container in pods.containers)
    sleeps = f"of which preStop sleeps {longest}" if longest is not None else "with preStop"
    pods.shutdown_summary = sleeps if hooked else "without preStop"
