"""Bytes between a WebSocket and a broker that is reached over TCP. What they mean is between client and broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bridges.mqtt.address import BrokerAddress
from devices.runtime.log_throttle import LogThrottle

from .frames import (
    NORMAL,
    TRY_AGAIN_LATER,
    CloseCode,
    Ended,
    Receive,
    Send,
    first_of,
    frames_of,
    receive_bytes,
    send_frame,
)

logger = logging.getLogger("hubbub.mqtt")

BUFFER_BYTES = 1 << 20
"""Held in each direction; beyond it the sender is not read any further."""
STALL_S = 30.0
"""A side that takes nothing for so long ends the tunnel."""
FIRST_BYTES_S = 10.0
"""A client that has not begun in this time, with a CONNECT as a rule, is disconnected."""
CONNECT_S = 10.0

_unreachable = LogThrottle()


Beginning = Callable[[Receive], Awaitable[bytes]]


async def run(
    address: BrokerAddress, receive: Receive, send: Send, receive_beginning: Beginning = receive_bytes
) -> CloseCode:
    """Returns the code to close the WebSocket with, once either side has ended.

    `receive_beginning`: how the client's first bytes are received.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=address.tls_context(), limit=BUFFER_BYTES // 2
            )
    except OSError as error:
        _unreachable.warning(logger, f"MQTT over WebSocket does not reach {address}: {error}")
        return TRY_AGAIN_LATER
    writer.transport.set_write_buffer_limits(high=BUFFER_BYTES)
    to_broker = _to_broker(receive, writer, receive_beginning)
    tasks = [asyncio.create_task(work) for work in (to_broker, _to_client(reader, send))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return first_of(done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.transport.abort()  # what the broker does not read must not keep the connection


async def _to_broker(receive: Receive, writer: asyncio.StreamWriter, receive_beginning: Beginning) -> CloseCode:
    try:
        async with asyncio.timeout(FIRST_BYTES_S):
            data = await receive_beginning(receive)
        while True:
            writer.write(data)
            async with asyncio.timeout(STALL_S):
                await writer.drain()
            data = await receive_bytes(receive)
    except Ended as ended:
        await _flush(writer)
        return ended.code
    except OSError:  # also that it took too long
        return NORMAL


async def _to_client(reader: asyncio.StreamReader, send: Send) -> CloseCode:
    try:
        while data := await reader.read(BUFFER_BYTES // 2):
            for frame in frames_of(data):
                async with asyncio.timeout(STALL_S):
                    await send_frame(send, frame)
    except Ended as ended:
        return ended.code
    except OSError:
        pass
    return NORMAL


async def _flush(writer: asyncio.StreamWriter) -> None:
    """The client may have sent a DISCONNECT before it closed the WebSocket; without it the broker publishes a will."""
    writer.transport.set_write_buffer_limits(high=0)
    try:
        async with asyncio.timeout(1):
            await writer.drain()
    except OSError:
        pass
