"""Accounts with which devices sign in: uid and secret."""

from __future__ import annotations

from devices.registry import brokers
from devices.registry.models import Device
from devices.runtime.credentials import hash_secret, new_secret, secret_matches
from devices.values import is_uid

_NOBODY = hash_secret(new_secret())
"""Compared with if a uid is unknown, so that the time of an answer does not show which uids exist."""


def secret_hashes(broker: str) -> dict[str, str]:
    """uid -> hash of its secret, for every device that the broker of this name serves."""
    served = Device.objects.filter(broker__in=brokers.assignments(broker))
    return dict(served.order_by().values_list("uid", "secret_hash"))


def gateways() -> set[str]:
    """The uids of those that may speak for other devices."""
    return set(Device.objects.filter(is_gateway=True).order_by().values_list("uid", flat=True))


def uids() -> set[str]:
    """Of all devices, whatever broker serves them."""
    return set(Device.objects.order_by().values_list("uid", flat=True))


def authenticate(uid: str, secret: str) -> Device | None:
    """The device, if the secret is its own. Takes the same time for an unknown uid as for a wrong secret."""
    device = Device.objects.filter(uid=uid).first() if is_uid(uid) else None
    right = secret_matches(secret, device.secret_hash if device else _NOBODY)
    return device if device and right else None
