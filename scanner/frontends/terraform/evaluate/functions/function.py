"""What the function tables hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """A function and what it accepts. ``arity`` is (least, most) arguments; ``None`` for any number."""

    call: Callable[..., Any]
    arity: tuple[int, int | None]
    takes_unknown: bool = False
    """Sees unknown arguments itself."""
    takes_partial: bool = False
    """Sees known collections that have unknown parts."""
    takes_null: bool = False
    needs_context: bool = False


def fixed(call: Callable[..., Any], count: int, most: int | None = -1, **flags: bool) -> Function:
    """A function of ``count`` arguments, or of ``count`` to ``most`` (``None``: any number more)."""
    return Function(call, (count, count if most == -1 else most), **flags)
