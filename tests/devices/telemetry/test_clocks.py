"""Whether a device's clock is right, as its messages show it."""

from __future__ import annotations

import pytest

from devices.channel.events import StreamChanged
from devices.models import Device
from devices.registry import senders
from devices.telemetry import clocks
from devices.telemetry.clocks import ClockWatch
from devices.values import LocalSample, Sample, Telemetry

pytestmark = pytest.mark.django_db

NOW = 1_760_000_000_000_000
SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000


def message(claimed: int | None, received_at: int) -> Telemetry:
    return Telemetry((Sample("a", 1, claimed),), received_at, None, claimed)


class Watched:
    """A device whose messages are looked at, and what is stored of its clock."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.watch = ClockWatch()

    def send(self, offset: int, after: int) -> int:
        """Seconds that are stored after a message `after` NOW, from a clock that is `offset` ahead."""
        return self.send_claim(NOW + after + offset, after)

    def send_claim(self, claimed: int, after: int) -> int:
        self.watch.look_at(senders.by_uid([self.device.uid])[self.device.uid], message(claimed, NOW + after))
        self.watch.save()
        self.device.refresh_from_db()
        return self.device.clock_offset_s


@pytest.fixture
def watched(pump: Device) -> Watched:
    return Watched(pump)


@pytest.mark.parametrize("offset", [0, -2 * SECOND, 9 * SECOND, -90 * SECOND])
def test_a_clock_that_is_right_is_not_flagged(watched: Watched, offset: int) -> None:
    assert [watched.send(offset, i * 10 * SECOND) for i in range(4)] == [0] * 4


def test_a_clock_that_is_ahead_is_flagged_at_once_and_so_is_its_correction(watched: Watched) -> None:
    assert watched.send(4 * MINUTE, 0) == 240
    assert watched.send(4 * MINUTE + SECOND, SECOND) == 240  # a drift of a second is not worth a write
    assert watched.send(-SECOND, clocks.PAUSE_US - 1) == 240
    assert watched.send(-SECOND, clocks.PAUSE_US) == 0


def test_viewers_learn_of_it_and_not_with_each_message_of_a_clock_that_jumps(watched: Watched) -> None:
    [sender] = senders.by_uid(["pump-1"]).values()
    events = []
    for i in range(40):
        sender = sender._replace(clock_offset_s=Device.objects.get().clock_offset_s)
        claimed = NOW + i * SECOND + (HOUR if i % 2 else 0)
        watched.watch.look_at(sender, message(claimed, NOW + i * SECOND))
        events += watched.watch.save()
    assert set(events) == {StreamChanged("device:pump-1")}
    assert len(events) <= 5


def test_a_clock_that_was_never_set_is_flagged(watched: Watched) -> None:
    assert watched.send_claim(3 * SECOND, 0) == 3 - NOW // SECOND


def test_seconds_in_place_of_milliseconds_are_not_a_matter_of_the_clock(watched: Watched) -> None:
    assert watched.send_claim(NOW // 1_000, 0) == 0


def test_a_clock_that_is_behind_is_flagged_once_that_is_sure(watched: Watched) -> None:
    assert [watched.send(-4 * HOUR, i * 2 * SECOND) for i in range(5)] == [0, 0, 0, -4 * 3600, -4 * 3600]
    assert watched.send(0, 20 * SECOND) == 0
    assert watched.send(-HOUR, 30 * SECOND) == 0  # a single late message


def test_what_a_device_has_kept_while_it_was_offline_does_not_flag_its_clock(watched: Watched) -> None:
    for i in range(60):  # a message a minute, sent again at two a second
        assert watched.send_claim(NOW - HOUR + i * MINUTE, i * SECOND // 2) == 0


def test_a_device_that_is_always_slow_to_deliver_is_not_flagged(watched: Watched) -> None:
    Device.objects.update(usual_gap_ms=3_600_000)
    assert {watched.send(-50 * MINUTE, i * HOUR) for i in range(5)} == {0}


def test_nothing_is_learned_from_a_device_whose_times_are_ignored(watched: Watched) -> None:
    watched.send(HOUR, 0)
    clocks.set_clock(watched.device, "receipt")
    assert watched.send(HOUR, SECOND) == 0


def test_another_process_stores_a_correction_too(watched: Watched) -> None:
    watched.send(HOUR, 0)
    watched.watch = ClockWatch()
    assert watched.send(0, SECOND) == 0


def test_the_number_of_lags_that_are_remembered_is_bounded(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "MAX_WATCHED", 3)
    sender = senders.by_uid([watched.device.uid])[watched.device.uid]
    for id in range(10):
        watched.watch.look_at(sender._replace(id=id), message(NOW - HOUR, NOW))
    assert len(watched.watch._lags) <= 3


@pytest.mark.parametrize(
    ("zone", "shown", "utc"),
    [
        ("", 1_720_000_000, 1_720_000_000),
        ("Europe/Berlin", 1_720_000_000, 1_720_000_000 - 7_200),  # in summer
        ("Europe/Berlin", 1_735_000_000, 1_735_000_000 - 3_600),
        ("Asia/Kathmandu", 1_720_000_000, 1_720_000_000 - 20_700),
        ("America/New_York", 1_720_000_000, 1_720_000_000 + 14_400),
        ("Nowhere/Left", 1_720_000_000, 1_720_000_000),  # the machine has no database of time zones any more
    ],
)
def test_a_local_time_is_one_of_the_devices_time_zone(pump: Device, zone: str, shown: int, utc: int) -> None:
    Device.objects.update(time_zone=zone)
    [sender] = senders.by_uid(["pump-1"]).values()
    samples = (LocalSample("a", 1, shown * SECOND + 5), Sample("b", 2, shown * SECOND))
    placed = clocks.timed(sender, Telemetry(samples, NOW, None, shown * SECOND + 5, local=True))
    assert placed.samples == (Sample("a", 1, utc * SECOND + 5), Sample("b", 2, shown * SECOND))


def test_a_time_ahead_is_replaced_and_others_of_the_message_stay(pump: Device) -> None:
    [sender] = senders.by_uid(["pump-1"]).values()
    limit = NOW + clocks.AHEAD_US
    samples = (Sample("a", 1, NOW - HOUR), Sample("a", 2, limit), Sample("a", 3, limit + 1))
    placed = clocks.timed(sender, Telemetry(samples, NOW, None, limit + 1))
    assert [each.time for each in placed.samples] == [NOW - HOUR, limit, None]
