"""The facts that stand beside the modules, as they are written: tables in CSV, and documents in YAML."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from scanner.core.yaml_data import yaml_data


def rows(name: str) -> list[dict[str, str]]:
    """The rows of ``<name>.csv`` by column."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def document(name: str) -> Any:
    """The content of ``<name>.yaml``."""
    return yaml_data((Path(__file__).parent / f"{name}.yaml").read_text("utf-8"))


def number(text: str) -> float | None:
    """A number; ``None`` if the field is empty, which says that the fact is not recorded."""
    return float(text) if text else None


def whole(text: str) -> int | None:
    """A whole number; ``None`` if the field is empty, which says that the fact is not recorded."""
    return int(text) if text else None


def names(text: str) -> tuple[str, ...]:
    """The items of a field that lists several, separated by semicolons."""
    return tuple(text.split(";")) if text else ()
