"""What one address can take of the proxy, whatever its requests say of who sends them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.deploy.client import HOST, WAIT_S
from tests.deploy.containers import Container, Stack

pytestmark = pytest.mark.timeout(300)

LIMIT = 40
"""In place of 2,000."""
STRANGERS = 200
MADE_UP = ["Authorization: Bearer made-up", "Authorization: Basic YTpi", "Cookie: hubbub_session=made-up"]


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Iterator[Container]:
    """One over HTTP, with a low limit."""
    found = stack.another("proxy", PROXY_SCHEME="http", PROXY_OUTER_SCHEME="https", PROXY_ADDRESS_LIMIT=str(LIMIT))
    found.start()
    yield found
    assert found.stop() == 0


def post(path: str, length: int, *headers: str) -> bytes:
    """The head of a request; its body does not follow."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {length}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Client:
    """A connection from one of the addresses of this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, proxy: Container, host: int, request: bytes) -> Client:
        own = proxy.address.rsplit(".", 1)[0] + f".{host}"
        reader, writer = await asyncio.open_connection(proxy.address, 8080, local_addr=(own, 0))
        writer.write(request)
        return cls(reader, writer)

    async def status(self) -> int:
        async with asyncio.timeout(WAIT_S):
            return int((await self._reader.readline()).split()[1])

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def held(proxy: Container, host: int, request: bytes, wanted: int, refused: int) -> AsyncIterator[None]:
    """So many requests of one address whose bodies do not come, until those beyond the limit are refused."""
    clients = [await Client.connect(proxy, host, request) for _ in range(wanted)]
    answers = {asyncio.create_task(client.status()) for client in clients}
    try:
        statuses: Counter[int] = Counter()
        async with asyncio.timeout(WAIT_S):
            while statuses[429] < refused:
                done, answers = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
                statuses.update(answer.result() for answer in done)
        assert statuses == {429: refused}
        yield
    finally:
        for answer in answers:
            answer.cancel()
        for client in clients:
            client.close()


async def get(proxy: Container, host: int, *headers: str) -> int:
    lines = ["GET /healthz HTTP/1.1", f"Host: {HOST}", *headers, "Connection: close"]
    client = await Client.connect(proxy, host, ("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        return await client.status()
    finally:
        client.close()


@pytest.mark.parametrize("made_up", MADE_UP)
async def test_made_up_credentials_do_not_get_an_address_past_its_limit(proxy: Container, made_up: str) -> None:
    request = post("/login/", 1_000, made_up)
    async with held(proxy, 201, request, wanted=LIMIT + 10, refused=10):
        assert await get(proxy, 201, made_up) == 429
        assert await get(proxy, 202, made_up) == 200


async def test_of_those_without_credentials_there_are_fewer(stack: Stack) -> None:
    proxy = stack.another("proxy", PROXY_SCHEME="http", PROXY_OUTER_SCHEME="https")  # with the limit of the example
    proxy.start()
    try:
        async with held(proxy, 203, post("/login/", 1_000), wanted=STRANGERS + 10, refused=10):
            assert await get(proxy, 203) == 429
            assert await get(proxy, 203, "Authorization: Bearer of-a-neighbour") == 200
            assert await get(proxy, 204) == 200
    finally:
        assert proxy.stop() == 0


@pytest.mark.parametrize("path", ["/login/", "/api/v1/rooms"])
async def test_a_large_body_of_a_stranger_is_refused_before_it_is_sent(proxy: Container, path: str) -> None:
    client = await Client.connect(proxy, 205, post(path, 1_500_000, MADE_UP[0]))
    assert await client.status() in (401, 413)
    client.close()
