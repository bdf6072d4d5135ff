"""Listening sockets, bound before anything else starts, so that a taken port is found while nothing runs yet."""

from __future__ import annotations

import errno
import socket

GONE_S = 60
"""How long a client may leave bytes unconfirmed. Without a bound the system goes on sending for a quarter of an hour to
a client whose network is gone, and an event stream that nobody reads shows its person as present."""


class PortTaken(Exception):
    """The text names the setting to change."""


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Returns a bound TCP socket. Raises `PortTaken` where the port or address is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_S * 1000)
    try:
        sock.bind((host, port))
        # Two sockets may be bound to one port while neither listens.
        sock.listen(512)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {host} is taken: set {setting} to another one") from None
        if error.errno == errno.EACCES:
            raise PortTaken(f"port {port} needs more rights: set {setting} to 1024 or more") from None
        raise PortTaken(f"cannot listen on {host}:{port}, {error.strerror}: check {setting} and its BIND") from None
    sock.setblocking(False)
    return sock
