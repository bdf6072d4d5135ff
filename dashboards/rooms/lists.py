"""The list of a person's rooms, by space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from dashboards.rooms import search
from devices import access
from devices.access import Action, Person
from devices.models import Space
from devices.rooms import inbox

SHOWN = 100
"""Rooms listed of devices, and as many others: the most recently active ones."""
QUIET_SHOWN = 12
"""Rooms of devices without any message: up to this many are listed with the others, more are folded away."""


@dataclass(frozen=True, slots=True)
class RoomGroup:
    """The rooms of a space: `active` with the most recently active first, `quiet` those of devices without any message
    if they are folded away; `more` counts those that are not listed."""

    space: Space
    active: Sequence[dict[str, Any]]
    quiet: Sequence[dict[str, Any]]
    more: int
    may_manage: bool


def by_space(person: Person, current: int | None = None, words: str = "") -> list[RoomGroup]:
    """The rooms of each space of the person. The room `current`, and rooms whose names contain all the words, are
    listed in any case."""
    own: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for room in _listed(person, current, search.clean(words)):
        own[room.space_id].append(inbox.describe(person, room))
    spaces = access.spaces(person).annotate(room_count=Count("rooms")).order_by("name")
    managed = set(access.spaces(person, Action.MANAGE).values_list("pk", flat=True))
    return [_group(space, own[space.pk], space.room_count, space.pk in managed) for space in spaces]


def _listed(person: Person, current: int | None, words: str) -> list[Any]:
    """Rooms of devices are counted separately: a large fleet would leave no place for the others."""
    known = inbox.listed(person).filter(space__isnull=False)
    shown = {room.pk: room for kind in (True, False) for room in known.filter(device__isnull=kind)[:SHOWN]}
    wanted = Q(pk=current)
    if words:
        wanted |= _named(words)
    return list((shown | {room.pk: room for room in known.filter(wanted)[:SHOWN]}).values())


def _named(words: str) -> Q:
    named = Q()
    for word in words.split():
        named &= Q(name__icontains=word) | Q(device__name__icontains=word)
    return named


def _group(space: Space, listed: list[dict[str, Any]], room_count: int, may_manage: bool) -> RoomGroup:
    """Rooms without any message are sorted by name, those of the space itself before those of its devices."""
    named = sorted(listed, key=lambda room: (room["device"] is not None, room["name"].casefold()))
    ordered = sorted(named, key=lambda room: -(room["active_at"] or 0))
    quiet = [room for room in ordered if _is_quiet(room)]
    if len(quiet) <= QUIET_SHOWN:
        active, quiet = ordered, []
    else:
        active = [room for room in ordered if not _is_quiet(room)]
    return RoomGroup(space, active, quiet, room_count - len(listed), may_manage)


def _is_quiet(room: dict[str, Any]) -> bool:
    """Whether it is the room of a device and has no message yet."""
    return room["device"] is not None and not room["active_at"]
