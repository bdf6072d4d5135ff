"""What ends a connection: one tree, each error with the reason under which it is counted."""

from __future__ import annotations


class ProtocolError(Exception):
    """The client broke the protocol or a bound; the connection is closed. `reason` is a key of `stats.CLOSED`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LoginRefused(Exception):
    """The CONNECT is answered with `code` and the connection closed. `reason` is a key of `stats.REFUSED_LOGINS`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
