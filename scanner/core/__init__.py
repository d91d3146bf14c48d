"""Ground floor: the plain data that every other layer speaks. Imports nothing of the layers above."""

from scanner.core.diagnostics import Diagnostic, Level
from scanner.core.edits import Change, Editor, Fix, TextEdit
from scanner.core.findings import Finding, Severity, Undetermined
from scanner.core.resources import Location, Locator, Origin, RelatedSpan, Resource
from scanner.core.results import Parsed
from scanner.core.sources import SourceFile, Span
from scanner.core.values import (
    GAP,
    AtLeast,
    Path,
    Unknown,
    UnknownText,
    Value,
    get,
    is_unknown,
    listed,
    mapping,
    mappings,
    without_gaps,
)

__all__ = [
    "AtLeast",
    "Change",
    "Diagnostic",
    "Editor",
    "Finding",
    "Fix",
    "GAP",
    "Level",
    "Location",
    "Locator",
    "Origin",
    "Parsed",
    "Path",
    "RelatedSpan",
    "Resource",
    "Severity",
    "SourceFile",
    "Span",
    "TextEdit",
    "Undetermined",
    "Unknown",
    "UnknownText",
    "Value",
    "get",
    "is_unknown",
    "listed",
    "mapping",
    "mappings",
    "without_gaps",
]
