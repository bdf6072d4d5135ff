"""From the packets of `mqtt5` to ours, PUBLISH left out. What of MQTT 5 the hub does not use is not carried over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mqtt5

from .errors import MalformedPacket
from .reasons import ReasonCode
from .values import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PubRecPacket,
    PubRelPacket,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubAckPacket,
    UnsubscribePacket,
    Version,
    Will,
)


def _connect(packet: mqtt5.ConnectPacket) -> ConnectPacket:
    _check_texts(packet.client_id, packet.username or "")
    return ConnectPacket(
        version=Version.V5,
        client_id=packet.client_id,
        clean_start=packet.clean_start,
        keep_alive_s=packet.keep_alive,
        username=packet.username,
        password=packet.password,
        will=_will(packet.will) if packet.will is not None else None,
        session_expiry_s=packet.session_expiry_interval,
    )


def _will(will: mqtt5.Will) -> Will:
    return Will(will.topic, will.payload or b"", int(will.qos), will.retain)


def _connack(packet: mqtt5.ConnAckPacket) -> ConnAckPacket:
    return ConnAckPacket(_reason(packet.reason_code), packet.session_present)


def _subscribe(packet: mqtt5.SubscribePacket) -> SubscribePacket:
    subscriptions = tuple(_subscription(each) for each in packet.topic_filters)
    return SubscribePacket(_packet_id(packet), subscriptions, packet.subscription_id or 0)


def _subscription(each: mqtt5.TopicFilter) -> Subscription:
    _check_texts(each.pattern)
    send_retained = each.retain_handling != mqtt5.RetainHandling.SEND_NEVER
    return Subscription(each.pattern, int(each.max_qos), each.retain_as_published, send_retained, each.no_local)


def _suback(packet: mqtt5.SubAckPacket) -> SubAckPacket:
    return SubAckPacket(_packet_id(packet), tuple(map(_reason, packet.reason_codes)))


def _unsubscribe(packet: mqtt5.UnsubscribePacket) -> UnsubscribePacket:
    _check_texts(*packet.patterns)
    return UnsubscribePacket(_packet_id(packet), tuple(packet.patterns))


def _disconnect(packet: mqtt5.DisconnectPacket) -> DisconnectPacket:
    return DisconnectPacket(_reason(packet.reason_code))


def _auth(packet: mqtt5.AuthPacket) -> Packet:
    raise MalformedPacket("an AUTH packet, though no authentication method was agreed on")


def _reason(code: Any) -> ReasonCode:
    return ReasonCode(int(code))


def _packet_id(packet: Any) -> int:
    """mqtt5 lets packet id 0 pass, which MQTT does not allow."""
    packet_id: int = packet.packet_id
    if not packet_id:
        raise MalformedPacket("packet id 0")
    return packet_id


def _check_texts(*texts: str) -> None:
    """mqtt5 lets NUL pass, which MQTT does not allow in any text."""
    if any("\0" in text for text in texts):
        raise MalformedPacket("a text with NUL")


READERS: dict[type, Callable[[Any], Packet]] = {
    mqtt5.ConnectPacket: _connect,
    mqtt5.ConnAckPacket: _connack,
    mqtt5.PubAckPacket: lambda packet: PubAckPacket(_packet_id(packet)),
    mqtt5.PubRecPacket: lambda packet: PubRecPacket(_packet_id(packet)),
    mqtt5.PubRelPacket: lambda packet: PubRelPacket(_packet_id(packet)),
    mqtt5.PubCompPacket: lambda packet: PubCompPacket(_packet_id(packet)),
    mqtt5.SubscribePacket: _subscribe,
    mqtt5.SubAckPacket: _suback,
    mqtt5.UnsubscribePacket: _unsubscribe,
    mqtt5.UnsubAckPacket: lambda packet: UnsubAckPacket(_packet_id(packet)),
    mqtt5.PingReqPacket: lambda _: PingReqPacket(),
    mqtt5.PingRespPacket: lambda _: PingRespPacket(),
    mqtt5.DisconnectPacket: _disconnect,
    mqtt5.AuthPacket: _auth,
}
"""By the class of mqtt5's packet."""
