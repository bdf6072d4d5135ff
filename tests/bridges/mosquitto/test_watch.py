"""The worker behind --watch, with the database and the channel layer of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from bridges.mosquitto import watch
from bridges.mosquitto.accounts import BridgeAccount
from bridges.mosquitto.conf import Layout
from bridges.mosquitto.export import Export
from bridges.mosquitto.reload import NotReloaded
from devices.models import Device, Space
from devices.registry import devices
from devices.rooms import provisioning

pytestmark = pytest.mark.django_db(transaction=True)


class Watched:
    """A running watch. `tell` stands for Mosquitto, which is away the next `away` times."""

    def __init__(self, folder: Path) -> None:
        self.passwords = folder / "passwords"
        self.away = 0
        self.told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.watch = watch.Watch(Export(Layout(folder, folder), BridgeAccount("bridge", "$7$"), "main"), self.tell)

    def tell(self) -> None:
        if self.away:
            self.away -= 1
            raise NotReloaded("away")
        self._loop.call_soon_threadsafe(self.told.set)

    async def next_reload(self) -> None:
        async with asyncio.timeout(10):
            await self.told.wait()
        self.told.clear()


@pytest.fixture
async def watched(space: Space, tmp_path: Path) -> AsyncIterator[Watched]:
    found, stop = Watched(tmp_path), asyncio.Event()
    running = asyncio.create_task(found.watch.run(stop))
    await found.next_reload()  # what changed before it started
    yield found
    stop.set()
    await asyncio.wait_for(running, 10)


@pytest.fixture
def rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the database only when an event says so."""
    monkeypatch.setattr(watch, "CHECK_S", 60.0)


async def test_a_new_device_and_a_new_secret_are_exported_at_once(rarely: None, watched: Watched, space: Space) -> None:
    device, _ = await sync_to_async(provisioning.create_device)("pump-1", space)
    await watched.next_reload()
    assert f"pump-1:{device.secret_hash}\n" in watched.passwords.read_text()
    await sync_to_async(devices.rotate_secret)(device)
    await watched.next_reload()
    await device.arefresh_from_db()
    assert f"pump-1:{device.secret_hash}\n" in watched.passwords.read_text()


async def test_a_change_of_which_no_event_told_is_found(watched: Watched, pump: Device) -> None:
    await watched.next_reload()
    await Device.objects.all().adelete()
    await watched.next_reload()
    assert watched.passwords.read_text() == "bridge:$7$\n"


async def test_a_mosquitto_that_is_away_is_told_when_it_is_back(
    watched: Watched, space: Space, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "CHECK_S", 0.05)
    watched.away = 3
    await sync_to_async(provisioning.create_device)("pump-1", space)
    await watched.next_reload()
    assert caplog.text.count("away") == 1


async def test_an_export_without_a_change_reloads_nothing(
    watched: Watched, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watched.next_reload()
    monkeypatch.setattr(watch, "CHECK_S", 0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await watched.told.wait()
