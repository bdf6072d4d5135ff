"""Changes of availability, silence, flapping and history, with the time given."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.availability import checks
from devices.availability.changes import Evidence, reset_to_unknown, weigh
from devices.availability.checks import find_stale, report_flapping
from devices.availability.flapping import REPORT_EVERY_US
from devices.availability.history import KEPT_US, MAX_KEPT, trim
from devices.availability.silence import (
    FIRST_LIMIT_US,
    MAX_LIMIT_US,
    MIN_LIMIT_US,
    WRITE_EVERY_US,
    record_contacts,
    record_listening,
    set_stale_after,
)
from devices.channel.events import AvailabilityChanged, Event
from devices.errors import Invalid
from devices.log.entries import recorded
from devices.models import AvailabilityChange, Device, Message, Room, Space, Watermark
from devices.values import Availability, MessageKind

ONLINE, OFFLINE, STALE, UNKNOWN = Availability.ONLINE, Availability.OFFLINE, Availability.STALE, Availability.UNKNOWN
S = 1_000_000
NOW = 1_760_000_000 * S


def viewers_hear(events: Iterable[Event]) -> list[AvailabilityChanged]:
    return [event for event in events if isinstance(event, AvailabilityChanged)]


def say(device: Device, status: Availability, at: int, *, repeated: bool = False) -> list[AvailabilityChanged]:
    return viewers_hear(recorded(weigh, [Evidence(device.id, status, at, repeated)]))


def room_says(device: Device) -> list[str]:
    rows = Message.objects.filter(room__device=device, kind=MessageKind.AVAILABILITY).order_by("seq")
    return [data["status"] for data in rows.values_list("data", flat=True)]


def state(device: Device) -> tuple[str, int]:
    device.refresh_from_db()
    return device.availability, device.availability_at


def history(device: Device) -> list[tuple[str, int, int]]:
    """(status, seconds since `NOW`, count), oldest first."""
    rows = device.availability_changes.order_by("at", "id").values_list("status", "at", "count")
    return [(status, (at - NOW) // S, count) for status, at, count in rows]


def listen(start: int, end: int) -> None:
    """A bridge is connected from `start` to `end`."""
    for moment in range(start, end + 1, 20 * S):
        record_listening(moment)
    record_listening(end)


def test_a_change_is_told_once_and_remembered(pump: Device) -> None:
    assert say(pump, ONLINE, NOW) == [AvailabilityChanged(pump.id, "pump-1", "online", NOW)]
    assert say(pump, ONLINE, NOW + S) == []
    assert state(pump) == ("online", NOW)
    assert history(pump) == [("online", 0, 1)]


def test_a_fleet_that_goes_at_once_is_told_in_one_go(
    space: Space, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fleet = Device.objects.bulk_create(Device(uid=f"d{i}", space=space, name="d") for i in range(1000))
    Room.objects.bulk_create(Room(space=space, device=device) for device in fleet)
    recorded(weigh, [Evidence(device.id, ONLINE, NOW) for device in fleet])
    with django_assert_max_num_queries(30):
        events = recorded(weigh, [Evidence(device.id, OFFLINE, NOW + S) for device in fleet])
    assert {event.uid for event in viewers_hear(events)} == {device.uid for device in fleet}
    assert {room_says(device)[-1] for device in fleet[::100]} == {"offline"}
    assert AvailabilityChange.objects.filter(status=OFFLINE, count=1).count() == 1000


def test_after_a_restart_of_the_broker_nobody_is_known_to_be_connected(pump: Device) -> None:
    for before, after in ((ONLINE, "unknown"), (STALE, "unknown"), (OFFLINE, "offline")):
        say(pump, before, NOW)
        reset_to_unknown(NOW + 100 * S)
        assert state(pump)[0] == after


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [(UNKNOWN, ONLINE, ONLINE), (OFFLINE, ONLINE, ONLINE), (STALE, ONLINE, STALE), (STALE, OFFLINE, OFFLINE)],
)
def test_a_word_that_the_broker_repeats_is_no_sign_of_life(
    pump: Device, before: Availability, word: Availability, after: Availability
) -> None:
    Device.objects.update(availability=before, heard_at=NOW)
    say(pump, word, NOW + S, repeated=True)
    assert state(pump)[0] == after


def test_a_repeated_will_does_not_beat_a_device_that_sends(pump: Device) -> None:
    """It stays at the broker where a session was taken over, and comes again whenever a bridge subscribes."""
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=1000)
    assert say(pump, OFFLINE, NOW + MIN_LIMIT_US - 1, repeated=True) == []
    assert say(pump, OFFLINE, NOW + MIN_LIMIT_US, repeated=True) != []


def test_of_a_take_over_the_next_message_repairs_what_the_old_will_said(pump: Device) -> None:
    say(pump, ONLINE, NOW)
    say(pump, ONLINE, NOW + S)  # the new connection
    say(pump, OFFLINE, NOW + S + 1)  # the will of the old one
    assert say(pump, ONLINE, NOW + 2 * S) != []
    assert state(pump) == ("online", NOW + 2 * S)


@pytest.mark.parametrize(
    ("gap_ms", "set_s", "limit_us"),
    [
        (0, None, FIRST_LIMIT_US),
        (1_000, None, MIN_LIMIT_US),
        (3_600_000, None, 3 * 3_600 * S),
        (86_400_000, None, MAX_LIMIT_US),
        (1_000, 7, 7 * S),
    ],
)
def test_silence_makes_stale_once_it_is_longer_than_usual(
    pump: Device, gap_ms: int, set_s: int | None, limit_us: int
) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=gap_ms, stale_after_s=set_s)
    end = NOW + limit_us + WRITE_EVERY_US
    listen(NOW - S, NOW - S)
    # The mark of a day in between would only cost time.
    Watermark.objects.filter(name="listening").update(time=end)
    assert find_stale(end) == []
    assert viewers_hear(find_stale(end + 1)) == [AvailabilityChanged(pump.id, "pump-1", "stale", NOW)]
    assert find_stale(end + 2) == []
    assert state(pump) == ("stale", NOW)
    assert history(pump) == [("stale", 0, 1)]


@pytest.mark.parametrize("before", [OFFLINE, UNKNOWN, STALE])
def test_only_who_counts_as_online_becomes_stale(pump: Device, before: Availability) -> None:
    Device.objects.update(availability=before, heard_at=NOW)
    record_listening(NOW)
    listen(NOW, NOW + 1000 * S)
    assert find_stale(NOW + 1000 * S) == []


def test_a_stale_device_that_is_heard_is_online(pump: Device) -> None:
    Device.objects.update(availability=STALE, heard_at=NOW)
    assert say(pump, ONLINE, NOW + 500 * S) == [AvailabilityChanged(pump.id, "pump-1", "online", NOW + 500 * S)]


def test_while_no_bridge_listens_the_silence_is_the_hub_s_own(pump: Device) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW)
    assert find_stale(NOW + 1000 * S) == []
    listen(NOW, NOW + 20 * S)
    assert find_stale(NOW + 1000 * S) == []


def test_after_an_outage_of_the_hub_devices_have_their_time(pump: Device) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=1000)
    listen(NOW, NOW + 20 * S)
    back = NOW + 5000 * S
    listen(back, back + 71 * S)
    assert find_stale(back + 70 * S) == []
    assert find_stale(back + 71 * S) != []


def test_a_time_in_the_future_makes_no_device_immortal(pump: Device) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW + 10**6 * S, usual_gap_ms=1000)
    record_listening(NOW + 10**6 * S)  # the clock was ahead by days
    listen(NOW, NOW + 80 * S)
    assert find_stale(NOW) == []
    assert find_stale(NOW + 80 * S) != []


def test_of_two_workers_one_tells(pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other has found the device silent as well, and comes second to the lock."""
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=1000)
    listen(NOW, NOW + 80 * S)
    lock = checks.lock

    def late(ids: list[int]) -> list[Device]:
        monkeypatch.setattr(checks, "lock", lock)
        assert len(viewers_hear(find_stale(NOW + 80 * S))) == 1
        return lock(ids)

    monkeypatch.setattr(checks, "lock", late)
    assert find_stale(NOW + 80 * S) == []
    assert history(pump) == [("stale", 0, 1)]


