"""Reads of rooms' logs. Rights are the caller's affair (`devices.access`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from devices.chat.text import words_of
from devices.errors import NotFound
from devices.models import Attachment, Message, Room
from devices.values import MessageKind

NEWEST = 50
"""Messages of a snapshot."""
MAX_PAGE = 200
"""Messages of one answer."""
_HIDDEN = "before"
"""Key of `Message.data` that holds what an edit or a removal has replaced."""


def newest(room: Room) -> list[dict[str, Any]]:
    """The last messages, oldest first."""
    return _ascending(room.messages.order_by("-seq")[:NEWEST])


def after(room: Room, seq: int, limit: int = MAX_PAGE) -> list[dict[str, Any]]:
    """The messages that follow `seq`, oldest first. Ask again while the last one is below the room's seq."""
    return _described(room.messages.filter(seq__gt=seq).order_by("seq")[:limit])


def before(room: Room, seq: int, limit: int = NEWEST) -> list[dict[str, Any]]:
    """The messages that come before `seq`, oldest first."""
    return _ascending(room.messages.filter(seq__lt=seq).order_by("-seq")[:limit])


def around(room: Room, seq: int, limit: int = NEWEST) -> list[dict[str, Any]]:
    """Messages on both sides of `seq`, and it itself, oldest first: what a link to a message opens."""
    return before(room, seq, limit // 2) + after(room, seq - 1, limit - limit // 2)


def search(rooms: QuerySet[Room], words: str, limit: int, before_id: int | None = None) -> list[dict[str, Any]]:
    """Chat messages of these rooms that hold every one of the words, newest first, each with its `room` and `id`;
    with "" all of them.

    `before_id`: the `id` of the last one of the page before.
    """
    sought = words_of(words)
    found = Message.objects.filter(room__in=rooms, kind=MessageKind.CHAT, removed_at=None)
    for word in sought:
        found = found.filter(folded__contains=word)
    if before_id is not None:
        found = found.filter(pk__lt=before_id)
    messages = found.prefetch_related("attachments").order_by("-pk")[:limit] if sought or not words else []
    return [
        {"id": message.pk, "room": message.room_id, **describe(message, message.attachments.all())}
        for message in messages
    ]


def revisions(room: Room, seq: int) -> list[dict[str, Any]]:
    """What a message said before it was edited or removed, oldest first, each with the time until which it did.

    Raises `NotFound`.
    """
    if not room.messages.filter(seq=seq).exists():
        raise NotFound(f"there is no message {seq}")
    changes = room.messages.filter(of=seq, kind__in=(MessageKind.EDIT, MessageKind.REMOVAL)).order_by("seq")
    return [{"text": change.data.get(_HIDDEN, ""), "until": change.at // 1000, "by": change.by} for change in changes]


def describe(message: Message, attachments: Iterable[Attachment] = ()) -> dict[str, Any]:
    """A message as streams, the HTTP API and pages show it; times in milliseconds, what does not apply left out."""
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
    """A file of a message; `width` and `height` are there for images that may be shown."""
    shown = {"id": attachment.pk, "name": attachment.name, "type": attachment.type, "size": attachment.size}
    if attachment.width and attachment.height:
        shown |= {"width": attachment.width, "height": attachment.height}
    return shown


def _ascending(messages: QuerySet[Message]) -> list[dict[str, Any]]:
    return _described(messages)[::-1]


def _described(messages: QuerySet[Message]) -> list[dict[str, Any]]:
    return [describe(message, message.attachments.all()) for message in messages.prefetch_related("attachments")]
