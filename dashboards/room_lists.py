"""What stands in the lists beside a room: rooms by space, conversations, and messages that were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from dashboards.excerpts import Piece, excerpt
from devices import access
from devices.access import Action, Person
from devices.models import Room, Space
from devices.queries import messages, rooms

PAGE = 30
"""Messages of a page of what was found."""
MAX_WORDS = 200
"""Characters of what is looked for."""
QUIET_SHOWN = 12
"""Rooms of devices in which nobody has spoken yet: up to so many are simply listed, more are folded away."""


@dataclass(frozen=True, slots=True)
class Group:
    """A space's rooms: `talked` newest talk first, `quiet` those of devices in which nobody has spoken yet."""

    space: Space
    talked: Sequence[dict[str, Any]]
    quiet: Sequence[dict[str, Any]]
    may_manage: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A message with its place; `url` opens it."""

    room: str
    is_private: bool
    url: str
    author: str
    at: int
    pieces: Sequence[Piece]
    files: Sequence[str]


def by_space(person: Person) -> list[Group]:
    """The rooms of each space that the person is a member of."""
    own: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for room in rooms.listed(person).filter(space__isnull=False):
        own[room.space_id].append(rooms.describe(person, room))
    managed = set(access.spaces(person, Action.MANAGE).values_list("pk", flat=True))
    return [_group(space, own[space.pk], space.pk in managed) for space in access.spaces(person).order_by("name")]


def conversations(person: Person) -> list[dict[str, Any]]:
    """The person's conversations, newest first, each with its `last` message; those in which nobody has spoken left
    out."""
    listed = rooms.listed(person).filter(space=None, seq__gt=0)[: rooms.MAX_LISTED]
    return [{**rooms.describe(person, room), "last": _last(room)} for room in listed]


def found(person: Person, words: str, before: int | None = None) -> tuple[list[Found], int | None]:
    """Messages that hold the words, newest first, in all that the person may read, and where the next page begins.

    Without words: what was said last in rooms of spaces.
    """
    asked, words = words, "".join(character for character in words if character.isprintable())[:MAX_WORDS]
    if asked and not words:
        return [], None
    among = access.rooms(person) if words else access.rooms(person).filter(space__isnull=False)
    hits = messages.search(among, words, PAGE + 1, before)
    places = _places(person, {hit["room"] for hit in hits})
    shown = [_found(places[hit["room"]], hit, words) for hit in hits[:PAGE] if hit["room"] in places]
    return shown, hits[PAGE - 1]["id"] if len(hits) > PAGE else None


def url_of(room: dict[str, Any], seq: int | None = None) -> str:
    """The page of a described room, at the message `seq`."""
    url = reverse("conversation", args=[room["with"]]) if "with" in room else reverse("room", args=[room["id"]])
    return url if seq is None else f"{url}?seq={seq}"


def _group(space: Space, listed: list[dict[str, Any]], may_manage: bool) -> Group:
    """Rooms of the space's own stand above its devices' where nobody has spoken in either."""
    named = sorted(listed, key=lambda room: (room["device"] is not None, room["name"].casefold()))
    ordered = sorted(named, key=lambda room: -(room["active_at"] or 0))
    quiet = [room for room in ordered if room["device"] is not None and not room["active_at"]]
    if len(quiet) <= QUIET_SHOWN:
        return Group(space, ordered, [], may_manage)
    return Group(space, [room for room in ordered if room not in quiet], quiet, may_manage)


def _last(room: Room) -> dict[str, Any] | None:
    return next(iter(messages.before(room, room.seq + 1, 1)), None)


def _places(person: Person, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {room.pk: rooms.describe(person, room) for room in rooms.listed(person).filter(pk__in=ids)}


def _found(room: dict[str, Any], hit: dict[str, Any], words: str) -> Found:
    return Found(
        room=room["name"],
        is_private="with" in room,
        url=url_of(room, hit["seq"]),
        author=hit["author"],
        at=hit["at"],
        pieces=excerpt(hit["text"], words),
        files=[file["name"] for file in hit.get("files", [])],
    )
