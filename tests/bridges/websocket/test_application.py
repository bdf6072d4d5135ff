"""The application at `/mqtt` between a client that is played by the test and a protocol, or a broker on a port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bridges.websocket import application as module
from bridges.websocket import tunnel
from bridges.websocket.application import MqttOverWebSocket
from bridges.websocket.frames import FRAME_BYTES
from devices.runtime.log_throttle import LogThrottle

Message = dict[str, Any]
WAIT_S = 10


class Client:
    """The other end of a WebSocket. It takes what it is sent only while `reading` is set."""

    def __init__(self, application: MqttOverWebSocket, **scope: Any) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.got: asyncio.Queue[Message] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self.taken: int | None = None
        """How many messages it still takes before it stops reading."""
        self.sent.put_nowait({"type": "websocket.connect"})
        whole = {"headers": [], "subprotocols": ["mqtt"], "client": ("192.0.2.1", 5), "state": {}, **scope}
        self.serving = asyncio.create_task(application(whole, self.sent.get, self._take))

    async def _take(self, message: Message) -> None:
        await self.reading.wait()
        if self.taken is not None:
            self.taken -= 1
            if not self.taken:
                self.reading.clear()
        self.got.put_nowait(message)

    def send(self, data: bytes | str) -> None:
        key = "bytes" if isinstance(data, bytes) else "text"
        self.sent.put_nowait({"type": "websocket.receive", key: data})

    def leave(self) -> None:
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def next(self) -> Message:
        async with asyncio.timeout(WAIT_S):
            return await self.got.get()

    async def accepted(self) -> None:
        assert await self.next() == {"type": "websocket.accept", "subprotocol": "mqtt"}

    async def end(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self.serving


class Recorder(asyncio.Protocol):
    """Writes down what the transport calls."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.calls: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received.put_nowait(data)

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def application(recorder: Recorder) -> MqttOverWebSocket:
    made = MqttOverWebSocket(lambda headers: (b"origin", b"http://elsewhere") not in list(headers))
    made.serve(lambda: recorder)
    return made


async def test_bytes_go_both_ways(application: MqttOverWebSocket, recorder: Recorder) -> None:
    client = Client(application)
    await client.accepted()
    client.send(b"\x10")
    assert await recorder.received.get() == b"\x10"
    assert recorder.transport.get_extra_info("peername") == ("192.0.2.1", 5)
    recorder.transport.write(b"abc")
    recorder.transport.write(bytes(FRAME_BYTES))
    frames = [await client.next() for _ in range(2)]
    assert b"".join(each["bytes"] for each in frames) == b"abc" + bytes(FRAME_BYTES)
    client.leave()
    await client.end()
    assert recorder.calls[-1] == "lost"
    assert client.got.empty()  # it is closed already


async def test_a_sign_in_is_reported_to_what_counts_strangers(
    application: MqttOverWebSocket, recorder: Recorder
) -> None:
    class Visit:
        account = ""

        def sign_in_as(self, account: str) -> None:
            self.account = account

    visit = Visit()
    client = Client(application, state={"visit": visit})
    await client.accepted()
    await asyncio.sleep(0)
    recorder.transport.get_extra_info("on_sign_in")("pump")
    assert visit.account == "mqtt:pump"


@pytest.mark.parametrize(
    "scope", [{"subprotocols": []}, {"subprotocols": ["other"]}, {"headers": [(b"origin", b"http://elsewhere")]}]
)
async def test_others_are_refused(application: MqttOverWebSocket, recorder: Recorder, scope: Message) -> None:
    client = Client(application, **scope)
    assert await client.next() == {"type": "websocket.close"}
    assert recorder.transport is None


async def test_text_is_not_mqtt(application: MqttOverWebSocket, recorder: Recorder) -> None:
    client = Client(application)
    await client.accepted()
    client.send("hello")
    assert await client.next() == {"type": "websocket.close", "code": 1003}
    await client.end()
    assert recorder.calls == ["lost"]


async def test_what_is_written_before_the_end_is_sent(application: MqttOverWebSocket, recorder: Recorder) -> None:
    client = Client(application)
    await client.accepted()
    await asyncio.sleep(0)
    recorder.transport.write(b"bye")
    recorder.transport.close()
    assert (await client.next())["bytes"] == b"bye"
    assert await client.next() == {"type": "websocket.close", "code": 1000}


async def test_a_client_that_does_not_read_is_not_sent_any_more(
    application: MqttOverWebSocket, recorder: Recorder
) -> None:
    client = Client(application)
    await client.accepted()
    client.reading.clear()
    recorder.transport.set_write_buffer_limits(high=1_000)
    recorder.transport.write(bytes(900))
    assert recorder.calls == []
    recorder.transport.write(bytes(900))
    assert recorder.calls == ["pause"]
    client.reading.set()
    await client.next()
    await asyncio.sleep(0)
    assert recorder.calls == ["pause", "resume"]
    client.reading.clear()
    recorder.transport.write(b"x")
    recorder.transport.abort()
    client.reading.set()
    await client.end()
    assert recorder.calls[-1] == "lost"


