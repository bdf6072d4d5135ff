"""Client ids towards a listener that believes any: there a client could take over the session of another one."""

from __future__ import annotations

import msgspec

from bridges.mqtt.packets import Bounds, ConnectPacket, PacketError, PacketReader, PacketType, Version, codec

from .frames import NORMAL, Ended, Receive, receive_bytes

MAX_LOGIN = 160 << 10
"""Bytes of a CONNECT, which may hold a will as large as a message."""


async def receive_login(receive: Receive) -> bytes:
    """The client's CONNECT with its user name in place of the client id, and what arrived with it. Raises `Ended`.

    So the listener identifies clients as one does that is meant for devices. Without a user name there is nothing to
    identify a client by.
    """
    reader = PacketReader(Bounds({PacketType.CONNECT: MAX_LOGIN}), versions=tuple(Version))
    packet = None
    try:
        while packet is None:
            data = await receive_bytes(receive)
            reader.feed(data)
            packet = reader.next()
    except PacketError:
        raise Ended(NORMAL) from None
    if not isinstance(packet, ConnectPacket) or packet.username is None:
        raise Ended(NORMAL)
    identified = msgspec.structs.replace(packet, client_id=packet.username)
    try:
        written = codec(packet.version).write(identified)
    except ValueError:  # its will is on a topic that is not valid
        raise Ended(NORMAL) from None
    return written + data[len(data) - reader.buffered :]
