"""The log of a room on its way to its readers: in order, each message once, without a hole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from dashboards.live import feed
from dashboards.live.connection import Connection
from dashboards.live.feed import Feed
from dashboards.live.logins import Login
from devices.runtime import stats
from tests.support.eventually import eventually_async


class Client(Connection):
    """A connection that keeps what it is pushed."""

    __slots__ = ("told",)

    def __init__(self, user_id: int = 0) -> None:
        super().__init__(AnonymousUser(), Login(), lambda: 0.0, lambda: 0)
        self.user_id = user_id
        self.told: list[Any] = []

    def push(self, text: str) -> None:
        self.told.append(int(text) if text.isdecimal() else json.loads(text)["type"])


def reader(feed: Feed, last: int = 0) -> Client:
    client = Client()
    feed.open(client)
    feed.settle(client, last)
    return client


def publish(feed: Feed, *seqs: int) -> None:
    for seq in seqs:
        feed.take(seq, str(seq))


@pytest.fixture
async def room() -> Feed:
    return Feed(7)


async def test_a_message_that_comes_early_waits_for_the_one_before_it(room: Feed) -> None:
    client = reader(room)
    publish(room, 2, 3, 5)
    assert client.told == []
    publish(room, 1)
    assert client.told == [1, 2, 3]
    publish(room, 4)
    assert client.told == [1, 2, 3, 4, 5]
    assert not room._waiting


async def test_a_message_is_told_once_however_often_it_is_published(room: Feed) -> None:
    client = reader(room)
    publish(room, 1, 1, 2, 1, 2)
    assert client.told == [1, 2]
    assert not room._waiting


async def test_what_comes_while_a_snapshot_is_read_follows_it_without_what_is_in_it(room: Feed) -> None:
    client = Client()
    room.open(client)
    publish(room, 5, 7, 6)
    assert client.told == []
    room.settle(client, 6)
    assert client.told == [7]
    publish(room, 8)
    assert client.told == [7, 8]


async def test_each_reader_has_a_place_of_its_own(room: Feed) -> None:
    early = reader(room)
    publish(room, 1)
    late = reader(room, 3)  # whose snapshot holds what the layer has not brought yet
    publish(room, 2, 3, 4)
    assert early.told == [1, 2, 3, 4]
    assert late.told == [4]


async def test_who_has_to_ask_for_more_is_told_nothing_until_then(room: Feed) -> None:
    client, other = Client(), reader(room, 10)
    room.open(client)
    room.settle(client, None)
    publish(room, 11)
    assert client.told == []
    room.open(client)
    room.settle(client, 11)
    publish(room, 12)
    assert client.told == [12]
    assert other.told == [11, 12]


async def test_a_hole_that_stays_is_a_resync_for_those_it_concerns(room: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HOLD_S", 0.01)
    before = stats.room_losses.labels("hole")._value.get()
    client, fine = reader(room), reader(room, 2)
    opening = Client()
    room.open(opening)
    publish(room, 1, 3)

    async def gave_up() -> bool:
        return "resync" in client.told

    await eventually_async(gave_up)
    assert client.told == [1, "resync"]
    assert fine.told == [3]
    assert stats.room_losses.labels("hole")._value.get() == before + 1
    publish(room, 2, 4)
    assert client.told == [1, "resync"]  # no more until it has asked again
    room.settle(opening, 2)
    assert opening.told == [3, 4]


async def test_a_hole_that_closes_in_time_is_none(room: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    client = reader(room)
    publish(room, 2)
    patience = room._patience
    assert patience is not None
    publish(room, 1, 4)  # another hole: the time begins again
    assert patience.cancelled()
    assert room._patience is not None
    publish(room, 3)
    assert room._patience is None
    assert client.told == [1, 2, 3, 4]


async def test_what_waits_is_bounded_in_number(room: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_WAITING", 10)
    before = stats.room_losses.labels("bound")._value.get()
    opening, waiting = Client(), reader(room)
    room.open(opening)
    publish(room, *range(2, 12))
    assert (opening.told, waiting.told) == ([], [])
    publish(room, 12)
    assert opening.told == waiting.told == ["resync"]
    assert not room._waiting
    assert stats.room_losses.labels("bound")._value.get() == before + 1
    room.settle(opening, 12)  # the snapshot that was on its way
    publish(room, 13)
    assert opening.told == ["resync"]


async def test_what_waits_is_bounded_in_size(room: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_WAITING_CHARACTERS", 100)
    client = reader(room)
    for seq in range(2, 5):
        room.take(seq, str(seq) * 40)
    assert client.told == ["resync"]
    assert (room._waiting, room._characters) == ({}, 0)


async def test_after_a_loss_nobody_is_told_more_until_they_ask_again(room: Feed) -> None:
    following, opening = reader(room), Client()
    room.open(opening)
    room.lose()
    room.settle(opening, 3)  # read before the loss, perhaps
    publish(room, 1, 4)
    assert following.told == opening.told == []
    room.open(following)
    room.settle(following, 4)
    publish(room, 5)
    assert following.told == [5]


async def test_who_waits_for_a_hole_and_goes_leaves_nothing_behind(room: Feed) -> None:
    client = reader(room)
    publish(room, 2)
    room.close(client)
    assert not room
    assert not room._waiting
    assert room._patience is None


async def test_what_is_no_part_of_the_log_goes_to_all_but_one(room: Feed) -> None:
    typist, other = Client(user_id=1), Client(user_id=2)
    for client in (typist, other):
        room.open(client)
    room.tell("0", but=1)
    assert (typist.told, other.told) == ([], [0])
