"""Clients that attack the web side of the hub, on real servers: they harm nobody else."""

from __future__ import annotations

import asyncio
import json
import re
import select
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress

import httpx
import psutil
import pytest
from django.contrib.auth.models import User
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dashboards.live.rates import CONTROL_BURST, PING_BURST
from devices.models import Device
from devices.spaces import tokens
from hub import descriptors
from hub.middleware.large_bodies import MAX_PER_PERSON
from tests.dashboards.live.test_servers import handshake, narrow_socket, text_frame
from tests.support.eventually import eventually, eventually_async
from tests.support.quick_limits import CONNECTIONS_OF_ACCOUNT
from tests.support.web_server import WebServer, WebServers, web_servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

WAIT_S = 20
ADDRESS_LIMIT = 20
REFUSED = "hubbub_connections_refused_total"
CLOSED = 'hubbub_connections_closed_total{code="4429"}'
EVICTED = 'hubbub_connections_cut_total{reason="address"}'
CUT_OF_ACCOUNT = 'hubbub_connections_cut_total{reason="account"}'
SERVERS = ["quick daphne", "quick uvicorn"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[WebServers]:
    with web_servers(tmp_path_factory.mktemp("web"), ADDRESS_LIMIT=str(ADDRESS_LIMIT)) as found:
        yield found


@pytest.fixture(params=SERVERS)
def web(request: pytest.FixtureRequest, transactional_db: None, servers: WebServers) -> Iterator[WebServer]:
    server = servers(request.param)
    yield server
    print(server.output)
    assert "Traceback" not in server.output


@pytest.fixture
def token(carol: User) -> str:
    return tokens.create(carol)


def counted(web: WebServer, name: str) -> float:
    """The value of a counter of the server; the names of labels are part of it."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", httpx.get(f"{web.url}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@asynccontextmanager
async def live(web: WebServer, token: str) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {token}"}
    async with asyncio.timeout(WAIT_S), connect(web.live_url, additional_headers=headers, ping_interval=None) as client:
        assert json.loads(await client.recv())["type"] == "welcome"
        yield client


async def close_code(client: ClientConnection) -> int | None:
    try:
        while True:
            await client.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that arrives before the connection ends, or is reset."""
    found = b""
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            found += data
    return found


def control_frame(opcode: int, payload: bytes = b"") -> bytes:
    """A control frame of a client, with a mask of zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


PING = control_frame(9, b"x" * 125)
PONG = b"\x8a\x7d"
"""The beginning of the answer to it."""


@pytest.mark.parametrize("web", [*SERVERS, "plain uvicorn"], indirect=True)
async def test_a_client_that_pings_and_reads_nothing_costs_no_memory_and_is_closed(web: WebServer, token: str) -> None:
    """200,000 pings, 26 MB: their pongs would fill the memory."""
    before, closed = web.memory, counted(web, CLOSED)
    reader, writer = await asyncio.open_connection(sock=narrow_socket(web.port))
    await handshake(reader, writer, token)
    with suppress(ConnectionError):
        async with asyncio.timeout(WAIT_S):
            for _ in range(200):
                writer.write(PING * 1_000)
                await writer.drain()
            await reader.read()
    assert web.memory - before < 8_000_000
    assert counted(web, CLOSED) > closed
    writer.transport.abort()


@pytest.mark.parametrize("opcode", [9, 10])
async def test_too_many_control_frames_are_closed_4429_and_not_admitted_at_once(
    web: WebServer, token: str, opcode: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    await handshake(reader, writer, token)
    writer.write(text_frame({"id": 1, "type": "unsubscribe", "stream": "inbox"}))
    async with asyncio.timeout(WAIT_S):
        await reader.readuntil(b'"reply":1')
        refused, headers = counted(web, REFUSED), {"Authorization": f"Bearer {token}"}
        writer.write(control_frame(opcode) * (PING_BURST + 200))
        assert (4429).to_bytes(2) in await everything(reader)
        writer.close()
        while True:
            async with connect(web.live_url, additional_headers=headers) as client:
                frame = json.loads(await client.recv())
                if frame["type"] == "welcome":
                    break
                assert frame["error"]["code"] == "too_many"
                assert await close_code(client) == 4429
    assert counted(web, REFUSED) > refused


async def test_empty_parts_of_a_message_count_too(web: WebServer, token: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    await handshake(reader, writer, token)
    writer.write(bytes([0x01, 0x80]) + bytes(4) + (bytes([0x00, 0x80]) + bytes(4)) * (PING_BURST + 200))
    async with asyncio.timeout(WAIT_S):
        assert (4429).to_bytes(2) in await everything(reader)
    writer.close()


async def test_fast_pings_get_one_pong_a_second_and_the_connection_stays(web: WebServer, token: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    await handshake(reader, writer, token)
    async with asyncio.timeout(WAIT_S):
        began = time.monotonic()
        writer.write(PING * (PING_BURST // 2) + text_frame({"id": 1, "type": "unsubscribe", "stream": "inbox"}))
        answers = await reader.readuntil(b'"reply":1')
        assert 1 <= answers.count(PONG) <= 1 + time.monotonic() - began
        while PONG not in answers[-len(PONG) :]:  # until the next one is due
            writer.write(PING)
            with suppress(TimeoutError):
                answers = await asyncio.wait_for(reader.readuntil(PONG), 0.1)
    writer.close()


async def test_acks_of_frames_that_were_never_sent_are_closed_4429(web: WebServer, token: str) -> None:
    async with live(web, token) as client:
        for number in range(CONTROL_BURST + 200):
            with suppress(ConnectionClosed):
                await client.send(f'{{"type": "ack", "n": {number}}}')
        assert await close_code(client) == 4429


async def test_a_message_that_is_not_utf_8_is_closed_1007_without_a_traceback(web: WebServer, token: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    await handshake(reader, writer, token)
    writer.write(b"\x81\x82" + bytes(4) + b"\xff\xfe")
    async with asyncio.timeout(WAIT_S):
        assert (1007).to_bytes(2) in await everything(reader)
    writer.close()


def opened(web: WebServer, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", web.port), timeout=WAIT_S, source_address=(host, 0))


def answer(sock: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    with suppress(ConnectionError):
        while data := sock.recv(65_536):
            found += data
    return found


@pytest.mark.parametrize("method", ["POST", "PUT", "BREW"])
def test_a_request_for_an_upgrade_that_is_not_get_is_answered(web: WebServer, method: str) -> None:
    lines = [f"{method} /ws/ HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"]
    key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Content-Length: 0"]
    with opened(web) as sock:
        sock.sendall("\r\n".join([*lines, *key, "", ""]).encode())
        assert answer(sock)[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4")


def test_headers_that_never_end_are_cut_off(web: WebServer) -> None:
    before = counted(web, 'hubbub_connections_cut_total{reason="headers"}')
    with opened(web) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < WAIT_S:
                sock.sendall(b"X-A: b\r\n")
                time.sleep(0.1)  # the attack: a line now and then
    assert counted(web, 'hubbub_connections_cut_total{reason="headers"}') == before + 1


def test_a_connection_that_sends_nothing_is_cut_off(web: WebServer) -> None:
    with opened(web) as sock:
        assert answer(sock) == b""


def test_a_connection_that_is_idle_after_a_response_is_closed(web: WebServer) -> None:
    with opened(web) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200" in answer(sock)


def test_a_body_that_trickles_in_is_cut_off_and_a_slow_one_is_not(web: WebServer) -> None:
    head = b"POST /api/v1/devices/pump-1/telemetry HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    with opened(web) as trickle, opened(web) as slow:
        trickle.sendall(head + b"Content-Length: 9000\r\n\r\n")
        slow.sendall(head + b"Content-Length: 9000\r\n\r\n")
        for _ in range(30):  # of 300 bytes, 3,000 a second
            slow.sendall(b" " * 300)
            with suppress(ConnectionError):
                trickle.sendall(b" ")
            time.sleep(0.1)
        assert b" 401 " in answer(slow)
        assert b" 401 " not in answer(trickle)
    assert counted(web, 'hubbub_connections_cut_total{reason="body"}') >= 1


def test_one_address_with_many_connections_keeps_nobody_out(web: WebServer, token: str) -> None:
    async def talk() -> None:
        async with live(web, token), live(web, token):
            before = await asyncio.to_thread(counted, web, EVICTED)
            attackers = [opened(web, "127.0.0.9") for _ in range(3 * ADDRESS_LIMIT)]
            await eventually_async(
                lambda: asyncio.to_thread(lambda: counted(web, EVICTED) == before + 2 * ADDRESS_LIMIT)
            )
            for sock in attackers[: 2 * ADDRESS_LIMIT]:
                assert await asyncio.to_thread(answer, sock) == b"", "the oldest go first"
            assert (await asyncio.to_thread(httpx.get, f"{web.url}/healthz")).status_code == 200
            for sock in attackers:
                sock.close()

    asyncio.run(talk())


def test_whoever_has_signed_in_does_not_count_against_the_address(web: WebServer, token: str) -> None:
    """Devices and people behind one NAT share its address."""
    rights = {"Authorization": f"Bearer {token}"}

    async def talk() -> None:
        clients = [httpx.AsyncClient(base_url=web.url, headers=rights) for _ in range(10)]
        viewers = [live(web, token) for _ in range(2 * ADDRESS_LIMIT)]
        for viewer in viewers:
            connection = await viewer.__aenter__()
            await connection.send('{"id": 1, "type": "unsubscribe", "stream": "inbox"}')
            viewer.connection = connection  # type: ignore[attr-defined]
        for client in clients:
            assert (await client.get("/api/v1/devices")).status_code == 200
        for viewer in viewers:
            assert "reply" in json.loads(await viewer.connection.recv())  # type: ignore[attr-defined]
            await viewer.__aexit__(None, None, None)
        for client in clients:
            await client.aclose()

    asyncio.run(talk())


def test_one_account_holds_few_idle_connections(web: WebServer, token: str) -> None:
    request = f"GET /api/v1/devices HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    before = counted(web, CUT_OF_ACCOUNT)
    idle = []
    for _ in range(CONNECTIONS_OF_ACCOUNT + 20):
        idle.append(opened(web))
        idle[-1].sendall(request)
        assert idle[-1].recv(65_536).startswith(b"HTTP/1.1 200")
    assert counted(web, CUT_OF_ACCOUNT) >= before + 10  # others may have been idle for too long
    for sock in idle:
        sock.close()


def upload(length: int, *headers: str) -> bytes:
    lines = ["POST /api/v1/rooms/1/files HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "Content-Type: multipart/form-data; boundary=b", "", ""]).encode()


def test_a_large_body_of_somebody_who_has_not_signed_in_is_refused_before_it_is_read(
    web: WebServer, token: str
) -> None:
    """Only its headers have been sent."""
    for headers in ([], ["Authorization: Bearer wrong"], ["Cookie: hubbub_session=wrong"]):
        with opened(web) as sock:
            sock.sendall(upload(5_000_000, *headers))
            status, _, rest = sock.recv(65_536).partition(b"\r\n")
            assert b" 401 " in status, headers
            assert json.loads((rest + sock.recv(65_536) if b"{" not in rest else rest).partition(b"\r\n\r\n")[2])
    with opened(web) as sock:
        sock.sendall(upload(0, "Transfer-Encoding: chunked"))
        assert sock.recv(65_536).split()[1] in (b"400", b"401"), "chunks follow, whatever the length says"
    with opened(web) as sock:
        sock.sendall(upload(5_000_000, f"Authorization: Bearer {token}"))
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):  # the body is awaited
            sock.recv(1)


def test_one_person_sends_few_large_bodies_at_once(web: WebServer, token: str) -> None:
    """Of each of them only the beginning has arrived; those of others are not held up."""
    with ExitStack() as stack:
        uploads = [stack.enter_context(opened(web)) for _ in range(MAX_PER_PERSON + 1)]
        for sock in uploads:
            sock.sendall(upload(5_000_000, f"Authorization: Bearer {token}") + b"x" * 1_000)
        ready, _, _ = select.select(uploads, [], [], WAIT_S)
        [refused] = [sock.recv(65_536) for sock in ready]
        assert b" 429 " in refused
        assert b"too_many" in refused or b"too_many" in ready[0].recv(65_536)
    eventually(lambda: _is_awaited(web, token))


def _is_awaited(web: WebServer, token: str) -> bool:
    """Whether the body of one more upload is awaited."""
    with opened(web) as sock:
        sock.sendall(upload(5_000_000, f"Authorization: Bearer {token}"))
        return not select.select([sock], [], [], 0.3)[0]


def test_a_body_that_is_too_large_gets_the_documented_error(web: WebServer, pump: Device) -> None:
    found = httpx.post(f"{web.url}/api/v1/devices/pump-1/telemetry", content=b"x" * 3_000_000, timeout=WAIT_S)
    assert found.status_code == 413
    assert found.json() == {"error": {"code": "too_large", "message": "the body is too large", "retry": False}}


def test_foreign_hosts_and_origins_are_counted_and_logged_once(web: WebServer, token: str) -> None:
    with httpx.Client(base_url=web.url, headers={"Host": "evil.example"}) as client:
        for _ in range(100):
            assert client.get("/login/").status_code == 400
    with httpx.Client(base_url=web.url, headers={"Origin": "https://evil.example"}) as client:
        for _ in range(20):
            assert client.get("/api/v1/stream?inbox=1").status_code == 403
            assert client.post("/login/", data={"username": "a"}).status_code == 403
    assert counted(web, 'hubbub_requests_rejected_total{reason="host"}') >= 100
    assert counted(web, 'hubbub_requests_rejected_total{reason="origin"}') >= 20
    assert counted(web, 'hubbub_requests_rejected_total{reason="csrf"}') >= 20
    kept = [line for line in web.output.splitlines() if "rejected_total" not in line and " - " not in line]
    assert len("\n".join(kept)) < 5_000, "\n".join(kept)


def test_connections_that_cannot_be_accepted_are_counted_and_logged_once(web: WebServer) -> None:
    assert web.process is not None
    process = psutil.Process(web.process.pid)
    soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 3, hard))
    try:
        with ExitStack() as stack:
            for _ in range(ADDRESS_LIMIT - 5):
                stack.enter_context(opened(web, "127.0.0.9"))
            eventually(lambda: re.search("cannot accept connections|out of system resource", web.output))
    finally:
        process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: counted(web, "hubbub_accept_errors_total") >= 1)
    assert len(re.findall("cannot accept connections|out of system resource", web.output)) == 1


def test_the_limit_of_open_files_is_raised(web: WebServer) -> None:
    assert web.process is not None
    soft, hard = psutil.Process(web.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == min(hard, descriptors.MOST)
