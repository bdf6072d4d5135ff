"""The packets of MQTT as values, independent of the protocol version.

Texts hold no NUL. The topics of messages and wills are as the peer sent them: its receiver checks them.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from .reasons import ReasonCode

NEVER_EXPIRES = 0xFFFF_FFFF
"""Session expiry of a session that its broker keeps for good, as 3.1.1 does without the clean session flag."""


class Version(IntEnum):
    """The protocol level that a CONNECT asks for."""

    V31 = 3
    V311 = 4
    V5 = 5

    @property
    def label(self) -> str:
        return {Version.V31: "3.1", Version.V311: "3.1.1", Version.V5: "5"}[self]


class MessageProperties(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a message of MQTT 5 says about itself. A broker passes it on as it is.

    `payload_format` is 1 where the payload is meant to be UTF-8.
    """

    payload_format: int = 0
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    user_properties: tuple[tuple[str, str], ...] = ()


class Will(msgspec.Struct, frozen=True, gc=False):
    """The message that the broker publishes when the client is lost, `delay_s` later unless it comes back by then."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    delay_s: int = 0
    expiry_s: int | None = None
    properties: MessageProperties | None = None


class ConnectPacket(msgspec.Struct, frozen=True, kw_only=True):
    """`keep_alive_s` is 0 without one. `session_expiry_s` counts from the end of the connection.

    `receive_maximum` is how many messages of QoS 1 and 2 the client accepts before it has acknowledged them, and
    `maximum_packet_size` the bytes of the largest packet; None: any. `wants_reasons`: reasons may be given in words.
    """

    version: Version
    client_id: str
    clean_start: bool = True
    keep_alive_s: int = 0
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    session_expiry_s: int = 0
    receive_maximum: int = 65_535
    topic_alias_maximum: int = 0
    maximum_packet_size: int | None = None
    wants_reasons: bool = True
    wants_response_information: bool = False
    authentication_method: str | None = None

    def __repr__(self) -> str:
        # Without the password: this may reach a log.
        return f"ConnectPacket(MQTT {self.version.label}, {self.username!r}, {self.client_id!r})"


class ConnAckPacket(msgspec.Struct, frozen=True, gc=False):
    """From `reason` on, what only MQTT 5 has; `None` where the server leaves it to the client, or has no bound."""

    reason_code: ReasonCode = ReasonCode.SUCCESS
    session_present: bool = False
    reason: str | None = None
    session_expiry_s: int | None = None
    client_id: str | None = None
    keep_alive_s: int | None = None
    response_information: str | None = None
    receive_maximum: int = 65_535
    topic_alias_maximum: int = 0
    maximum_packet_size: int | None = None


class PublishPacket(msgspec.Struct, frozen=True, gc=False):
    """`packet_id` is 0 with QoS 0. `size` is that of the whole payload, in bytes: of a packet that was larger than its
    reader allows, `payload` is only the beginning. `expiry_s` is how much longer the message is of use.

    `topic` may be empty in MQTT 5: then `topic_alias` stands for it, as agreed in an earlier message."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    packet_id: int = 0
    dup: bool = False
    size: int = 0
    subscription_ids: tuple[int, ...] = ()
    topic_alias: int = 0
    expiry_s: int | None = None
    properties: MessageProperties | None = None

    @property
    def is_cut(self) -> bool:
        return self.size > len(self.payload)


class PubAckPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    reason: str | None = None


class PubRecPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    reason: str | None = None


class PubRelPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    reason: str | None = None


class PubCompPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    reason: str | None = None


class RetainHandling(IntEnum):
    """Whether a new subscription brings the retained messages."""

    SEND = 0
    SEND_IF_NEW = 1
    DO_NOT_SEND = 2


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """A filter with the options that MQTT has for it; 3.1.1 knows only `qos`.

    `retain_as_published` keeps the retain flag of live messages; `no_local` leaves out the client's own.
    """

    filter: str
    qos: int = 1
    retain_as_published: bool = False
    retain_handling: RetainHandling = RetainHandling.SEND
    no_local: bool = False


class SubscribePacket(msgspec.Struct, frozen=True):
    """`subscription_id` comes back with each message of these subscriptions; 0 without one, as always in 3.1.1."""

    packet_id: int
    subscriptions: tuple[Subscription, ...]
    subscription_id: int = 0


class SubAckPacket(msgspec.Struct, frozen=True):
    """For each subscription the QoS granted, or why it was refused; 3.1.1 gives no reason."""

    packet_id: int
    reason_codes: tuple[ReasonCode, ...]
    reason: str | None = None


class UnsubscribePacket(msgspec.Struct, frozen=True):
    packet_id: int
    filters: tuple[str, ...]


class UnsubAckPacket(msgspec.Struct, frozen=True, gc=False):
    """`reason_codes`: one for each filter; 3.1.1 has none."""

    packet_id: int
    reason_codes: tuple[ReasonCode, ...] = ()


class PingReqPacket(msgspec.Struct, frozen=True, gc=False):
    pass


class PingRespPacket(msgspec.Struct, frozen=True, gc=False):
    pass


class DisconnectPacket(msgspec.Struct, frozen=True, gc=False):
    """3.1.1 has it without a reason, and only from the client, which may change `session_expiry_s` with it."""

    reason_code: ReasonCode = ReasonCode.NORMAL_DISCONNECTION
    reason: str | None = None
    session_expiry_s: int | None = None


Packet = (
    ConnectPacket
    | ConnAckPacket
    | PublishPacket
    | PubAckPacket
    | PubRecPacket
    | PubRelPacket
    | PubCompPacket
    | SubscribePacket
    | SubAckPacket
    | UnsubscribePacket
    | UnsubAckPacket
    | PingReqPacket
    | PingRespPacket
    | DisconnectPacket
)
