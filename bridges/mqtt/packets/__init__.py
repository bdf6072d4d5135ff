"""MQTT packets as values, and the bytes of MQTT 3.1, 3.1.1 and 5 that they stand for. Pure: no I/O.

One interface for both ends of a connection. A `PacketReader` cuts what arrives into packets; `codec(version).write`
gives the bytes of one to send. What a packet means is the same in every version: where MQTT 3.1.1 has its own return
codes, the packets carry the reason codes of MQTT 5.

`mqtt5` reads and writes MQTT 5; the older versions are read and written here.
"""

from .acknowledgements import puback, pubacks, pubcomp, pubrec, pubrel
from .bounds import Bounds
from .codec import Codec, codec
from .errors import InvalidTopic, MalformedPacket, PacketError, PacketTooLarge, UnexpectedPacket, UnsupportedVersion
from .header import PacketType
from .reader import PacketReader
from .reasons import ReasonCode
from .values import (
    NEVER_EXPIRES,
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

__all__ = [
    "NEVER_EXPIRES",
    "Bounds",
    "Codec",
    "ConnAckPacket",
    "ConnectPacket",
    "DisconnectPacket",
    "InvalidTopic",
    "MalformedPacket",
    "MessageProperties",
    "Packet",
    "PacketError",
    "PacketReader",
    "PacketTooLarge",
    "PacketType",
    "PingReqPacket",
    "PingRespPacket",
    "PubAckPacket",
    "PubCompPacket",
    "PubRecPacket",
    "PubRelPacket",
    "PublishPacket",
    "ReasonCode",
    "RetainHandling",
    "SubAckPacket",
    "SubscribePacket",
    "Subscription",
    "UnexpectedPacket",
    "UnsubAckPacket",
    "UnsubscribePacket",
    "UnsupportedVersion",
    "Version",
    "Will",
    "codec",
    "puback",
    "pubacks",
    "pubcomp",
    "pubrec",
    "pubrel",
]
