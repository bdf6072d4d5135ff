"""A process learns the usual silence of a device from the times of its messages."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from bridges.ingest.liveness import HALF_LIFE_US, LivenessTracker, Sighting, Sightings, record
from devices.availability import checks
from devices.availability.silence import WRITE_EVERY_US, record_listening, silence_limit_us
from devices.log.entries import Outcome
from devices.models import Device, Space
from devices.registry.senders import by_uid
from devices.values import Availability, StatusReport

pytestmark = pytest.mark.both_databases

S = 1_000_000
HOUR = 3_600 * S
NOW = 1_760_000_000 * S


@pytest.fixture
def listening(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge is connected from `NOW` on, without a break."""
    monkeypatch.setattr("bridges.ingest.liveness.silence.listening_since", lambda now: NOW - S)


def sighting(device: Device, at: int) -> Sightings:
    device.refresh_from_db()
    return {device.id: Sighting(device, Availability.ONLINE, at)}


def receive(tracker: LivenessTracker, device: Device, *times: int, stale_between: bool = False) -> int:
    """Applies a message at each of `times`; returns how long the device may be silent now, in seconds."""
    for at in times:
        if stale_between:
            Device.objects.update(availability=Availability.STALE)
        tracker.apply(sighting(device, at))
    device.refresh_from_db()
    return silence_limit_us(device) // S


@pytest.mark.usefixtures("listening")
def test_a_device_seen_once_has_the_default_limit(pump: Device) -> None:
    assert receive(LivenessTracker(), pump, NOW) == 300
    assert (pump.availability, pump.heard_at) == ("online", NOW)


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(("every_s", "limit_s"), [(1, 60), (15, 60), (60, 180), (600, 1800)])
def test_a_regular_device_may_be_silent_for_three_of_its_gaps(pump: Device, every_s: int, limit_s: int) -> None:
    times = range(NOW, NOW + 30 * every_s * S, every_s * S)
    assert receive(LivenessTracker(), pump, *times) == pytest.approx(limit_s, rel=0.05)


@pytest.mark.usefixtures("listening")
def test_a_device_that_sends_every_hour_learns_from_its_first_gap(pump: Device) -> None:
    tracker = LivenessTracker()
    receive(tracker, pump, NOW)
    assert receive(tracker, pump, NOW + HOUR, stale_between=True) == 3 * 3600


@pytest.mark.usefixtures("listening")
def test_one_outage_teaches_nothing_and_a_second_one_does(pump: Device) -> None:
    tracker = LivenessTracker()
    seconds = range(NOW, NOW + 100 * S, S)
    assert receive(tracker, pump, *seconds) == 60
    assert receive(tracker, pump, NOW + HOUR, stale_between=True) == 60
    assert receive(tracker, pump, *(at + HOUR for at in seconds)) == 60
    assert receive(tracker, pump, NOW + 3 * HOUR, stale_between=True) == pytest.approx(3 * 3600, rel=0.05)


@pytest.mark.usefixtures("listening")
def test_a_silence_that_does_not_recur_is_forgotten(pump: Device) -> None:
    tracker = LivenessTracker()
    receive(tracker, pump, NOW, NOW + 600 * S)
    Device.objects.update(availability=Availability.OFFLINE)  # so that the gap itself teaches nothing
    assert receive(tracker, pump, NOW + 600 * S + HALF_LIFE_US) == 900


def test_a_silence_while_the_hub_was_not_listening_teaches_nothing(pump: Device) -> None:
    tracker = LivenessTracker()
    for at in range(NOW, NOW + 60 * S, S):
        if at % (10 * S) == 0:
            record_listening(at)
        receive(tracker, pump, at)
    back = NOW + HOUR
    assert receive(tracker, pump, back) == 60  # the backlog comes before the bridge counts as back
    record_listening(back + S)
    assert receive(tracker, pump, back + 20 * S) == 60


@pytest.mark.usefixtures("listening")
def test_a_reported_absence_teaches_nothing(pump: Device) -> None:
    tracker = LivenessTracker()
    receive(tracker, pump, *range(NOW, NOW + 60 * S, S))
    Device.objects.update(availability=Availability.OFFLINE)
    assert receive(tracker, pump, NOW + HOUR) == 60


@pytest.mark.usefixtures("listening")
def test_rows_are_written_every_ten_seconds_at_most(
    space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Device.objects.bulk_create(
        Device(uid=f"d{i}", space=space, name="d", availability=Availability.ONLINE) for i in range(100)
    )
    fleet = list(Device.objects.all())
    tracker = LivenessTracker()

    def apply(at: int) -> None:
        tracker.apply({device.id: Sighting(device, Availability.ONLINE, at) for device in fleet})

    apply(NOW)
    with django_assert_num_queries(0):
        for at in range(NOW, NOW + WRITE_EVERY_US, 100_000):
            apply(at)
    with django_assert_num_queries(1):
        apply(NOW + WRITE_EVERY_US)
    assert set(Device.objects.values_list("heard_at", flat=True)) == {NOW + WRITE_EVERY_US}


@pytest.mark.usefixtures("listening")
def test_a_clock_that_is_set_back_does_no_harm(pump: Device) -> None:
    tracker = LivenessTracker()
    receive(tracker, pump, NOW + 10 * HOUR, NOW, NOW + S)
    checks.find_stale(NOW + 2 * S)
    assert receive(tracker, pump, NOW + 30 * S) <= 300
    assert pump.heard_at == NOW + 30 * S


@pytest.mark.usefixtures("listening")
def test_a_repeated_message_is_not_a_sign_of_life(pump: Device) -> None:
    tracker = LivenessTracker()
    receive(tracker, pump, NOW)
    tracker.apply({pump.id: Sighting(pump, Availability.ONLINE, NOW + HOUR, repeated=True)})
    pump.refresh_from_db()
    assert pump.heard_at == NOW


@pytest.mark.usefixtures("listening")
def test_a_device_deleted_in_between_is_left_out(pump: Device) -> None:
    gone = sighting(pump, NOW)
    Device.objects.all().delete()
    assert LivenessTracker().apply(gone) == Outcome()


def test_a_gateways_state_and_the_devices_own_are_kept_apart(pump: Device) -> None:
    sightings: Sightings = {}
    sender = by_uid([pump.uid])[pump.uid]
    record(sightings, sender, StatusReport(Availability.ONLINE, NOW, repeated=True))
    record(sightings, sender, StatusReport(Availability.OFFLINE, NOW, repeated=True, via="hub"))
    LivenessTracker().apply(sightings)
    pump.refresh_from_db()
    assert (pump.availability, pump.via, pump.own_availability) == ("offline", "hub", "online")
