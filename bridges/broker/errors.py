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


DISCONNECT_CODES = {
    "keepalive_timeout": ReasonCode.KEEP_ALIVE_TIMEOUT,
    "taken_over": ReasonCode.SESSION_TAKEN_OVER,
    "account_disconnected": ReasonCode.ADMINISTRATIVE_ACTION,
    "stopped": ReasonCode.SERVER_SHUTTING_DOWN,
    "packet_too_large": ReasonCode.PACKET_TOO_LARGE,
    "slow_packet": ReasonCode.PACKET_TOO_LARGE,
    "malformed_packet": ReasonCode.MALFORMED_PACKET,
    "invalid_topic": ReasonCode.TOPIC_NAME_INVALID,
    "unexpected_packet": ReasonCode.PROTOCOL_ERROR,
    "second_connect": ReasonCode.PROTOCOL_ERROR,
    "protocol_error": ReasonCode.PROTOCOL_ERROR,
    "topic_alias": ReasonCode.TOPIC_ALIAS_INVALID,
    "too_many_in_flight": ReasonCode.RECEIVE_MAXIMUM_EXCEEDED,
    "internal_error": ReasonCode.UNSPECIFIED_ERROR,
}
"""The reason that a client of MQTT 5 is given, by that under which the end of its connection is counted."""


def close_reason(error: PacketError) -> str:
    """The key of `stats.CLOSED` for bytes that are not a packet that the client may send."""
    if isinstance(error, UnexpectedPacket) and error.is_connect:
        return "second_connect"
    return _REASONS[type(error)]
