"""Programs and devices at an embedded broker that runs on the test's event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from bridges.broker import Broker
from bridges.mqtt.packets import PingReqPacket, PingRespPacket, PubAckPacket, PublishPacket, ReasonCode, Version
from tests.bridges.broker.scenarios.wire import Wire


class Client:
    """A `Wire` whose calls wait in a thread."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def subscribe(self, *filters: str, qos: int = 1) -> tuple[ReasonCode, ...]:
        return await asyncio.to_thread(self.wire.subscribe, *filters, qos=qos)

    async def publish(self, topic: str, payload: bytes = b"{}", qos: int = 1, **fields: Any) -> ReasonCode:
        return await asyncio.to_thread(self.wire.publish, topic, payload, qos, **fields)

    async def message(self) -> PublishPacket:
        return await asyncio.to_thread(self.wire.message)

    async def closed(self) -> None:
        """The broker ends the connection; what it sends before does not matter."""
        await asyncio.to_thread(self._read_to_the_end)

    async def disconnect(self) -> None:
        await asyncio.to_thread(self.wire.disconnect)

    async def received(self) -> list[str]:
        """The topics of all messages that were on their way."""
        return [message.topic for message in await self.messages()]

    async def messages(self) -> list[PublishPacket]:
        return await asyncio.to_thread(self._messages)

    def _messages(self) -> list[PublishPacket]:
        self.wire.send(PingReqPacket())
        found = []
        while not isinstance(packet := self.wire._read(), PingRespPacket):
            assert isinstance(packet, PublishPacket), packet
            if packet.qos:
                self.wire.send(PubAckPacket(packet.packet_id))
            found.append(packet)
        return found

    def _read_to_the_end(self) -> None:
        try:
            while self.wire.sock.recv(65_536):
                pass
        except ConnectionResetError:
            pass


class Hub:
    """The broker, and the secrets of those who sign in, by name."""

    def __init__(self, broker: Broker, port: int) -> None:
        self.broker = broker
        self.secrets: dict[str, str] = {}
        self._port = port
        self._wires: list[Wire] = []

    async def connect(self, name: str, secret: str = "", *, version: Version = Version.V311, **fields: Any) -> Client:
        fields.setdefault("client_id", f"{name}-{len(self._wires)}")
        wire = await asyncio.to_thread(Wire, self._port, version)
        self._wires.append(wire)
        password = (secret or self.secrets[name]).encode()
        answer = await asyncio.to_thread(wire.connect, name, password=password, **fields)
        assert not answer.reason_code.is_failure, answer
        return Client(wire)

    async def refuses(self, name: str, secret: str) -> bool:
        wire = await asyncio.to_thread(Wire, self._port, Version.V311)
        answer = await asyncio.to_thread(wire.connect, name, password=secret.encode())
        wire.sock.close()
        return answer.reason_code.is_failure

    def close(self) -> None:
        for wire in self._wires:
            wire.sock.close()
