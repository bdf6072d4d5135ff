"""Daphne inside a program that does more than serve."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from daphne.server import Server

from dashboards.live.frames import MAX_FRAME_BYTES

PING_S, PONG_S = 10, 20
"""Seconds between pings of a WebSocket, and how long a pong may take: whose network is gone is gone within 30 s, also
where a protocol has no signs of life of its own (`/ws/chat/`). Browsers answer by themselves."""


def make_server(application: Any, sock: socket.socket, on_ready: Callable[[], None]) -> Server:
    """A server on a socket that is bound already; it installs no signal handlers."""
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
        server_name="hubbub",
        verbosity=0,
    )


async def stop_listening(server: Server) -> None:
    """Takes no new connections; the open ones go on."""
    for listener in server.listeners:
        port = getattr(listener, "result", None)
        if port is not None:
            port.stopListening()
