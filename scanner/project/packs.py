"""Rule packs: the one that comes with Kilter, directories, and installed packages that announce themselves."""

from __future__ import annotations

import errno
import os
from pathlib import Path

ENTRY_POINTS = "kilter.rules"
PREFIX = "package:"


def builtin_rules() -> Path:
    """The directory of the rules that come with Kilter."""
    package = Path(__file__).parent.parent
    packaged = package / "data" / "rules"
    return packaged if packaged.is_dir() else package.parent / "rules"


def builtin_fixtures() -> Path:
    """The fixtures of the rules that come with Kilter, by code."""
    package = Path(__file__).parent.parent
    packaged = package / "data" / "fixtures"
    return packaged if packaged.is_dir() else package.parent / "fixtures" / "rules"


def fixtures_of(rules: Path) -> Path:
    """Where the fixtures of a file or directory of rules are: ``fixtures/rules`` beside it, or the nearest above it.

    Where there are none up to the root of the repository: the place beside it. Raises ``FileNotFoundError`` where a
    link leads elsewhere: a pull request must not have us show what lies outside its repository.
    """
    place = rules.resolve()
    if place.is_relative_to(builtin_rules().resolve()):
        return builtin_fixtures()
    for above in place.parents:
        found = above / "fixtures" / "rules"
        if found.is_dir():
            return _within(above, found)
        if (above / ".git").exists():
            break
    return place.parent / "fixtures" / "rules"


def _within(directory: Path, place: Path) -> Path:
    if not place.resolve().is_relative_to(directory):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{place} (a link that leads out)")
    return place


def find_pack(name: str) -> Path | None:
    """The directory of an installed pack; ``None`` if no package announces that name. Its code is not run.

    An entry point ``acme = "acme_policies"`` names the package's directory, ``"acme_policies:strict"`` the
    directory ``strict`` in it.
    """
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    for point in entry_points(group=ENTRY_POINTS, name=name):
        top, *inner = point.module.split(".")
        spec = find_spec(top)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        for place in places:
            directory = Path(place, *inner, point.attr)
            if directory.is_dir():
                return directory
    return None


def installed_packs() -> list[str]:
    """The names of all installed packs."""
    from importlib.metadata import entry_points

    return sorted({point.name for point in entry_points(group=ENTRY_POINTS)})


def pack_rules(directory: Path) -> Path:
    """Where a pack's rules are: its directory ``rules`` if it has one, else the pack's directory itself."""
    inner = directory / "rules"
    return inner if inner.is_dir() else directory
