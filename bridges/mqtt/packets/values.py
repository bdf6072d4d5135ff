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


class Will(msgspec.Struct, frozen=True, gc=False):
    """The message that the broker publishes when the client is lost."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class ConnectPacket(msgspec.Struct, frozen=True, kw_only=True):
    """`keep_alive_s` is 0 without one. `session_expiry_s` counts from the end of the connection."""

    version: Version
    client_id: str
    clean_start: bool = True
    keep_alive_s: int = 0
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    session_expiry_s: int = 0

    def __repr__(self) -> str:
        # Without the password: this may reach a log.
        return f"ConnectPacket(MQTT {self.version.label}, {self.username!r}, {self.client_id!r})"


class ConnAckPacket(msgspec.Struct, frozen=True, gc=False):
    reason_code: ReasonCode = ReasonCode.SUCCESS
    session_present: bool = False


class PublishPacket(msgspec.Struct, frozen=True, gc=False):
    """`packet_id` is 0 with QoS 0. `size` is that of the whole payload, in bytes: of a packet that was larger than its
    reader allows, `payload` is only the beginning."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    packet_id: int = 0
    dup: bool = False
    size: int = 0
    subscription_ids: tuple[int, ...] = ()

    @property
    def is_cut(self) -> bool:
        return self.size > len(self.payload)


class PubAckPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int


class PubRecPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int


class PubRelPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int


class PubCompPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """A filter with the options that MQTT has for it; 3.1.1 knows only `qos`.

    `retain_as_published` keeps the retain flag of live messages; `send_retained` asks for the retained messages.
    """

    filter: str
    qos: int = 1
    retain_as_published: bool = False
    send_retained: bool = True
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


class UnsubscribePacket(msgspec.Struct, frozen=True):
    packet_id: int
    filters: tuple[str, ...]


class UnsubAckPacket(msgspec.Struct, frozen=True, gc=False):
    packet_id: int


class PingReqPacket(msgspec.Struct, frozen=True, gc=False):
    pass


class PingRespPacket(msgspec.Struct, frozen=True, gc=False):
    pass


class DisconnectPacket(msgspec.Struct, frozen=True, gc=False):
    """3.1.1 has it without a reason, and only from the client."""

    reason_code: ReasonCode = ReasonCode.NORMAL_DISCONNECTION


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
