"""The log of a room: its numbers, what is left out, and who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from devices.availability import changes
from devices.availability.changes import Evidence
from devices.channel import groups
from devices.channel.events import AvailabilityChanged, CommandsQueued, MessagesStored
from devices.commands import lifecycle
from devices.log import entries
from devices.log.entries import NewEntry, Outcome, recorded
from devices.models import Device, Mention, Message, Room, Space
from devices.rooms import provisioning, read_markers
from devices.runtime import stats
from devices.values import Availability, MessageKind, Origin

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_S = 30
NOW = 1_760_000_000_000_000
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")


@pytest.fixture
def meter(space: Space) -> Device:
    return provisioning.create_device("meter-2", space)[0]


def said(room: Room, text: str = "hello", kind: MessageKind = MessageKind.CHAT) -> NewEntry:
    return NewEntry(room_id=room.pk, kind=kind, at=NOW, origin=Origin.PERSON, by="bob", text=text)


def append(*lines: NewEntry) -> entries.Appended:
    with transaction.atomic():
        return entries.append(lines)


def told(device: Device, status: str, now: int = NOW) -> NewEntry:
    return changes.log_entry(AvailabilityChanged(device.pk, device.uid, status, NOW - 5_000_000), now)


def seqs(room: Room) -> list[int]:
    return list(room.messages.order_by("seq").values_list("seq", flat=True))


def test_each_room_counts_for_itself(pump: Device, meter: Device) -> None:
    written = append(said(pump.room, "a"), said(meter.room, "b"), said(pump.room, "c"))
    assert [(message.room_id, message.seq, message.text) for message in written.messages] == [
        (pump.room.pk, 1, "a"),
        (meter.room.pk, 1, "b"),
        (pump.room.pk, 2, "c"),
    ]
    pump.room.refresh_from_db()
    assert (pump.room.seq, pump.room.chats, pump.room.active_at) == (2, 2, NOW)


def test_what_is_rolled_back_leaves_no_hole(pump: Device) -> None:
    append(said(pump.room))
    with transaction.atomic():
        entries.append([said(pump.room), said(pump.room)])
        transaction.set_rollback(True)
    append(said(pump.room))
    assert seqs(pump.room) == [1, 2]


def test_only_what_somebody_said_counts_as_talk(pump: Device) -> None:
    kinds = [kind for kind in MessageKind if kind is not MessageKind.AVAILABILITY]
    written = append(*[said(pump.room, kind=kind) for kind in kinds])
    pump.room.refresh_from_db()
    assert (pump.room.seq, pump.room.chats) == (len(kinds), 1)
    [event] = written.events
    assert [entry.talk for entry in event.entries] == [kind is MessageKind.CHAT for kind in kinds]


def test_an_event_carries_the_message_as_it_is_shown(pump: Device, alice: User) -> None:
    line = said(pump.room, "x" * 300)
    line.mentions, line.author_id, line.key = (alice.pk,), alice.pk, "k"
    [event] = append(line).events
    [entry] = event.entries
    assert (event.shard, entry.room_id, entry.space_id) == (
        groups.shard_of(pump.room.pk),
        pump.room.pk,
        pump.space_id,
    )
    assert (entry.seq, entry.by, entry.author, entry.excerpt) == (1, alice.pk, "bob", "x" * 200)
    assert entry.mentions == (alice.pk,)
    assert msgspec.json.decode(entry.json) == {
        "seq": 1,
        "at": NOW // 1000,
        "kind": "chat",
        "origin": "person",
        "author": "bob",
        "text": "x" * 300,
        "key": "k",
    }
    assert Mention.objects.get().seq == 1


def test_a_room_that_is_gone_takes_nothing_with_it(pump: Device, meter: Device) -> None:
    gone = said(pump.room)
    Room.objects.filter(pk=pump.room.pk).delete()
    written = append(gone, told(pump, "online"), said(meter.room))
    assert [message.room_id for message in written.messages] == [meter.room.pk]
    assert append(gone).events == []


async def test_a_device_without_a_room_does_what_it_is_told(bob: User, pump: Device) -> None:
    """None is made so; one whose room was deleted must not stop the ingest of others."""
    await Room.objects.all().adelete()
    command = await lifecycle.issue(bob, "pump-1", "set", {})
    assert command.seq is None
    assert not await Message.objects.aexists()


def test_availability_is_told_as_of_now_and_says_since_when(pump: Device) -> None:
    [message] = append(told(pump, "stale", NOW)).messages
    assert (message.at, message.by, message.origin) == (NOW, "pump-1", "device")
    assert message.data == {"status": "stale", "since": NOW // 1000 - 5000}


def test_a_room_is_not_told_what_it_says_already(pump: Device) -> None:
    for status in ("online", "online", "unknown", "online", "offline"):
        append(told(pump, status))
    assert [message.data["status"] for message in pump.room.messages.order_by("seq")] == ["online", "offline"]
    append(told(pump, "online"), told(pump, "online"), told(pump, "offline"))
    assert pump.room.messages.count() == 4


def test_many_lines_cost_what_one_costs(
    space: Space, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fleet = [provisioning.create_device(f"d{i}", space)[0] for i in range(30)]
    with transaction.atomic(), django_assert_num_queries(3):
        entries.append([told(pump, "online")])
    with transaction.atomic(), django_assert_num_queries(3):
        entries.append([told(device, "online") for device in fleet])


def test_what_was_stored_is_counted_and_what_was_not_is_not(pump: Device) -> None:
    counter = stats.room_messages.labels("chat")._value
    before = counter.get()
    append(said(pump.room), said(pump.room))
    with transaction.atomic():
        entries.append([said(pump.room)])
        transaction.set_rollback(True)
    assert counter.get() == before + 2


def test_an_outcome_collects_what_is_recorded_at_once(pump: Device) -> None:
    outcome = Outcome([CommandsQueued()], [told(pump, "online")])
    outcome += Outcome([], [said(pump.room)])
    assert not Message.objects.exists()
    events = recorded(lambda: outcome)
    assert [type(event) for event in events] == [CommandsQueued, MessagesStored]
    assert [message.kind for message in Message.objects.order_by("seq")] == ["availability", "chat"]


def test_an_outcome_without_entries_locks_no_room(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert entries.record(Outcome([CommandsQueued()])) == [CommandsQueued()]


def test_holding_a_room_that_is_gone_holds_nothing(db: None) -> None:
    with transaction.atomic():
        entries.lock(10**9)


class Beside:
    """Work on other connections, whose errors are raised at the end."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def start(self, work: Callable[[], object]) -> None:
        self._threads.append(threading.Thread(target=self._run, args=[work]))
        self._threads[-1].start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
        finally:
            connection.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        assert self._errors == []


