"""A TCP proxy that loses connections on request, as a network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards `port` to `target` on the loopback interface until it is closed."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._links: list[_Link] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def delivered(self) -> int:
        """Bytes that the target has sent through since the last cut, on whatever connection."""
        return sum(link.delivered for link in self._links)

    def swallow(self, *, answers_only: bool = False) -> None:
        """What is connected stays so and hears nothing any more, on both sides; `answers_only`: the target hears
        nothing. New connections are forwarded."""
        for link in self._links:
            link.up = False
            link.down = link.down and answers_only

    def cut(self) -> None:
        """Closes all connections and forgets them."""
        links, self._links = self._links, []
        for link in links:
            link.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                # Noted before the first byte passes: who asks then may ask for this one.
                link = _Link(near, socket.create_connection(("127.0.0.1", self._target)))
                self._links.append(link)
                link.start()


class _Link:
    """A connection and its continuation; `up` and `down` say whether bytes pass to the target and from it."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.up = self.down = True
        self.delivered = 0
        self._near, self._far = near, far

    def start(self) -> None:
        threading.Thread(target=self._carry_up, daemon=True).start()
        threading.Thread(target=self._carry_down, daemon=True).start()

    def close(self) -> None:
        for end in (self._near, self._far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    # What does not pass is read all the same: a window that closes would tell the other side.

    def _carry_up(self) -> None:
        with suppress(OSError):
            while data := self._near.recv(65_536):
                if self.up:
                    self._far.sendall(data)
            self._end(self._far)

    def _carry_down(self) -> None:
        with suppress(OSError):
            while data := self._far.recv(65_536):
                if self.down:
                    self.delivered += len(data)
                    self._near.sendall(data)
            self._end(self._near)

    def _end(self, other: socket.socket) -> None:
        if self.up and self.down:
            other.shutdown(socket.SHUT_WR)
