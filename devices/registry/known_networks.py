"""From which networks devices have signed in, in the database, so that a restart of the hub forgets none of it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from django.db import Error, transaction

from devices.registry.models import Device, DeviceNetwork
from devices.runtime import database, stats
from devices.spaces.expiry import remove_some
from devices.values import now_us

logger = logging.getLogger("hubbub.logins")

NETWORKS_OF_DEVICE = 8
"""Networks that are kept for a device; beyond it the one unused for longest is removed."""
KNOWN_US = 365 * 86_400_000_000
"""How long a network is known after the last sign-in: with MQTT, a device may stay connected for months after it."""
REFRESH_US = 86_400_000_000
"""How old the time of a row becomes before another sign-in renews it."""
GAP_US = 60_000_000
"""Between two writes for one device, which may send each HTTP request from another network."""
MAX_WAITING = 10_000
"""Sign-ins that wait to be written. Further ones are counted and not written; the device's next sign-in may be."""
MAX_REMEMBERED = 50_000
"""Devices whose rows are remembered; the row of another one is read again when it signs in."""
ROWS_AT_ONCE = 500
"""Rows of one transaction, as SQLite's other writers wait for it."""
MAX_OF_NETWORK = 20_000
"""Devices of one network that are looked up, those that signed in last."""


@dataclass(slots=True)
class _Written:
    """What is known to be in the database of one device, in microseconds."""

    at: int = 0
    networks: OrderedDict[str, int] = field(default_factory=OrderedDict)


class NetworkRecorder:
    """Stores sign-ins without holding up those who sign in. It belongs to one event loop."""

    def __init__(self, clock: Callable[[], int] = now_us) -> None:
        self._clock = clock
        self._devices: OrderedDict[str, _Written] = OrderedDict()
        self._waiting: list[tuple[str, str]] = []
        self._writing: asyncio.Task[None] | None = None

    async def at(self, network: str) -> list[str]:
        """The uids of devices that have signed in from the network, the latest of them last."""
        return await database.run_sign_in(_uids_at, network)

    def add(self, network: str, account: str) -> None:
        """Stores it in the background if it is new, or its time a day old."""
        if not network or not self._is_due(network, account):
            return
        if len(self._waiting) >= MAX_WAITING:
            stats.sign_ins_unrecorded.inc()
            return
        self._note(network, account)
        self._waiting.append((network, account))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    def _is_due(self, network: str, uid: str) -> bool:
        written, now = self._devices.get(uid), self._clock()
        if written is None:
            return True
        return now - written.at >= GAP_US and now - written.networks.get(network, 0) >= REFRESH_US

    def _note(self, network: str, uid: str) -> None:
        written = self._devices.setdefault(uid, _Written())
        written.at = written.networks[network] = self._clock()
        written.networks.move_to_end(network)
        while len(written.networks) > NETWORKS_OF_DEVICE:
            written.networks.popitem(last=False)
        self._devices.move_to_end(uid)
        while len(self._devices) > MAX_REMEMBERED:
            self._devices.popitem(last=False)

    async def _write(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:ROWS_AT_ONCE], self._waiting[ROWS_AT_ONCE:]
            try:
                await database.run(store, some, self._clock())
            except Error as error:
                logger.warning("%s sign-ins of devices were not recorded: %s", len(some), type(error).__name__)
                stats.sign_ins_unrecorded.inc(len(some))
                for _, uid in some:
                    self._devices.pop(uid, None)  # so that its next sign-in is written


def _uids_at(network: str) -> list[str]:
    latest_first = DeviceNetwork.objects.filter(network=network).order_by("-at")
    return list(latest_first.values_list("device__uid", flat=True)[:MAX_OF_NETWORK])[::-1]


def store(sign_ins: Collection[tuple[str, str]], now: int) -> None:
    """Records sign-ins, each a network and a uid, at the time `now` in microseconds."""
    with transaction.atomic():
        ids = dict(Device.objects.filter(uid__in={uid for _, uid in sign_ins}).values_list("uid", "pk"))
        rows = DeviceNetwork.objects.filter(device__in=ids.values())
        known = {(device, network): at for device, network, at in rows.values_list("device", "network", "at")}
        # Sorted, so that two processes that write the same rows do not wait for each other in a circle.
        found = sorted({(ids[uid], network) for network, uid in sign_ins if uid in ids})
        due = [pair for pair in found if pair not in known or known[pair] <= now - REFRESH_US]
        DeviceNetwork.objects.bulk_create(
            [DeviceNetwork(device_id=device, network=network, at=now) for device, network in due],
            update_conflicts=True,
            unique_fields=["device", "network"],
            update_fields=["at"],
        )
        counts = Counter(device for device, _ in {*known, *due})
        for device in {device for device, _ in due if counts[device] > NETWORKS_OF_DEVICE}:
            _remove_oldest(device)


def _remove_oldest(device: int) -> None:
    newest_first = DeviceNetwork.objects.filter(device=device).order_by("-at", "-pk")
    oldest = list(newest_first.values_list("pk", flat=True)[NETWORKS_OF_DEVICE:])
    DeviceNetwork.objects.filter(pk__in=oldest).delete()


def remove_expired() -> bool:
    """A step of the worker. Returns whether there is more to remove at once."""
    return remove_some(DeviceNetwork.objects.filter(at__lt=now_us() - KNOWN_US))
