"""Sign-in at the embedded broker, and the topics that each client may use there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bridges.broker import AccountLimits, Broker, Principal, SessionLimits
from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.embedded import programs, shared_logins, source_logins
from bridges.embedded.program_rights import ProgramRights
from bridges.embedded.programs import ProgramPrincipal
from bridges.embedded.source_logins import SourcePrincipal
from bridges.embedded.sources import EmbeddedSources
from bridges.mqtt import topics
from devices import access
from devices.channel import groups
from devices.channel.events import AccountChanged, Event
from devices.channel.listener import Listener
from devices.registry import accounts
from devices.runtime import database


@dataclass(frozen=True, slots=True)
class DevicePrincipal:
    """A device: held to `devices/<uid>/#` for publish, subscribe, will and delivery."""

    name: str

    @property
    def response_information(self) -> str:
        return f"devices/{self.name}/"

    def _holds(self, topic_or_filter: str) -> bool:
        uid = topics.owner(topic_or_filter)
        return uid is not None and access.device_may_touch(self.name, uid)

    may_publish = may_subscribe = _holds

    def may_receive(self, topic: str) -> bool:
        """What programs publish for it reaches it as commands only."""
        return self._holds(topic) and topics.parse_set(topic) is None


@dataclass(frozen=True, slots=True)
class GatewayPrincipal:
    """A gateway: held to `devices/<uid>/#` as a device, and below `gateways/<uid>/` to what it may do for others."""

    name: str

    @property
    def response_information(self) -> str:
        return self._device.response_information

    @property
    def sessions(self) -> int:
        return shared_logins.MAX_CONNECTIONS

    @property
    def limits(self) -> SessionLimits:
        return shared_logins.LIMITS

    @property
    def account_limits(self) -> AccountLimits:
        return shared_logins.account_limits(MAX_PAYLOAD)

    @property
    def _device(self) -> DevicePrincipal:
        return DevicePrincipal(self.name)

    def may_publish(self, topic: str) -> bool:
        return self._is_own(topics.gateway_of_report(topic)) or self._device.may_publish(topic)

    def may_subscribe(self, topic_filter: str) -> bool:
        return self._is_own(topics.gateway_of_commands(topic_filter)) or self._device.may_subscribe(topic_filter)

    def may_receive(self, topic: str) -> bool:
        return self._is_own(topics.gateway_of_commands(topic)) or self._device.may_receive(topic)

    def _is_own(self, gateway: str | None) -> bool:
        return gateway is not None and access.device_may_touch(self.name, gateway)


def _principal(uid: str, is_gateway: bool) -> Principal:
    return GatewayPrincipal(uid) if is_gateway else DevicePrincipal(uid)


class AccountAuthenticator:
    """Knows devices by their secrets, and programs by the API tokens of people.

    A username may be both a uid and a person's: the secret decides.
    """

    def __init__(self, rights: ProgramRights, sources: EmbeddedSources | None = None) -> None:
        """`sources` learns of the logins of sources."""
        self._rights = rights
        self._sources = sources

    async def authenticate(self, username: str, password: str) -> Principal | None:
        changes = self._rights.changes
        principal = await database.run_sign_in(_look_up, username, password)
        if changes != self._rights.changes and isinstance(principal, ProgramPrincipal):
            self._rights.check_soon()  # its rights may have been looked up before the change
        if self._sources is not None and isinstance(principal, SourcePrincipal):
            self._sources.signed_in(principal)
        return principal

    async def principals(self, names: Collection[str]) -> Mapping[str, Principal]:
        return await database.run(_existing, names) if names else {}


def _look_up(username: str, password: str) -> Principal | None:
    device = accounts.authenticate(username, password)
    if device is not None:
        return _principal(device.uid, device.is_gateway)
    return programs.authenticate(username, password) or source_logins.authenticate(username, password)


def _existing(names: Collection[str]) -> dict[str, Principal]:
    uids, gateways = accounts.uids(), accounts.gateways()
    devices = {name: _principal(name, name in gateways) for name in names if name in uids}
    return {**devices, **programs.existing(names), **source_logins.existing(names)}


class RevocationListener:
    """Disconnects a device from the embedded broker when its secret is replaced, or when it is deleted."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._listener = Listener(self._on_event, lambda names, reason: None)
        self._disconnecting: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._listener.start()
        await self._listener.join(groups.ACCOUNTS)

    async def stop(self) -> None:
        await self._listener.stop()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AccountChanged) and not event.is_new:
            task = asyncio.create_task(self._broker.disconnect(event.uid, forget=event.is_deleted))
            self._disconnecting.add(task)
            task.add_done_callback(self._disconnecting.discard)
