"""Devices behind an address at which somebody guesses secrets, on a hub that has just been started again."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from benchmarks.load import mqtt
from devices.models import DeviceNetwork
from tests.support.eventually import eventually
from tests.support.hub import RunningHub

DEVICES = 8
AT_ONCE = 16
GUESSED = 2_000
"""Several times the failures after which a network is refused."""
SOON_S = 2.0
"""A refused login is answered after two seconds, and one of the few look-ups a second takes its luck."""


class Guesser(threading.Thread):
    """Signs in as ever other devices, with wrong secrets, as often as the hub lets it."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.tried = 0
        self.over = False
        self._port = port
        self._names = itertools.count()

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        await asyncio.gather(*(self._guess_on() for _ in range(AT_ONCE)))

    async def _guess_on(self) -> None:
        while not self.over:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(mqtt.connect("guess", f"guess-{next(self._names)}", "wrong"))
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.close()
                self.tried += 1


@contextmanager
def guessing(port: int) -> Iterator[Guesser]:
    guesser = Guesser(port)
    guesser.start()
    try:
        yield guesser
    finally:
        guesser.over = True
        guesser.join()


async def sign_in(port: int, uid: str, secret: str) -> float:
    """How long it takes, in seconds. Raises an error if it is refused."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(mqtt.connect(uid, uid, secret))
    async with asyncio.timeout(20):
        assert (await reader.readexactly(4))[3] == 0, f"{uid} was refused"
    writer.close()
    return time.monotonic() - began


@pytest.mark.timeout(120)
def test_after_a_restart_devices_sign_in_at_once_beside_somebody_who_guesses(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)
    devices = hub.records.create_devices(*(f"pump-{n}" for n in range(DEVICES)))
    hub.start()
    try:
        for device in devices:
            asyncio.run(sign_in(hub.mqtt_port, device.uid, device.secret))
        eventually(lambda: hub.records.run(DeviceNetwork.objects.count) == DEVICES)
        assert hub.stop() == 0
        hub.start()
        with guessing(hub.mqtt_port) as guesser:
            eventually(lambda: guesser.tried > GUESSED, 60)
            began = time.monotonic()
            tried = guesser.tried
            took = [asyncio.run(sign_in(hub.mqtt_port, each.uid, each.secret)) for each in devices]
            rate = (guesser.tried - tried) / (time.monotonic() - began)
            sent = httpx.post(
                f"{hub.url}/api/v1/devices/{devices[0].uid}/telemetry",
                json={"flow": 1},
                auth=(devices[0].uid, devices[0].secret),
            )
        print(f"beside {rate:.0f} guesses/s: {max(took):.3f} s at most")
        assert max(took) < SOON_S
        assert sent.status_code == 200
    finally:
        hub.stop()
        print(hub.output[-3_000:])
