"""The inbound session on its own: with a real Mosquitto, the embedded broker, and a socket that plays a broken one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from bridges.broker import Limits
from bridges.mqtt import inbound_connection, inbound_session, topics
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.inbound_connection import InboundConnection, InboundLost
from bridges.mqtt.inbound_session import InboundSession, WantedSubscription
from bridges.mqtt.packets import ConnectPacket, PublishPacket, Subscription, Version, codec
from bridges.mqtt.packets.header import with_header
from devices.runtime.credentials import hash_secret
from tests.bridges.broker.clients import SECRET, RunningBroker
from tests.support.servers import Mosquitto

TELEMETRY = WantedSubscription(Subscription("devices/+/telemetry"))
CONNECT = ConnectPacket(version=Version.V5, client_id="odd", username="bridge", password=b"secret")
WAIT_S = 20


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, {"bridge": hash_secret("secret")})
    broker.start()
    yield broker
    broker.stop()


class Listening:
    """A session whose messages wait to be looked at."""

    def __init__(self, port: int, subscriptions: Collection[WantedSubscription], **options: object) -> None:
        self.messages: asyncio.Queue[tuple[PublishPacket, InboundConnection]] = asyncio.Queue()
        self.ready = asyncio.Event()
        self.kept: list[bool] = []
        self.fault: Callable[[], None] = lambda: None
        address = BrokerAddress("127.0.0.1", port, "bridge", str(options.pop("password", "secret")))
        self.session = InboundSession(
            address,
            str(options.pop("client_id", "test")),
            subscriptions,
            self._take,
            lambda connection, kept: self.kept.append(kept),
            self.ready.set,
            **options,  # type: ignore[arg-type]
        )

    def _take(self, message: PublishPacket, connection: InboundConnection) -> None:
        self.messages.put_nowait((message, connection))
        self.fault()

    async def next(self, *, acknowledge: bool = True) -> bytes:
        async with asyncio.timeout(WAIT_S):
            message, connection = await self.messages.get()
        if acknowledge:
            connection.acknowledge(message.packet_id)
        return message.payload


@asynccontextmanager
async def listening(
    port: int, subscriptions: Collection[WantedSubscription] = (TELEMETRY,), **options: object
) -> AsyncIterator[Listening]:
    found = Listening(port, subscriptions, **options)
    found.session.start()
    try:
        async with asyncio.timeout(WAIT_S):
            await found.ready.wait()
        yield found
    finally:
        await found.session.stop()


class Transport(asyncio.Transport):
    """Tells whether its socket is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = asyncio.Event()
        self.reads.set()

    def write(self, data: object) -> None:
        pass

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        self.reads.clear()

    def resume_reading(self) -> None:
        self.reads.set()


async def publish(port: int, *payloads: str, topic: str = "devices/a/telemetry", retain: bool = False) -> None:
    async with aiomqtt.Client("127.0.0.1", port, username="bridge", password="secret") as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=1, retain=retain)


async def test_what_was_acknowledged_does_not_come_again_and_the_rest_does(mosquitto: Mosquitto) -> None:
    async with listening(mosquitto.port) as first:
        await publish(mosquitto.port, "taken", "left")
        assert await first.next() == b"taken"
        assert await first.next(acknowledge=False) == b"left"
    async with listening(mosquitto.port) as second:
        assert await second.next() == b"left"
        await publish(mosquitto.port, "new")
        assert await second.next() == b"new"
    assert (first.kept, second.kept) == ([False], [True])


async def test_a_busy_socket_rests_for_a_moment_and_is_read_again_unless_the_pipeline_is_full() -> None:
    connection, transport = InboundConnection(CONNECT, lambda *_: None, lambda _: None), Transport()
    connection.connection_made(transport)
    for _ in range(3):
        connection.data_received(b"\xd0\x00")  # PINGRESP
        connection.data_received(b"\xd0\x00")
        assert not transport.reads.is_set()
        async with asyncio.timeout(WAIT_S):
            await transport.reads.wait()
    connection.pause_reading()
    connection._rest()
    connection._end_rest()
    assert not transport.reads.is_set()
    connection.resume_reading()
    assert transport.reads.is_set()


