"""From our packets to the bytes of MQTT 5, through `mqtt5`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mqtt5

from .acknowledgements import puback, pubcomp, pubrec, pubrel
from .reasons import ReasonCode
from .v3_writing import publish
from .values import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    MessageProperties,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubAckPacket,
    UnsubscribePacket,
    Will,
)

_QOS = (mqtt5.QoS.AT_MOST_ONCE, mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE)


def _codes(kind: Any) -> dict[int, Any]:
    """mqtt5's reason codes of a packet type, by number. Its enumerations are not Python's."""
    return {int(code): code for code in vars(kind).values() if isinstance(code, kind)}


_CONNACK_CODES = _codes(mqtt5.ConnAckReasonCode)
_SUBACK_CODES = _codes(mqtt5.SubAckReasonCode)
_DISCONNECT_CODES = _codes(mqtt5.DisconnectReasonCode)
_UNSUBACK_CODES = _codes(mqtt5.UnsubAckReasonCode)
_RETAIN_HANDLING = _codes(mqtt5.RetainHandling)


def _code(codes: dict[int, Any], code: ReasonCode) -> Any:
    if code not in codes:
        raise ValueError(f"{code.name} is not a reason that this packet may have")
    return codes[code]


def _connect(packet: ConnectPacket) -> bytes:
    return mqtt5.ConnectPacket(
        packet.client_id,
        username=packet.username,
        password=packet.password,
        clean_start=packet.clean_start,
        will=_will(packet.will) if packet.will is not None else None,
        keep_alive=packet.keep_alive_s,
        session_expiry_interval=packet.session_expiry_s,
        receive_max=packet.receive_maximum,
        topic_alias_max=packet.topic_alias_maximum,
        max_packet_size=packet.maximum_packet_size,
        request_problem_info=packet.wants_reasons,
        request_response_info=packet.wants_response_information,
        authentication_method=packet.authentication_method,
    ).write()


def _will(will: Will) -> mqtt5.Will:
    return mqtt5.Will(
        will.topic,
        payload=will.payload,
        qos=_QOS[will.qos],
        retain=will.retain,
        will_delay_interval=will.delay_s,
        message_expiry_interval=will.expiry_s,
        **_properties(will.properties),
    )


def _properties(properties: MessageProperties | None) -> dict[str, Any]:
    if properties is None:
        return {}
    return {
        "payload_format_indicator": properties.payload_format,
        "content_type": properties.content_type,
        "response_topic": properties.response_topic,
        "correlation_data": properties.correlation_data,
        "user_properties": list(properties.user_properties),
    }


def _connack(packet: ConnAckPacket) -> bytes:
    code = _code(_CONNACK_CODES, packet.reason_code)
    return mqtt5.ConnAckPacket(
        session_present=packet.session_present,
        reason_code=code,
        reason_str=packet.reason,
        session_expiry_interval=packet.session_expiry_s,
        assigned_client_id=packet.client_id,
        server_keep_alive=packet.keep_alive_s,
        response_info=packet.response_information,
        receive_max=packet.receive_maximum,
        topic_alias_max=packet.topic_alias_maximum,
        max_packet_size=packet.maximum_packet_size,
    ).write()


def _publish(packet: PublishPacket) -> bytes:
    if packet.properties is None and packet.expiry_s is None and not packet.subscription_ids and not packet.topic_alias:
        return publish(packet, b"\0")  # as most are; mqtt5 takes twice as long
    return mqtt5.PublishPacket(
        packet.topic,
        packet.payload,
        qos=_QOS[packet.qos],
        retain=packet.retain,
        packet_id=packet.packet_id if packet.qos else None,
        duplicate=packet.dup,
        subscription_ids=list(packet.subscription_ids),
        topic_alias=packet.topic_alias or None,
        message_expiry_interval=packet.expiry_s,
        **_properties(packet.properties),
    ).write()


def _subscribe(packet: SubscribePacket) -> bytes:
    filters = [_topic_filter(each) for each in packet.subscriptions]
    return mqtt5.SubscribePacket(packet.packet_id, filters, subscription_id=packet.subscription_id or None).write()


def _topic_filter(each: Subscription) -> mqtt5.TopicFilter:
    return mqtt5.TopicFilter(
        each.filter,
        max_qos=_QOS[each.qos],
        no_local=each.no_local,
        retain_as_published=each.retain_as_published,
        retain_handling=_RETAIN_HANDLING[each.retain_handling],
    )


def _suback(packet: SubAckPacket) -> bytes:
    codes = [_code(_SUBACK_CODES, each) for each in packet.reason_codes]
    return mqtt5.SubAckPacket(packet.packet_id, codes, reason_str=packet.reason).write()


def _unsubscribe(packet: UnsubscribePacket) -> bytes:
    return mqtt5.UnsubscribePacket(packet.packet_id, list(packet.filters)).write()


def _unsuback(packet: UnsubAckPacket) -> bytes:
    codes = [_code(_UNSUBACK_CODES, each) for each in packet.reason_codes]
    return mqtt5.UnsubAckPacket(packet.packet_id, codes).write()


def _disconnect(packet: DisconnectPacket) -> bytes:
    code = _code(_DISCONNECT_CODES, packet.reason_code)
    return mqtt5.DisconnectPacket(
        reason_code=code, reason_str=packet.reason, session_expiry_interval=packet.session_expiry_s
    ).write()


def _acknowledgement(kind: Any, codes: dict[int, Any], success: Callable[[int], bytes]) -> Callable[[Any], bytes]:
    def write(packet: PubAckPacket | PubRecPacket | PubRelPacket | PubCompPacket) -> bytes:
        if packet.reason_code is ReasonCode.SUCCESS and packet.reason is None:
            return success(packet.packet_id)
        code = _code(codes, packet.reason_code)
        written: bytes = kind(packet.packet_id, reason_code=code, reason_str=packet.reason).write()
        return written

    return write


WRITERS: dict[type, Callable[[Any], bytes]] = {
    ConnectPacket: _connect,
    ConnAckPacket: _connack,
    PublishPacket: _publish,
    PubAckPacket: _acknowledgement(mqtt5.PubAckPacket, _codes(mqtt5.PubAckReasonCode), puback),
    PubRecPacket: _acknowledgement(mqtt5.PubRecPacket, _codes(mqtt5.PubRecReasonCode), pubrec),
    PubRelPacket: _acknowledgement(mqtt5.PubRelPacket, _codes(mqtt5.PubRelReasonCode), pubrel),
    PubCompPacket: _acknowledgement(mqtt5.PubCompPacket, _codes(mqtt5.PubCompReasonCode), pubcomp),
    SubscribePacket: _subscribe,
    SubAckPacket: _suback,
    UnsubscribePacket: _unsubscribe,
    UnsubAckPacket: _unsuback,
    PingReqPacket: lambda _: mqtt5.PingReqPacket().write(),
    PingRespPacket: lambda _: mqtt5.PingRespPacket().write(),
    DisconnectPacket: _disconnect,
}
"""By the value's class."""
