"""MQTT clients that sign in, subscribe to their commands, and then do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection

from benchmarks.load.workers import reporting
from bridges.mqtt.packets import ConnectPacket, SubscribePacket, Subscription, Version, codec

AT_ONCE = 40
"""Connections that are being opened. More from one address would exceed what the broker allows before sign-in."""

Account = tuple[str, str]
"""uid and secret."""


def main(connection: Connection, port: int, accounts: Sequence[Account], version: Version) -> None:
    """One connection for each account, which may be there several times. Answers once all of them are idle."""
    reporting(connection, partial(asyncio.run, _open_all(connection, port, accounts, version)))


async def _open_all(connection: Connection, port: int, accounts: Sequence[Account], version: Version) -> None:
    limit, writers = asyncio.Semaphore(AT_ONCE), []

    async def open_one(number: int, uid: str, secret: str) -> None:
        async with limit:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            write = codec(version).write
            login = ConnectPacket(
                version=version, client_id=f"{uid}-{number}", username=uid, password=secret.encode(), keep_alive_s=3600
            )
            writer.write(write(login))
            answer = await reader.readexactly(4)
            if answer[3]:
                raise ConnectionError(f"refused: {answer.hex()}")
            writer.write(write(SubscribePacket(1, (Subscription(f"devices/{uid}/commands/+"),))))
            while (await reader.readexactly(1))[0] != 0x90:
                pass
            writers.append(writer)

    await asyncio.gather(*(open_one(number, *account) for number, account in enumerate(accounts)))
    connection.send(len(writers))
    await asyncio.Event().wait()
