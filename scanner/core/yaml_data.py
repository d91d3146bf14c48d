"""YAML as data: what facts and settings are read with. Sources go through front ends, which keep places."""

from __future__ import annotations

from typing import Any


def yaml_data(text: str) -> Any:
    """The value of a text with one document. Raises whatever the library's constructors meet, not its errors alone."""
    from ruamel.yaml.cyaml import CSafeLoader

    loader = CSafeLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
