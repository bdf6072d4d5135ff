"""Reads of files sent with messages. The caller asks for rights (`devices.access`)."""

from __future__ import annotations

from devices.errors import NotFound
from devices.log.models import Attachment, Room
from devices.telemetry.models import Watermark

FILES = "files"
"""Watermark: when a file was first sent with a message. It outlives all of them."""


def of_room(room: Room, id: int, name: str) -> Attachment:
    """The file with this id and name of a message in the room. Raises `NotFound`."""
    found = Attachment.objects.filter(message__room=room, pk=id).first()
    if found is None or found.name != name:
        raise NotFound(f"there is no file {id}")
    return found


def any_known() -> bool:
    """Whether the database has ever had a file.

    If not, the stored files may belong to another database, or to one that is still to be restored.
    """
    return Attachment.objects.exists() or Watermark.objects.filter(name=FILES).exists()
