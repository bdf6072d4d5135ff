"""Who may sign in at the embedded broker, and what each may touch there."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass

from bridges.broker import Broker
from bridges.mqtt import topics
from devices import access
from devices.channel import groups
from devices.channel.events import AccountChanged, Event
from devices.channel.listener import Listener
from devices.registry import accounts
from devices.runtime import database

BRIDGE = "$bridge"
"""The hub's own account; no device can have this name."""


@dataclass(frozen=True, slots=True)
class DevicePrincipal:
    """A device: held to `devices/<uid>/#` for publish, subscribe, will and delivery."""

    name: str

    def _holds(self, topic_or_filter: str) -> bool:
        uid = topics.owner(topic_or_filter)
        return uid is not None and access.device_may_touch(self.name, uid)

    may_publish = may_subscribe = may_receive = _holds


@dataclass(frozen=True, slots=True)
class BridgePrincipal:
    """The bridge of this process: tells devices their commands. What they publish it has from the broker itself."""

    name: str = BRIDGE

    def may_publish(self, topic: str) -> bool:
        return topics.is_command(topic)

    def _nothing(self, topic_or_filter: str) -> bool:
        return False

    may_subscribe = may_receive = _nothing


class HubAccounts:
    """Devices by the secrets in the database; the bridge by a password that never leaves the process."""

    def __init__(self, bridge_password: str) -> None:
        self._bridge_password = bridge_password

    async def authenticate(self, username: str, password: str) -> DevicePrincipal | BridgePrincipal | None:
        if username == BRIDGE:
            same = hmac.compare_digest(password.encode(errors="surrogatepass"), self._bridge_password.encode())
            return BridgePrincipal() if same else None
        device = await database.run(accounts.authenticate, username, password)
        return DevicePrincipal(device.uid) if device else None


class Doorkeeper:
    """Cuts off who is connected to the embedded broker with a secret that has been replaced."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._listener = Listener(self._on_event, lambda names, reason: None)
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._listener.start()
        await self._listener.join(groups.ACCOUNTS)

    async def stop(self) -> None:
        await self._listener.stop()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AccountChanged):
            task = asyncio.create_task(self._broker.disconnect(event.uid))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
