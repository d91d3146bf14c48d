"""Drivers and classes of dynamic resource allocation: typed access to device_classes.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from scanner.facts.tables import document


class DeviceDriver(Struct, frozen=True):
    """What a driver's devices are. See device_classes.yaml."""

    name: str
    kind: str
    """accelerator, network or other."""
    vendor: str = ""
    types: Mapping[str, str] = {}
    """Attribute ``type`` -> the extended resource of the same device; empty for a part of one."""
    profile: str = ""
    model: Mapping[str, str] = {}
    """Attribute that names the model -> what goes before its value in the names of facts."""
    machine: str = ""
    """Attribute that names the instance type."""


class DeviceClass(Struct, frozen=True):
    """A class that the installation of a driver creates."""

    driver: str
    type: str = ""


@cache
def device_drivers() -> dict[str, DeviceDriver]:
    """Every driver by the name that it has in ``device.driver``."""
    return {name: DeviceDriver(name, **row) for name, row in document("device_classes")["drivers"].items()}


@cache
def device_classes() -> dict[str, DeviceClass]:
    """The classes that come with the drivers, by name."""
    return {name: DeviceClass(**row) for name, row in document("device_classes")["classes"].items()}
