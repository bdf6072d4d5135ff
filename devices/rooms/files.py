"""Files sent with messages: posting them, and deleting those that no message refers to."""

from __future__ import annotations

import asyncio
import io
import mimetypes
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from django.conf import settings

from devices import access
from devices.access import Person
from devices.errors import TooLarge
from devices.log import files
from devices.log.models import Attachment
from devices.log.text import checked_file_name
from devices.rooms import images, posting, quota
from devices.rooms.refusal_count import refusals_counted
from devices.runtime import database, file_storage, stats

FOLDER, DEPTH = "rooms", 2
"""Files lie in `rooms/<year>/<month>`, see `Attachment.file`."""
ORPHAN_AGE = timedelta(days=1)
"""A younger file without a message may belong to one that is being written."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent. `size` is in bytes."""

    name: str
    size: int
    content: IO[bytes]


@refusals_counted
async def post(person: Person, room_id: int, upload: Upload, text: str = "", key: str | None = None) -> int:
    """Posts a message with a file; the `seq` of the message. If the message is refused, the file is not kept.

    Raises what `posting.post` raises, `TooLarge`, and `Unavailable` if the storage is full or unreachable.
    """
    await posting.admit(person, room_id, key)
    await database.run(_check_room, person, room_id, key, upload.size)
    # Not in a database thread, which a slow storage would keep from others.
    attachment, name = await asyncio.to_thread(_keep, upload)
    # Not `finally`: a cancelled caller does not know whether the message is stored; the sweep looks after the file.
    try:
        seq = await posting.post_file(person, room_id, attachment, text, key)
    except Exception:
        await database.run(_drop_unused, name)
        raise
    if attachment._state.adding:  # a repeat of an earlier message's key
        await asyncio.to_thread(file_storage.delete, name)
    return seq


def _check_room(person: Person, room_id: int, key: str | None, size: int) -> None:
    """Before anything is stored: what is refused must not fill the disk for a moment. A repeat takes up nothing."""
    room = access.room_to_talk_in(person, room_id)
    if key is None or posting.with_key(person, room_id, key) is None:
        quota.check(person, room, size)


def _keep(upload: Upload) -> tuple[Attachment, str]:
    """Stores the content, outside of a transaction for which others would have to wait."""
    if 0 < settings.FILE_LIMIT * 1024 * 1024 < upload.size:
        raise TooLarge(f"a file has up to {settings.FILE_LIMIT} MiB")
    name = checked_file_name(upload.name)
    content, picture = images.without_traces(upload.content)
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # A random name: a file can only be found through its message, and no ending makes anything run it.
    size = content.seek(0, io.SEEK_END)
    kept = file_storage.save(_file_field().generate_filename(None, secrets.token_hex(16)), content)
    attachment = Attachment(file=kept, name=name, type=guessed[:100], size=size)
    if picture is not None:
        attachment.type, attachment.width, attachment.height = picture.type, picture.width, picture.height
    return attachment, kept


def _drop_unused(name: str) -> None:
    """Deletes the file unless its message was stored: posting may fail after that, while publishing."""
    if not Attachment.objects.filter(file=name).exists():
        file_storage.delete(name)


class Sweep:
    """Deletes files without a message, left by deleted spaces and devices and by processes killed while posting.

    Each call looks through one month's folder and returns whether more folders follow in this round.
    """

    def __init__(self) -> None:
        self._folders: list[str] = []

    def __call__(self) -> bool:
        if not self._folders and files.any_known():
            self._folders = list(file_storage.folders(FOLDER, DEPTH))
        if self._folders:
            _sweep(self._folders.pop(), datetime.now(UTC) - ORPHAN_AGE)
        return bool(self._folders)


def _sweep(folder: str, before: datetime) -> None:
    known = set(Attachment.objects.filter(file__startswith=f"{folder}/").values_list("file", flat=True))
    for name in file_storage.orphans(folder, known, before):
        file_storage.delete(name)
        stats.files_swept.inc()


def _file_field() -> Any:
    return Attachment._meta.get_field("file")
