"""Connections with TLS, up to the point where they are like any other."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from devices.runtime.addresses import network_of

from .limits import Limits
from .newcomers import Newcomers


@dataclass(frozen=True, slots=True)
class TlsListener:
    """A bound socket, and the context of its connections; it may load another certificate at any time."""

    sock: socket.socket
    context: ssl.SSLContext


BUFFER_BYTES = 16_384
"""A record of TLS has at most as many."""


def limit_buffers() -> None:
    """Makes asyncio's buffer of each TLS connection as large as a record.

    Failure: each connection takes 256 KiB from its beginning, so that 4,000 idle devices take a gigabyte.
    Unnecessary once asyncio makes the buffer when it reads, or makes its size an option (Python 3.14 does neither).
    """
    sslproto.SSLProtocol.max_size = BUFFER_BYTES


class TlsHandshakes:
    """Those in progress. Each counts as a newcomer, as a connection without TLS does from its beginning."""

    def __init__(
        self,
        context: ssl.SSLContext,
        limits: Limits,
        stats: Counter[str],
        newcomers: Newcomers,
        make_connection: Callable[[], asyncio.Protocol],
    ) -> None:
        limit_buffers()
        self.context = context
        self.limits = limits
        self.stats = stats
        self.newcomers = newcomers
        self.make_connection = make_connection
        self.in_progress: set[TlsHandshake] = set()

    def begin(self) -> TlsHandshake:
        return TlsHandshake(self)

    def close(self) -> None:
        """The broker stops."""
        for handshake in list(self.in_progress):
            handshake.close("stopped")


class TlsHandshake(asyncio.Protocol):
    def __init__(self, handshakes: TlsHandshakes) -> None:
        self.network = ""
        self._handshakes = handshakes
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.pause_reading()  # what arrives is for the TLS layer
        peer = transport.get_extra_info("peername")
        self.network = network_of(peer[0]) if isinstance(peer, tuple) else ""
        self._handshakes.in_progress.add(self)
        self._handshakes.newcomers.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run(self._transport))

    def close(self, reason: str) -> None:
        """Ends it, for a reason in `stats.CLOSED`."""
        self._handshakes.stats[f"closed.{reason}"] += 1
        self._forget()
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def _run(self, transport: asyncio.Transport) -> None:
        loop, handshakes, early = asyncio.get_running_loop(), self._handshakes, _EarlyBytes()
        try:
            encrypted = await loop.start_tls(
                transport,
                early,
                handshakes.context,
                server_side=True,
                ssl_handshake_timeout=handshakes.limits.connect_timeout_s,
            )
        except OSError:  # of which the errors of TLS and its time-out are kinds
            handshakes.stats["closed.tls_handshake"] += 1
            transport.abort()
            return
        finally:
            self._forget()
        if encrypted is not None:
            early.hand_over(encrypted, handshakes.make_connection())

    def _forget(self) -> None:
        self._handshakes.in_progress.discard(self)
        self._handshakes.newcomers.discard(self)


class _EarlyBytes(asyncio.Protocol):
    """Receives what arrives together with the end of the handshake, before the connection is there."""

    def __init__(self) -> None:
        self._data = b""
        self._lost = False

    def data_received(self, data: bytes) -> None:
        self._data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True

    def hand_over(self, transport: asyncio.Transport, connection: asyncio.Protocol) -> None:
        connection.connection_made(transport)
        transport.set_protocol(connection)
        if self._data:
            connection.data_received(self._data)
        if self._lost:
            connection.connection_lost(None)
