"""Long responses on real servers: a slow reader costs no memory, and an unfinished response is cut off."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.servers import Server, SharedServers
from tests.support.soak import usually

CHUNK = 64 * 1024
CHUNKS = usually(1_500, soak=4_000)
"""98 MB: a server that buffers would hold it all within a second or two."""


class ResponseServer(Server):
    """Daphne or uvicorn with the application of `tests/hub/daphne/serve.py`."""

    def __init__(self, kind: str, folder: Path) -> None:
        super().__init__(folder)
        self.kind = kind

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.hub.daphne.serve", self.kind, str(self.port)]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings", "PORT": str(self.port)}

    @property
    def memory(self) -> int:
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    async def printed(self, text: str) -> None:
        async with asyncio.timeout(60):
            while text not in self.output:  # noqa: ASYNC110 - another process's output
                await asyncio.sleep(0.05)

    async def ask(self, path: str, keep: bool = False) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=CHUNK)
        end = "" if keep else "Connection: close\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{end}\r\n".encode())
        return reader, writer


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServers[ResponseServer]]:
    folder = tmp_path_factory.mktemp("servers")
    with SharedServers(lambda kind: ResponseServer(kind, folder)) as found:
        yield found


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest, servers: SharedServers[ResponseServer]) -> Iterator[ResponseServer]:
    found = servers(request.param)
    yield found
    print(found.output)


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Returns everything that arrives, also where the connection is reset."""
    parts = []
    async with asyncio.timeout(60):
        try:
            while part := await reader.read(1 << 20):
                parts.append(part)
        except ConnectionError:
            pass
    return b"".join(parts)


async def test_a_response_is_made_no_faster_than_it_is_read(server: ResponseServer) -> None:
    reader, writer = await server.ask("/long")
    await reader.readuntil(b"\r\n\r\n")
    before = server.memory
    await server.printed("waiting in /long")
    for _ in range(20):  # a little is read, which makes no room for more
        await reader.readexactly(1024)
    assert server.memory - before < 16_000_000
    made = int(server.output.rsplit("made ", 1)[1].split()[0])
    assert made * CHUNK < 32_000_000, "most of it should not have been made yet"
    writer.transport.abort()
    await server.printed("stopped")


async def test_a_long_response_arrives_whole(server: ResponseServer) -> None:
    reader, _ = await server.ask("/long")
    content = await read_all(reader)
    assert content.count(b"x") == CHUNK * CHUNKS
    assert content.endswith(b"\r\n0\r\n\r\n")


async def test_a_response_that_breaks_off_is_not_completed(server: ResponseServer) -> None:
    reader, _ = await server.ask("/broken")
    content = await read_all(reader)
    assert b"200 OK" in content
    assert not content.endswith(b"0\r\n\r\n")
    reader, _ = await server.ask("/short")  # and the server goes on
    assert b"fine" in await read_all(reader)


async def test_a_client_that_reads_nothing_is_cut_off(server: ResponseServer) -> None:
    reader, _ = await server.ask("/long")
    await server.printed("read nothing")  # without a byte read
    assert not (await read_all(reader)).endswith(b"0\r\n\r\n")


async def test_the_connection_goes_on_serving_after_a_long_response(server: ResponseServer) -> None:
    reader, writer = await server.ask("/middle", keep=True)
    for _ in range(3):
        async with asyncio.timeout(60):
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            while (size := int(await reader.readline(), 16)) or await reader.readline() != b"\r\n":
                await reader.readexactly(size + 2)
        writer.write(b"GET /middle HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


@pytest.mark.parametrize("server", ["daphne"], indirect=True)
async def test_requests_sent_at_once_wait_for_the_reader_too(server: ResponseServer) -> None:
    """The second response begins while the first still fills the socket."""
    _, writer = await server.ask("/middle", keep=True)
    writer.write(b"GET /long HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    before = server.memory
    await server.printed("waiting in /long")
    assert server.memory - before < 16_000_000
    writer.transport.abort()
