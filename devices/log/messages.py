"""Reads of rooms' logs. The caller asks for rights (`devices.access`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from devices.errors import NotFound
from devices.log.models import Attachment, Message, Room
from devices.log.text import words_of
from devices.runtime.concurrency import ConcurrencyLimit
from devices.values import MessageKind

NEWEST = 50
"""Messages of a snapshot."""
MAX_PAGE = 200
"""Messages of one answer at most."""
MAX_SEARCHES = 2
"""Searches at the same time in one process: a rare word in a long log occupies one of its few database threads for
half a second."""
searches = ConcurrencyLimit("searches", MAX_SEARCHES)

_HIDDEN = "before"
"""Key of `Message.data` with the text that an edit or a removal has replaced."""


def newest(room: Room) -> list[dict[str, Any]]:
    """The last messages, oldest first."""
    return _ascending(room.messages.order_by("-seq")[:NEWEST])


def after(room: Room, seq: int, limit: int = MAX_PAGE) -> list[dict[str, Any]]:
    """The messages that follow `seq`, oldest first. Ask again while the last one is below the room's `seq`."""
    return _described(room.messages.filter(seq__gt=seq).order_by("seq")[:limit])


def before(room: Room, seq: int, limit: int = NEWEST) -> list[dict[str, Any]]:
    """The messages before `seq`, oldest first."""
    return _ascending(room.messages.filter(seq__lt=seq).order_by("-seq")[:limit])


def around(room: Room, seq: int, limit: int = NEWEST) -> list[dict[str, Any]]:
    """Messages on both sides of `seq`, itself included, oldest first: what a link to a message opens."""
    return before(room, seq, limit // 2) + after(room, seq - 1, limit - limit // 2)


def by_id(ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Messages of any room, by their ids."""
    found = Message.objects.filter(pk__in=list(ids)).order_by().prefetch_related("attachments")
    return {message.pk: describe(message, message.attachments.all()) for message in found}


def search(rooms: QuerySet[Room], words: str, limit: int, before_id: int | None = None) -> list[dict[str, Any]]:
    """Chat messages of these rooms that contain each of the words, newest first, each with its `room` and `id`.

    `before_id` is the `id` of the last message of the page before. Raises `TooMany` while `MAX_SEARCHES` are running.
    """
    sought = words_of(words)
    if not sought:
        return []
    found = _said_in(rooms, before_id)
    for word in sought:
        found = found.filter(folded__contains=word)
    with searches:
        return _with_places(found[:limit])


def last_said(rooms: QuerySet[Room], limit: int, before_id: int | None = None) -> list[dict[str, Any]]:
    """The newest chat messages of these rooms; otherwise like `search`."""
    return _with_places(_said_in(rooms, before_id)[:limit])


def revisions(room: Room, seq: int) -> list[dict[str, Any]]:
    """The earlier texts of an edited or removed message, oldest first, each with the time until which it was shown.

    Raises `NotFound`.
    """
    if not room.messages.filter(seq=seq).exists():
        raise NotFound(f"there is no message {seq}")
    changes = room.messages.filter(of=seq, kind__in=(MessageKind.EDIT, MessageKind.REMOVAL)).order_by("seq")
    return [{"text": change.data.get(_HIDDEN, ""), "until": change.at // 1000, "by": change.by} for change in changes]


def describe(message: Message, attachments: Iterable[Attachment] = ()) -> dict[str, Any]:
    """A message as streams, the HTTP API and pages show it; times in milliseconds, without fields that do not apply."""
    shown: dict[str, Any] = {
        "seq": message.seq,
        "at": message.at // 1000,
        "kind": message.kind,
        "origin": message.origin,
        "author": message.by,
        "text": message.text,
    }
    if data := {name: value for name, value in message.data.items() if name != _HIDDEN}:
        shown["data"] = data
    if message.key is not None:
        shown["key"] = message.key
    if message.of is not None:
        shown["of"] = message.of
    if message.edited_at is not None:
        shown["edited_at"] = message.edited_at // 1000
    if message.removed_at is not None:
        shown["removed_at"] = message.removed_at // 1000
    if files := [describe_file(attachment) for attachment in attachments]:
        shown["files"] = files
    return shown


def describe_file(attachment: Attachment) -> dict[str, Any]:
    """A file of a message; `width` and `height` are present for images that may be shown."""
    shown = {"id": attachment.pk, "name": attachment.name, "type": attachment.type, "size": attachment.size}
    if attachment.width and attachment.height:
        shown |= {"width": attachment.width, "height": attachment.height}
    return shown


def _said_in(rooms: QuerySet[Room], before_id: int | None) -> QuerySet[Message]:
    """Chat messages that were not removed, newest first."""
    said = Message.objects.filter(room__in=rooms, kind=MessageKind.CHAT, removed_at=None).order_by("-pk")
    return said if before_id is None else said.filter(pk__lt=before_id)


def _with_places(messages: QuerySet[Message]) -> list[dict[str, Any]]:
    return [
        {"id": message.pk, "room": message.room_id, **describe(message, message.attachments.all())}
        for message in messages.prefetch_related("attachments")
    ]


def _ascending(messages: QuerySet[Message]) -> list[dict[str, Any]]:
    return _described(messages)[::-1]


def _described(messages: QuerySet[Message]) -> list[dict[str, Any]]:
    return [describe(message, message.attachments.all()) for message in messages.prefetch_related("attachments")]
