"""A program that watches the hub over `/ws/`."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import Any, Self

from websockets.exceptions import ConnectionClosed

from tests.support.eventually import eventually
from tests.support.live_socket import LiveSocket

WAIT_S = 60
"""How long a single frame may take on a slow machine."""


class Viewer:
    """One live connection; answers pings and acknowledges telemetry as it reads."""

    def __init__(self, url: str, token: str, **options: Any) -> None:
        """`url` of the hub, `http://…`; `options`: others of the connection, without `token` the headers too."""
        if token:
            options["additional_headers"] = {"Authorization": f"Bearer {token}"}
        self._socket = LiveSocket(url.replace("http", "ws", 1) + "/ws/", **options)
        self._id = 0
        self.welcome = self.receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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

    def push(self, type: str, within_s: float = WAIT_S, **fields: Any) -> dict[str, Any]:
        """The next push of this type with these values. Raises `TimeoutError`: pings alone go on for ever."""
        end = time.monotonic() + within_s
        while True:
            frame = self.receive()
            if time.monotonic() > end:
                raise TimeoutError(f"no {type} in {within_s} s")
            if frame.get("type") == type and all(frame.get(name) == value for name, value in fields.items()):
                return frame

    def telemetry(self, uid: str) -> dict[str, list[list[Any]]]:
        """What the next telemetry frame says of the device."""
        while True:
            frame = self.push("telemetry")
            if uid in frame["devices"]:
                found: dict[str, list[list[Any]]] = frame["devices"][uid]
                return found

    def values(self, uid: str, metric: str, within_s: float = WAIT_S) -> list[Any]:
        """The values of the next telemetry frame with any of the metric."""
        while True:
            points = self.push("telemetry", within_s)["devices"].get(uid, {}).get(metric)
            if points:
                return [value for _, value in points]


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
