"""From the packets of `mqtt5` to ours. User properties of packets other than messages are not carried over."""

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
    MessageProperties,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    RetainHandling,
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
        receive_maximum=packet.receive_max,
        topic_alias_maximum=packet.topic_alias_max,
        maximum_packet_size=packet.max_packet_size,
        wants_reasons=packet.request_problem_info,
        wants_response_information=packet.request_response_info,
        authentication_method=packet.authentication_method,
    )


def _will(will: mqtt5.Will) -> Will:
    return Will(
        will.topic,
        will.payload or b"",
        int(will.qos),
        will.retain,
        will.will_delay_interval,
        will.message_expiry_interval,
        message_properties(will),
    )


def publish(packet: mqtt5.PublishPacket, qos: int, retain: bool, dup: bool, missing: int) -> PublishPacket:
    """`missing`: bytes of the payload that its reader has cut off."""
    payload = packet.payload
    if qos and not packet.packet_id:
        raise MalformedPacket("a PUBLISH with packet id 0")
    return PublishPacket(
        packet.topic,
        payload,
        qos,
        retain,
        packet.packet_id or 0,
        dup,
        len(payload) + missing,
        tuple(packet.subscription_ids),
        packet.topic_alias or 0,
        packet.message_expiry_interval,
        message_properties(packet),
    )


def message_properties(found: mqtt5.PublishPacket | mqtt5.Will) -> MessageProperties | None:
    """None where the message says nothing about itself."""
    properties = MessageProperties(
        payload_format=found.payload_format_indicator,
        content_type=found.content_type,
        response_topic=found.response_topic,
        correlation_data=found.correlation_data,
        user_properties=tuple((name, value) for name, value in found.user_properties),
    )
    if properties == _NONE:
        return None
    _check_texts(properties.content_type or "", properties.response_topic or "")
    _check_texts(*(text for pair in properties.user_properties for text in pair))
    if properties.payload_format > 1:
        raise MalformedPacket("a payload format that does not exist")
    return properties


_NONE = MessageProperties()


def _connack(packet: mqtt5.ConnAckPacket) -> ConnAckPacket:
    return ConnAckPacket(
        _reason(packet.reason_code),
        packet.session_present,
        packet.reason_str,
        packet.session_expiry_interval,
        packet.assigned_client_id,
        packet.server_keep_alive,
        packet.response_info,
        packet.receive_max,
        packet.topic_alias_max,
        packet.max_packet_size,
    )


def _subscribe(packet: mqtt5.SubscribePacket) -> SubscribePacket:
    subscriptions = tuple(_subscription(each) for each in packet.topic_filters)
    _check_filters([each.filter for each in subscriptions])
    return SubscribePacket(_packet_id(packet), subscriptions, packet.subscription_id or 0)


def _subscription(each: mqtt5.TopicFilter) -> Subscription:
    handling = RetainHandling(int(each.retain_handling))
    return Subscription(each.pattern, int(each.max_qos), each.retain_as_published, handling, each.no_local)


def _suback(packet: mqtt5.SubAckPacket) -> SubAckPacket:
    return SubAckPacket(_packet_id(packet), tuple(map(_reason, packet.reason_codes)), packet.reason_str)


def _unsubscribe(packet: mqtt5.UnsubscribePacket) -> UnsubscribePacket:
    _check_filters(packet.patterns)
    return UnsubscribePacket(_packet_id(packet), tuple(packet.patterns))


def _disconnect(packet: mqtt5.DisconnectPacket) -> DisconnectPacket:
    return DisconnectPacket(_reason(packet.reason_code), packet.reason_str, packet.session_expiry_interval)


def _unsuback(packet: mqtt5.UnsubAckPacket) -> UnsubAckPacket:
    return UnsubAckPacket(_packet_id(packet), tuple(map(_reason, packet.reason_codes)))


def _acknowledgement(make: Callable[[int, ReasonCode, str | None], Packet]) -> Callable[[Any], Packet]:
    return lambda packet: make(_packet_id(packet), _reason(packet.reason_code), packet.reason_str)


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


def _check_filters(filters: list[str]) -> None:
    """mqtt5 lets packets without a filter pass, and empty filters."""
    if not filters or not all(filters):
        raise MalformedPacket("an empty filter, or no filter at all")
    _check_texts(*filters)


def _check_texts(*texts: str) -> None:
    """mqtt5 lets NUL pass, which MQTT does not allow in any text."""
    if any("\0" in text for text in texts):
        raise MalformedPacket("a text with NUL")


READERS: dict[type, Callable[[Any], Packet]] = {
    mqtt5.ConnectPacket: _connect,
    mqtt5.ConnAckPacket: _connack,
    mqtt5.PubAckPacket: _acknowledgement(PubAckPacket),
    mqtt5.PubRecPacket: _acknowledgement(PubRecPacket),
    mqtt5.PubRelPacket: _acknowledgement(PubRelPacket),
    mqtt5.PubCompPacket: _acknowledgement(PubCompPacket),
    mqtt5.SubscribePacket: _subscribe,
    mqtt5.SubAckPacket: _suback,
    mqtt5.UnsubscribePacket: _unsubscribe,
    mqtt5.UnsubAckPacket: _unsuback,
    mqtt5.PingReqPacket: lambda _: PingReqPacket(),
    mqtt5.PingRespPacket: lambda _: PingRespPacket(),
    mqtt5.DisconnectPacket: _disconnect,
    mqtt5.AuthPacket: _auth,
}
"""By the class of mqtt5's packet."""
