"""The sockets on which the broker accepts connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from .throttled_log import log

BACKLOG = 512
ACCEPTED_PER_TURN = 8
"""Connections accepted in one turn of the event loop. asyncio takes the backlog for it, and a flood of connections
would then hold up everything else in each turn."""
TURNS_OF_ACCEPTING = 3


class SocketListener:
    """A bound socket, and what makes the connections that arrive there."""

    def __init__(self, sock: socket.socket, make_connection: Callable[[], asyncio.Protocol]) -> None:
        self._sock = sock
        self._make_connection = make_connection
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make_connection, sock=self._sock, backlog=ACCEPTED_PER_TURN)
        self._sock.listen(BACKLOG)
        log.info("Broker listens on %s", self._sock.getsockname())

    async def accept_no_more(self) -> None:
        """A server that is closed between the turns of accepting would leave a connection that nobody closes."""
        if self._server is None:
            return
        asyncio.get_running_loop().remove_reader(self._sock)
        for _ in range(TURNS_OF_ACCEPTING):
            await asyncio.sleep(0)
        self._server.close()

    async def stop(self) -> None:
        """Once its connections have ended."""
        server, self._server = self._server, None
        if server is not None:
            await server.wait_closed()
        self._sock.close()
