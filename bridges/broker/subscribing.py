"""SUBSCRIBE and UNSUBSCRIBE of a signed-in connection."""

from __future__ import annotations

from bridges.mqtt.packets import ReasonCode, SubAckPacket, SubscribePacket, UnsubAckPacket, UnsubscribePacket

from .errors import ProtocolError
from .router import REFUSED, Router
from .session import Session
from .sink import ForbiddenRequest, Sink
from .stats import REFUSED_SUBSCRIPTIONS
from .subscriptions import SHARED
from .throttled_log import ThrottledLog

_TEXTS = {code: REFUSED_SUBSCRIPTIONS[reason] for reason, code in REFUSED.items()}


def subscribe(
    packet: SubscribePacket, session: Session, router: Router, sink: Sink, warnings: ThrottledLog, *, with_reason: bool
) -> tuple[SubAckPacket, list[bool]]:
    """The answer, in words as well `with_reason`, and which of the subscriptions are new. Raises `ProtocolError`."""
    if any(each.no_local and each.filter.startswith(SHARED) for each in packet.subscriptions):
        raise ProtocolError("protocol_error")
    codes: list[ReasonCode] = []
    are_new = []
    name = session.principal.name
    for wanted in packet.subscriptions:
        are_new.append(wanted.filter not in session.subscriptions)
        codes.append(router.subscribe(session, wanted, packet.subscription_id))
        if codes[-1].is_failure:
            warnings.warn("subscribe", "%r may not subscribe to %r", name, wanted.filter)
        if codes[-1] in (ReasonCode.NOT_AUTHORIZED, ReasonCode.TOPIC_FILTER_INVALID):
            sink.report(ForbiddenRequest(name, "subscribe", wanted.filter))
    reason = next((_TEXTS[code] for code in codes if code in _TEXTS), None) if with_reason else None
    return SubAckPacket(packet.packet_id, tuple(codes), reason), are_new


def deliver_retained(
    packet: SubscribePacket, answer: SubAckPacket, are_new: list[bool], session: Session, router: Router
) -> None:
    """After the answer has been sent."""
    for wanted, code, is_new in zip(packet.subscriptions, answer.reason_codes, are_new, strict=True):
        if not code.is_failure:
            router.deliver_retained(session, wanted, packet.subscription_id, is_new=is_new)


def unsubscribe(packet: UnsubscribePacket, session: Session, router: Router) -> UnsubAckPacket:
    existed = [router.unsubscribe(session, each) for each in packet.filters]
    codes = [ReasonCode.SUCCESS if each else ReasonCode.NO_SUBSCRIPTION_EXISTED for each in existed]
    return UnsubAckPacket(packet.packet_id, tuple(codes))
