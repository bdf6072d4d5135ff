"""Every back end keeps the promises of `Presence`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from dashboards.live.presence.contract import Presence, PresenceForgotten, PresenceReport
from dashboards.live.presence.memory import MemoryPresence, Reports
from dashboards.live.presence.redis import PREFIX, RedisPresence
from tests.support.eventually import eventually_async
from tests.support.servers import Redis

SHORT_S = 0.3
LONG_S = 600.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


Make = Callable[[float], Presence]
Kept = Callable[[], Awaitable[int]]


class Backend:
    """Back ends of several processes over one store."""

    def __init__(self, make: Make, kept: Kept) -> None:
        self._make = make
        self.kept = kept
        """How many rooms the store holds."""
        self.made: list[Presence] = []

    def process(self, ttl_s: float = LONG_S) -> Presence:
        self.made.append(self._make(ttl_s))
        return self.made[-1]


@pytest.fixture(params=["memory", "redis"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    if request.param == "memory":
        rooms: Reports = {}

        async def kept() -> int:
            return len(rooms)

        backend = Backend(lambda ttl_s: MemoryPresence(ttl_s, rooms), kept)
    else:
        url = request.getfixturevalue("server").url
        client = Client.from_url(url)
        await client.flushall()

        async def keys() -> int:
            return len(await client.keys(f"{PREFIX}*"))

        backend = Backend(lambda ttl_s: RedisPresence(url, ttl_s), keys)
    yield backend
    for presence in backend.made:
        await presence.close()
    if request.param == "redis":
        await client.aclose()


def names(*found: str) -> frozenset[str]:
    return frozenset(found)


async def report(presence: Presence, *here: str, gone: tuple[str, ...] = (), room: int = 1) -> frozenset[str]:
    return (await presence.report({room: PresenceReport(names(*here), names(*gone))}))[room]


async def test_a_report_is_seen_by_all_processes(backend: Backend) -> None:
    one, other = backend.process(), backend.process()
    assert await report(one, "alice", "bob") == names("alice", "bob")
    assert await report(other, "carol") == names("alice", "bob", "carol")
    assert await report(one) == names("alice", "bob", "carol")


async def test_a_person_in_two_processes_is_named_once_and_leaves_with_the_second(backend: Backend) -> None:
    one, other = backend.process(), backend.process()
    await report(one, "alice")
    assert await report(other, "alice") == names("alice")
    assert await report(one, gone=("alice",)) == names("alice")
    assert await report(other, gone=("alice",)) == names()


async def test_no_process_can_take_back_the_report_of_another(backend: Backend) -> None:
    one, other = backend.process(), backend.process()
    await report(one, "alice")
    assert await report(other, gone=("alice", "nobody")) == names("alice")


async def test_rooms_are_separate_and_can_be_asked_about_together(backend: Backend) -> None:
    one = backend.process()
    rooms = {room: PresenceReport(names(f"person{room}")) for room in range(1, 50)}
    assert await one.report(rooms) == {room: names(f"person{room}") for room in range(1, 50)}
    assert await one.report({3: PresenceReport(), 99: PresenceReport()}) == {3: names("person3"), 99: names()}
    assert await one.report({}) == {}


async def test_a_report_that_is_not_renewed_expires(backend: Backend) -> None:
    killed, alive = backend.process(SHORT_S), backend.process()
    await report(killed, "alice")
    assert await report(alive, "bob") == names("alice", "bob")

    async def ended() -> bool:
        return await report(alive) == names("bob")

    await eventually_async(ended)


async def test_a_report_that_is_renewed_stays(backend: Backend) -> None:
    renewed, other = backend.process(SHORT_S), backend.process(SHORT_S)
    await report(other, "bob")

    async def only_hers_is_left() -> bool:
        found = await report(renewed, "alice")
        assert "alice" in found
        return found == names("alice")

    await eventually_async(only_hers_is_left)


async def test_nothing_is_kept_of_a_room_that_is_empty(backend: Backend) -> None:
    one = backend.process()
    await report(one, "alice")
    assert await backend.kept() == 1
    await report(one, gone=("alice",))
    await report(one, room=2)
    assert await backend.kept() == 0


@pytest.mark.parametrize("name", ["a:b", "a b", "Zoë", "'; --", "x" * 150, "0"])
async def test_every_username_comes_back_unchanged(backend: Backend, name: str) -> None:
    one = backend.process()
    assert await report(one, name) == names(name)
    assert await report(one, gone=(name,)) == names()


async def test_nothing_of_a_killed_process_stays_in_redis(server: Redis) -> None:
    killed = RedisPresence(server.url, SHORT_S)
    await report(killed, "alice", room=77)
    await killed.close()
    client = Client.from_url(server.url)

    async def is_gone() -> bool:
        return not await client.exists(f"{PREFIX}77")

    await eventually_async(is_gone)
    await client.aclose()


async def test_the_back_end_works_again_after_an_outage_of_redis(server: Redis) -> None:
    presence = RedisPresence(server.url)
    await report(presence, "alice", room=5)
    server.kill()
    with pytest.raises(RedisError):
        await report(presence, "alice", room=5)
    await asyncio.to_thread(server.start)
    with pytest.raises(PresenceForgotten):
        await report(presence, "alice", room=5)
    assert await report(presence, "bob", room=5) == names("alice", "bob")
    await presence.close()


async def test_each_process_learns_that_redis_has_forgotten(server: Redis) -> None:
    one, other = RedisPresence(server.url), RedisPresence(server.url)
    for presence in (one, other):
        await report(presence, "alice")
    client = Client.from_url(server.url)
    await client.flushall()
    await client.aclose()
    for presence in (one, other):
        with pytest.raises(PresenceForgotten):
            await report(presence, "alice")
        assert await report(presence, "alice") == names("alice")
        await presence.close()
