"""YAML as data: what facts and settings are read with. Sources go through front ends, which keep places."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

_NO_KEY = object()


class _Unusual(Exception):
    """Tags, merges, keys that are no scalars, and what is to be refused in the library's own words."""


def yaml_data(text: str) -> Any:
    """The value of a text with one document. Raises whatever the library's constructors meet, not its errors alone.

    Most texts are read from the parser's events, which is quicker than making nodes of them first; what a plain scalar
    stands for is asked of the library either way.
    """
    from ruamel.yaml.cyaml import CSafeLoader
    from ruamel.yaml.error import YAMLError

    loader = CSafeLoader(text)
    try:
        return _from_events(loader)
    except (_Unusual, YAMLError):
        pass
    finally:
        loader.dispose()
    loader = CSafeLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _from_events(loader: Any) -> Any:
    """The value of the only document. Raises ``_Unusual``, and the parser's errors."""
    from ruamel.yaml import events

    documents: list[Any] = []
    anchors: dict[str, Any] = {}
    stack: list[tuple[Any, Any]] = []
    top: Any = documents
    key: Any = _NO_KEY
    while True:
        event = loader.get_event()
        kind = type(event)
        if kind is events.ScalarEvent:
            value = event.value if event.style else _plain(event.value)
        elif kind is events.MappingStartEvent:
            value = {}
        elif kind is events.SequenceStartEvent:
            value = []
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            top, key = stack.pop()
            continue
        elif kind is events.StreamEndEvent:
            break
        elif kind is events.AliasEvent:
            value = _anchored(event.anchor, anchors, top, stack)
        elif kind is events.DocumentStartEvent and event.version is not None:
            raise _Unusual
        else:
            continue
        if kind is not events.AliasEvent:
            if event.tag is not None or event.anchor in anchors:
                raise _Unusual
            if event.anchor is not None:
                anchors[event.anchor] = value
        if type(top) is list:
            top.append(value)
        elif key is not _NO_KEY:
            top[key] = value
            key = _NO_KEY
        elif kind is events.ScalarEvent and value not in top and value != "<<":
            key = value
            continue
        else:
            raise _Unusual
        if kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            stack.append((top, key))
            top, key = value, _NO_KEY
    if len(documents) > 1:
        raise _Unusual
    return documents[0] if documents else None


def _anchored(name: str, anchors: dict[str, Any], top: Any, stack: list[tuple[Any, Any]]) -> Any:
    """What an alias stands for. Raises ``_Unusual`` if that is not there, or holds the alias."""
    if name not in anchors:
        raise _Unusual
    value = anchors[name]
    if value is top or any(value is outer for outer, _ in stack):
        raise _Unusual
    return value


@lru_cache(maxsize=10_000)
def _plain(text: str) -> Any:
    """What a scalar without quotes and tag stands for; all of it is immutable."""
    from ruamel.yaml.nodes import ScalarNode

    library = _library()
    if text and text[0] not in library.yaml_implicit_resolvers:
        return text
    return library.construct_object(ScalarNode(library.resolve(ScalarNode, text, (True, False)), text))


@cache
def _library() -> Any:
    from ruamel.yaml.cyaml import CSafeLoader

    return CSafeLoader("")
