"""The broker's statistics on `$SYS`, under the names that Mosquitto gives them, for hub administrators."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic

from bridges.broker import Broker

INTERVAL_S = 10.0
"""As Mosquitto's `sys_interval`."""
VERSION = "0.1.0"
"""Of the project; a test compares it with `pyproject.toml`."""
ROOT = "$SYS/broker"


class Statistics:
    """Publishes what has changed, as retained messages."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._since = monotonic()
        self._published: dict[str, str] = {}

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="statistics")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self.publish()
            await asyncio.sleep(INTERVAL_S)

    def publish(self) -> None:
        uptime_s = int(monotonic() - self._since)
        values = {
            "version": f"hubbub version {VERSION}",
            "uptime": f"{uptime_s} seconds",
            **_values(self._broker.stats),
        }
        for name, value in values.items():
            if self._published.get(name) != value:
                self._published[name] = value
                self._broker.publish(f"{ROOT}/{name}", value.encode(), retain=True)


def _values(stats: Mapping[str, int]) -> dict[str, str]:
    dropped = sum(count for name, count in stats.items() if name.startswith("dropped."))
    values = {
        "clients/connected": stats["signed_in"],
        "clients/disconnected": stats["sessions"] - stats["signed_in"],
        "clients/total": stats["sessions"],
        "messages/received": stats["received_messages"],
        "messages/sent": stats["delivered_messages"] + stats["redelivered_messages"],
        "publish/messages/received": stats["received_messages"],
        "publish/messages/sent": stats["delivered_messages"] + stats["redelivered_messages"],
        "publish/messages/dropped": dropped,
        "retained messages/count": stats["retained_messages"],
        "store/messages/count": stats["retained_messages"],
        "store/messages/bytes": stats["retained_bytes"],
        "subscriptions/count": stats["subscriptions"],
    }
    return {name: str(value) for name, value in values.items()}
