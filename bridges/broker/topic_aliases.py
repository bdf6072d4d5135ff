"""Numbers that stand for topics on one connection of MQTT 5, in each direction."""

from __future__ import annotations

import msgspec

from bridges.mqtt.packets import PublishPacket

from .errors import ProtocolError


class IncomingAliases:
    """The client's aliases, at most `maximum`, as the broker has announced."""

    __slots__ = ("_maximum", "_topics")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._topics: dict[int, str] = {}

    def resolve(self, publish: PublishPacket) -> PublishPacket:
        """The message with its topic. Raises `ProtocolError` for an alias that stands for none."""
        alias = publish.topic_alias
        if alias > self._maximum:
            raise ProtocolError("topic_alias")
        if publish.topic:
            self._topics[alias] = publish.topic
            return publish
        if alias not in self._topics:
            raise ProtocolError("protocol_error")
        return msgspec.structs.replace(publish, topic=self._topics[alias])


class OutgoingAliases:
    """The broker's aliases, for the first `maximum` topics that the client gets."""

    __slots__ = ("_aliases", "_maximum")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._aliases: dict[str, int] = {}

    def apply(self, packet: PublishPacket) -> PublishPacket:
        """The message with its alias, and with its topic only the first time. Call `sent` once it is."""
        known = self._aliases.get(packet.topic)
        if known is not None:
            return msgspec.structs.replace(packet, topic="", topic_alias=known)
        if len(self._aliases) < self._maximum:
            return msgspec.structs.replace(packet, topic_alias=len(self._aliases) + 1)
        return packet

    def sent(self, packet: PublishPacket) -> None:
        if packet.topic and packet.topic_alias:
            self._aliases[packet.topic] = packet.topic_alias
