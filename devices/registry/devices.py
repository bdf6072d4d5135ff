"""Creates, moves and deletes devices. `devices.rooms.provisioning` calls this and manages their rooms."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from devices.channel import fanout
from devices.channel.events import AccountChanged, DeviceMoved
from devices.errors import Invalid
from devices.registry import brokers, decoders
from devices.registry.models import Device
from devices.runtime.credentials import hash_secret, new_secret
from devices.spaces.models import Space
from devices.values import is_uid


def create(uid: str, space: Space, name: str = "", broker: str = "", *, is_gateway: bool = False) -> tuple[Device, str]:
    """A new device and its secret, which cannot be read again. Without a `broker` the first one serves it.

    Raises `Invalid` for a uid or a name that is not valid, a uid that is taken, and an unknown broker.
    """
    if not is_uid(uid):
        raise Invalid(f"{uid!r} is not a valid uid: use 1 to 64 letters, digits, '_' or '-'")
    name = name.strip() or uid
    if len(name) > 120 or not name.isprintable():
        raise Invalid("a name has up to 120 printable characters")
    brokers.check(broker)
    secret = new_secret()
    try:
        with transaction.atomic():
            device = Device.objects.create(
                uid=uid,
                space=space,
                name=name,
                secret_hash=hash_secret(secret),
                broker=broker,
                is_gateway=is_gateway,
            )
    except IntegrityError:
        raise Invalid(f"the uid {uid!r} is taken") from None
    _notify_brokers(AccountChanged(uid, is_new=True))
    return device, secret


def rotate_secret(device: Device) -> str:
    """Replaces the device's secret and returns the new one. A client that uses the old one is disconnected."""
    secret = new_secret()
    Device.objects.filter(pk=device.pk).update(secret_hash=hash_secret(secret))
    _notify_brokers(AccountChanged(device.uid))
    return secret


def move(device: Device, space: Space) -> None:
    """Moves the device to another space. People who may not watch it there no longer see it.

    A gateway stays with its space: it no longer speaks for a device that moves, nor for others where it moves itself.

    It loses its decoder: those who manage the space that it came from could change the script.
    """
    Device.objects.filter(pk=device.pk).update(space=space, decoder=None)
    device.space, device.decoder = space, None
    release(Device.objects.filter(pk=device.pk))
    release(device.children.all())
    decoders.notify()
    _notify_viewers(device.pk)


def set_answers(device: Device, answers: bool) -> None:
    """Whether the device answers commands. It counts for those that are open, too."""
    device.answers = answers
    device.save(update_fields=["answers"])


def release(children: QuerySet[Device]) -> None:
    """No gateway speaks for these devices any more; their own availability counts."""
    children.exclude(gateway=None).exclude(via="").update(
        availability=F("own_availability"), own_availability="", via=""
    )
    children.update(gateway=None)


def delete(device: Device) -> None:
    """Deletes the device and everything that is stored for it, and disconnects it."""
    id = device.pk
    release(device.children.all())
    device.delete()
    _notify_brokers(AccountChanged(device.uid, is_deleted=True))
    _notify_viewers(id)


def _notify_viewers(device_id: int) -> None:
    transaction.on_commit(lambda: fanout.publish_from_sync([DeviceMoved(device_id)]))


def _notify_brokers(event: AccountChanged) -> None:
    transaction.on_commit(lambda: fanout.publish_from_sync([event]))
