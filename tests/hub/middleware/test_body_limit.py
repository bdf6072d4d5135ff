from __future__ import annotations

import asyncio
import errno
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from hub.middleware import Receive, Send
from hub.middleware.body_limit import BodyLimit, allowed

MOST = 100_000


class Reader:
    """An application that reads the whole body and answers with its length."""

    def __init__(self) -> None:
        self.read = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            self.read += len(message["body"])
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(self.read).encode()})


Ask = Callable[[bytes], Awaitable[bytes]]


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
async def ask(reader: Reader) -> AsyncIterator[Ask]:
    """Sends bytes to a real server; returns the beginning of its response, with its headers."""
    sock = socket.create_server(("127.0.0.1", 0))  # already listens, so early clients wait
    limited = BodyLimit(reader, lambda method, path: MOST)
    server = uvicorn.Server(uvicorn.Config(limited, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))

    async def send(request: bytes) -> bytes:
        stream, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(request)
        try:
            async with asyncio.timeout(10):
                return await stream.readuntil(b"\r\n\r\n") + await stream.read(1000)
        finally:
            writer.close()

    yield send
    server.should_exit = server.force_exit = True
    await serving


def post(*headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "Host: h", *headers, "", ""]).encode() + body


async def test_a_body_within_the_limit_is_read(ask: Ask) -> None:
    assert b"\r\n100000\r\n" in await ask(post(f"Content-Length: {MOST}", body=b"x" * MOST))


async def test_an_announced_length_is_refused_before_the_body_is_sent(ask: Ask, reader: Reader) -> None:
    answer = await ask(post("Content-Length: 99999999999"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code": "too_large"' in answer
    assert b"connection: close" in answer.lower()
    assert reader.read == 0


async def test_chunks_are_read_up_to_the_limit(ask: Ask, reader: Reader) -> None:
    """The last chunk never comes, but the response does."""
    chunk = f"{50_000:x}".encode() + b"\r\n" + b"x" * 50_000 + b"\r\n"
    answer = await ask(post("Transfer-Encoding: chunked", body=chunk * 3))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert reader.read <= MOST


@pytest.mark.parametrize("length", [[], [(b"content-length", b"0")]])
async def test_a_body_in_chunks_needs_a_login_whatever_length_is_given_besides(
    reader: Reader, length: list[tuple[bytes, bytes]]
) -> None:
    """Servers read the chunks and ignore the length."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 10, "more_body": False}

    headers = [*length, (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    await BodyLimit(reader, lambda method, path: 10.0**7)(scope, receive, send)
    assert sent[0]["status"] == 401
    assert reader.read == 0


async def test_other_protocols_pass(reader: Reader) -> None:
    seen = []

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*message: Any) -> Any:
        raise AssertionError

    await BodyLimit(application, lambda method, path: MOST)({"type": "websocket"}, nothing, nothing)
    assert seen == ["websocket"]


class FailingWriter:
    """An application that fails to write, before or after it has started its response."""

    def __init__(self, number: int, started: bool) -> None:
        self._number = number
        self._started = started

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if self._started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError(self._number, "something")


async def answer_of(application: FailingWriter) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    await BodyLimit(application, lambda method, path: MOST)(scope, receive, send)
    return sent


async def test_a_body_that_the_disk_has_no_room_for_is_refused_by_name() -> None:
    start, body, _ = await answer_of(FailingWriter(errno.ENOSPC, started=False))
    assert start["status"] == 503
    assert b'"code": "unavailable"' in body["body"]
    assert b"full" in body["body"]


@pytest.mark.parametrize(("number", "started"), [(errno.EIO, False), (errno.ENOSPC, True)])
async def test_other_and_later_failures_are_not_hidden(number: int, started: bool) -> None:
    with pytest.raises(OSError, match="something"):
        await answer_of(FailingWriter(number, started))


@pytest.mark.parametrize(
    ("method", "path", "limit", "most"),
    [
        ("POST", "/api/v1/rooms/7/files", 10, 11 * 1024 * 1024),
        ("POST", "/api/v1/rooms/7/files", 0, math.inf),
        ("PUT", "/api/v1/rooms/7/files", 10, 1024 * 1024),
        ("POST", "/api/v1/rooms/7/files/1/a", 10, 1024 * 1024),
        ("POST", "/api/v1/rooms/7/files\n", 10, 1024 * 1024),
        ("POST", "/x/api/v1/rooms/7/files", 10, 1024 * 1024),
        ("POST", "/login/", 0, 1024 * 1024),
    ],
)
def test_only_files_may_be_large(settings: Any, method: str, path: str, limit: int, most: float) -> None:
    settings.FILE_LIMIT = limit
    assert allowed(method, path) == most
