import asyncio

import pytest

from bridges.simulator.backlog import Backlog
from bridges.simulator.outbox import URGENT_LIMIT, WINDOW, DeviceOutbox, OutgoingMessage


class FakeConnection:
    """A connection whose messages the test acknowledges."""

    def __init__(self) -> None:
        self.up = False
        self.sent: list[OutgoingMessage] = []
        self._open: list[asyncio.Future[None]] = []

    def publish(self, message: OutgoingMessage) -> asyncio.Future[None]:
        self.sent.append(message)
        self._open.append(asyncio.get_running_loop().create_future())
        return self._open[-1]

    async def acknowledge(self) -> None:
        self._open.pop(0).set_result(None)
        await asyncio.sleep(0)


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def backlog() -> Backlog:
    return Backlog()


@pytest.fixture
def outbox(connection: FakeConnection, backlog: Backlog) -> DeviceOutbox:
    return DeviceOutbox(connection, backlog, "devices/pump-1/telemetry")


async def test_urgent_messages_overtake_the_backlog(connection: FakeConnection, backlog: Backlog, outbox: DeviceOutbox):
    backlog.add(1, {}, live=False)
    outbox.put(OutgoingMessage("status", b"online"), OutgoingMessage("attributes", b"{}"))
    assert connection.sent == []
    connection.up = True
    outbox.flush()
    assert [message.topic for message in connection.sent] == ["status", "attributes", "devices/pump-1/telemetry"]


async def test_unacknowledged_messages_are_limited(connection: FakeConnection, backlog: Backlog, outbox: DeviceOutbox):
    connection.up = True
    for ts in range(WINDOW + 5):
        backlog.add(ts + 1, {}, live=True)
        outbox.flush()
    assert len(connection.sent) == WINDOW
    assert len(backlog) == 5
    await connection.acknowledge()
    assert len(connection.sent) == WINDOW + 1
    assert not backlog  # the five were sent together, as a list


async def test_an_urgent_message_that_is_already_waiting_is_not_added_again(
    connection: FakeConnection, outbox: DeviceOutbox
):
    for _ in range(3):
        outbox.put(OutgoingMessage("status", b"online"))
    connection.up = True
    outbox.flush()
    assert len(connection.sent) == 1


async def test_past_their_limit_the_oldest_urgent_messages_are_dropped(
    connection: FakeConnection, outbox: DeviceOutbox
):
    for number in range(URGENT_LIMIT + 1):
        outbox.put(OutgoingMessage(f"answers/{number}", b""))
    connection.up = True
    outbox.flush()
    while len(connection.sent) < URGENT_LIMIT:
        await connection.acknowledge()
    assert connection.sent[0].topic == "answers/1"
    assert connection.sent[-1].topic == f"answers/{URGENT_LIMIT}"