def test_the_greatest_time_stays(pump: Device) -> None:
    record_contacts([(pump.id, NOW + 5, 10)])
    record_contacts([(pump.id, NOW, 20), (10**9, NOW, 1)])
    record_contacts([])
    pump.refresh_from_db()
    assert (pump.heard_at, pump.usual_gap_ms) == (NOW + 5, 20)


def flap(device: Device, changes: int, start: int, every: int) -> list[tuple[str, int]]:
    """What viewers are told of so many changes, with the check of a worker each second: (status, second)."""
    told = []
    due = start
    for moment in range(start, start + changes * every + 30 * S, S):
        while due <= moment and changes:
            changes -= 1
            status = ONLINE if changes % 2 else OFFLINE
            told += [(event.status, (moment - start) // S) for event in say(device, status, due)]
            due += every
        told += [(event.status, (moment - start) // S) for event in viewers_hear(report_flapping(moment))]
    return told


@pytest.mark.parametrize("changes", [40, 41, 50, 53])
def test_of_a_flapping_device_viewers_hear_at_intervals_and_the_last_state(pump: Device, changes: int) -> None:
    told = flap(pump, changes, NOW, 2 * S)
    damped = told[6:]
    assert all(after[1] - before[1] >= REPORT_EVERY_US // S - 1 for before, after in pairwise(damped))
    assert len(told) <= 6 + changes * 2 // 10 + 2
    assert told[-1][0] == "offline" == state(pump)[0]
    assert report_flapping(NOW + 3000 * S) == []


def test_the_room_of_a_flapping_device_says_what_viewers_hear(pump: Device) -> None:
    told = flap(pump, 40, NOW, 2 * S)
    assert room_says(pump)[-1] == "offline"
    assert len(room_says(pump)) <= len(told)


def test_a_restart_of_the_hub_adds_no_line_to_a_room(pump: Device) -> None:
    say(pump, ONLINE, NOW)
    reset_to_unknown(NOW + S)
    say(pump, ONLINE, NOW + 2 * S)
    say(pump, OFFLINE, NOW + 3 * S)
    assert room_says(pump) == ["online", "offline"]


def test_history_of_a_flapping_device_is_merged(pump: Device) -> None:
    flap(pump, 40, NOW, 2 * S)
    rows = history(pump)
    assert len(rows) == 6
    assert sum(count for _, _, count in rows) == 40
    assert rows[-1] == ("offline", 78, 35)
    say(pump, ONLINE, NOW + 200 * S)  # a quiet minute later it does not flap any more
    assert history(pump)[-1] == ("online", 200, 1)


def test_two_workers_do_not_tell_the_same_twice(pump: Device) -> None:
    for i in range(12):
        say(pump, OFFLINE if i % 2 else ONLINE, NOW + i * S)
    at = NOW + 40 * S
    assert [event.status for event in viewers_hear(report_flapping(at))] == ["offline"]
    assert report_flapping(at) == []


def test_history_is_bounded(pump: Device) -> None:
    rows = [AvailabilityChange(device=pump, status=ONLINE, at=NOW + i) for i in range(MAX_KEPT + 5)]
    AvailabilityChange.objects.bulk_create([AvailabilityChange(device=pump, status=OFFLINE, at=NOW - KEPT_US), *rows])
    while trim(NOW + 1):
        pass
    kept = pump.availability_changes.order_by("at")
    assert (kept.count(), kept.first().at) == (MAX_KEPT, NOW + 5)  # type: ignore[union-attr]


@pytest.mark.parametrize("seconds", [-1, 0, 4, 10**9])
def test_a_limit_out_of_bounds_is_refused(pump: Device, seconds: int) -> None:
    with pytest.raises(Invalid):
        set_stale_after(pump, seconds)


def test_a_limit_is_set_and_taken_back(pump: Device) -> None:
    for seconds in (60, None):
        set_stale_after(pump, seconds)
        pump.refresh_from_db()
        assert pump.stale_after_s == seconds
