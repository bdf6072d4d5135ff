"""Errors that end a connection, each with the reason under which it is counted."""

from __future__ import annotations

from bridges.mqtt.packets import (
    InvalidTopic,
    MalformedPacket,
    PacketError,
    PacketTooLarge,
    ReasonCode,
    UnexpectedPacket,
)


class ProtocolError(Exception):
    """The client broke the protocol or a bound; the connection is closed. `reason` is a key of `stats.CLOSED`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LoginRefused(Exception):
    """The CONNECT is answered with `code` and the connection closed. `reason` is a key of `stats.REFUSED_LOGINS`.

    `late`: the answer waits, because the client has failed too often.
    """

    def __init__(self, code: ReasonCode, reason: str, *, late: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.late = late


_REASONS = {
    MalformedPacket: "malformed_packet",
    PacketTooLarge: "packet_too_large",
    InvalidTopic: "invalid_topic",
    UnexpectedPacket: "unexpected_packet",
}


def close_reason(error: PacketError) -> str:
    """The key of `stats.CLOSED` for bytes that are not a packet that the client may send."""
    if isinstance(error, UnexpectedPacket) and error.is_connect:
        return "second_connect"
    return _REASONS[type(error)]
