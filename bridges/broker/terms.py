"""What broker and client agree on at the login."""

from __future__ import annotations

from bridges.mqtt.packets import ConnAckPacket, ConnectPacket, Version

from .authentication import Principal, account_limits, response_information
from .client_bounds import largest_packet
from .limits import MAX_KEEP_ALIVE_S, Limits


def session_expiry_s(connect: ConnectPacket, limits: Limits) -> int:
    return min(connect.session_expiry_s, limits.session_expiry_s)


def keep_alive_s(connect: ConnectPacket, limits: Limits) -> int:
    """0 means that there is none. Before MQTT 5, a broker cannot set another one than the client's own."""
    asked, most = connect.keep_alive_s, limits.keep_alive_s
    if connect.version is not Version.V5 or most == MAX_KEEP_ALIVE_S or 0 < asked <= most:
        return asked
    return most


def answer(
    connect: ConnectPacket, principal: Principal, client_id: str, limits: Limits, *, present: bool
) -> ConnAckPacket:
    if connect.version is not Version.V5:
        return ConnAckPacket(session_present=present)
    own = account_limits(principal)
    expiry_s, keep_alive = session_expiry_s(connect, limits), keep_alive_s(connect, limits)
    return ConnAckPacket(
        session_present=present,
        session_expiry_s=expiry_s if expiry_s != connect.session_expiry_s else None,
        client_id=client_id if client_id != connect.client_id else None,
        keep_alive_s=keep_alive if keep_alive != connect.keep_alive_s else None,
        response_information=response_information(principal) if connect.wants_response_information else None,
        receive_maximum=limits.receive_maximum,
        topic_alias_maximum=limits.topic_aliases,
        maximum_packet_size=largest_packet(limits, None if own is None else own.payload_bytes),
    )
