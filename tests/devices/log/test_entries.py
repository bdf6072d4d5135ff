"""The log of a room: its numbering, the entries that are left out, and which locks make writers wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
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


def chat_entry(room: Room, text: str = "hello", kind: MessageKind = MessageKind.CHAT) -> NewEntry:
    return NewEntry(room_id=room.pk, kind=kind, at=NOW, origin=Origin.PERSON, by="bob", text=text)


def append(*new_entries: NewEntry) -> entries.Appended:
    with transaction.atomic():
        return entries.append(new_entries)


def status_entry(device: Device, status: str, now: int = NOW) -> NewEntry:
    return changes.log_entry(AvailabilityChanged(device.pk, device.uid, status, NOW - 5_000_000), now)


def seqs(room: Room) -> list[int]:
    return list(room.messages.order_by("seq").values_list("seq", flat=True))


def test_each_room_has_its_own_numbering(pump: Device, meter: Device) -> None:
    written = append(chat_entry(pump.room, "a"), chat_entry(meter.room, "b"), chat_entry(pump.room, "c"))
    assert [(message.room_id, message.seq, message.text) for message in written.messages] == [
        (pump.room.pk, 1, "a"),
        (meter.room.pk, 1, "b"),
        (pump.room.pk, 2, "c"),
    ]
    pump.room.refresh_from_db()
    assert (pump.room.seq, pump.room.chats, pump.room.active_at) == (2, 2, NOW)


def test_a_rolled_back_entry_leaves_no_gap(pump: Device) -> None:
    append(chat_entry(pump.room))
    with transaction.atomic():
        entries.append([chat_entry(pump.room), chat_entry(pump.room)])
        transaction.set_rollback(True)
    append(chat_entry(pump.room))
    assert seqs(pump.room) == [1, 2]


def test_only_chat_messages_count_as_talk(pump: Device) -> None:
    kinds = [kind for kind in MessageKind if kind is not MessageKind.AVAILABILITY]
    written = append(*[chat_entry(pump.room, kind=kind) for kind in kinds])
    pump.room.refresh_from_db()
    assert (pump.room.seq, pump.room.chats) == (len(kinds), 1)
    [event] = written.events
    assert [entry.talk for entry in event.entries] == [kind is MessageKind.CHAT for kind in kinds]


def test_an_event_carries_the_message_as_clients_see_it(pump: Device, alice: User) -> None:
    new_entry = chat_entry(pump.room, "x" * 300)
    new_entry.mentions, new_entry.author_id, new_entry.key = (alice.pk,), alice.pk, "k"
    [event] = append(new_entry).events
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


def test_an_entry_of_a_deleted_room_does_not_stop_the_others(pump: Device, meter: Device) -> None:
    gone = chat_entry(pump.room)
    Room.objects.filter(pk=pump.room.pk).delete()
    written = append(gone, status_entry(pump, "online"), chat_entry(meter.room))
    assert [message.room_id for message in written.messages] == [meter.room.pk]
    assert append(gone).events == []


async def test_a_device_without_a_room_still_gets_commands(bob: User, pump: Device) -> None:
    """No device is created without a room, but one whose room was deleted must not stop the ingest of the others."""
    await Room.objects.all().adelete()
    command = await lifecycle.issue(bob, "pump-1", "set", {})
    assert command.seq is None
    assert not await Message.objects.aexists()


def test_an_availability_entry_is_dated_now_and_says_since_when(pump: Device) -> None:
    [message] = append(status_entry(pump, "stale", NOW)).messages
    assert (message.at, message.by, message.origin) == (NOW, "pump-1", "device")
    assert message.data == {"status": "stale", "since": NOW // 1000 - 5000}


def test_a_room_does_not_repeat_the_status_it_already_shows(pump: Device) -> None:
    for status in ("online", "online", "unknown", "online", "offline"):
        append(status_entry(pump, status))
    assert [message.data["status"] for message in pump.room.messages.order_by("seq")] == ["online", "offline"]
    append(status_entry(pump, "online"), status_entry(pump, "online"), status_entry(pump, "offline"))
    assert pump.room.messages.count() == 4


def test_many_entries_cost_as_many_queries_as_one(
    space: Space, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fleet = [provisioning.create_device(f"d{i}", space)[0] for i in range(30)]
    with transaction.atomic(), django_assert_num_queries(3):
        entries.append([status_entry(pump, "online")])
    with transaction.atomic(), django_assert_num_queries(3):
        entries.append([status_entry(device, "online") for device in fleet])


def test_only_stored_messages_are_counted(pump: Device) -> None:
    counter = stats.room_messages.labels("chat")._value
    before = counter.get()
    append(chat_entry(pump.room), chat_entry(pump.room))
    with transaction.atomic():
        entries.append([chat_entry(pump.room)])
        transaction.set_rollback(True)
    assert counter.get() == before + 2


def test_the_entries_of_an_outcome_are_stored_when_it_is_recorded(pump: Device) -> None:
    outcome = Outcome([CommandsQueued()], [status_entry(pump, "online")])
    outcome += Outcome([], [chat_entry(pump.room)])
    assert not Message.objects.exists()
    events = recorded(lambda: outcome)
    assert [type(event) for event in events] == [CommandsQueued, MessagesStored]
    assert [message.kind for message in Message.objects.order_by("seq")] == ["availability", "chat"]


def test_an_outcome_without_entries_locks_no_room(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert entries.record(Outcome([CommandsQueued()])) == [CommandsQueued()]


def test_locking_a_deleted_room_neither_fails_nor_creates_it(pump: Device) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        entries.lock(10**9)
    assert [query["sql"].split()[0] for query in captured] == ["SELECT"]  # it creates no room either
    assert not Room.objects.filter(pk=10**9).exists()


class OtherConnections:
    """Work on other database connections, whose errors are raised at the end."""

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
def other_connections() -> Iterator[OtherConnections]:
    work = OtherConnections()
    yield work
    work.join()


def test_concurrent_writers_leave_no_gap_and_do_not_deadlock(
    other_connections: OtherConnections, pump: Device, meter: Device
) -> None:
    """They name the rooms in opposite orders: locking them in the given order would be a deadlock."""
    new_entries = [chat_entry(pump.room), chat_entry(meter.room)]
    start = threading.Barrier(4, timeout=WAIT_S)

    def write(order: list[NewEntry]) -> None:
        start.wait()
        for _ in range(10):
            append(*order)

    for i in range(4):
        other_connections.start(lambda i=i: write(new_entries if i % 2 else new_entries[::-1]))  # type: ignore[misc]
    other_connections.join()
    for room in (pump.room, meter.room):
        assert seqs(room) == list(range(1, 41))


@on_postgresql
def test_a_command_from_a_room_and_the_device_s_availability_do_not_wait_for_each_other(
    other_connections: OtherConnections, bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device_is_locked = threading.Event()
    lock = entries._lock

    def locking(new_entries: list[NewEntry]) -> object:
        device_is_locked.set()
        return lock(new_entries)

    monkeypatch.setattr(entries, "_lock", locking)
    with transaction.atomic():
        entries.lock(pump.room.pk)
        other_connections.start(lambda: recorded(changes.weigh, [Evidence(pump.pk, Availability.ONLINE, NOW)]))
        assert device_is_locked.wait(WAIT_S)
        lifecycle.queue(lifecycle.prepare(bob, pump, "set", {}), None)
    other_connections.join()
    assert [message.kind for message in pump.room.messages.all()] == ["availability"]


@on_postgresql
def test_a_reader_does_not_wait_for_the_writer_of_a_room(
    other_connections: OtherConnections, bob: User, pump: Device
) -> None:
    append(chat_entry(pump.room))
    read = threading.Event()
    with transaction.atomic():
        entries.lock(pump.room.pk)
        other_connections.start(lambda: (read_markers.move(bob, pump.room, 1), read.set()))
        assert read.wait(WAIT_S)
