"""What a process learns of devices by hearing them, with the times given."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from bridges.hearing import HALF_LIFE_US, Hearing, Signs
from devices.availability import checks
from devices.availability.silence import WRITE_EVERY_US, record_listening, silence_limit_us
from devices.log.entries import Outcome
from devices.models import Device, Space
from devices.values import Availability

pytestmark = pytest.mark.both_databases

S = 1_000_000
HOUR = 3_600 * S
NOW = 1_760_000_000 * S


@pytest.fixture
def listening(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge is connected from `NOW` on, without a break."""
    monkeypatch.setattr("bridges.hearing.silence.listening_since", lambda now: NOW - S)


def sign(device: Device, at: int) -> Signs:
    device.refresh_from_db()
    return {device.id: (device, Availability.ONLINE, at, False)}


def hear(hearing: Hearing, device: Device, *times: int, stale_between: bool = False) -> int:
    """Takes messages at `times`; how long the device may be silent now, in seconds."""
    for at in times:
        if stale_between:
            Device.objects.update(availability=Availability.STALE)
        hearing.take(sign(device, at))
    device.refresh_from_db()
    return silence_limit_us(device) // S


@pytest.mark.usefixtures("listening")
def test_of_a_device_heard_once_nothing_is_known(pump: Device) -> None:
    assert hear(Hearing(), pump, NOW) == 300
    assert (pump.availability, pump.heard_at) == ("online", NOW)


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(("every_s", "limit_s"), [(1, 60), (15, 60), (60, 180), (600, 1800)])
def test_a_regular_device_may_be_silent_for_three_of_its_gaps(pump: Device, every_s: int, limit_s: int) -> None:
    times = range(NOW, NOW + 30 * every_s * S, every_s * S)
    assert hear(Hearing(), pump, *times) == pytest.approx(limit_s, rel=0.05)


@pytest.mark.usefixtures("listening")
def test_a_device_that_sends_every_hour_learns_from_its_first_gap(pump: Device) -> None:
    hearing = Hearing()
    hear(hearing, pump, NOW)
    assert hear(hearing, pump, NOW + HOUR, stale_between=True) == 3 * 3600


@pytest.mark.usefixtures("listening")
def test_one_outage_does_not_teach_and_its_like_does(pump: Device) -> None:
    hearing = Hearing()
    seconds = range(NOW, NOW + 100 * S, S)
    assert hear(hearing, pump, *seconds) == 60
    assert hear(hearing, pump, NOW + HOUR, stale_between=True) == 60
    assert hear(hearing, pump, *(at + HOUR for at in seconds)) == 60
    assert hear(hearing, pump, NOW + 3 * HOUR, stale_between=True) == pytest.approx(3 * 3600, rel=0.05)


@pytest.mark.usefixtures("listening")
def test_what_does_not_come_again_is_forgotten(pump: Device) -> None:
    hearing = Hearing()
    hear(hearing, pump, NOW, NOW + 600 * S)
    Device.objects.update(availability=Availability.OFFLINE)  # so that the gap itself teaches nothing
    assert hear(hearing, pump, NOW + 600 * S + HALF_LIFE_US) == 900


def test_what_the_hub_may_have_missed_teaches_nothing(pump: Device) -> None:
    hearing = Hearing()
    for at in range(NOW, NOW + 60 * S, S):
        if at % (10 * S) == 0:
            record_listening(at)
        hear(hearing, pump, at)
    back = NOW + HOUR
    assert hear(hearing, pump, back) == 60  # the backlog comes before the bridge counts as back
    record_listening(back + S)
    assert hear(hearing, pump, back + 20 * S) == 60


@pytest.mark.usefixtures("listening")
def test_a_device_s_own_absence_teaches_nothing(pump: Device) -> None:
    hearing = Hearing()
    hear(hearing, pump, *range(NOW, NOW + 60 * S, S))
    Device.objects.update(availability=Availability.OFFLINE)
    assert hear(hearing, pump, NOW + HOUR) == 60


@pytest.mark.usefixtures("listening")
def test_rows_are_written_every_ten_seconds_at_most(
    space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Device.objects.bulk_create(
        Device(uid=f"d{i}", space=space, name="d", availability=Availability.ONLINE) for i in range(100)
    )
    fleet = list(Device.objects.all())
    hearing = Hearing()

    def take(at: int) -> None:
        hearing.take({device.id: (device, Availability.ONLINE, at, False) for device in fleet})

    take(NOW)
    with django_assert_num_queries(0):
        for at in range(NOW, NOW + WRITE_EVERY_US, 100_000):
            take(at)
    with django_assert_num_queries(1):
        take(NOW + WRITE_EVERY_US)
    assert set(Device.objects.values_list("heard_at", flat=True)) == {NOW + WRITE_EVERY_US}


@pytest.mark.usefixtures("listening")
def test_a_clock_that_is_set_back_stops_nothing(pump: Device) -> None:
    hearing = Hearing()
    hear(hearing, pump, NOW + 10 * HOUR, NOW, NOW + S)
    checks.find_stale(NOW + 2 * S)
    assert hear(hearing, pump, NOW + 30 * S) <= 300
    assert pump.heard_at == NOW + 30 * S


@pytest.mark.usefixtures("listening")
def test_a_word_that_is_repeated_is_not_heard(pump: Device) -> None:
    hearing = Hearing()
    hear(hearing, pump, NOW)
    hearing.take({pump.id: (pump, Availability.ONLINE, NOW + HOUR, True)})
    pump.refresh_from_db()
    assert pump.heard_at == NOW


@pytest.mark.usefixtures("listening")
def test_a_device_deleted_in_between_is_left_out(pump: Device) -> None:
    gone = sign(pump, NOW)
    Device.objects.all().delete()
    assert Hearing().take(gone) == Outcome()
