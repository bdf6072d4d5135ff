import asyncio

import pytest

from bridges.simulator.backlog import Backlog
from bridges.simulator.outbox import URGENT_LIMIT, WINDOW, Message, Outbox


class Wire:
    """A connection whose acknowledgements the test gives."""

    def __init__(self) -> None:
        self.up = False
        self.sent: list[Message] = []
        self._open: list[asyncio.Future[None]] = []

    def publish(self, message: Message) -> asyncio.Future[None]:
        self.sent.append(message)
        self._open.append(asyncio.get_running_loop().create_future())
        return self._open[-1]

    async def acknowledge(self) -> None:
        self._open.pop(0).set_result(None)
        await asyncio.sleep(0)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def backlog() -> Backlog:
    return Backlog()


@pytest.fixture
def outbox(wire: Wire, backlog: Backlog) -> Outbox:
    return Outbox(wire, backlog, "devices/pump-1/telemetry")


async def test_urgent_messages_overtake_the_backlog(wire: Wire, backlog: Backlog, outbox: Outbox):
    backlog.add(1, {}, live=False)
    outbox.put(Message("status", b"online"), Message("attributes", b"{}"))
    assert wire.sent == []
    wire.up = True
    outbox.flush()
    assert [message.topic for message in wire.sent] == ["status", "attributes", "devices/pump-1/telemetry"]


async def test_unacknowledged_messages_are_limited(wire: Wire, backlog: Backlog, outbox: Outbox):
    wire.up = True
    for ts in range(WINDOW + 5):
        backlog.add(ts + 1, {}, live=True)
        outbox.flush()
    assert len(wire.sent) == WINDOW
    assert len(backlog) == 5
    await wire.acknowledge()
    assert len(wire.sent) == WINDOW + 1
    assert not backlog  # the five went together, as a list


async def test_same_urgent_message_waits_once(wire: Wire, outbox: Outbox):
    for _ in range(3):
        outbox.put(Message("status", b"online"))
    wire.up = True
    outbox.flush()
    assert len(wire.sent) == 1


async def test_urgent_messages_are_bounded_and_the_oldest_give_way(wire: Wire, outbox: Outbox):
    for number in range(URGENT_LIMIT + 1):
        outbox.put(Message(f"answers/{number}", b""))
    wire.up = True
    outbox.flush()
    while len(wire.sent) < URGENT_LIMIT:
        await wire.acknowledge()
    assert wire.sent[0].topic == "answers/1"
    assert wire.sent[-1].topic == f"answers/{URGENT_LIMIT}"
