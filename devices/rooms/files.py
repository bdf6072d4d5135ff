"""Writes of files that come with messages."""

from __future__ import annotations

import asyncio
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
from devices.rooms import images, posting
from devices.rooms.refusal_count import refusals_counted
from devices.runtime import database, file_storage, stats

FOLDER, DEPTH = "rooms", 2
"""`rooms/<year>/<month>`, see `Attachment.file`."""
ORPHAN_AGE = timedelta(days=1)
"""What no message names and is younger may belong to a message that is being written."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as somebody sends it. `size` in bytes."""

    name: str
    size: int
    content: IO[bytes]


@refusals_counted
async def post(person: Person, room_id: int, upload: Upload, text: str = "", key: str | None = None) -> int:
    """Says something that comes with a file; the seq of the message. A file that cannot be said is not kept.

    Raises like `messages.post`, `TooLarge`, and `Unavailable` where the storage is full or away.
    """
    await posting.admit(person, room_id, key)
    await database.run(access.room_to_talk_in, person, room_id)
    # Not in a thread of the database, which a slow storage would keep from others.
    attachment, name = await asyncio.to_thread(_keep, upload)
    # Not `finally`: who is cancelled here does not know whether the message is written, and leaves it to the sweep.
    try:
        seq = await posting.post_file(person, room_id, attachment, text, key)
    except Exception:
        await database.run(_drop_unused, name)
        raise
    if attachment._state.adding:  # a repeat of an earlier message's key
        await asyncio.to_thread(file_storage.drop, name)
    return seq


def _keep(upload: Upload) -> tuple[Attachment, str]:
    """Stores the content, before a transaction that others would have to wait for."""
    if 0 < settings.FILE_LIMIT * 1024 * 1024 < upload.size:
        raise TooLarge(f"a file has up to {settings.FILE_LIMIT} MiB")
    name = checked_file_name(upload.name)
    picture = images.recognise(upload.content)
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # A name that says nothing: what was sent is found through its message alone, and runs nowhere by its ending.
    kept = file_storage.keep(_file_field().generate_filename(None, secrets.token_hex(16)), upload.content)
    attachment = Attachment(file=kept, name=name, type=guessed[:100], size=upload.size)
    if picture is not None:
        attachment.type, attachment.width, attachment.height = picture.type, picture.width, picture.height
    return attachment, kept


def _drop_unused(name: str) -> None:
    """A message may have been stored although its post failed: when only the news of it did not get out."""
    if not Attachment.objects.filter(file=name).exists():
        file_storage.drop(name)


class Sweep:
    """Deletes files that no message names: of spaces and devices that are gone, and of processes that were killed
    between file and message. Each call looks through a month's folder; returns whether there are more of this round.
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
    for name in file_storage.older_than(before, folder, known):
        file_storage.drop(name)
        stats.files_swept.inc()


def _file_field() -> Any:
    return Attachment._meta.get_field("file")
