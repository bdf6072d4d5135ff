"""A room on two web processes: whatever fails, everybody ends up with the same log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from devices.models import Space
from devices.rooms import provisioning, rooms
from devices.spaces import people, tokens
from devices.values import Role
from tests.support.eventually import eventually_async
from tests.support.servers import Server
from tests.support.soak import usually
from tests.support.stack import Stack
from tests.support.talkers import Listener, Talker

pytestmark = [pytest.mark.timeout(300)]

PEOPLE = 20
MESSAGES = usually(400, soak=1_000)
SETTLE_S = 90
"""How long the last message may take to reach everybody on a slow machine."""


def _populate() -> tuple[dict[str, str], list[int]]:
    """Tokens of `PEOPLE` new members by username, and the ids of three new rooms."""
    space, found = Space.objects.get(slug="demo"), {}
    for number in range(PEOPLE):
        person = people.create_person(f"person{number}", None)
        provisioning.set_role(space, person, Role.VIEWER)
        found[person.username] = tokens.create(person)
    return found, [rooms.create(space, name).pk for name in ("one", "two", "three")]


class Rooms(Stack):
    """Redis, Daphne and uvicorn on one database, with people and empty rooms, but no devices."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, uids=(), webs=("daphne", "uvicorn"), CHAT_RATE_LIMIT="0")
        self.tokens, self.rooms = self.records.run(_populate)

    @property
    def servers(self) -> list[Server]:
        return [self.redis, *self.webs]

    def talkers(self, room: int) -> list[Talker]:
        """Everybody, half of them connected to each web process."""
        webs = (self.daphne, self.uvicorn)
        return [
            Talker(lambda web=webs[number % 2]: web.url, token, room)  # type: ignore[misc]
            for number, token in enumerate(self.tokens.values())
        ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    with Rooms(tmp_path_factory.mktemp("rooms")) as found:
        yield found


async def talk(talkers: list[Talker], sent: list[str], milestone: asyncio.Event) -> None:
    """Everybody posts their share, one message after another; the milestone is set when a third has been posted."""

    async def one(number: int, talker: Talker) -> None:
        for n in range(MESSAGES // PEOPLE):
            text = f"{number}/{n}"
            await talker.say(text)
            sent.append(text)
            if len(sent) == MESSAGES // 3:
                milestone.set()

    await asyncio.gather(*[one(number, talker) for number, talker in enumerate(talkers)])


async def wait_until_all_have(talkers: list[Talker], count: int) -> None:
    await eventually_async(lambda: all(len(talker.log) >= count for talker in talkers), SETTLE_S)


def check(talkers: list[Talker], sent: list[str]) -> None:
    first = talkers[0].log
    assert [seq for seq, _ in first] == list(range(1, MESSAGES + 1))
    assert sorted(text for _, text in first) == sorted(sent)
    assert len(sent) == len(set(sent)) == MESSAGES
    for talker in talkers:
        assert talker.log == first


async def test_everybody_has_the_same_messages_after_redis_was_killed(place: Rooms) -> None:
    room, token = place.rooms[0], next(iter(place.tokens.values()))
    talkers, sent, milestone = place.talkers(room), [], asyncio.Event()
    listeners = [Listener(web.url, token, room) for web in (place.daphne, place.uvicorn)]
    async with AsyncExitStack() as stack:
        for client in (*talkers, *listeners):
            await stack.enter_async_context(client)
        talking = asyncio.create_task(talk(talkers, sent, milestone))
        await milestone.wait()
        before = len(sent)
        place.redis.kill()
        await eventually_async(lambda: len(sent) > before + PEOPLE)
        await asyncio.to_thread(place.redis.start)
        during = len(sent) - before
        await talking
        await wait_until_all_have(talkers, MESSAGES)
        check(talkers, sent)
        await eventually_async(lambda: all(len(listener.heard) >= MESSAGES for listener in listeners), SETTLE_S)
        for listener in listeners:
            assert listener.heard == [text for _, text in talkers[0].log]
    resyncs = sum(talker.resyncs for talker in talkers)
    print(f"{during} messages posted without Redis; {resyncs} resyncs, no socket lost")
    assert resyncs
    assert sum(talker.comebacks for talker in talkers) == 0


async def test_nobody_misses_a_message_when_a_web_process_is_killed(place: Rooms) -> None:
    talkers, sent, milestone = place.talkers(place.rooms[1]), [], asyncio.Event()
    async with AsyncExitStack() as stack:
        for talker in talkers:
            await stack.enter_async_context(talker)
        talking = asyncio.create_task(talk(talkers, sent, milestone))
        await milestone.wait()
        place.uvicorn.kill()
        await asyncio.to_thread(place.uvicorn.start)
        await talking
        await wait_until_all_have(talkers, MESSAGES)
        check(talkers, sent)
    comebacks = sum(talker.comebacks for talker in talkers)
    print(f"{comebacks} connections were restored")
    assert comebacks >= PEOPLE // 2


async def test_presence_follows_everybody_who_joins_and_leaves(place: Rooms) -> None:
    """They are connected to both processes, each with two tabs."""
    talkers = [talker for _ in range(2) for talker in place.talkers(place.rooms[2])]
    remaining = talkers[0]
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as leaving:
            await stack.enter_async_context(remaining)
            for talker in talkers[1:]:
                await leaving.enter_async_context(talker)
            await eventually_async(lambda: all(talker.present == set(place.tokens) for talker in talkers), SETTLE_S)
        await eventually_async(lambda: remaining.present == {"person0"}, SETTLE_S)
