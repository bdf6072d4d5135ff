"""The worker behind --watch, with the database and the channel layer of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from bridges.mosquitto import account_watcher
from bridges.mosquitto.accounts import BridgeAccount
from bridges.mosquitto.conf import MosquittoPaths
from bridges.mosquitto.export import MosquittoExport
from bridges.mosquitto.reload import ReloadFailed
from devices.models import Device, Space
from devices.registry import devices
from devices.rooms import provisioning

pytestmark = pytest.mark.django_db(transaction=True)


class Watched:
    """A running watcher. `reload` stands for Mosquitto, which fails the next `failures` times."""

    def __init__(self, folder: Path) -> None:
        self.passwords = folder / "passwords"
        self.failures = 0
        self.reloaded = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._export = MosquittoExport(MosquittoPaths(folder, folder), BridgeAccount("bridge", "$7$"), "main")
        self._write, self._export.write_accounts = self._export.write_accounts, self._counted_write
        self.export_count = 0
        self._exported = asyncio.Event()
        self.watcher = account_watcher.AccountWatcher(self._export, self.reload)

    def _counted_write(self) -> bool:
        changed = self._write()
        self.export_count += 1
        self._loop.call_soon_threadsafe(self._exported.set)
        return changed

    async def exports(self, count: int) -> None:
        while self.export_count < count:
            self._exported.clear()
            await self._exported.wait()

    def reload(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ReloadFailed("not running")
        self._loop.call_soon_threadsafe(self.reloaded.set)

    async def next_reload(self) -> None:
        async with asyncio.timeout(10):
            await self.reloaded.wait()
        self.reloaded.clear()


@pytest.fixture
async def watched(space: Space, tmp_path: Path) -> AsyncIterator[Watched]:
    found, stop = Watched(tmp_path), asyncio.Event()
    running = asyncio.create_task(found.watcher.run(stop))
    await found.next_reload()  # of the changes before it started
    yield found
    stop.set()
    await asyncio.wait_for(running, 10)


@pytest.fixture
def rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watcher checks the database only after an event."""
    monkeypatch.setattr(account_watcher, "CHECK_S", 60.0)


async def test_a_new_device_and_a_new_secret_are_exported_at_once(rarely: None, watched: Watched, space: Space) -> None:
    device, _ = await sync_to_async(provisioning.create_device)("pump-1", space)
    await watched.next_reload()
    assert f"pump-1:{device.secret_hash}\n" in watched.passwords.read_text()
    await sync_to_async(devices.rotate_secret)(device)
    await watched.next_reload()
    await device.arefresh_from_db()
    assert f"pump-1:{device.secret_hash}\n" in watched.passwords.read_text()


async def test_a_change_without_an_event_is_found(watched: Watched, pump: Device) -> None:
    await watched.next_reload()
    await Device.objects.all().adelete()
    await watched.next_reload()
    assert watched.passwords.read_text() == "bridge:$7$\n"


async def test_reloading_is_tried_again_until_mosquitto_is_back(
    watched: Watched, space: Space, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(account_watcher, "CHECK_S", 0.05)
    watched.failures = 3
    await sync_to_async(provisioning.create_device)("pump-1", space)
    await watched.next_reload()
    assert caplog.text.count("not running") == 1


async def test_an_export_without_a_change_reloads_nothing(
    watched: Watched, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watched.next_reload()
    monkeypatch.setattr(account_watcher, "CHECK_S", 0.05)
    monkeypatch.setattr(account_watcher, "PAUSE_S", 0.0)
    async with asyncio.timeout(10):
        await watched.exports(watched.export_count + 5)
    assert not watched.reloaded.is_set()
