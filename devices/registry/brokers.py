"""Names of the brokers that devices are assigned to. Only the bridges know their addresses."""

from __future__ import annotations

from django.conf import settings

from devices.errors import Invalid

EMBEDDED = "main"
"""The name of the embedded broker, and of the first one if the operator gave it no name."""


def names() -> list[str]:
    """The names of all brokers. The first one serves the devices that are assigned to none."""
    return list(settings.BROKERS) or [EMBEDDED]


def first() -> str:
    """The name of the first broker."""
    return names()[0]


def serving(assigned: str) -> str:
    """The name of the broker that serves a device whose `broker` is `assigned`."""
    return assigned or first()


def assignments(name: str) -> list[str]:
    """The values of `Device.broker` for the devices that the broker of this name serves."""
    return ["", name] if name == first() else [name]


def check(name: str) -> None:
    """Raises `Invalid` if there is no broker of this name; an empty name stands for the first one."""
    if name and name not in names():
        raise Invalid(f"there is no broker {name!r}; MQTT_URL names {', '.join(names())}")
