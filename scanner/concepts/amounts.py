"""How much the workloads of one file may hold, so that one file cannot take all the time of a scan."""

from __future__ import annotations

from collections import Counter

from scanner.core import Resource

MAX_CONTAINERS = 3_000
"""Of the workloads of one file. A cluster of a thousand nodes runs fewer kinds of pods than that."""
MAX_CHARACTERS = 1_000_000
"""Of commands, arguments, and the scripts and variables that ConfigMaps give, of the workloads of one file."""

MAX_REQUESTS = 50_000
"""Of devices, which the claims of the workloads of one file stand for and which their containers use."""

MAX_RUNTIMES = 300_000
"""Serving runtimes and their protocols that the predictors of one file are compared with."""


class WorkloadLimit(Exception):
    """Workloads of one file that hold more than any real ones; the message names the limit."""


class Amounts:
    """What was read of the workloads of each file, in each unit that uses the file."""

    def __init__(self) -> None:
        self._containers: Counter[tuple[str, str]] = Counter()
        self._characters: Counter[tuple[str, str]] = Counter()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._runtimes: Counter[tuple[str, str]] = Counter()
        self._full: set[tuple[str, str]] = set()

    def has_room(self, resource: Resource) -> bool:
        """Whether the limits of the resource's file have not been met."""
        return (resource.unit, resource.span.file) not in self._full

    def add_containers(self, resource: Resource, number: int) -> None:
        """Count containers. Raises ``WorkloadLimit``."""
        self._add(self._containers, resource, number, f"{MAX_CONTAINERS:,} containers", MAX_CONTAINERS)

    def add_characters(self, resource: Resource, number: int) -> None:
        """Count what containers are told. Raises ``WorkloadLimit``."""
        what = f"{MAX_CHARACTERS:,} characters of commands, arguments, scripts and variables"
        self._add(self._characters, resource, number, what, MAX_CHARACTERS)

    def add_requests(self, resource: Resource, number: int) -> None:
        """Count requests for devices. Raises ``WorkloadLimit``."""
        self._add(self._requests, resource, number, f"{MAX_REQUESTS:,} requests for devices", MAX_REQUESTS)

    def add_runtimes(self, resource: Resource, number: int) -> None:
        """Count serving runtimes that may be chosen. Raises ``WorkloadLimit``."""
        what = f"{MAX_RUNTIMES:,} serving runtimes that may be chosen for them"
        self._add(self._runtimes, resource, number, what, MAX_RUNTIMES)

    def _add(self, counts: Counter[tuple[str, str]], resource: Resource, number: int, what: str, limit: int) -> None:
        key = (resource.unit, resource.span.file)
        counts[key] += number
        if counts[key] > limit:
            self._full.add(key)
            left = f"{resource.address} and those after it are not checked as workloads"
            raise WorkloadLimit(f"the workloads of this file have more than the limit of {what}: {left}")