@pytest.mark.parametrize("size", [inbound_connection.LARGEST, 5 << 20])
async def test_of_a_message_that_is_far_too_large_only_the_beginning_is_held(size: int) -> None:
    received: list[PublishPacket] = []
    connection = InboundConnection(CONNECT, lambda message, _: received.append(message), lambda _: None)
    connection.connection_made(Transport())
    packet = codec(Version.V5).write(PublishPacket("a", bytes(size), 1, packet_id=7))
    for start in range(0, len(packet), 1 << 18):
        connection.data_received(packet[start : start + (1 << 18)])
        assert connection._reader.buffered <= inbound_connection.LARGEST
    [message] = received
    assert (message.size, message.packet_id) == (size, 7)
    assert len(message.payload) <= inbound_connection.BEGINNING
    assert not connection.lost.done()


@pytest.mark.parametrize("first", [0x20, 0x90, 0xB0, 0xD0, 0xE0])
async def test_any_other_packet_that_is_too_large_ends_the_connection(first: int) -> None:
    connection = InboundConnection(CONNECT, lambda *_: None, lambda _: None)
    connection.connection_made(Transport())
    connection.data_received(with_header(first, bytes((1 << 16) + 1))[:10])
    assert isinstance(connection.lost.exception(), InboundLost)


async def test_a_message_that_breaks_its_receiver_is_delivered_again(mosquitto: Mosquitto) -> None:
    async with listening(mosquitto.port) as found:
        faults = iter([RuntimeError("broken")])

        def fault() -> None:
            for error in faults:
                raise error

        found.fault = fault
        await publish(mosquitto.port, "1")
        assert await found.next(acknowledge=False) == b"1"
        assert await found.next() == b"1"


async def test_an_acknowledgement_for_a_connection_that_ended_is_not_sent_on_the_next(mosquitto: Mosquitto) -> None:
    """There the same packet id may stand for another message, which would then be lost."""
    async with listening(mosquitto.port) as found:
        await publish(mosquitto.port, "1")
        message, connection = await asyncio.wait_for(found.messages.get(), WAIT_S)
        connection.end("cut by the test")
        assert await found.next(acknowledge=False) == b"1"
        connection.acknowledge(message.packet_id)
    async with listening(mosquitto.port) as again:
        assert await again.next() == b"1"


async def test_filters_of_an_earlier_life_are_given_up(mosquitto: Mosquitto) -> None:
    """Both would match, and each message would come twice."""
    async with listening(mosquitto.port):
        pass
    everything = WantedSubscription(Subscription(topics.ALL))
    async with listening(mosquitto.port, [everything], unwanted=[TELEMETRY.filter]) as found:
        await publish(mosquitto.port, "1", "2")
        assert [await found.next(), await found.next()] == [b"1", b"2"]


async def test_the_retain_flag_is_set_on_what_the_broker_repeats_and_not_on_a_live_message(
    mosquitto: Mosquitto,
) -> None:
    everything = [WantedSubscription(Subscription(topics.ALL))]
    async with listening(mosquitto.port, everything) as found:
        await publish(mosquitto.port, "1", retain=True)
        live, _ = await asyncio.wait_for(found.messages.get(), WAIT_S)
    async with listening(mosquitto.port, everything, client_id="later") as found:
        repeated, _ = await asyncio.wait_for(found.messages.get(), WAIT_S)
    assert (live.retain, repeated.retain) == (False, True)


