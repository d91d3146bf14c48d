"""What a front end gives back."""

from __future__ import annotations

from msgspec import Struct, field

from scanner.core.diagnostics import Diagnostic
from scanner.core.resources import Resource


class Parsed(Struct):
    """The resources that a front end could read, and a diagnostic for whatever it could not."""

    resources: list[Resource] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def extend(self, other: Parsed) -> None:
        """Append the other result to this one."""
        self.resources.extend(other.resources)
        self.diagnostics.extend(other.diagnostics)
