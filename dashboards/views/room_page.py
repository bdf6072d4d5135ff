"""The data that every page with a room gives its scripts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from dashboards.views.query_strings import whole_number
from devices.access import Person
from devices.models import Room
from devices.rooms import inbox


def described(person: Person, room: Room) -> dict[str, Any]:
    """The room as the HTTP API describes it."""
    return inbox.describe(person, inbox.listed(person).get(pk=room.pk))


def page_data(request: HttpRequest, room: dict[str, Any], *, manages: bool = False, closed: str = "") -> dict[str, Any]:
    """`room`: as `described`; `closed`: the reason why nobody can write in it, if there is one."""
    return {
        "room": room,
        "person": {"username": request.user.get_username(), "manages": manages},
        "open_at": whole_number(request, "seq"),
        "closed": closed,
    }
