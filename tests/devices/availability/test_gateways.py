"""Two levels of life: a device behind a gateway can only be reached while the gateway can."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from devices.availability.changes import Evidence, reset_to_unknown, weigh
from devices.channel.events import AvailabilityChanged
from devices.log.entries import recorded
from devices.models import AvailabilityChange, Device, Message, Room, Space
from tests.devices.availability.reporting import (
    NOW,
    OFFLINE,
    ONLINE,
    UNKNOWN,
    S,
    announced,
    history,
    report,
    statuses_in_room,
)

pytestmark = pytest.mark.both_databases

GATEWAY = "zigbee2mqtt"


def gateway(
    *devices: Device, online: bool, at: int, via: str = GATEWAY, repeated: bool = False
) -> Sequence[AvailabilityChanged]:
    status = ONLINE if online else OFFLINE
    return announced(recorded(weigh, [Evidence(device.id, status, at, repeated, via) for device in devices]))


def life(device: Device) -> tuple[str, str]:
    device.refresh_from_db()
    return device.availability, device.via


def test_a_device_is_offline_with_its_gateway_and_as_before_without(pump: Device) -> None:
    report(pump, ONLINE, NOW)
    lost = gateway(pump, online=False, at=NOW + S)
    assert lost == [AvailabilityChanged(pump.id, "pump-1", "offline", NOW + S, GATEWAY)]
    assert life(pump) == ("offline", GATEWAY)
    assert gateway(pump, online=False, at=NOW + 2 * S) == []
    found = gateway(pump, online=True, at=NOW + 3 * S)
    assert found == [AvailabilityChanged(pump.id, "pump-1", "online", NOW + 3 * S)]
    assert life(pump) == ("online", "")
    assert history(pump) == [("online", 0, 1), ("offline", 1, 1), ("online", 3, 1)]
    assert statuses_in_room(pump) == ["online", "offline", "online"]
    entry = Message.objects.get(room__device=pump, seq=2)
    assert entry.data == {"status": "offline", "since": (NOW + S) // 1000, "via": GATEWAY}


def test_what_it_reports_meanwhile_counts_when_the_gateway_is_back(pump: Device) -> None:
    report(pump, OFFLINE, NOW)
    gateway(pump, online=False, at=NOW + S)
    recorded(weigh, [Evidence(pump.id, ONLINE, NOW + 2 * S, repeated=True)])
    assert life(pump) == ("offline", GATEWAY)
    gateway(pump, online=True, at=NOW + 400 * S)
    assert life(pump) == ("online", "")


def test_a_will_that_arrives_meanwhile_counts_when_the_gateway_is_back(pump: Device) -> None:
    report(pump, ONLINE, NOW)
    gateway(pump, online=False, at=NOW + S)
    assert report(pump, OFFLINE, NOW + 2 * S) == []
    gateway(pump, online=True, at=NOW + 3 * S)
    assert life(pump) == ("offline", "")
    assert statuses_in_room(pump) == ["online", "offline"]


def test_a_live_message_shows_that_it_can_be_reached(pump: Device) -> None:
    gateway(pump, online=False, at=NOW)
    assert report(pump, ONLINE, NOW + S) == [AvailabilityChanged(pump.id, "pump-1", "online", NOW + S)]
    assert life(pump) == ("online", "")


def test_a_device_that_was_offline_is_said_to_be_unreachable_without_an_entry(pump: Device) -> None:
    report(pump, OFFLINE, NOW)
    assert gateway(pump, online=False, at=NOW + S) == [AvailabilityChanged(pump.id, "pump-1", "offline", NOW, GATEWAY)]
    assert gateway(pump, online=True, at=NOW + 2 * S) == [AvailabilityChanged(pump.id, "pump-1", "offline", NOW)]
    assert statuses_in_room(pump) == ["offline"]
    assert history(pump) == [("offline", 0, 1)]


def test_only_the_gateway_that_is_to_blame_restores_it(pump: Device) -> None:
    report(pump, ONLINE, NOW)
    gateway(pump, online=False, at=NOW + S)
    gateway(pump, online=False, at=NOW + 2 * S, via="other")
    gateway(pump, online=True, at=NOW + 3 * S, via="other")
    assert life(pump) == ("offline", GATEWAY)


def test_both_levels_in_one_batch_count_by_their_times(pump: Device) -> None:
    both = [Evidence(pump.id, ONLINE, NOW + S), Evidence(pump.id, OFFLINE, NOW, via=GATEWAY)]
    recorded(weigh, both)
    assert life(pump) == ("online", "")
    both = [Evidence(pump.id, ONLINE, NOW + 2 * S), Evidence(pump.id, OFFLINE, NOW + 3 * S, via=GATEWAY)]
    recorded(weigh, both)
    assert life(pump) == ("offline", GATEWAY)


def test_a_restart_of_the_broker_forgets_the_own_state(pump: Device) -> None:
    report(pump, ONLINE, NOW)
    gateway(pump, online=False, at=NOW + S)
    reset_to_unknown(NOW + 2 * S)
    assert life(pump) == ("offline", GATEWAY)
    gateway(pump, online=True, at=NOW + 3 * S)
    assert life(pump) == (UNKNOWN, "")


def test_a_thousand_devices_behind_one_gateway_get_an_entry_each(space: Space) -> None:
    fleet = Device.objects.bulk_create(Device(uid=f"d{i}", space=space, name="d") for i in range(1000))
    Room.objects.bulk_create(Room(space=space, device=device) for device in fleet)
    recorded(weigh, [Evidence(device.id, ONLINE, NOW) for device in fleet])
    events = gateway(*fleet, online=False, at=NOW + S)
    assert {event.uid for event in events} == {device.uid for device in fleet}
    assert AvailabilityChange.objects.filter(status=OFFLINE, count=1).count() == 1000
    assert {tuple(statuses_in_room(device)) for device in fleet[::100]} == {("online", "offline")}
