"""A room over two web processes: whatever goes, everybody ends with the same log."""

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
from tests.support.stack import Stack
from tests.support.talkers import Listener, Talker

pytestmark = [pytest.mark.timeout(300)]

PEOPLE = 20
MESSAGES = 1_000
AWAY_S = 1.0
CALM_S = 90
"""How long the last message may take to everybody, on a slow machine."""


def _populate() -> tuple[dict[str, str], list[int]]:
    """Tokens of `PEOPLE` new members by username, and the ids of three new rooms."""
    space, found = Space.objects.get(slug="demo"), {}
    for number in range(PEOPLE):
        person = people.create_person(f"person{number}", None)
        provisioning.set_role(space, person, Role.VIEWER)
        found[person.username] = tokens.create(person)
    return found, [rooms.create(space, name).pk for name in ("one", "two", "three")]


class Rooms(Stack):
    """Redis, Daphne and uvicorn over one database, with people and empty rooms. Nobody talks to a device here."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, uids=(), webs=("daphne", "uvicorn"), CHAT_RATE_LIMIT="0")
        self.tokens, self.rooms = self.records.run(_populate)

    @property
    def servers(self) -> list[Server]:
        return [self.redis, *self.webs]

    def talkers(self, room: int) -> list[Talker]:
        """Everybody, half of them through each web process."""
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
    """Everybody says their share, one after the other; the milestone comes when a third is said."""

    async def one(number: int, talker: Talker) -> None:
        for n in range(MESSAGES // PEOPLE):
            text = f"{number}/{n}"
            await talker.say(text)
            sent.append(text)
            if len(sent) == MESSAGES // 3:
                milestone.set()

    await asyncio.gather(*[one(number, talker) for number, talker in enumerate(talkers)])


async def all_have(talkers: list[Talker], count: int) -> None:
    await eventually_async(lambda: all(len(talker.log) >= count for talker in talkers), CALM_S)


def check(talkers: list[Talker], sent: list[str]) -> None:
    first = talkers[0].log
    assert [seq for seq, _ in first] == list(range(1, MESSAGES + 1))
    assert sorted(text for _, text in first) == sorted(sent)
    assert len(sent) == len(set(sent)) == MESSAGES
    for talker in talkers:
        assert talker.log == first


async def test_redis_killed_for_a_second_leaves_everybody_with_the_same_thousand_messages(place: Rooms) -> None:
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
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(place.redis.start)
        during = len(sent) - before
        await talking
        await all_have(talkers, MESSAGES)
        check(talkers, sent)
        await eventually_async(lambda: all(len(listener.heard) >= MESSAGES for listener in listeners), CALM_S)
        for listener in listeners:
            assert listener.heard == [text for _, text in talkers[0].log]
    resyncs = sum(talker.resyncs for talker in talkers)
    print(f"{during} messages said while Redis was away; {resyncs} resyncs, no socket lost")
    assert resyncs
    assert sum(talker.comebacks for talker in talkers) == 0


async def test_a_web_process_killed_in_the_middle_costs_nobody_a_message(place: Rooms) -> None:
    talkers, sent, milestone = place.talkers(place.rooms[1]), [], asyncio.Event()
    async with AsyncExitStack() as stack:
        for talker in talkers:
            await stack.enter_async_context(talker)
        talking = asyncio.create_task(talk(talkers, sent, milestone))
        await milestone.wait()
        place.uvicorn.kill()
        await asyncio.to_thread(place.uvicorn.start)
        await talking
        await all_have(talkers, MESSAGES)
        check(talkers, sent)
    comebacks = sum(talker.comebacks for talker in talkers)
    print(f"{comebacks} connections came back")
    assert comebacks >= PEOPLE // 2


async def test_everybody_is_shown_to_be_there_and_to_have_left(place: Rooms) -> None:
    """Over both processes, with two tabs of everybody."""
    talkers = [talker for _ in range(2) for talker in place.talkers(place.rooms[2])]
    stayer = talkers[0]
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as leavers:
            await stack.enter_async_context(stayer)
            for talker in talkers[1:]:
                await leavers.enter_async_context(talker)
            await eventually_async(lambda: all(talker.present == set(place.tokens) for talker in talkers), CALM_S)
        await eventually_async(lambda: stayer.present == {"person0"}, CALM_S)
