"""Writes of the rooms of a space."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from devices.errors import Invalid
from devices.log.models import Room
from devices.spaces.models import Space

GENERAL = "General"
"""The room that every space has from its beginning."""
MAX_ROOMS = 200
"""Rooms of a space, besides those of its devices."""
MAX_NAME = 120
"""Characters of a room's name."""


def create(space: Space, name: str) -> Room:
    """A further room of the space. Raises `Invalid` on a bad or taken name."""
    name = checked_name(name)
    if Room.objects.filter(space=space, device=None).count() >= MAX_ROOMS:
        raise Invalid(f"a space has up to {MAX_ROOMS} rooms besides those of its devices")
    try:
        with transaction.atomic():
            return Room.objects.create(space=space, name=name)
    except IntegrityError:
        raise Invalid(f"there is already a room {name!r}") from None


def rename(room: Room, name: str) -> None:
    """Raises `Invalid` on a bad or taken name, and for the room of a device, which has the device's name."""
    if room.device_id is not None or room.is_private:
        raise Invalid("only a room of a space has a name of its own")
    try:
        with transaction.atomic():
            Room.objects.filter(pk=room.pk).update(name=checked_name(name))
    except IntegrityError:
        raise Invalid(f"there is already a room {name!r}") from None


def checked_name(name: str) -> str:
    """The name without surrounding blanks. Raises `Invalid`."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Invalid(f"a name has 1 to {MAX_NAME} printable characters")
    return name
