"""The refused messages of a device."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from devices import access
from devices.access import Person
from devices.refusals import store, unstored
from devices.runtime import database

router = Router(tags=["devices"])


class RefusalFacts(BaseModel):
    """Messages, or values of messages, that were refused for one reason, each within a minute of the one before. The
    details are those of the newest."""

    id: int
    reason: str = Field(description="name of the reason")
    meaning: str = Field(description="the reason in words")
    key: str = Field(description="the value concerned, or the topic; empty: the message as a whole")
    detail: str = Field(description="further details; may be empty")
    kind: str = Field(description="telemetry, status, attributes or answer")
    start: str = Field(description="first 200 bytes of the payload; unprintable characters are escaped")
    size: int = Field(description="bytes of the whole payload")
    count: int
    first_at: int
    at: int


class UnstoredFacts(BaseModel):
    """The newest refusal of a device of whose data nothing is stored."""

    key: str
    meaning: str
    detail: str
    at: int


class RefusalList(BaseModel):
    items: list[RefusalFacts]
    unstored: UnstoredFacts | None = Field(
        description="the newest refusal, if nothing of what the device sends is stored; else null"
    )


@router.get("/{uid}/refusals", response={200: RefusalList, (401, 404, 503): Problem})
async def list_refusals(request: HttpRequest, uid: str) -> dict[str, Any]:
    """The last refused messages of the device, newest first."""
    return await database.run(_list, person_of(request), uid)


def _list(person: Person, uid: str) -> dict[str, Any]:
    device = access.device(person, uid)
    return {"items": store.recent(device), "unstored": unstored.of_device(device)}
