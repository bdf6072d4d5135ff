"""A WebSocket for tests that wait in threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect

T = TypeVar("T")


_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, name="live sockets", daemon=True).start()


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, _loop).result()


class LiveSocket:
    """Not `websockets.sync`: there one thread reads while another writes the request, and Python before 3.13 lets both
    into one TLS connection at once. Of some 400 requests one was then never sent.
    """

    def __init__(self, url: str, **options: Any) -> None:
        """`options` as of `websockets.asyncio.client.connect`."""

        async def opened() -> ClientConnection:
            return await connect(url, **options)

        self._connection = _wait_for(opened())

    def send(self, text: str) -> None:
        _wait_for(self._connection.send(text))

    def recv(self, timeout: float) -> str | bytes:
        """The next message. Raises `TimeoutError`, and `ConnectionClosed` at the end."""
        return _wait_for(asyncio.wait_for(self._connection.recv(), timeout))

    def close(self) -> None:
        _wait_for(self._connection.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
