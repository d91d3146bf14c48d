"""Names that belong together, joined step by step (union-find).

networkx has the same as ``networkx.utils.UnionFind``; loading it takes longer than all joins of a scan.
"""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Groups of names; at first each name is its own."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._above = {name: name for name in names}

    def join(self, *names: str) -> None:
        """Make one group of the groups of the names."""
        for name in names:
            self._above[self._top(name)] = self._top(names[0])

    def all(self) -> list[list[str]]:
        """The groups, in the order in which their first names were given."""
        groups: dict[str, list[str]] = {}
        for name in list(self._above):
            groups.setdefault(self._top(name), []).append(name)
        return list(groups.values())

    def _top(self, name: str) -> str:
        """The name that stands for the group; the way there is halved for the next time."""
        above = self._above
        above.setdefault(name, name)
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name
