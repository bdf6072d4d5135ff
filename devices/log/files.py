"""Reads of files that came with messages. Rights are the caller's affair (`devices.access`)."""

from __future__ import annotations

from devices.errors import NotFound
from devices.log.models import Attachment, Room
from devices.telemetry.models import Watermark

FILES = "files"
"""Watermark: when a file first came with a message. It outlives all of them."""


def of_room(room: Room, id: int, name: str) -> Attachment:
    """The file of this id and name that came with a message of the room. Raises `NotFound`."""
    found = Attachment.objects.filter(message__room=room, pk=id).first()
    if found is None or found.name != name:
        raise NotFound(f"there is no file {id}")
    return found


def any_known() -> bool:
    """Whether the database has ever known of a file. One that has not may be another's, or not be restored yet."""
    return Attachment.objects.exists() or Watermark.objects.filter(name=FILES).exists()
