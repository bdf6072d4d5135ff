"""Daphne inside a program that does more than serve."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from daphne.server import Server, reactor  # Twisted's reactor, which Daphne has put on asyncio

from dashboards.live.requests import MAX_FRAME_BYTES
from hub.server_options import PING_S, PONG_S, SERVER_NAME


def make_server(application: Any, sock: socket.socket, on_ready: Callable[[], None]) -> Server:
    """Returns a server on a socket that is bound already; it installs no signal handlers."""
    return Server(
        application=application,
        endpoints=[f"fd:fileno={sock.fileno()}"],
        signal_handlers=False,
        ready_callable=on_ready,
        websocket_max_message_size=MAX_FRAME_BYTES,
        websocket_max_frame_size=MAX_FRAME_BYTES,
        ping_interval=PING_S,
        ping_timeout=PONG_S,
        websocket_timeout=-1,  # no end after 24 hours: a wall display runs for months
        server_name=SERVER_NAME,
        verbosity=0,
    )


def event_loop() -> asyncio.AbstractEventLoop:
    """Returns the loop on which every Daphne of this process runs."""
    loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    return loop


async def stop_listening(server: Server) -> None:
    """Accepts no new connections any more; the open ones stay."""
    for listener in server.listeners:
        port = getattr(listener, "result", None)
        if port is not None:
            port.stopListening()
