"""The outbound session on its own: however it ends, it leaves no connection and no complaint behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator

import aiomqtt
import pytest

from bridges.broker import Broker
from bridges.mqtt import outbound_session as sessions
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.outbound_session import Lost, OutboundSessions, OutboundVersionRefused, outbound_session
from tests.bridges.broker.clients import SECRET, HeldSink, KnownAccounts

WAIT_S = 20
TURNS = range(0, 60, 5)
"""Of the event loop. Connecting needs some thirty."""


class Door:
    """A broker that acknowledges nothing, on the event loop of the test.

    `complaints` is what asyncio would have written into the log.
    """

    def __init__(self) -> None:
        self.accounts = KnownAccounts()
        self.complaints: list[str] = []
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.broker = Broker(self.accounts, sock=self._sock, sink=HeldSink())
        asyncio.get_running_loop().set_exception_handler(self._complain)

    def address(self, username: str) -> BrokerAddress:
        return BrokerAddress(*self._sock.getsockname(), username, SECRET)

    async def visit(self, username: str = "bridge", entered: asyncio.Event | None = None) -> None:
        """Stays until cancelled, or until the broker ends the connection."""
        async with outbound_session(self.address(username), "out") as session:
            if entered is not None:
                entered.set()
            await asyncio.wait({session.lost})

    async def reach(self, count: str, value: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while self.broker.stats[count] != value:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        await self.broker.stop()
        gc.collect()  # an error that nobody has retrieved is reported when it is collected
        await asyncio.sleep(0)

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self.complaints.append(f"{context['message']}: {context.get('exception')!r}")


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    await found.broker.start()
    yield found
    await found.close()
    assert found.complaints == []


async def leave(visit: asyncio.Task[None]) -> None:
    visit.cancel()
    await asyncio.wait({visit}, timeout=WAIT_S)
    assert visit.cancelled()


async def pass_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_cancelled_while_the_broker_looks_the_login_up_it_leaves_once_it_is_let_in(door: Door) -> None:
    visit = asyncio.create_task(door.visit("slow"))
    await asyncio.to_thread(door.accounts.asked.wait, WAIT_S)
    visit.cancel()
    await pass_turns(3)
    door.accounts.answer.set()
    await asyncio.wait({visit}, timeout=WAIT_S)
    assert visit.cancelled()
    await door.reach("connections", 0)
    assert door.broker.stats["accepted_logins"] == 1


@pytest.mark.parametrize("turns", TURNS)
async def test_cancelled_at_any_moment_of_connecting_it_leaves_no_connection(door: Door, turns: int) -> None:
    visit = asyncio.create_task(door.visit())
    await pass_turns(turns)
    await leave(visit)
    await door.reach("connections", 0)


@pytest.mark.parametrize("turns", range(8))
async def test_it_may_leave_at_the_moment_at_which_the_broker_goes(door: Door, turns: int) -> None:
    entered = asyncio.Event()
    visit = asyncio.create_task(door.visit(entered=entered))
    await asyncio.wait_for(entered.wait(), WAIT_S)
    stopping = asyncio.create_task(door.broker.stop())
    await pass_turns(turns)
    visit.cancel()
    await asyncio.wait({visit, stopping}, timeout=WAIT_S)
    assert visit.done()


async def test_a_broker_that_answers_too_late_finds_the_connection_closed(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CONNECT_TIMEOUT_S", 0.05)
    with pytest.raises(Lost):
        await asyncio.wait_for(door.visit("slow"), WAIT_S)
    door.accounts.answer.set()
    await door.reach("connections", 0)


async def test_a_broker_that_is_not_there_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = BrokerAddress(*sock.getsockname())
        with pytest.raises(Lost, match="refused"):
            async with outbound_session(address, "out"):
                pass
    # A client of the test before may still report that it could not take its leave.
    assert [line for line in caplog.messages if "gracefully" not in line] == []


async def test_a_message_that_the_broker_does_not_acknowledge_is_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ACKNOWLEDGE_S", 0.05)
    async with outbound_session(door.address("bridge"), "out") as session:
        with pytest.raises(Lost, match="does not acknowledge"):
            await session.publish("devices/a/commands/1", b"{}", 60)
        assert not session.lost.done()


class OldBroker:
    """Knows MQTT 3.1.1 only; `refusal` is its answer to any other version, empty where it just hangs up."""

    def __init__(self, refusal: bytes) -> None:
        self._refusal = refusal
        self.versions: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await reader.read(1_024)
        self.versions.append(connect[8])  # after the fixed header and the name of the protocol
        v311 = connect[8] == 4
        writer.write(b"\x20\x02\x00\x00" if v311 else self._refusal)
        if v311:
            await reader.read()
        writer.close()


@pytest.mark.parametrize("refusal", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""])
async def test_a_broker_that_refuses_mqtt_5_is_asked_again_with_3_1_1(
    refusal: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CONNECT_TIMEOUT_S", 0.5)
    old = OldBroker(refusal)
    server = await asyncio.start_server(old.serve, "127.0.0.1", 0)
    async with server:
        opening = OutboundSessions(BrokerAddress(*server.sockets[0].getsockname()), "out")
        with pytest.raises(OutboundVersionRefused):
            async with opening.open():
                pass
        async with opening.open():
            assert old.versions == [5, 4]


class BusyBroker:
    """Knows MQTT 5, and answers nothing while it is busy."""

    def __init__(self) -> None:
        self.versions: list[int] = []
        self.is_busy = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.versions.append((await reader.read(1_024))[8])
        if not self.is_busy:
            writer.write(b"\x20\x03\x00\x00\x00" if self.versions[-1] == 5 else b"\x20\x02\x00\x00")
        await reader.read()
        writer.close()


async def test_a_broker_that_knows_mqtt_5_is_not_taken_for_an_old_one_while_it_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With MQTT 3.1.1 it would not learn how long a command is valid."""
    busy = BusyBroker()
    server = await asyncio.start_server(busy.serve, "127.0.0.1", 0)
    async with server:
        opening = OutboundSessions(BrokerAddress(*server.sockets[0].getsockname()), "out")
        async with opening.open():
            pass
        busy.is_busy = True
        monkeypatch.setattr(sessions, "CONNECT_TIMEOUT_S", 0.2)
        with pytest.raises(Lost):
            async with opening.open():
                pass
        busy.is_busy = False
        async with opening.open():
            assert busy.versions == [5, 5, 5]


