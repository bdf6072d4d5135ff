from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from dashboards.models import Dashboard
from dashboards.rooms.links import room_url
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Person
from devices.rooms import inbox

MAX_OF_A_KIND = 2_000
"""Entries of each kind in the switcher: of a larger fleet, the first devices by name."""


@signed_in
def places(request: HttpRequest) -> JsonResponse:
    """`{"places": [{"kind", "name", "hint", "url", "room"?}]}`: every page that the person may open.

    The most recently active rooms come first. `room` is the id of a room or a conversation; `hint` is a uid or the name
    of a space.
    """
    return JsonResponse({"places": [*_rooms(request.user), *_people(request.user), *_views(request.user)]})


def _rooms(person: Person) -> Iterator[dict[str, Any]]:
    for room in inbox.listed(person).filter(space__isnull=False)[:MAX_OF_A_KIND]:
        shown = inbox.describe(person, room)
        hint = shown["device"] or room.space.name
        yield {"kind": "room", "name": shown["name"], "hint": hint, "url": room_url(shown), "room": shown["id"]}


def _people(person: Person) -> Iterator[dict[str, Any]]:
    known = {}
    for room in inbox.listed(person).filter(space=None)[:MAX_OF_A_KIND]:
        known[inbox.name(person, room)] = room.pk
    for one in inbox.people(person):
        name = one["username"]
        place = {"kind": "person", "name": name, "hint": "bot" if one["bot"] else "", "url": room_url({"with": name})}
        yield {**place, "room": known[name]} if name in known else place


def _views(person: Person) -> Iterator[dict[str, Any]]:
    for uid, name in access.devices(person).order_by("name", "uid").values_list("uid", "name")[:MAX_OF_A_KIND]:
        yield {"kind": "device", "name": name, "hint": uid, "url": reverse("device", args=[uid])}
    shown = Dashboard.objects.filter(space__in=access.spaces(person)).values_list("pk", "name", "space__name")
    for pk, name, space in shown[:MAX_OF_A_KIND]:
        yield {"kind": "dashboard", "name": name, "hint": space, "url": reverse("dashboard", args=[pk])}
