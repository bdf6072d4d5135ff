"""The worker behind --watch, with the database and the channel layer of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from bridges.mosquitto import account_watcher, own_lines
from bridges.mosquitto.accounts import BridgeAccount
from bridges.mosquitto.conf import MosquittoPaths
from bridges.mosquitto.export import MosquittoExport
from bridges.mosquitto.reload import ReloadFailed
from devices.models import ApiToken, Device, Member, Space
from devices.registry import devices
from devices.rooms import provisioning
from devices.spaces import tokens
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


class Watched:
    """A running watcher. `reload` stands for Mosquitto, which fails the next `failures` times."""

    def __init__(self, folder: Path) -> None:
        self.passwords, self.acl = folder / "passwords", folder / "acl"
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
    assert own_lines.merged("bridge:$7$\n", "") == watched.passwords.read_text()


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


async def test_programs_are_exported_and_removed_at_once(
    rarely: None, watched: Watched, pump: Device, space: Space, carol: User, mallory: User
) -> None:
    def named(*lines: str) -> bool:
        return all(line in (watched.passwords if ":" in line else watched.acl).read_text() for line in lines)

    async def after(change: Callable[..., Any], *args: Any) -> None:
        watched.reloaded.clear()
        await sync_to_async(change)(*args)
        await watched.next_reload()

    await watched.next_reload()
    await sync_to_async(tokens.create)(mallory)
    await after(tokens.create, carol)
    token = await ApiToken.objects.aget(user=carol)
    assert named(f"carol:{token.secret_hash}\n", "user carol\ntopic deny devices/carol/#\ntopic read devices/pump-1/")
    await after(tokens.create, carol)
    newest = await ApiToken.objects.filter(user=carol).alatest("pk")
    assert named(f"carol:{newest.secret_hash}\n")
    elsewhere = await Space.objects.acreate(slug="cellar", name="Cellar")
    await after(devices.move, pump, elsewhere)
    assert not named("carol:")
    assert not named("user carol")
    await after(provisioning.set_role, elsewhere, carol, Role.VIEWER)
    assert named("carol:", "user carol")
    membership = await Member.objects.aget(user=carol, space=elsewhere)
    await after(membership.delete)
    assert not named("carol:")
    await after(provisioning.set_role, elsewhere, carol, Role.VIEWER)
    carol.is_active = False
    await after(carol.save)
    assert not named("carol:")
    assert not named("user carol")
    assert "mallory" not in watched.passwords.read_text() + watched.acl.read_text()


async def test_a_person_with_older_tokens_only_is_named_once(
    watched: Watched, pump: Device, carol: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(account_watcher, "CHECK_S", 0.05)
    monkeypatch.setattr(account_watcher, "PAUSE_S", 0.0)
    await ApiToken.objects.acreate(user=carol, hash="of an earlier version")
    async with asyncio.timeout(10):
        await watched.exports(watched.export_count + 5)
    assert "carol:" not in watched.passwords.read_text()
    assert caplog.text.count("1 person cannot sign in at Mosquitto with an API token: 'carol' (only older tokens") == 1
