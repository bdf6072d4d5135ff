"""A client that sends and receives single packets of any version, and does nothing by itself."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from bridges.mqtt.packets import (
    Bounds,
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    Packet,
    PacketReader,
    PacketType,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubAckPacket,
    UnsubscribePacket,
    Version,
    codec,
)
from tests.bridges.broker.clients import SECRET, WAIT_S

P = TypeVar("P")
_LARGEST = 1 << 20
_FROM_SERVERS = Bounds(
    {
        kind: _LARGEST
        for kind in PacketType
        if kind not in (PacketType.CONNECT, PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE, PacketType.PINGREQ)
    }
)
MakeWire = Callable[..., "Wire"]


class Wire:
    def __init__(self, port: int, version: Version) -> None:
        self.version = version
        self.sock = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._codec = codec(version)
        self._reader = PacketReader(_FROM_SERVERS, self._codec)
        self._last_id = 0
        self._early: deque[PublishPacket] = deque()

    # -- packets

    def send(self, packet: Packet) -> None:
        self.sock.sendall(self._codec.write(packet))

    def next(self, kind: type[P]) -> P:
        """The next packet, which must be of this kind."""
        if kind is PublishPacket and self._early:
            return cast(P, self._early.popleft())
        packet = self._read()
        assert isinstance(packet, kind), packet
        return packet

    def _read(self) -> Packet:
        while (packet := self._reader.next()) is None:
            data = self.sock.recv(65_536)
            assert data, "the broker has closed the connection"
            self._reader.feed(data)
        return packet

    def nothing_more(self) -> None:
        """Whatever was on its way has arrived."""
        self.send(PingReqPacket())
        self.next(PingRespPacket)

    def closed(self) -> None:
        with suppress(ConnectionResetError):
            assert self.sock.recv(1) == b""

    def ended_with(self, code: ReasonCode) -> None:
        """The broker has given the reason, and closed the connection."""
        if self.version is Version.V5:
            assert self.next(DisconnectPacket).reason_code is code
        self.closed()

    # -- exchanges

    def connect(self, name: str, client_id: str = "wire", **fields: Any) -> ConnAckPacket:
        """With a clean session unless `clean_start` is false; then it lasts, in MQTT 5 too."""
        if not fields.get("clean_start", True):
            fields.setdefault("session_expiry_s", 600)
        login = {"username": name, "password": SECRET.encode()}
        self.send(ConnectPacket(version=self.version, client_id=client_id, **{**login, **fields}))
        return self.next(ConnAckPacket)

    def subscribe(self, *filters: str | Subscription, qos: int = 2, subscription_id: int = 0) -> tuple[ReasonCode, ...]:
        wanted = tuple(each if isinstance(each, Subscription) else Subscription(each, qos) for each in filters)
        self.send(SubscribePacket(self._next_id(), wanted, subscription_id))
        return self.next(SubAckPacket).reason_codes

    def unsubscribe(self, *filters: str) -> tuple[ReasonCode, ...]:
        self.send(UnsubscribePacket(self._next_id(), filters))
        return self.next(UnsubAckPacket).reason_codes

    def publish(self, topic: str, payload: bytes = b"", qos: int = 0, **fields: Any) -> ReasonCode:
        """The whole exchange; returns the reason code of the acknowledgement."""
        packet_id = self._next_id() if qos else 0
        self.send(PublishPacket(topic, payload, qos, packet_id=packet_id, **fields))
        if not qos:
            return ReasonCode.SUCCESS
        answer: PubAckPacket | PubRecPacket = self.next(PubAckPacket if qos == 1 else PubRecPacket)
        assert answer.packet_id == packet_id
        if qos == 2 and not answer.reason_code.is_failure:
            self.send(PubRelPacket(packet_id))
            assert self.next(PubCompPacket).packet_id == packet_id
        return answer.reason_code

    def message(self) -> PublishPacket:
        """The next message, acknowledged."""
        message = self.next(PublishPacket)
        if message.qos == 1:
            self.send(PubAckPacket(message.packet_id))
        if message.qos == 2:
            self.send(PubRecPacket(message.packet_id))
            while isinstance(packet := self._read(), PublishPacket):
                self._early.append(packet)
            assert packet == PubRelPacket(message.packet_id)
            self.send(PubCompPacket(message.packet_id))
        return message

    def messages(self, count: int) -> list[tuple[str, bytes, int]]:
        """Topic, payload and QoS."""
        return [(each.topic, each.payload, each.qos) for each in (self.message() for _ in range(count))]

    def disconnect(self, **fields: Any) -> None:
        self.send(DisconnectPacket(**fields))
        self.closed()
        self.sock.close()

    def break_off(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id
