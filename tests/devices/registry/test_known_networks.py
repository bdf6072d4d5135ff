"""Which networks devices have signed in from, as the database keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from devices.models import Device, DeviceNetwork, Space
from devices.registry import devices, known_networks
from devices.registry.known_networks import GAP_US, KNOWN_US, NETWORKS_OF_DEVICE, REFRESH_US, NetworkRecorder, store
from devices.runtime import database, stats
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.both_databases

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"


class Clock:
    us = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.us


def networks(device: Device) -> list[str]:
    return list(DeviceNetwork.objects.filter(device=device).order_by("at").values_list("network", flat=True))


def test_a_sign_in_is_kept_and_renewed_once_a_day(pump: Device) -> None:
    for now in (1, REFRESH_US, REFRESH_US + 1):
        store([(HOME, pump.uid), (HOME, "nobody")], now)
        assert DeviceNetwork.objects.get().at == (1 if now <= REFRESH_US else now)


def test_a_device_has_so_many_networks_and_the_newest_stay(pump: Device) -> None:
    for number in range(NETWORKS_OF_DEVICE + 3):
        store([(f"192.0.2.{number}", pump.uid)], number + 1)
    assert networks(pump) == [f"192.0.2.{number}" for number in range(3, NETWORKS_OF_DEVICE + 3)]


def test_they_go_with_the_device(pump: Device) -> None:
    store([(HOME, pump.uid)], 1)
    devices.delete(pump)
    assert not DeviceNetwork.objects.exists()


def test_they_are_removed_after_a_year(pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    store([(HOME, pump.uid)], 1)
    store([(ELSEWHERE, pump.uid)], 2)
    monkeypatch.setattr(known_networks, "now_us", lambda: KNOWN_US + 2)
    assert known_networks.remove_expired() is False
    assert networks(pump) == [ELSEWHERE]


@pytest.mark.django_db(transaction=True)
class TestRecorder:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def stored(self, monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, str]]]:
        """What has been passed to the database, a list for each transaction."""
        calls: list[list[tuple[str, str]]] = []

        def count(sign_ins: list[tuple[str, str]], now: int) -> None:
            calls.append(sign_ins)
            store(sign_ins, now)

        monkeypatch.setattr(known_networks, "store", count)
        return calls

    async def written(self, recorder: NetworkRecorder) -> None:
        await eventually_async(lambda: recorder._writing is None or recorder._writing.done())

    async def test_another_process_knows_them(self, pump: Device, clock: Clock) -> None:
        recorder = NetworkRecorder(clock)
        recorder.add(HOME, pump.uid)
        await self.written(recorder)
        assert await NetworkRecorder(clock).at(HOME) == [pump.uid]
        assert await NetworkRecorder(clock).at(ELSEWHERE) == []

    async def test_of_many_at_one_network_the_latest_are_known(
        self, pump: Device, space: Space, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(known_networks, "MAX_OF_NETWORK", 2)
        uids = ["valve", pump.uid, "lamp"]
        for at, uid in enumerate(uids, 1):
            if uid != pump.uid:
                await database.run(devices.create, uid, space)
            await database.run(store, [(HOME, uid)], at)
        assert await NetworkRecorder().at(HOME) == uids[1:]

    async def test_a_sign_in_with_each_message_is_written_once_a_day(
        self, pump: Device, clock: Clock, stored: list[list[tuple[str, str]]]
    ) -> None:
        recorder = NetworkRecorder(clock)
        for _ in range(1_000):
            recorder.add(HOME, pump.uid)
        await self.written(recorder)
        assert stored == [[(HOME, pump.uid)]]
        clock.us += REFRESH_US
        recorder.add(HOME, pump.uid)
        await self.written(recorder)
        assert len(stored) == 2

    async def test_a_device_that_always_comes_from_elsewhere_is_written_once_a_minute(
        self, pump: Device, clock: Clock, stored: list[list[tuple[str, str]]]
    ) -> None:
        recorder = NetworkRecorder(clock)
        for number in range(240):
            clock.us += GAP_US // 120
            recorder.add(f"192.0.2.{number}", pump.uid)
            await self.written(recorder)
        assert len(stored) == 2
        assert len(recorder._devices[pump.uid].networks) <= NETWORKS_OF_DEVICE

    async def test_a_whole_fleet_is_written_in_parts(
        self, clock: Clock, stored: list[list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(known_networks, "ROWS_AT_ONCE", 4)
        recorder = NetworkRecorder(clock)
        for number in range(10):
            recorder.add(HOME, f"pump-{number}")
        await self.written(recorder)
        assert [len(part) for part in stored] == [4, 4, 2]

    async def test_what_waits_to_be_written_is_bounded(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(known_networks, "MAX_WAITING", 3)
        monkeypatch.setattr(known_networks, "MAX_REMEMBERED", 2)
        recorder, before = NetworkRecorder(clock), _unrecorded()
        for number in range(10):
            recorder.add(HOME, f"pump-{number}")
        assert (len(recorder._waiting), len(recorder._devices)) == (3, 2)
        assert _unrecorded() - before == 7
        await self.written(recorder)

    async def test_after_a_failure_the_next_sign_in_is_written(
        self, pump: Device, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise OperationalError

        recorder, before = NetworkRecorder(clock), _unrecorded()
        with monkeypatch.context() as failing:
            failing.setattr(known_networks, "store", fail)
            recorder.add(HOME, pump.uid)
            await self.written(recorder)
        assert _unrecorded() - before == 1
        recorder.add(HOME, pump.uid)
        await self.written(recorder)
        assert await recorder.at(HOME) == [pump.uid]


def _unrecorded() -> float:
    return float(stats.sign_ins_unrecorded._value.get())