async def test_a_broker_that_was_busy_at_first_gets_mqtt_5_with_the_next_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = BusyBroker()
    busy.is_busy = True
    server = await asyncio.start_server(busy.serve, "127.0.0.1", 0)
    async with server:
        opening = OutboundSessions(BrokerAddress(*server.sockets[0].getsockname()), "out")
        with monkeypatch.context() as hurried:
            hurried.setattr(sessions, "CONNECT_TIMEOUT_S", 0.2)
            with pytest.raises(Lost):
                async with opening.open():
                    pass
        busy.is_busy = False
        for _ in range(3):
            async with opening.open():
                pass
        assert busy.versions == [5, 4, 5, 5]


async def test_its_will_is_published_where_it_is_lost(door: Door) -> None:
    will = aiomqtt.Will("spBv1.0/STATE/hubbub", b'{"online":false}', 0, retain=True)
    async with outbound_session(door.address("bridge"), "out", will=will) as session:
        await session.publish(will.topic, b'{"online":true}', None, qos=0, retain=True)
        await door.broker.disconnect("bridge")
        await asyncio.wait({session.lost}, timeout=WAIT_S)
    async with asyncio.timeout(WAIT_S):
        while door.broker.retained(will.topic) != [(will.topic, will.payload)]:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.001)
