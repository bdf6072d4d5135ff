"""The log of a room on its way to its readers: in order, each message once, without a gap."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from dashboards.live import room_log
from dashboards.live.connection import Connection
from dashboards.live.frames import Frame, LogFrame
from dashboards.live.logins import LoginKey
from dashboards.live.room_log import RoomLog
from devices.runtime import stats
from tests.support.eventually import eventually_async


class Client(Connection):
    """A connection that keeps what is pushed to it: seqs of messages, and types of other frames."""

    __slots__ = ("got",)

    def __init__(self, user_id: int = 0) -> None:
        super().__init__(AnonymousUser(), LoginKey(), lambda: 0.0, lambda: 0)
        self.user_id = user_id
        self.got: list[Any] = []

    def push(self, frame: Frame) -> None:
        self.got.append(frame.seq if isinstance(frame, LogFrame) else type(frame).__name__)


def reader(log: RoomLog, last: int = 0) -> Client:
    client = Client()
    log.open(client)
    log.settle(client, last)
    return client


def message(seq: int, text: str = "") -> LogFrame:
    return LogFrame(text, 7, seq, {})


def publish(log: RoomLog, *seqs: int) -> None:
    for seq in seqs:
        log.add(message(seq))


@pytest.fixture
async def room() -> RoomLog:
    return RoomLog(7)


async def test_a_message_that_arrives_early_waits_for_the_one_before_it(room: RoomLog) -> None:
    client = reader(room)
    publish(room, 2, 3, 5)
    assert client.got == []
    publish(room, 1)
    assert client.got == [1, 2, 3]
    publish(room, 4)
    assert client.got == [1, 2, 3, 4, 5]
    assert not room._waiting


async def test_a_message_is_sent_once_however_often_it_is_published(room: RoomLog) -> None:
    client = reader(room)
    publish(room, 1, 1, 2, 1, 2)
    assert client.got == [1, 2]
    assert not room._waiting


async def test_messages_that_arrive_while_a_snapshot_is_read_follow_it_unless_it_holds_them(room: RoomLog) -> None:
    client = Client()
    room.open(client)
    publish(room, 5, 7, 6)
    assert client.got == []
    room.settle(client, 6)
    assert client.got == [7]
    publish(room, 8)
    assert client.got == [7, 8]


async def test_each_reader_has_its_own_position(room: RoomLog) -> None:
    early = reader(room)
    publish(room, 1)
    late = reader(room, 3)  # whose snapshot holds messages that the layer has not delivered yet
    publish(room, 2, 3, 4)
    assert early.got == [1, 2, 3, 4]
    assert late.got == [4]


async def test_a_reader_that_has_to_ask_for_more_is_sent_nothing_until_then(room: RoomLog) -> None:
    client, other = Client(), reader(room, 10)
    room.open(client)
    room.settle(client, None)
    publish(room, 11)
    assert client.got == []
    room.open(client)
    room.settle(client, 11)
    publish(room, 12)
    assert client.got == [12]
    assert other.got == [11, 12]


async def test_a_gap_that_stays_is_a_resync_for_its_readers(room: RoomLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_log, "HOLD_S", 0.01)
    before = stats.room_losses.labels("hole")._value.get()
    client, fine = reader(room), reader(room, 2)
    opening = Client()
    room.open(opening)
    publish(room, 1, 3)

    async def gave_up() -> bool:
        return "ResyncFrame" in client.got

    await eventually_async(gave_up)
    assert client.got == [1, "ResyncFrame"]
    assert fine.got == [3]
    assert stats.room_losses.labels("hole")._value.get() == before + 1
    publish(room, 2, 4)
    assert client.got == [1, "ResyncFrame"]  # nothing more until it has asked again
    room.settle(opening, 2)
    assert opening.got == [3, 4]


async def test_a_gap_that_closes_in_time_is_not_reported(room: RoomLog, monkeypatch: pytest.MonkeyPatch) -> None:
    client = reader(room)
    publish(room, 2)
    timer = room._timer
    assert timer is not None
    publish(room, 1, 4)  # another gap: the time starts anew
    assert timer.cancelled()
    assert room._timer is not None
    publish(room, 3)
    assert room._timer is None
    assert client.got == [1, 2, 3, 4]


async def test_waiting_messages_are_bounded_in_number(room: RoomLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_log, "MAX_WAITING", 10)
    before = stats.room_losses.labels("bound")._value.get()
    opening, waiting = Client(), reader(room)
    room.open(opening)
    publish(room, *range(2, 12))
    assert (opening.got, waiting.got) == ([], [])
    publish(room, 12)
    assert opening.got == waiting.got == ["ResyncFrame"]
    assert not room._waiting
    assert stats.room_losses.labels("bound")._value.get() == before + 1
    room.settle(opening, 12)  # the snapshot that was on its way
    publish(room, 13)
    assert opening.got == ["ResyncFrame"]


async def test_waiting_messages_are_bounded_in_size(room: RoomLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_log, "MAX_WAITING_CHARACTERS", 100)
    client = reader(room)
    for seq in range(2, 5):
        room.add(message(seq, "x" * 40))
    assert client.got == ["ResyncFrame"]
    assert (room._waiting, room._characters) == ({}, 0)


async def test_after_a_loss_no_reader_is_sent_more_until_it_asks_again(room: RoomLog) -> None:
    following, opening = reader(room), Client()
    room.open(opening)
    room.lose()
    room.settle(opening, 3)  # read before the loss, perhaps
    publish(room, 1, 4)
    assert following.got == opening.got == []
    room.open(following)
    room.settle(following, 4)
    publish(room, 5)
    assert following.got == [5]


async def test_a_reader_that_waits_for_a_gap_and_leaves_leaves_nothing_behind(room: RoomLog) -> None:
    client = reader(room)
    publish(room, 2)
    room.close(client)
    assert not room
    assert not room._waiting
    assert room._timer is None


async def test_what_is_not_part_of_the_log_goes_to_everybody_but_one(room: RoomLog) -> None:
    typist, other = Client(user_id=1), Client(user_id=2)
    for client in (typist, other):
        room.open(client)
    room.push(Frame("typing"), but=1)
    assert (typist.got, other.got) == ([], ["Frame"])
