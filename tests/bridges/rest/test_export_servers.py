"""Exports on real servers: slow readers, clients that disconnect, and exports that break off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection

from bridges.rest.readings_csv import MAX_EXPORTS
from devices.models import Device, Member
from devices.runtime import database
from devices.spaces import tokens
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us
from tests.support.soak import usually
from tests.support.web_server import WebServer, WebServers, web_servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

ROWS = usually(60_000, soak=100_000)
TEXT = "x" * 1_000
SIZE = ROWS * len(TEXT)
"""60 MB: a server that buffers an export, or reads all of it, shows in its memory."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[WebServers]:
    with web_servers(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.fixture(params=["daphne", "uvicorn"])
def web(request: pytest.FixtureRequest, servers: WebServers) -> Iterator[WebServer]:
    server = servers(request.param)
    yield server
    print(server.output)


@pytest.fixture
def token(carol: User, pump: Device) -> str:
    """A token of carol, who watches a pump with a long history."""
    store, at = ReadingStore(), now_us() - 3_600_000_000
    for start in range(0, ROWS, 20_000):
        samples = tuple(Sample("log", TEXT, at + i) for i in range(start, start + 20_000))
        store.store([(pump, Telemetry(samples, at))])
    return tokens.create(carol)


@asynccontextmanager
async def export(web: WebServer, token: str) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """Requests the export and reads the headers; the test reads the rest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port, limit=64 * 1024)
    lines = ["GET /api/v1/devices/pump-1/readings.csv HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    writer.write(("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode())
    async with asyncio.timeout(200):
        yield await reader.readuntil(b"\r\n\r\n"), reader
    writer.transport.abort()


async def read_all(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Bytes received, and the last of them; a reset connection ends it too."""
    size, end = 0, b""
    try:
        while part := await reader.read(1 << 20):
            size += len(part)
            end = (end + part)[-100:]
    except ConnectionError:
        pass
    return size, end


async def test_a_slow_reader_costs_no_memory_and_blocks_no_checkpoint(web: WebServer, token: str) -> None:
    async with export(web, token) as (head, reader):
        assert b" 200 OK" in head
        before = most = web.memory
        for _ in range(30):
            await reader.readexactly(10_000)
            await asyncio.sleep(0.1)
            most = max(most, web.memory)
        assert most - before < SIZE * 2 // 3
        if connection.vendor == "sqlite":
            assert await database.run(_checkpoint) == 0


def _checkpoint() -> int:
    """1 if a reader blocks it."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(cursor.fetchone()[0])


async def test_a_fast_reader_gets_all_of_it_in_bounded_memory(web: WebServer, token: str) -> None:
    async with export(web, token) as (_, reader):
        before = web.memory
        size, end = await read_all(reader)
    assert size > SIZE
    assert end.endswith(b"x\n\r\n0\r\n\r\n")
    assert web.memory - before < SIZE * 2 // 3


async def test_an_export_is_cut_off_visibly_when_access_ends(web: WebServer, token: str) -> None:
    async with export(web, token) as (_, reader):
        await reader.readexactly(10_000)
        await Member.objects.all().adelete()
        size, end = await read_all(reader)
    assert size < SIZE
    assert not end.endswith(b"0\r\n\r\n")
    assert "an export of pump-1 broke off: there is no device 'pump-1'" in web.output


async def test_clients_that_disconnect_make_room_for_others(web: WebServer, token: str) -> None:
    async with asyncio.timeout(120):
        for _ in range(3 * MAX_EXPORTS):
            while True:
                async with export(web, token) as (head, _):
                    if b" 200 OK" in head:
                        break
                    assert b" 429 " in head
                await asyncio.sleep(0.1)
