"""Writes of devices."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from devices import brokers, fanout
from devices.credentials import hash_secret, new_secret
from devices.errors import Invalid
from devices.events import AccountChanged, DeviceMoved
from devices.models import Device, Space
from devices.services import rooms
from devices.values import is_uid


def create(uid: str, space: Space, name: str = "", broker: str = "") -> tuple[Device, str]:
    """A new device and its secret, which nobody can read again; `broker`: the name of its own, if not the first.

    Raises `Invalid` on a bad or taken uid and on an unknown broker.
    """
    if not is_uid(uid):
        raise Invalid(f"{uid!r} is no uid: 1 to 64 letters, digits, '_' or '-'")
    name = name.strip() or uid
    if len(name) > 120 or not name.isprintable():
        raise Invalid("a name has up to 120 printable characters")
    brokers.check(broker)
    secret = new_secret()
    try:
        with transaction.atomic():
            device = Device.objects.create(
                uid=uid, space=space, name=name, secret_hash=hash_secret(secret), broker=broker
            )
            rooms.create_for_device(device)
    except IntegrityError:
        raise Invalid(f"the uid {uid!r} is taken") from None
    _tell_brokers(uid)
    return device, secret


def rotate_secret(device: Device) -> str:
    """Replaces the device's secret and returns the new one; whoever is connected with the old one is cut off."""
    secret = new_secret()
    Device.objects.filter(pk=device.pk).update(secret_hash=hash_secret(secret))
    _tell_brokers(device.uid)
    return secret


def move(device: Device, space: Space) -> None:
    """Puts the device with all its readings into another space; who may not watch it there sees no more of it."""
    with transaction.atomic():
        before = device.space
        Device.objects.filter(pk=device.pk).update(space=space)
        device.space = space
        rooms.move_with_device(device, before)
    _tell_viewers(device.pk)


def delete(device: Device) -> None:
    """Removes the device with everything that was ever stored of it, and cuts it off."""
    number = device.pk
    device.delete()
    _tell_brokers(device.uid)
    _tell_viewers(number)


def _tell_viewers(device_id: int) -> None:
    transaction.on_commit(lambda: fanout.publish_from_sync([DeviceMoved(device_id)]))


def _tell_brokers(uid: str) -> None:
    transaction.on_commit(lambda: fanout.publish_from_sync([AccountChanged(uid)]))
