"""The history of a device's availability."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from bridges.rest import times
from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.times import When
from devices import access
from devices.access import Person
from devices.availability import history
from devices.runtime import database
from devices.values import now_us

router = Router(tags=["devices"])

DAY_US = 24 * 3_600_000_000


class AvailabilityChangeFacts(BaseModel):
    status: str
    at: int = Field(description="since when; for stale, the time of the last message")
    count: int = Field(description="above 1: this is the last of so many changes in quick succession")


class AvailabilityHistory(BaseModel):
    items: list[AvailabilityChangeFacts] = Field(description="oldest first; the first is the one in force at `start`")
    flapping: bool = Field(description="it changes so often that viewers are notified only at intervals")


@router.get("/{uid}/availability", response={200: AvailabilityHistory, (401, 404, 422, 503): Problem})
async def show_availability(request: HttpRequest, uid: str, start: When = None, end: When = None) -> dict[str, Any]:
    """When the device was online, offline, stale or unknown, from `start` to before `end`.

    Without `end` it ends now, without `start` it begins a day before `end`. At most the newest 1,000 changes.
    """
    first, last = times.window(start, end, latest=now_us(), span=DAY_US)
    return await database.run(_history, person_of(request), uid, first, last)


def _history(person: Person, uid: str, start: int, end: int) -> dict[str, Any]:
    return history.history(access.device(person, uid), start, end, now_us())
