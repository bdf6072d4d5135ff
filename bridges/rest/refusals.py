"""What was refused of a device's messages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.schemas import RefusalList
from devices import access
from devices.access import Person
from devices.refusals import store
from devices.runtime import database

router = Router(tags=["devices"])


@router.get("/{uid}/refusals", response={200: RefusalList, (401, 404, 503): Problem})
async def list_refusals(request: HttpRequest, uid: str) -> dict[str, Any]:
    """The last refused messages of the device, newest first."""
    return await database.run(_list, asking(request), uid)


def _list(person: Person, uid: str) -> dict[str, Any]:
    return {"items": store.recent(access.device(person, uid))}
