"""The brokers that devices are assigned to, by name. What a broker is, the bridges know."""

from __future__ import annotations

from django.conf import settings

from devices.errors import Invalid

EMBEDDED = "main"
"""The name of the embedded broker, and of the first one where the operator gave it none."""


def names() -> list[str]:
    """Of all brokers, the first first. It serves the devices that are assigned to none."""
    return list(settings.BROKERS) or [EMBEDDED]


def first() -> str:
    return names()[0]


def of(assigned: str) -> str:
    """The name of the broker that serves a device whose `broker` is `assigned`."""
    return assigned or first()


def assignments(name: str) -> list[str]:
    """What the field `broker` of the devices holds that the broker of this name serves."""
    return ["", name] if name == first() else [name]


def check(name: str) -> None:
    """Raises `Invalid` where there is no broker of this name; empty stands for the first."""
    if name and name not in names():
        raise Invalid(f"there is no broker {name!r}; MQTT_URL names {', '.join(names())}")
