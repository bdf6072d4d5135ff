"""One connection of an inbound session: signs in, reads messages, and acknowledges them once they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from bridges.mqtt.packets import (
    Bounds,
    Codec,
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    Packet,
    PacketError,
    PacketReader,
    PacketType,
    PingReqPacket,
    PublishPacket,
    ReasonCode,
    SubAckPacket,
    Version,
    codec,
    pubacks,
)

KEEPALIVE_S = 30
BUSY_S, REST_S = 0.001, 0.004
"""Where a read of the socket follows the one before so soon, the next waits for so long: Mosquitto writes message by
message, and to wake up for each costs as much as to handle it."""

LARGEST = 1 << 20
"""Bytes of a packet that are held, unless there is a reason for more."""
BEGINNING = 1 << 16
_PROPERTIES = 1 << 16
"""Bytes of a packet other than PUBLISH: MQTT 5 may add properties to each."""


def _bounds(largest: int) -> Bounds:
    return Bounds(
        {
            PacketType.CONNACK: _PROPERTIES,
            PacketType.PUBLISH: largest,
            PacketType.SUBACK: _PROPERTIES,
            PacketType.UNSUBACK: _PROPERTIES,
            PacketType.PINGRESP: 0,
            PacketType.DISCONNECT: _PROPERTIES,
        },
        beginning=BEGINNING,
    )


class InboundLost(Exception):
    """The inbound connection ended, or could not be made; the text gives the reason."""


class InboundVersionRefused(InboundLost):
    """The broker does not offer this version of MQTT."""


class InboundConnection(asyncio.Protocol):
    """`lost` is done, with the reason as its exception, once the connection has ended."""

    def __init__(
        self,
        connect: ConnectPacket,
        on_message: Callable[[PublishPacket, InboundConnection], None],
        on_subscribed: Callable[[SubAckPacket], None],
        largest: int = LARGEST,
    ) -> None:
        """`largest`: bytes of a message that are held. Of a larger one the beginning is, and the rest is read past."""
        self.version: Version = connect.version
        self._connect = connect
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._codec: Codec = codec(connect.version, strict=False)
        self._reader = PacketReader(_bounds(largest), self._codec)
        self._loop = asyncio.get_running_loop()
        self.accepted: asyncio.Future[bool] = self._loop.create_future()
        """Done once the broker has accepted the login; whether it has kept the session."""
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._to_acknowledge: list[int] = []
        self._last_received_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._resting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.send(self._connect)

    def data_received(self, data: bytes) -> None:
        before, self._last_received_at = self._last_received_at, self._loop.time()
        self._reader.feed(data)
        try:
            for packet in self._reader.packets():
                if type(packet) is PublishPacket:
                    self._on_message(packet, self)
                else:
                    self._on_control(packet)
        except PacketError as error:
            self.end(str(error))
        if self._last_received_at - before < BUSY_S:
            self._rest()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and not self.accepted.done():
            # Some brokers answer a version that they do not know like this.
            self.accepted.set_exception(InboundVersionRefused("the broker closed the connection at the CONNECT"))
        self.end(str(error) if error else "the broker closed the connection")

    def end(self, reason: str) -> None:
        """Ends the connection; what is not acknowledged, the broker sends again."""
        lost = InboundLost(reason)
        for future in (self.accepted, self.lost):
            if not future.done():
                future.set_exception(lost)
                future.exception()  # not everybody waits for both
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def send(self, packet: Packet) -> None:
        self._write(self._codec.write(packet))

    def acknowledge(self, packet_id: int) -> None:
        """Acknowledges a message of this connection; those of one turn of the event loop leave together.

        On a later connection the same id may stand for another message, which the broker would then never send again:
        so this does nothing once the connection has ended. The message comes again.
        """
        if not self._to_acknowledge:
            self._loop.call_soon(self._send_acknowledgements)
        self._to_acknowledge.append(packet_id)

    def pause_reading(self) -> None:
        self._paused = True
        self._read_if_wanted()

    def resume_reading(self) -> None:
        self._paused = False
        self._read_if_wanted()

    def leave(self) -> None:
        """Disconnects in order: the session stays, and no will would be sent."""
        self._send_acknowledgements()
        self.send(DisconnectPacket())
        self.end("stopped")

    def _rest(self) -> None:
        self._resting = True
        self._read_if_wanted()
        self._loop.call_later(REST_S, self._end_rest)

    def _end_rest(self) -> None:
        self._resting = False
        self._read_if_wanted()

    def _read_if_wanted(self) -> None:
        if self._transport is None:
            return
        if self._paused or self._resting:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _send_acknowledgements(self) -> None:
        packet_ids, self._to_acknowledge = self._to_acknowledge, []
        self._write(pubacks(packet_ids))

    def _on_control(self, packet: Packet) -> None:
        if isinstance(packet, ConnAckPacket):
            self._on_connack(packet)
        elif isinstance(packet, SubAckPacket):
            self._on_subscribed(packet)
        elif isinstance(packet, DisconnectPacket):
            self.end(f"the broker ended the connection: {packet.reason_code.text}")

    def _on_connack(self, connack: ConnAckPacket) -> None:
        if self.accepted.done():
            self.end("the broker sent a second CONNACK")
        elif connack.reason_code == ReasonCode.UNSUPPORTED_PROTOCOL_VERSION:
            self.accepted.set_exception(InboundVersionRefused(connack.reason_code.text))
        elif connack.reason_code != ReasonCode.SUCCESS:
            self.accepted.set_exception(InboundLost(f"the broker refused the bridge: {connack.reason_code.text}"))
        else:
            self.accepted.set_result(connack.session_present)
            self._keep_alive()

    def _keep_alive(self) -> None:
        """Notices a broker that is gone without a word: after one keep-alive, and within one and a half."""
        now = self._loop.time()
        if self._transport is not None and not self._transport.is_reading():
            self._last_received_at = now  # its answer lies in the socket, unread
        if now - self._last_received_at > KEEPALIVE_S:
            if self._transport is not None:
                self._transport.abort()  # to close it would wait for what the broker no longer reads
            self.end("the broker does not answer")
            return
        self.send(PingReqPacket())
        self._timer = self._loop.call_later(KEEPALIVE_S / 2, self._keep_alive)
