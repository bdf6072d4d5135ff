"""The TCP options of a client's connection."""

from __future__ import annotations

import socket
from contextlib import suppress

_OPTIONS = {
    # asyncio leaves it out when the listening socket was made without naming the protocol; then each small packet
    # after the first waits up to 40 ms for the client's delayed acknowledgement.
    "TCP_NODELAY": 1,
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
    # Else the kernel accepts megabytes for a client that reads slowly: bytes that no limit of ours sees, that are old
    # when they arrive, and that hide whether the client is slow or dead.
    "TCP_NOTSENT_LOWAT": 16_384,
}


def tune(sock: socket.socket) -> None:
    """Does nothing for sockets that are not of TCP."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with suppress(OSError):  # the client may be gone already, which is noticed soon enough
        # A client without keep-alive whose machine vanished would hold its session for ever.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _OPTIONS.items():
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
