"""A program that watches the hub over `/ws/`."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.eventually import eventually

WAIT_S = 30
"""How long anything awaited may take on a slow machine."""


class Viewer:
    """One live connection; answers pings and acknowledges telemetry as it reads."""

    def __init__(self, url: str, token: str) -> None:
        self._socket = connect(
            url.replace("http", "ws", 1) + "/ws/", additional_headers={"Authorization": f"Bearer {token}"}
        )
        self._id = 0
        self.welcome = self.receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def receive(self) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(self._socket.recv(timeout=WAIT_S))
        if frame.get("type") == "telemetry":
            self.send({"type": "ack", "n": frame["n"]})
        elif frame.get("type") == "ping":
            self.send({"type": "pong"})
        return frame

    def send(self, frame: dict[str, Any]) -> None:
        self._socket.send(json.dumps(frame))

    def request(self, type: str, **fields: Any) -> dict[str, Any]:
        """Sends a request and returns its reply; pushes that come before it are read over."""
        self._id += 1
        self.send({"id": self._id, "type": type, **fields})
        while True:
            frame = self.receive()
            if frame.get("reply") == self._id:
                return frame

    def subscribe(self, stream: str) -> dict[str, Any]:
        """The snapshot of the stream."""
        reply = self.request("subscribe", stream=stream)
        assert reply["ok"], reply
        result: dict[str, Any] = reply["result"]
        return result

    def push(self, type: str, **fields: Any) -> dict[str, Any]:
        """The next push of this type whose fields have these values."""
        while True:
            frame = self.receive()
            if frame.get("type") == type and all(frame.get(name) == value for name, value in fields.items()):
                return frame

    def telemetry(self, uid: str) -> dict[str, list[list[Any]]]:
        """What the next telemetry frame says of the device."""
        while True:
            frame = self.push("telemetry")
            if uid in frame["devices"]:
                found: dict[str, list[list[Any]]] = frame["devices"][uid]
                return found


class Watcher(threading.Thread):
    """A program that watches a stream; notes what it is sent and when (`time.monotonic`)."""

    def __init__(self, url: str, token: str, stream: str) -> None:
        super().__init__(name=f"watcher of {stream}", daemon=True)
        self.frames: list[tuple[float, dict[str, Any]]] = []
        self.ended: Exception | None = None
        self._viewer = Viewer(url, token)
        self._viewer.subscribe(stream)

    def run(self) -> None:
        try:
            while True:
                frame = self._viewer.receive()
                self.frames.append((time.monotonic(), frame))
        except (ConnectionClosed, TimeoutError, OSError) as error:
            self.ended = error

    def first(self, type: str, after: float) -> float:
        """When the first push of this type came after the moment `after`; waits for it."""
        came: list[float] = []

        def has_come() -> bool:
            came[:] = [at for at, frame in list(self.frames) if at > after and frame.get("type") == type]
            return bool(came) or self.ended is not None

        with suppress(AssertionError):
            eventually(has_come)
        assert came, f"no {type} came: {self.ended!r}"
        return came[0]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._viewer.__exit__(None, None, None)
        self.join()
