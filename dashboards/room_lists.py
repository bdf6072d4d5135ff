"""What stands in the lists beside a room: rooms by space, conversations, and messages that were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse

from dashboards.excerpts import Piece, excerpt
from devices import access
from devices.access import Action, Person
from devices.log import messages
from devices.models import Space
from devices.rooms import inbox

PAGE = 30
"""Messages of a page of what was found."""
MAX_WORDS = 200
"""Characters of what is looked for."""
SHOWN = 100
"""Rooms of devices, and of spaces, that are listed: those in which somebody spoke last."""
QUIET_SHOWN = 12
"""Rooms of devices in which nobody has spoken yet: up to so many are simply listed, more are folded away."""


@dataclass(frozen=True, slots=True)
class Group:
    """A space's rooms: `talked` newest talk first, `quiet` those of devices in which nobody has spoken yet; `more`
    counts those that are not listed."""

    space: Space
    talked: Sequence[dict[str, Any]]
    quiet: Sequence[dict[str, Any]]
    more: int
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


def by_space(person: Person, current: int | None = None, words: str = "") -> list[Group]:
    """The rooms of each space that the person is a member of, the room `current` and those whose names hold all of the
    words among them."""
    own: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for room in _listed(person, current, _clean(words)):
        own[room.space_id].append(inbox.describe(person, room))
    spaces = access.spaces(person).annotate(rooms_in_all=Count("rooms")).order_by("name")
    managed = set(access.spaces(person, Action.MANAGE).values_list("pk", flat=True))
    return [_group(space, own[space.pk], space.rooms_in_all, space.pk in managed) for space in spaces]


def found(person: Person, words: str, before: int | None = None) -> tuple[list[Found], int | None]:
    """Messages that hold the words, newest first, in all that the person may read, and where the next page begins.

    Without words: what was said last in rooms of spaces. Raises `TooMany` while others search.
    """
    words = _clean(words)
    if words:
        hits = messages.search(access.rooms(person), words, PAGE + 1, before)
    else:
        hits = messages.last_said(access.rooms(person).filter(space__isnull=False), PAGE + 1, before)
    places = _places(person, {hit["room"] for hit in hits})
    shown = [_found(places[hit["room"]], hit, words) for hit in hits[:PAGE] if hit["room"] in places]
    return shown, hits[PAGE - 1]["id"] if len(hits) > PAGE else None


def url_of(room: dict[str, Any], seq: int | None = None) -> str:
    """The page of a described room, at the message `seq`."""
    url = reverse("conversation", args=[room["with"]]) if "with" in room else reverse("room", args=[room["id"]])
    return url if seq is None else f"{url}?seq={seq}"


def _listed(person: Person, current: int | None, words: str) -> list[Any]:
    """Rooms of spaces and of devices apart: a large fleet would leave no place to the others."""
    known = inbox.listed(person).filter(space__isnull=False)
    shown = {room.pk: room for kind in (True, False) for room in known.filter(device__isnull=kind)[:SHOWN]}
    sought = Q(pk=current)
    if words:
        sought |= _named(words)
    return list((shown | {room.pk: room for room in known.filter(sought)[:SHOWN]}).values())


def _named(words: str) -> Q:
    named = Q()
    for word in words.split():
        named &= Q(name__icontains=word) | Q(device__name__icontains=word)
    return named


def _group(space: Space, listed: list[dict[str, Any]], in_all: int, may_manage: bool) -> Group:
    """Rooms of the space's own stand above its devices' where nobody has spoken in either."""
    named = sorted(listed, key=lambda room: (room["device"] is not None, room["name"].casefold()))
    ordered = sorted(named, key=lambda room: -(room["active_at"] or 0))
    quiet = [room for room in ordered if _is_quiet(room)]
    if len(quiet) <= QUIET_SHOWN:
        talked, quiet = ordered, []
    else:
        talked = [room for room in ordered if not _is_quiet(room)]
    return Group(space, talked, quiet, in_all - len(listed), may_manage)


def _is_quiet(room: dict[str, Any]) -> bool:
    """Whether it is a device's in which nobody has spoken yet."""
    return room["device"] is not None and not room["active_at"]


def _clean(words: str) -> str:
    return "".join(character for character in words if character.isprintable())[:MAX_WORDS]


def _places(person: Person, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {room.pk: inbox.describe(person, room) for room in inbox.listed(person).filter(pk__in=ids)}


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
