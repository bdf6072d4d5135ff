"""A connection that nobody writes out: its outbox is never emptied."""

from __future__ import annotations

import itertools
from typing import cast

from dashboards.live.connection import Connection
from dashboards.live.frames import SharedTelemetry
from dashboards.live.logins import LoginKey
from dashboards.live.window import MAX_FRAMES
from devices.access import Person
from devices.channel.events import EncodedReadings
from tests.dashboards.live.conftest import HandClock


class Nobody:
    pk = 1


async def test_acks_of_frames_that_still_wait_make_no_room_for_more(clock: HandClock) -> None:
    """A client that acknowledges what it has not read would have the hub keep everything for it."""
    numbers = itertools.count()
    connection = Connection(cast(Person, Nobody()), LoginKey(token="t"), clock, lambda: next(numbers))
    for n in range(10 * MAX_FRAMES):
        connection.telemetry(SharedTelemetry(n, [EncodedReadings(1, "pump-1", f'{{"count":[[{n},{n}]]}}')]))
        connection.acknowledge(10**9)
    assert connection.window.unacknowledged[0] == MAX_FRAMES
    assert len(connection.outbox._queue) == MAX_FRAMES
