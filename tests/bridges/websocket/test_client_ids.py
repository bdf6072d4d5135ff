from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bridges.mqtt.packets import ConnectPacket, MessageProperties, PingReqPacket, Version, Will, codec
from bridges.websocket.client_ids import receive_login
from bridges.websocket.frames import Ended


def receive(*frames: bytes) -> Any:
    messages = iter([{"type": "websocket.receive", "bytes": frame} for frame in frames])

    async def next_message() -> dict[str, Any]:
        return next(messages, {"type": "websocket.disconnect"})

    return next_message


def connect(version: Version, username: str | None = "valve") -> ConnectPacket:
    properties = MessageProperties(content_type="text/plain") if version is Version.V5 else None
    will = Will("devices/valve/status", b"offline", 1, retain=True, properties=properties)
    return ConnectPacket(version=version, client_id="pump", username=username, password=b"secret", will=will)


@pytest.mark.parametrize("version", Version)
async def test_the_user_name_takes_the_place_of_the_client_id_and_nothing_else_changes(version: Version) -> None:
    sent = codec(version).write(connect(version))
    expected = msgspec.structs.replace(connect(version), client_id="valve")
    received = await receive_login(receive(sent))
    assert codec(version).read(received) == expected


async def test_a_login_may_come_in_pieces_and_be_followed_by_more() -> None:
    write = codec(Version.V311).write
    sent = write(connect(Version.V311)) + write(PingReqPacket())
    whole = await receive_login(receive(sent[:1], sent[1:9], sent[9:]))
    assert whole == await receive_login(receive(sent))
    assert whole.endswith(write(PingReqPacket()))


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x10\xff\xff\xff\x7f",
        codec(Version.V311).write(PingReqPacket()),
        codec(Version.V5).write(msgspec.structs.replace(connect(Version.V5, None), password=None)),
        codec(Version.V5).write(connect(Version.V5)).replace(b"valve/status", b"+/+++status+"),
    ],
    ids=["nothing", "not MQTT", "too large", "no CONNECT", "no user name", "a will that is not valid"],
)
async def test_without_a_login_the_connection_ends(first: bytes) -> None:
    with pytest.raises(Ended):
        await receive_login(receive(first))
