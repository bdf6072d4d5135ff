"""From our packets to the bytes of MQTT 5, through `mqtt5`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mqtt5

from .acknowledgements import puback, pubcomp, pubrec, pubrel
from .reasons import ReasonCode
from .values import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
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
_SEND_RETAINED = {True: mqtt5.RetainHandling.SEND_ALWAYS, False: mqtt5.RetainHandling.SEND_NEVER}


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
    ).write()


def _will(will: Will) -> mqtt5.Will:
    return mqtt5.Will(will.topic, payload=will.payload, qos=_QOS[will.qos], retain=will.retain)


def _connack(packet: ConnAckPacket) -> bytes:
    code = _code(_CONNACK_CODES, packet.reason_code)
    return mqtt5.ConnAckPacket(session_present=packet.session_present, reason_code=code).write()


def _publish(packet: PublishPacket) -> bytes:
    return mqtt5.PublishPacket(
        packet.topic,
        packet.payload,
        qos=_QOS[packet.qos],
        retain=packet.retain,
        packet_id=packet.packet_id if packet.qos else None,
        duplicate=packet.dup,
        subscription_ids=list(packet.subscription_ids),
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
        retain_handling=_SEND_RETAINED[each.send_retained],
    )


def _suback(packet: SubAckPacket) -> bytes:
    return mqtt5.SubAckPacket(packet.packet_id, [_code(_SUBACK_CODES, each) for each in packet.reason_codes]).write()


def _unsubscribe(packet: UnsubscribePacket) -> bytes:
    return mqtt5.UnsubscribePacket(packet.packet_id, list(packet.filters)).write()


def _unsuback(packet: UnsubAckPacket) -> bytes:
    return mqtt5.UnsubAckPacket(packet.packet_id, [mqtt5.UnsubAckReasonCode.SUCCESS]).write()


def _disconnect(packet: DisconnectPacket) -> bytes:
    return mqtt5.DisconnectPacket(reason_code=_code(_DISCONNECT_CODES, packet.reason_code)).write()


WRITERS: dict[type, Callable[[Any], bytes]] = {
    ConnectPacket: _connect,
    ConnAckPacket: _connack,
    PublishPacket: _publish,
    PubAckPacket: lambda packet: puback(packet.packet_id),
    PubRecPacket: lambda packet: pubrec(packet.packet_id),
    PubRelPacket: lambda packet: pubrel(packet.packet_id),
    PubCompPacket: lambda packet: pubcomp(packet.packet_id),
    SubscribePacket: _subscribe,
    SubAckPacket: _suback,
    UnsubscribePacket: _unsubscribe,
    UnsubAckPacket: _unsuback,
    PingReqPacket: lambda _: mqtt5.PingReqPacket().write(),
    PingRespPacket: lambda _: mqtt5.PingRespPacket().write(),
    DisconnectPacket: _disconnect,
}
"""By the value's class."""
