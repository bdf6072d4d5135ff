"""Search over the messages that a person may read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.rooms.excerpts import Piece, excerpt
from dashboards.rooms.links import room_url
from devices import access
from devices.access import Person
from devices.log import messages
from devices.rooms import inbox

PAGE = 30
"""Hits of one page."""
MAX_LENGTH = 200
"""Characters of a search."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message and its room; `url` opens it, `at` is in milliseconds."""

    room: str
    is_private: bool
    url: str
    author: str
    at: int
    pieces: Sequence[Piece]
    files: Sequence[str]


def search(person: Person, words: str, before: int | None = None) -> tuple[list[SearchHit], int | None]:
    """A page of messages that contain all the words, newest first, and `before` of the next page, if there is one.

    Without words: the newest messages in rooms of spaces. Raises `TooMany` while too many others are searching.
    """
    words = clean(words)
    if words:
        found = messages.search(access.rooms(person), words, PAGE + 1, before)
    else:
        found = messages.last_said(access.rooms(person).filter(space__isnull=False), PAGE + 1, before)
    described = _described(person, {message["room"] for message in found})
    hits = [
        _hit(described[message["room"]], message, words) for message in found[:PAGE] if message["room"] in described
    ]
    return hits, found[PAGE - 1]["id"] if len(found) > PAGE else None


def clean(words: str) -> str:
    """The printable characters of a search, at most `MAX_LENGTH`."""
    return "".join(character for character in words if character.isprintable())[:MAX_LENGTH]


def _described(person: Person, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {room.pk: inbox.describe(person, room) for room in inbox.listed(person).filter(pk__in=ids)}


def _hit(room: dict[str, Any], message: dict[str, Any], words: str) -> SearchHit:
    return SearchHit(
        room=room["name"],
        is_private="with" in room,
        url=room_url(room, message["seq"]),
        author=message["author"],
        at=message["at"],
        pieces=excerpt(message["text"], words),
        files=[file["name"] for file in message.get("files", [])],
    )
