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
    announced,
    history,
    report,
    state,
    statuses_in_room,
)


def test_a_change_is_announced_once_and_stored(pump: Device) -> None:
    assert report(pump, ONLINE, NOW) == [AvailabilityChanged(pump.id, "pump-1", "online", NOW)]
    assert report(pump, ONLINE, NOW + S) == []
    assert state(pump) == ("online", NOW)
    assert history(pump) == [("online", 0, 1)]


def test_a_thousand_devices_that_go_offline_at_once_cost_few_queries(
    space: Space, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fleet = Device.objects.bulk_create(Device(uid=f"d{i}", space=space, name="d") for i in range(1000))
    Room.objects.bulk_create(Room(space=space, device=device) for device in fleet)
    recorded(weigh, [Evidence(device.id, ONLINE, NOW) for device in fleet])
    with django_assert_max_num_queries(30):
        events = recorded(weigh, [Evidence(device.id, OFFLINE, NOW + S) for device in fleet])
    assert {event.uid for event in announced(events)} == {device.uid for device in fleet}
    assert {statuses_in_room(device)[-1] for device in fleet[::100]} == {"offline"}
    assert AvailabilityChange.objects.filter(status=OFFLINE, count=1).count() == 1000


def test_a_broker_restart_makes_connected_devices_unknown(pump: Device) -> None:
    for before, after in ((ONLINE, "unknown"), (STALE, "unknown"), (OFFLINE, "offline")):
        report(pump, before, NOW)
        reset_to_unknown(NOW + 100 * S)
        assert state(pump)[0] == after


def test_a_hub_restart_adds_no_entry_to_a_room(pump: Device) -> None:
    report(pump, ONLINE, NOW)
    reset_to_unknown(NOW + S)
    report(pump, ONLINE, NOW + 2 * S)
    report(pump, OFFLINE, NOW + 3 * S)
    assert statuses_in_room(pump) == ["online", "offline"]


@pytest.mark.parametrize(
    ("before", "reported", "after"),
    [(UNKNOWN, ONLINE, ONLINE), (OFFLINE, ONLINE, ONLINE), (STALE, ONLINE, STALE), (STALE, OFFLINE, OFFLINE)],
)
def test_a_status_repeated_by_the_broker_does_not_revive_a_stale_device(
    pump: Device, before: Availability, reported: Availability, after: Availability
) -> None:
    Device.objects.update(availability=before, heard_at=NOW)
    report(pump, reported, NOW + S, repeated=True)
    assert state(pump)[0] == after


def test_a_repeated_will_is_ignored_while_the_device_keeps_sending(pump: Device) -> None:
    """After a session takeover it stays retained at the broker, which repeats it whenever a bridge subscribes."""
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=1000)
    assert report(pump, OFFLINE, NOW + MIN_LIMIT_US - 1, repeated=True) == []
    assert report(pump, OFFLINE, NOW + MIN_LIMIT_US, repeated=True) != []


def test_after_a_session_takeover_the_next_message_overrides_the_old_will(pump: Device) -> None:
    report(pump, ONLINE, NOW)
    report(pump, ONLINE, NOW + S)  # the new connection
    report(pump, OFFLINE, NOW + S + 1)  # the will of the old one
    assert report(pump, ONLINE, NOW + 2 * S) != []
    assert state(pump) == ("online", NOW + 2 * S)


def test_a_stale_device_that_sends_again_is_online(pump: Device) -> None:
    Device.objects.update(availability=STALE, heard_at=NOW)
    assert report(pump, ONLINE, NOW + 500 * S) == [AvailabilityChanged(pump.id, "pump-1", "online", NOW + 500 * S)]
