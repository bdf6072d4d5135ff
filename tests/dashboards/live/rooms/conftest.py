"""A room, and viewers who are in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.models import Device
from devices.rooms import posting
from hub.routing import relays
from tests.dashboards.live.conftest import Headers, Viewer, enter

DAY_S = 86_400.0


@pytest.fixture
def room(pump: Device, headers: dict[str, Headers]) -> int:
    """Id of the pump's room, with everybody a member."""
    return int(pump.room.pk)


async def inside(headers: Headers, *streams: str) -> Viewer:
    viewer = await enter(headers)
    for stream in streams:
        await viewer.subscribe(stream)
    return viewer


async def refused(viewer: Viewer, type: str, **fields: Any) -> str:
    reply = await viewer.request(type, **fields)
    assert not reply["ok"], reply
    return str(reply["error"]["code"])


async def say(user: User, room: int, *texts: str) -> None:
    for text in texts:
        await posting.post(user, room, text)


async def is_quiet(viewer: Viewer) -> bool:
    """Whether no frame waits but presence, which is pushed a moment later."""
    relays.current().rooms._push_activity()  # which would otherwise come a moment later
    await viewer.send({"id": "quiet", "type": "unsubscribe", "stream": "device:none"})
    while (frame := await viewer.frame()).get("reply") != "quiet":
        if frame.get("type") != "presence":
            return False
    return True


async def leave(*viewers: Viewer) -> None:
    for viewer in viewers:
        await viewer.leave()