@pytest.fixture
def beside() -> Iterator[Beside]:
    work = Beside()
    yield work
    work.join()


def test_many_who_write_at_once_leave_no_hole(beside: Beside, pump: Device, meter: Device) -> None:
    """Each in its own order: who locked the rooms in that order would wait for ever."""
    lines = [said(pump.room), said(meter.room)]
    start = threading.Barrier(4, timeout=WAIT_S)

    def write(order: list[NewEntry]) -> None:
        start.wait()
        for _ in range(10):
            append(*order)

    for i in range(4):
        beside.start(lambda i=i: write(lines if i % 2 else lines[::-1]))  # type: ignore[misc]
    beside.join()
    for room in (pump.room, meter.room):
        assert seqs(room) == list(range(1, 41))


@on_postgresql
def test_a_command_from_a_room_and_the_device_s_availability_do_not_wait_for_each_other(
    beside: Beside, bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device_is_locked = threading.Event()
    lock = entries._lock

    def locking(lines: list[NewEntry]) -> object:
        device_is_locked.set()
        return lock(lines)

    monkeypatch.setattr(entries, "_lock", locking)
    with transaction.atomic():
        entries.lock(pump.room.pk)
        beside.start(lambda: recorded(changes.weigh, [Evidence(pump.pk, Availability.ONLINE, NOW)]))
        assert device_is_locked.wait(WAIT_S)
        lifecycle.queue(lifecycle.prepare(bob, pump, "set", {}), None)
    beside.join()
    assert [message.kind for message in pump.room.messages.all()] == ["availability"]


@on_postgresql
def test_who_reads_a_room_does_not_wait_for_who_writes(beside: Beside, bob: User, pump: Device) -> None:
    append(said(pump.room))
    read = threading.Event()
    with transaction.atomic():
        entries.lock(pump.room.pk)
        beside.start(lambda: (read_markers.move(bob, pump.room, 1), read.set()))
        assert read.wait(WAIT_S)
