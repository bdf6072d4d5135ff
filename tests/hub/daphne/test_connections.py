"""The deadlines of a connection that speaks HTTP/2."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from daphne.http_protocol import HTTPFactory
from daphne.server import Server
from h2.config import H2Configuration
from h2.connection import H2Connection
from twisted.internet.testing import StringTransport

from hub import http_deadlines, visits
from hub.daphne import connections

HEADERS = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "hub")]


async def never_answer(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


class Client:
    """Speaks HTTP/2 to a connection of the server, whose transport is a string."""

    def __init__(self) -> None:
        self.cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport = StringTransport()
        self.transport.negotiatedProtocol = b"h2"
        self.transport.loseConnection = lambda: self.cut.set_result(None)
        server = Server(never_answer, endpoints=["unused"])
        server.connections = {}
        factory: Any = HTTPFactory(server)
        self.server = factory.buildProtocol(None)
        self.server.makeConnection(self.transport)
        self.http = H2Connection(H2Configuration(client_side=True))
        self.http.initiate_connection()
        self.send()

    def send(self) -> None:
        self.server.dataReceived(self.http.data_to_send())

    def ping(self) -> None:
        self.http.ping(b"12345678")
        self.send()

    async def ping_until_cut(self) -> None:
        async with asyncio.timeout(20):
            while not self.cut.done():
                self.ping()
                await asyncio.wait([self.cut], timeout=0.01)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connections.patch()
    monkeypatch.setattr(http_deadlines, "IDLE_S", 0.1)
    yield
    visits._strangers.clear()  # these connections never end


async def test_pings_do_not_keep_a_connection_open_that_carries_no_request() -> None:
    client = Client()
    await client.ping_until_cut()


async def test_headers_that_never_end_do_not_keep_a_connection_open() -> None:
    client = Client()
    start = b"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82"  # one byte of the headers of stream 1, and more to come
    client.server.dataReceived(start)
    async with asyncio.timeout(20):
        await client.cut


async def test_a_connection_with_an_open_request_stays() -> None:
    client, other = Client(), Client()
    client.http.send_headers(1, HEADERS, end_stream=True)
    client.send()
    assert client.server._channel.streams
    await other.ping_until_cut()
    client.ping()
    assert not client.cut.done()