async def test_a_message_with_odd_properties_holds_up_nobody(mosquitto: Mosquitto) -> None:
    """Mosquitto accepts U+FEFF in a property, which MQTT allows, and forwards it."""
    async with listening(mosquitto.port) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", mosquitto.port)
        writer.write(codec(Version.V5).write(CONNECT))
        await reader.readexactly(4)
        odd = b"\x26\x00\x03\xef\xbb\xbf\x00\x03\xef\xbb\xbf"
        body = b"\x00\x13devices/a/telemetry\x00\x01" + bytes([len(odd)]) + odd + b"odd"
        writer.write(with_header(0x32, body))
        assert await found.next() == b"odd"
        await publish(mosquitto.port, "next")
        assert await found.next() == b"next"
        assert found.kept == [False]  # it is the first connection still
        writer.close()


async def test_with_a_broker_of_3_1_1_the_session_uses_3_1_1(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridges.broker.packet_connection.VERSIONS", (Version.V31, Version.V311))
    old = RunningBroker(Limits())
    caplog.set_level(logging.INFO, "hubbub.mqtt")
    async with listening(old.port, password=SECRET):
        assert "with MQTT 3.1.1" in caplog.text
    await asyncio.to_thread(old.end)


class BrokenBroker:
    """Gives one answer to each of the first reads, and then stays silent."""

    def __init__(self, *answers: bytes, close: bool = False) -> None:
        self._answers, self._close = answers, close
        self.connections = 0
        self.connected = asyncio.Condition()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in self._answers:
            await reader.read(1024)
            writer.write(answer)
        async with self.connected:
            self.connections += 1
            self.connected.notify_all()
        if not self._close:
            await reader.read()
        writer.close()

    async def reach(self, connections: int) -> None:
        async with asyncio.timeout(WAIT_S), self.connected:
            await self.connected.wait_for(lambda: self.connections >= connections)


@asynccontextmanager
async def broken(broker: BrokenBroker, **options: object) -> AsyncIterator[Listening]:
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    found = Listening(server.sockets[0].getsockname()[1], [TELEMETRY], **options)
    found.session.start()
    yield found
    await found.session.stop()
    server.close()


ACCEPTED_5 = b"\x20\x03\x00\x00\x00"


async def test_a_broker_that_goes_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound_connection, "KEEPALIVE_S", 0.2)
    broker = BrokenBroker(ACCEPTED_5)
    async with broken(broker):
        await broker.reach(2)


async def test_while_it_does_not_read_it_does_not_treat_silence_as_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound_connection, "KEEPALIVE_S", 0.1)
    broker = BrokenBroker(ACCEPTED_5)
    async with broken(broker) as found:
        connections: list[InboundConnection] = []
        found.session._on_connected = lambda connection, kept: (
            connections.append(connection),
            connection.pause_reading(),
        )
        await broker.reach(1)
        await asyncio.sleep(1)  # several keep-alives
        assert broker.connections == 1
        connections[0].resume_reading()
        await broker.reach(2)


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ([b"\x20\x03\x00\x87\x00"], "refused the bridge: Not authorized"),
        ([ACCEPTED_5, b"\x90\x04\x00\x01\x00\x87"], "refused the subscription devices/+/telemetry: Not authorized"),
        ([ACCEPTED_5, b"\xe0\x01\x8e"], "Session taken over"),
        ([ACCEPTED_5, b"\xf0\x00"], "unexpected packet of type 15"),
        ([ACCEPTED_5, b"\x30\xff\xff\xff\xff\x01"], "more than four bytes"),
    ],
)
async def test_the_broker_s_reasons_are_logged(
    answers: list[bytes], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(
        inbound_session.logger, "filters", [lambda record: said.put_nowait(record.getMessage()) is None]
    )
    async with broken(BrokenBroker(*answers)), asyncio.timeout(WAIT_S):
        while text not in await said.get():
            pass


async def test_where_mqtt_5_is_needed_it_goes_on_asking_for_it(caplog: pytest.LogCaptureFixture) -> None:
    broker = BrokenBroker(b"\x20\x02\x00\x01", close=True)
    async with broken(broker, needs_v5=True):
        await broker.reach(2)
    assert "does not offer MQTT 5" in caplog.text
    assert "3.1.1" not in caplog.text
