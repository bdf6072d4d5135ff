"""The live connection on real servers, with a real Redis between the publisher and them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dashboards.live.window import MAX_FRAMES
from devices.channel import fanout, groups
from devices.channel.events import AvailabilityChanged, EncodedReadings, TelemetryStored
from devices.models import Device
from devices.spaces import tokens
from tests.dashboards.live.conftest import sign_in
from tests.support.eventually import eventually_async
from tests.support.hub import RunningHub
from tests.support.servers import Redis
from tests.support.web_server import WebServer, WebServers, web_servers

pytestmark = [pytest.mark.django_db(transaction=True)]

WAIT_S = 30


@pytest.fixture(scope="module")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, running_redis: Redis
) -> Iterator[WebServers]:
    with web_servers(tmp_path_factory.mktemp("web"), REDIS_URL=running_redis.url) as found:
        yield found


@pytest.fixture
def redis(running_redis: Redis, settings: Any) -> Redis:
    """Shared by the tests of a file, which leave it running; this process's channel layer too."""
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    hosts = [running_redis.url]
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": hosts, "prefix": "hubbub"}}}
    return running_redis


@pytest.fixture(params=["daphne", "uvicorn"])
def web(
    request: pytest.FixtureRequest, transactional_db: None, servers: WebServers, redis: Redis
) -> Iterator[WebServer]:
    server = servers(request.param)
    yield server
    check_log(server)


def check_log(server: WebServer) -> None:
    assert "hubbub.live: a " not in server.output  # "a … failed": an exception that was logged
    assert "Exception inside application" not in server.output
    assert "Exception in ASGI application" not in server.output


@pytest.fixture
def token(carol: User) -> str:
    return tokens.create(carol)


@asynccontextmanager
async def viewer(web: WebServer, token: str, *streams: str) -> AsyncIterator[ClientConnection]:
    """A welcomed viewer of these streams."""
    async with connect(web.live_url, additional_headers={"Authorization": f"Bearer {token}"}, max_size=None) as client:
        assert (await read(client))["type"] == "welcome"
        for number, stream in enumerate(streams):
            await client.send(json.dumps({"id": number, "type": "subscribe", "stream": stream}))
            reply = await read(client)
            assert reply["ok"], reply
        yield client


async def read(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S):
        found: dict[str, Any] = json.loads(await client.recv())
        return found


async def push(client: ClientConnection, type: str) -> dict[str, Any]:
    """Returns the next push of this type; acknowledges and answers pings."""
    while True:
        frame = await read(client)
        if frame["type"] == "telemetry":
            await client.send(json.dumps({"type": "ack", "n": frame["n"]}))
        elif frame["type"] == "ping":
            await client.send('{"type":"pong"}')
        if frame["type"] == type:
            return frame


async def publish_until_received(client: ClientConnection, device: Device) -> None:
    """Until `client` receives a value: the server may still be recovering from the outage in an earlier test."""
    while True:
        await fanout.publish([readings(device, 1)])
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await push(client, "telemetry")
                return


