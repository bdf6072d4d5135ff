"""Reports of availability: which of them change a device, and who is notified."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.availability.changes import Evidence, reset_to_unknown, weigh
from devices.availability.silence import MIN_LIMIT_US
from devices.channel.events import AvailabilityChanged
from devices.log.entries import recorded
from devices.models import AvailabilityChange, Device, Room, Space
from devices.values import Availability
from tests.devices.availability.reporting import (
    NOW,
    OFFLINE,
    ONLINE,
    STALE,
    UNKNOWN,
    S,
    history,
    room_says,
    say,
    state,
    viewers_hear,
)


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


def test_a_restart_of_the_hub_adds_no_line_to_a_room(pump: Device) -> None:
    say(pump, ONLINE, NOW)
    reset_to_unknown(NOW + S)
    say(pump, ONLINE, NOW + 2 * S)
    say(pump, OFFLINE, NOW + 3 * S)
    assert room_says(pump) == ["online", "offline"]


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


def test_a_stale_device_that_is_heard_is_online(pump: Device) -> None:
    Device.objects.update(availability=STALE, heard_at=NOW)
    assert say(pump, ONLINE, NOW + 500 * S) == [AvailabilityChanged(pump.id, "pump-1", "online", NOW + 500 * S)]
