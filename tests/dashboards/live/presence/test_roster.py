"""The roster reports who joins and leaves, here with several processes over one store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from dashboards.live.presence import roster as rosters
from dashboards.live.presence.contract import TTL_S, PresenceForgotten, PresenceReport
from dashboards.live.presence.memory import MemoryPresence, Reports
from dashboards.live.presence.roster import Roster, RosterIntervals
from devices.channel import fanout
from devices.channel.events import Event, PresenceChanged
from devices.runtime import stats

ROOM = 7
WAIT_S = 20
QUICK = RosterIntervals(look_s=0.1, pause_s=0.01)
SELDOM = RosterIntervals(look_s=86_400, pause_s=0.01)


class Counted(MemoryPresence):
    """A back end that counts how often it is asked, and may be unavailable."""

    asked = 0
    unavailable = False
    emptied = False

    async def report(self, rooms: Mapping[int, PresenceReport]) -> dict[int, frozenset[str]]:
        self.asked += 1
        if self.unavailable:
            raise ConnectionError("unavailable")
        if self.emptied:
            self.emptied = False
            raise PresenceForgotten
        return await super().report(rooms)


class Process:
    def __init__(self, store: Reports, pace: RosterIntervals, ttl_s: float = 600) -> None:
        self.presence = Counted(ttl_s, store)
        self.changes: list[tuple[list[str], list[str]]] = []
        self._changed = asyncio.Event()
        self.roster = Roster(self.presence, self._note, pace)
        self.roster.start()

    def _note(self, room_id: int, joined: frozenset[str], left: frozenset[str]) -> None:
        assert room_id == ROOM
        self.changes.append((sorted(joined), sorted(left)))
        self._changed.set()

    async def shows(self, *names: str) -> None:
        """Returns once exactly these people are shown to be in the room."""
        async with asyncio.timeout(WAIT_S):
            while sorted(self._shown()) != sorted(names):
                self._changed.clear()
                await self._changed.wait()

    def _shown(self) -> set[str]:
        shown: set[str] = set()
        for joined, left in self.changes:
            assert not shown & set(joined)
            assert shown >= set(left)
            shown = (shown | set(joined)) - set(left)
        return shown


class Hub:
    """Processes whose hints reach each other, unless `lossy`."""

    def __init__(self) -> None:
        self.store: Reports = {}
        self.processes: list[Process] = []
        self.lossy = False

    def process(self, pace: RosterIntervals = SELDOM, ttl_s: float = 600) -> Process:
        self.processes.append(Process(self.store, pace, ttl_s))
        return self.processes[-1]

    async def publish(self, events: list[Event]) -> None:
        for event in events:
            assert isinstance(event, PresenceChanged)
            for process in self.processes:
                if not self.lossy:
                    process.roster.look_at([event.room_id])


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    hub = Hub()
    monkeypatch.setattr(fanout, "publish", hub.publish)
    yield hub
    for process in hub.processes:
        await process.roster.stop()
    assert hub.store == {}


async def test_joining_and_leaving_are_reported_in_every_process(hub: Hub) -> None:
    one, other = hub.process(), hub.process()
    one.roster.enter(ROOM, "alice")
    other.roster.enter(ROOM, "bob")
    for process in (one, other):
        await process.shows("alice", "bob")
        assert process.roster.present(ROOM) == ["alice", "bob"]
    other.roster.leave(ROOM, "bob")
    await one.shows("alice")


async def test_three_tabs_are_one_person(hub: Hub) -> None:
    one, other = hub.process(), hub.process()
    one.roster.enter(ROOM, "bob")
    for process in (one, one, other):
        process.roster.enter(ROOM, "alice")
    await one.shows("alice", "bob")
    one.roster.leave(ROOM, "alice")
    one.roster.leave(ROOM, "alice")
    other.roster.enter(ROOM, "carol")
    await one.shows("alice", "bob", "carol")
    other.roster.leave(ROOM, "alice")
    await one.shows("bob", "carol")


async def test_the_next_look_makes_up_for_a_lost_hint(hub: Hub) -> None:
    hub.lossy = True
    one, other = hub.process(QUICK), hub.process(QUICK)
    one.roster.enter(ROOM, "alice")
    await one.shows("alice")
    other.roster.enter(ROOM, "bob")
    await one.shows("alice", "bob")


async def test_people_in_a_process_that_was_killed_have_left(hub: Hub) -> None:
    one, killed = hub.process(QUICK), hub.process(QUICK, ttl_s=0.3)
    one.roster.enter(ROOM, "alice")
    killed.roster.enter(ROOM, "bob")
    await one.shows("alice", "bob")
    for task in killed.roster._tasks:
        task.cancel()
    killed.roster._reported.clear()  # without taking its reports back
    await one.shows("alice")


def test_a_killed_process_is_noticed_within_thirty_five_seconds() -> None:
    assert TTL_S + rosters.LOOK_S + rosters.PATIENCE_S + rosters.PAUSE_S <= 35
    assert TTL_S > 3 * rosters.LOOK_S  # two looks may fail


async def test_two_hundred_people_who_join_at_once_cost_a_few_looks(hub: Hub) -> None:
    one = hub.process()
    for number in range(200):
        one.roster.enter(ROOM, f"person{number}")
    await one.shows(*[f"person{number}" for number in range(200)])
    assert len(one.changes) <= 2
    assert one.presence.asked <= 3


async def test_a_newcomer_sees_who_is_there_already(hub: Hub) -> None:
    one, other = hub.process(), hub.process()
    one.roster.enter(ROOM, "alice")
    await one.shows("alice")
    other.roster.enter(ROOM, "bob")
    await other.roster.known(ROOM)
    assert other.roster.present(ROOM) == ["alice", "bob"]


async def test_while_the_back_end_is_unavailable_own_people_come_and_go_and_others_stay(hub: Hub) -> None:
    one, other = hub.process(QUICK), hub.process(SELDOM)
    one.roster.enter(ROOM, "alice")
    other.roster.enter(ROOM, "bob")
    await one.shows("alice", "bob")
    failures = stats.presence_failures._value.get()
    one.presence.unavailable = True
    one.roster.enter(ROOM, "carol")
    await one.shows("alice", "bob", "carol")
    one.roster.leave(ROOM, "alice")
    await one.shows("bob", "carol")
    assert stats.presence_failures._value.get() > failures
    await one.roster.known(ROOM)  # nobody waits for a back end that is unavailable
    hub.store.clear()  # like a Redis that was killed
    one.presence.unavailable = False
    one.roster.enter(ROOM, "dave")
    await one.shows("bob", "carol", "dave")
    assert one.changes[-1] == (["dave"], [])  # bob has not left: his process may report him again


async def test_everything_is_reported_again_to_an_emptied_back_end_and_nobody_leaves(hub: Hub) -> None:
    one, other = hub.process(), hub.process()
    one.roster.enter(ROOM, "alice")
    other.roster.enter(ROOM, "bob")
    await one.shows("alice", "bob")
    hub.store.clear()
    one.presence.emptied = other.presence.emptied = True
    one.roster.enter(ROOM, "carol")
    for process in (one, other):
        await process.shows("alice", "bob", "carol")
        assert all(left == [] for _, left in process.changes)
    assert {name for _, name in hub.store[ROOM]} == {"alice", "bob", "carol"}


async def test_people_that_the_back_end_has_forgotten_leave_after_a_while(hub: Hub) -> None:
    one, other = hub.process(QUICK), hub.process(SELDOM)
    one.roster.enter(ROOM, "alice")
    other.roster.enter(ROOM, "bob")
    await one.shows("alice", "bob")
    one.roster.doubt()
    hub.store.clear()
    other.roster._here.clear()
    other.roster._reported.clear()
    await one.shows("alice")


async def test_a_failed_look_does_not_end_the_looking(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    one, failed = hub.process(QUICK), asyncio.Event()

    def fail(*_: object) -> None:
        failed.set()
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(one.roster, "_compare", fail)
        one.roster.enter(ROOM, "alice")
        await asyncio.wait_for(failed.wait(), WAIT_S)
    await one.shows("alice")


async def test_a_process_that_stops_has_left_for_the_others(hub: Hub) -> None:
    one, other = hub.process(), hub.process()
    one.roster.enter(ROOM, "alice")
    other.roster.enter(ROOM, "bob")
    await one.shows("alice", "bob")
    other.roster.leave(ROOM, "bob")
    await other.roster.stop()
    await one.shows("alice")
