"""Why the hub does not accept a message, in the reason codes of MQTT 5."""

from __future__ import annotations

from collections.abc import Callable

from bridges.broker import ForbiddenRequest, Unaccepted
from bridges.mqtt.packets import ReasonCode
from devices.errors import Refusal

_CODES = {
    "bad_topic": ReasonCode.TOPIC_NAME_INVALID,
    "payload_too_large": ReasonCode.QUOTA_EXCEEDED,
    "rate_limited": ReasonCode.QUOTA_EXCEEDED,
    "too_many_metrics": ReasonCode.QUOTA_EXCEEDED,
    "too_many_values": ReasonCode.QUOTA_EXCEEDED,
    "unknown_device": ReasonCode.NOT_AUTHORIZED,
    "wrong_broker": ReasonCode.NOT_AUTHORIZED,
    "not_storable": ReasonCode.UNSPECIFIED_ERROR,
    "unknown_command": ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
    "retained": ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
    "older_than_retention": ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
}
"""By the reason of the refusal; the others are faults of the payload."""

_ACTIONS = {"publish": "bad_topic", "subscribe": "bad_filter", "will": "bad_will", "connect": "too_many_connections"}


def explain(settle: Callable[..., object], refusal: Refusal) -> None:
    """Acknowledges a message that was refused."""
    settle(Unaccepted(_CODES.get(refusal.reason, ReasonCode.PAYLOAD_FORMAT_INVALID), str(refusal)))


def refusal_of(forbidden: ForbiddenRequest) -> Refusal:
    return Refusal(_ACTIONS[forbidden.action], key=forbidden.topic)
