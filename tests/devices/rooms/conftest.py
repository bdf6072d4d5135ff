from __future__ import annotations

import pytest

from devices.channel import fanout
from devices.channel.events import Event
from devices.log import entries
from devices.models import Space


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events that are published."""
    events: list[Event] = []

    async def publish(some: list[Event]) -> None:
        events.extend(some)

    monkeypatch.setattr(fanout, "publish", publish)
    return events


@pytest.fixture
def locked_rooms(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the rooms that are locked, in order."""
    rooms: list[int] = []
    hold = entries.lock
    monkeypatch.setattr(entries, "lock", lambda room_id: (rooms.append(room_id), hold(room_id)))
    return rooms


@pytest.fixture
def cellar(db: None) -> Space:
    return Space.objects.create(slug="cellar", name="Cellar")