async def unacknowledged(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    """The next telemetry frames, which are not acknowledged; pings are answered, however slow the machine is."""
    frames: list[dict[str, Any]] = []
    while len(frames) < count:
        frame = await read(client)
        if frame["type"] == "ping":
            await client.send('{"type":"pong"}')
        else:
            frames.append(frame)
    return frames


async def rest(client: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    """Returns all frames until the server closes, and its code."""
    frames = []
    try:
        while True:
            frames.append(await read(client))
    except ConnectionClosed as error:
        return frames, error.rcvd.code if error.rcvd else None


async def closed(client: ClientConnection) -> int | None:
    """The code with which the server closes."""
    return (await rest(client))[1]


def readings(device: Device, number: int, size: int = 0) -> TelemetryStored:
    text = json.dumps({"count": [[number, number]], **({"text": [[number, "x" * size]]} if size else {})})
    return TelemetryStored(shard=groups.shard_of(device.pk), parts=(EncodedReadings(device.pk, device.uid, text),))


async def status(web: WebServer, **headers: str) -> int:
    """The HTTP status of a handshake."""
    try:
        async with connect(web.live_url, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_a_browser_is_admitted_from_an_allowed_origin_and_from_no_other(web: WebServer, alice: User) -> None:
    cookie = f"hubbub_session={await sync_to_async(sign_in)(alice)}"
    assert await status(web, Cookie=cookie, Origin=web.url) == 101
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{web.port + 1}", "http://127.0.0.1", "x"):
        # autobahn itself answers 400 where the Origin is not a URL
        assert await status(web, Cookie=cookie, Origin=origin) in (403, 400 if origin == "x" else 403), origin
    assert await status(web, Cookie=cookie) == 403
    async with connect(web.live_url, additional_headers={"Cookie": cookie, "Origin": web.url}) as client:
        assert (await read(client))["user"] == "alice"


async def test_another_path_is_403_and_leaves_no_traceback(web: WebServer, token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(web.live_url + "elsewhere", additional_headers={"Authorization": f"Bearer {token}"})
    assert refused.value.response.status_code == 403
    assert "Traceback" not in web.output


async def test_an_unauthenticated_client_gets_an_error_and_is_closed_with_4401(web: WebServer) -> None:
    async with connect(web.live_url, additional_headers={"Origin": web.url}) as client:
        assert (await read(client))["error"]["code"] == "unauthenticated"
        assert await closed(client) == 4401
    async with connect(web.live_url, additional_headers={"Authorization": "Bearer no"}) as client:
        assert await closed(client) == 4401


async def test_ten_bad_frames_close_4400(web: WebServer, token: str) -> None:
    async with viewer(web, token) as client:
        for _ in range(10):
            await client.send("{")
            assert (await read(client))["error"]["code"] == "invalid_json"
        assert await closed(client) == 4400


async def test_a_frame_over_64_kib_closes_1009(web: WebServer, token: str) -> None:
    async with viewer(web, token) as client:
        await client.send(" " * 65_530 + "{}")
        assert (await read(client))["ok"] is False
        await client.send(" " * 65_536 + "{}")
        assert await closed(client) == 1009


@pytest.mark.parametrize("web", ["plain daphne"], indirect=True)
def test_a_daphne_started_on_its_own_closes_1009_too(web: WebServer, token: str) -> None:
    async def talk() -> None:
        async with viewer(web, token) as client:
            await client.send(" " * 100_000)
            assert (await read(client))["error"]["code"] == "too_large"
            assert await closed(client) == 1009

    asyncio.run(talk())


async def test_a_viewer_that_never_acknowledges_is_merged_then_closed_4408_and_others_see_everything(
    web: WebServer, token: str, pump: Device
) -> None:
    total = 3 * MAX_FRAMES
    async with viewer(web, token, "device:pump-1") as lazy, viewer(web, token, "device:pump-1") as eager:
        seen: list[list[int]] = []
        for number in range(total):
            await fanout.publish([readings(pump, number)])
            seen += (await push(eager, "telemetry"))["devices"]["pump-1"]["count"]
        assert seen == [[number, number] for number in range(total)]

        frames, code = await rest(lazy)
        assert code == 4408
        assert [frame["type"] for frame in frames if frame["type"] != "ping"] == ["telemetry"] * MAX_FRAMES
        assert {"type": "ping"} in frames
        await fanout.publish([readings(pump, total)])
        await push(eager, "telemetry")


async def test_merged_values_are_counted_when_acks_arrive_late(web: WebServer, token: str, pump: Device) -> None:
    total = 2 * MAX_FRAMES
    async with viewer(web, token, "device:pump-1") as late, viewer(web, token, "device:pump-1") as eager:
        for number in range(total):
            await fanout.publish([readings(pump, number)])
            await push(eager, "telemetry")
        frames = await unacknowledged(late, MAX_FRAMES)
        await late.send(json.dumps({"type": "ack", "n": frames[-1]["n"]}))
        merged = await push(late, "telemetry")
        assert merged["devices"] == {"pump-1": {"count": [[total - 1, total - 1]]}}
        assert merged["dropped"] == total - MAX_FRAMES - 1


async def test_a_viewer_that_stops_reading_costs_no_memory_and_is_closed_4408(
    web: WebServer, token: str, pump: Device
) -> None:
    """Although it acknowledges every frame."""
    async with viewer(web, token, "device:pump-1") as eager, deaf(web, token, "device:pump-1") as writer:
        await fanout.publish([readings(pump, 0)])
        newest = await push(eager, "telemetry")
        before = web.memory
        for number in range(1, 600):  # 60 MB, of which it reads nothing
            writer.write(text_frame({"type": "ack", "n": newest["n"]}))
            await fanout.publish([readings(pump, number, size=100_000)])
            newest = await push(eager, "telemetry")
        assert web.memory - before < 25_000_000
        await eventually_async(lambda: web.output.count("closing a connection of carol: 4408") == 1)
        await eventually_async(lambda: not is_connected(web, writer))


async def test_the_flood_of_a_client_that_reads_nothing_is_bounded(web: WebServer, token: str, pump: Device) -> None:
    async with viewer(web, token, "device:pump-1") as eager, deaf(web, token, "device:pump-1") as writer:
        for number in range(100):  # more than the buffers between it and the hub hold
            writer.write(text_frame({"type": "ack", "n": number}))
            await fanout.publish([readings(pump, number, size=100_000)])
            await push(eager, "telemetry")
        before = web.memory
        flood = text_frame({"type": "pong", "padding": "x" * 60_000})
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1.5):
                for _ in range(2_000):  # 120 MB
                    writer.write(flood)
                    await writer.drain()
        assert web.memory - before < 25_000_000


async def test_a_snapshot_may_be_larger_than_a_frame_of_a_client(web: WebServer, token: str, pump: Device) -> None:
    pump.attributes = {f"fact-{number}": "x" * 1000 for number in range(150)}
    await pump.asave()
    async with viewer(web, token, "device:pump-1"):
        pass


@asynccontextmanager
async def deaf(web: WebServer, token: str, stream: str) -> AsyncIterator[asyncio.StreamWriter]:
    """A viewer of the stream that does not read any more."""
    reader, writer = await asyncio.open_connection(sock=narrow_socket(web.port))
    await handshake(reader, writer, token)
    writer.write(text_frame({"id": 1, "type": "subscribe", "stream": stream}))
    await reader.readuntil(b'"reply":1')
    yield writer
    writer.transport.abort()


@asynccontextmanager
async def events(
    web: WebServer, token: str, query: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open event stream, past its first frame."""
    reader, writer = await asyncio.open_connection(sock=narrow_socket(web.port))
    lines = [f"GET /api/v1/stream?{query} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b'"type":"snapshot"')
    yield reader, writer
    writer.transport.abort()


async def test_an_event_stream_carries_the_same_frames(web: WebServer, token: str, pump: Device) -> None:
    async with asyncio.timeout(WAIT_S), events(web, token, "device=pump-1") as (reader, _):
        for number in range(50):
            await fanout.publish([readings(pump, number)])
            await reader.readuntil(f'"count": [[{number}, {number}]]'.encode())


async def test_a_client_that_stops_reading_an_event_stream_costs_no_memory_and_is_cut_off(
    web: WebServer, token: str, pump: Device
) -> None:
    async with viewer(web, token, "device:pump-1") as eager, events(web, token, "device=pump-1") as (_, writer):
        await fanout.publish([readings(pump, 0)])
        await push(eager, "telemetry")
        before = web.memory
        for number in range(1, 600):  # 60 MB, of which it reads nothing
            await fanout.publish([readings(pump, number, size=100_000)])
            await push(eager, "telemetry")
        assert web.memory - before < 25_000_000
        async with asyncio.timeout(WAIT_S):
            while "closing a connection of carol: 4408" not in web.output:
                await fanout.publish([readings(pump, 0)])
                await push(eager, "telemetry")
        if web.kind == "uvicorn":  # Daphne gives a client a minute to read the end of a response
            await eventually_async(lambda: not is_connected(web, writer))


def is_connected(web: WebServer, client: asyncio.StreamWriter) -> bool:
    """Whether the server still has the client's connection, whatever the client knows of that."""
    assert web.process is not None
    port = client.get_extra_info("sockname")[1]
    found = psutil.Process(web.process.pid).net_connections("tcp")
    return any(one.raddr and one.raddr.port == port for one in found)


def narrow_socket(port: int) -> socket.socket:
    """A socket with a small receive buffer, which is soon full for the sender."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


async def handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
    lines = [
        "GET /ws/ HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {token}",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")


def text_frame(frame: dict[str, Any]) -> bytes:
    """A text frame of a client, with a mask of zeros."""
    payload = json.dumps(frame).encode()
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


async def test_viewers_stay_through_an_outage_of_redis_and_are_told_to_resync(
    web: WebServer, token: str, pump: Device, redis: Redis
) -> None:
    async with viewer(web, token, "device:pump-1") as client:
        await publish_until_received(client, pump)
        redis.kill()
        await fanout.publish([readings(pump, 2)])
        await eventually_async(lambda: "the channel layer failed" in web.output)
        await asyncio.to_thread(redis.start)
        async with asyncio.timeout(6):
            resync = await push(client, "resync")
        assert resync["streams"] == ["device:pump-1"]
        assert resync["reason"] in ("layer", "gap")
        await client.send('{"id":9,"type":"subscribe","stream":"device:pump-1"}')
        while "reply" not in (frame := await read(client)):
            pass
        assert frame["ok"]
        await fanout.publish([AvailabilityChanged(pump.pk, "pump-1", "online", 1)])
        await push(client, "availability")


async def test_signing_out_in_another_process_closes_within_a_second(web: WebServer, alice: User, redis: Redis) -> None:
    from django.test import Client

    browser = Client()
    await sync_to_async(browser.force_login)(alice, "django.contrib.auth.backends.ModelBackend")
    cookie = f"hubbub_session={browser.cookies['hubbub_session'].value}"
    async with connect(web.live_url, additional_headers={"Cookie": cookie, "Origin": web.url}) as client:
        await read(client)
        await sync_to_async(browser.post)("/logout/", headers={"host": "localhost"})
        async with asyncio.timeout(1):
            assert await closed(client) == 4401


def test_a_hub_that_is_stopped_closes_with_1012_and_exits_with_0(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)
    hub.start()
    token = hub.create_token("carol")

    async def talk() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(hub.url.replace("http", "ws") + "/ws/", additional_headers=headers) as client:
            await read(client)
            stopping = asyncio.create_task(asyncio.to_thread(hub.stop))
            assert await closed(client) == 1012
            assert await stopping == 0

    asyncio.run(talk())
