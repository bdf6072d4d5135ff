"""Writes of rooms."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from devices.errors import Invalid
from devices.events import MessagesStored
from devices.models import Device, Member, Room, Space, Webhook
from devices.queries import bots
from devices.services import log, marks
from devices.services.log import Line
from devices.values import MessageKind, now_us

GENERAL = "General"
"""The room that every space has from its beginning."""
MAX_ROOMS = 200
"""Of a space, beside those of its devices."""


def create(space: Space, name: str) -> Room:
    """A further room of the space. Raises `Invalid` on a bad or taken name."""
    name = checked_name(name)
    if Room.objects.filter(space=space, device=None).count() >= MAX_ROOMS:
        raise Invalid(f"a space has up to {MAX_ROOMS} rooms beside those of its devices")
    try:
        with transaction.atomic():
            return Room.objects.create(space=space, name=name)
    except IntegrityError:
        raise Invalid(f"there is a room {name!r} already") from None


def rename(room: Room, name: str) -> None:
    """Raises `Invalid` on a bad or taken name, and for the room of a device, which has the device's."""
    if room.device_id is not None or room.is_private:
        raise Invalid("only a room of a space has a name of its own")
    try:
        with transaction.atomic():
            Room.objects.filter(pk=room.pk).update(name=checked_name(name))
    except IntegrityError:
        raise Invalid(f"there is a room {name!r} already") from None


def create_for_device(device: Device) -> Room:
    return Room.objects.create(space_id=device.space_id, device=device)


def move_with_device(device: Device, before: Space) -> None:
    """The log goes with the device: who may watch it now may read what was said beside it.

    Webhooks end: their addresses are known to programs of the space before.
    """
    Room.objects.filter(device=device.pk).update(space=device.space_id)
    Webhook.objects.filter(room__device=device.pk).delete()  # in this order: who makes one holds the room
    stay = Member.objects.filter(space=before).values("user")
    new = Member.objects.filter(space=device.space_id).exclude(user__in=stay)
    marks.skip(new.values_list("user", flat=True), Room.objects.filter(device=device.pk))


def welcome(space: Space, person: AbstractBaseUser) -> list[MessagesStored]:
    """A new member: told in every room of the space, and nothing that was said before counts as unread.

    Call it inside the transaction that makes the member; returns what to publish after the commit.
    """
    now, origin = now_us(), bots.origin(person)
    lines = [
        Line(
            room_id=room_id,
            kind=MessageKind.JOINED,
            at=now,
            origin=origin,
            by=person.get_username(),
            author_id=person.pk,
        )
        for room_id in Room.objects.filter(space=space).values_list("pk", flat=True)
    ]
    written = log.append(lines)
    marks.skip([person.pk], [message.room for message in written.messages])
    return written.events


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises `Invalid`."""
    name = name.strip()
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Invalid("a name has 1 to 120 printable characters")
    return name
