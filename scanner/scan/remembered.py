"""The shape of what a scan leaves in the cache: whatever else is found there is not taken for what a scan found out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

Shape = Any
"""A type that a value must have, a set of values, ``[shape]`` a list of it, ``(shape, …)`` a list of exactly these,
``{name: shape}`` a mapping with these keys, ``{"": shape}`` one from any text to it, a function a test."""


def fits(value: Any, shape: Shape) -> bool:
    """Whether plain data has a shape."""
    if isinstance(shape, type):
        return type(value) is shape
    if isinstance(shape, list):
        return isinstance(value, list) and _all_fit(value, shape[0])
    if isinstance(shape, tuple):
        return isinstance(value, list) and len(value) == len(shape) and all(map(fits, value, shape))
    if isinstance(shape, dict):
        return isinstance(value, dict) and _members_fit(value, shape)
    if isinstance(shape, frozenset):
        return isinstance(value, str) and value in shape
    return bool(shape(value))


def _all_fit(values: Collection[Any], shape: Shape) -> bool:
    """Most of what is remembered are lists of texts, which are looked through at once."""
    if isinstance(shape, type):
        return set(map(type, values)) <= {shape}
    return all(fits(item, shape) for item in values)


def _members_fit(value: dict[str, Any], shape: dict[str, Shape]) -> bool:
    if shape.keys() == {""}:
        return _all_fit(value.values(), shape[""])
    return value.keys() == shape.keys() and all(fits(value[name], inner) for name, inner in shape.items())


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _step(value: Any) -> bool:
    return type(value) in (str, int)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _fix(value: Any) -> bool:
    return value is None or fits(value, (str, [(_SPAN, str)]))


def _anything(value: Any) -> bool:
    return True


_SEVERITY = frozenset(("critical", "high", "medium", "low"))
_LEVEL = frozenset(("error", "warning", "note"))
_SPAN = (str, _count, _count, _count, _count)
_LOCATION = (_SPAN, [(_SPAN, str)])
_RESOURCE = (
    str, str, str, str, _SPAN, str, str, str, _text_or_none, _LOCATION, {"": _anything}, [(str, _LOCATION)]
)  # fmt: skip
_FINDING = (str, _SEVERITY, str, _count, [_step], _LOCATION, str, _fix)
_UNDETERMINED = (str, _count, [_step], [(str, str)])
_PART = {
    "kind": frozenset(("root", "overlays", "file", "chart")),
    "path": str,
    "units": [str],
    "files": [str],
    "directories": {"": str},
    "below": {"": str},
    "consulted": [str],
    "templates": [str],
    "charts": [str],
    "diagnostics": [(_LEVEL, str, str, _SPAN)],
}
_SOURCES = {
    "terraform_directories": [str],
    "manifests": [str],
    "charts": [str],
    "kustomizations": [str],
    "plans": [str],
    "azureml": [str],
    "vertex": [str],
    "unreadable": [(str, str, str)],
    "truncated": bool,
}
_UNIT = {
    "shown": str,
    "sites": [(str, str, bool)],
    "answers": [frozenset(("yes", "no", "open"))],
    "asks": [_count],
    "resources": _count,
}
MEMORY = {
    "taken": int,
    "relevant": str,
    "stamps": {"": ((_count, int, _count), str)},
    "sources": _SOURCES,
    "files": _count,
    "calls": {"": [str]},
    "rendered": [str],
    "built": [str],
    "marked": [str],
    "parts": [_PART],
    "units": {"": _UNIT},
    "directories": {"": [str]},
    "islands": [{"units": [str], "said": ([_RESOURCE], [_FINDING], [_UNDETERMINED], [_count])}],
}
"""What ``scanner.scan.remember`` leaves behind."""
