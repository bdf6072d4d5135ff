"""A fleet of simulated devices, from start to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bridges.mqtt.address import BrokerAddress
from bridges.simulator.backlog import BACKLOG_LIMIT
from bridges.simulator.credentials import Credentials
from bridges.simulator.device import REFUSED_S, SimulatedDevice
from bridges.simulator.kinds import build

log = logging.getLogger("hubbub.simulator")


async def simulate(fleet: Sequence[Credentials], broker: BrokerAddress, interval_s: float, stop: asyncio.Event) -> None:
    """Runs a device for each of `fleet` until `stop` is set, then signs all of them off, which takes at most 2 s.

    Devices keep trying while the broker is unavailable. Each publishes every `interval_s` seconds, at times that are
    spread evenly over the fleet.
    """
    report = FleetReport(len(fleet), broker)
    devices = [SimulatedDevice(entry, build(entry.uid), broker, interval_s, report) for entry in fleet]
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(device.run(min(interval_s, 1.0) * place / len(devices)))
            for place, device in enumerate(devices)
        ]
        await stop.wait()
        for task in running:
            task.cancel()
    await asyncio.gather(*(device.sign_off() for device in devices))


class FleetReport:
    """Logs what happens to the fleet as a whole: a restart of the broker is two lines, not two hundred."""

    def __init__(self, size: int, broker: BrokerAddress) -> None:
        self._size, self._broker = size, broker
        self._online: set[str] = set()
        self._refused: set[str] = set()
        self._complaining = False
        self._dropped: dict[str, int] = {}

    def connected(self, device: SimulatedDevice) -> None:
        """See `device.Reporter`."""
        self._online.add(device.uid)
        self._refused.discard(device.uid)
        dropped = device.backlog.dropped - self._dropped.get(device.uid, 0)
        if dropped:
            self._dropped[device.uid] = device.backlog.dropped
            log.warning("%s dropped %d readings: it keeps %d while offline", device.uid, dropped, BACKLOG_LIMIT)
        if len(self._online) + len(self._refused) == self._size:
            self._complaining = False
            log.info("%d simulated devices are connected to %s", len(self._online), self._broker)

    def waiting(self, device: SimulatedDevice, why: str) -> None:
        """See `device.Reporter`."""
        self._online.discard(device.uid)
        if not self._complaining:
            self._complaining = True
            log.warning("no connection to the broker at %s, still trying (%s)", self._broker, why)

    def refused(self, device: SimulatedDevice, why: str) -> None:
        """See `device.Reporter`."""
        self._online.discard(device.uid)
        if device.uid not in self._refused:
            self._refused.add(device.uid)
            log.error(
                "%s: the broker at %s refuses its credentials (%s); it tries again every %d s",
                device.uid, self._broker, why, REFUSED_S,
            )  # fmt: skip

    def subscription_refused(self, device: SimulatedDevice) -> None:
        """See `device.Reporter`."""
        log.error("%s: the broker at %s does not let it receive commands", device.uid, self._broker)