async def test_a_client_that_takes_one_frame_after_the_other_makes_progress(
    application: MqttOverWebSocket, recorder: Recorder
) -> None:
    """Else the broker takes it for one that has stalled."""
    client = Client(application)
    await client.accepted()
    client.taken = 1
    recorder.transport.write(bytes(3 * FRAME_BYTES))
    await client.next()
    await asyncio.sleep(0)
    assert recorder.transport.get_write_buffer_size() == 2 * FRAME_BYTES


async def test_while_reading_is_paused_frames_stay_with_the_server(
    application: MqttOverWebSocket, recorder: Recorder
) -> None:
    client = Client(application)
    await client.accepted()
    client.send(b"1")
    assert await recorder.received.get() == b"1"
    recorder.transport.pause_reading()
    client.send(b"2")
    client.send(b"3")
    await asyncio.sleep(0.05)
    assert client.sent.qsize() >= 1  # one may have been on its way
    recorder.transport.resume_reading()
    assert [await recorder.received.get() for _ in range(2)] == [b"2", b"3"]


async def test_a_broker_that_does_not_run_is_unavailable(application: MqttOverWebSocket) -> None:
    def refuse() -> asyncio.Protocol:
        raise ConnectionRefusedError

    application.serve(refuse)
    client = Client(application)
    await client.accepted()
    assert await client.next() == {"type": "websocket.close", "code": 1013}


async def test_a_web_process_without_any_broker_is_unavailable() -> None:
    client = Client(MqttOverWebSocket(lambda _: True))
    await client.accepted()
    assert await client.next() == {"type": "websocket.close", "code": 1013}


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def broker_that(settings: Any) -> AsyncIterator[Callable[[Handler], Awaitable[MqttOverWebSocket]]]:
    """Starts a broker beside the hub that handles its connections like this."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> MqttOverWebSocket:
        servers.append(await asyncio.start_server(handler, "127.0.0.1", 0))
        settings.BROKERS = {"main": "mqtt://127.0.0.1:1"}
        settings.MQTT_WEBSOCKET_URL = f"mqtt://127.0.0.1:{servers[0].sockets[0].getsockname()[1]}"
        return MqttOverWebSocket(lambda _: True)

    yield start
    for server in servers:
        server.close()


class TestTunnel:
    async def test_bytes_go_both_ways_until_the_broker_ends(
        self, broker_that: Callable[[Handler], Awaitable[MqttOverWebSocket]]
    ) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(6))
            await writer.drain()
            writer.close()

        client = Client(await broker_that(echo))
        await client.accepted()
        client.send(b"abc")
        client.send(b"def")
        assert (await client.next())["bytes"] == b"abcdef"
        assert await client.next() == {"type": "websocket.close", "code": 1000}

    async def test_the_last_packet_of_a_client_arrives(
        self, broker_that: Callable[[Handler], Awaitable[MqttOverWebSocket]]
    ) -> None:
        everything: asyncio.Queue[bytes] = asyncio.Queue()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                everything.put_nowait(await reader.readexactly(2))
            finally:
                writer.close()

        client = Client(await broker_that(listen))
        await client.accepted()
        client.send(b"\xe0\x00")
        client.leave()
        await client.end()
        async with asyncio.timeout(WAIT_S):
            assert await everything.get() == b"\xe0\x00"

    async def test_with_an_unusable_address_it_is_unavailable(
        self, settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_unavailable", LogThrottle())
        settings.BROKERS = {"main": "mqtt://127.0.0.1:1"}
        settings.MQTT_WEBSOCKET_URL = "mqtt://127.0.0.1/path"
        client = Client(MqttOverWebSocket(lambda _: True))
        await client.accepted()
        assert await client.next() == {"type": "websocket.close", "code": 1013}
        assert "MQTT over WebSocket is not available" in caplog.text

    async def test_a_broker_that_cannot_be_reached_is_unavailable(self, settings: Any, unused_tcp_port: int) -> None:
        settings.BROKERS = {"main": f"mqtt://127.0.0.1:{unused_tcp_port}"}
        client = Client(MqttOverWebSocket(lambda _: True))
        await client.accepted()
        assert await client.next() == {"type": "websocket.close", "code": 1013}

    async def test_a_client_that_sends_nothing_is_disconnected(
        self, broker_that: Callable[[Handler], Awaitable[MqttOverWebSocket]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tunnel, "FIRST_BYTES_S", 0.1)
        client = Client(await broker_that(_hold))
        await client.accepted()
        assert await client.next() == {"type": "websocket.close", "code": 1000}

    @pytest.mark.parametrize("side", ["broker", "client"])
    async def test_a_side_that_takes_nothing_holds_a_bounded_amount_and_is_ended(
        self, broker_that: Callable[[Handler], Awaitable[MqttOverWebSocket]], monkeypatch: pytest.MonkeyPatch, side: str
    ) -> None:
        monkeypatch.setattr(tunnel, "STALL_S", 0.3)
        client = Client(await broker_that(_hold if side == "broker" else _flood))
        await client.accepted()
        if side == "client":
            client.send(b"x")
            client.reading.clear()
            await asyncio.sleep(0.5)
            client.reading.set()
        else:
            for _ in range(400):
                client.send(bytes(65_536))
        await client.end()
        if side == "broker":
            assert client.sent.qsize() > 100  # they were not read


async def _hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads nothing."""
    try:
        await asyncio.sleep(60)
    finally:
        writer.transport.abort()


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            writer.write(bytes(65_536))
            await writer.drain()
    except OSError:
        writer.transport.abort()
