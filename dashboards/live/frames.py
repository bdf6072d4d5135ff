"""Frames that the hub sends: encoded once, and shared by all connections that get the same.

A frame carries its kind and its position beside its text, so that nothing on the way to the client reads JSON again.
Pure; times in pushes are milliseconds, `type` always comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, ClassVar

import msgspec

from dashboards.live.errors import describe
from devices.channel.events import EncodedReadings

Point = list[Any]
"""`[MS, value]`"""


class Frame:
    """A push that only its client reads."""

    __slots__ = ("size", "text")

    is_push: ClassVar[bool] = True
    """Whether it counts against the bound of pushes; telemetry and replies have bounds of their own."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.size = len(text) if text.isascii() else len(text.encode())
        """Its length in bytes."""


class ReplyFrame(Frame):
    """The answer to a request, or the snapshot that answers a subscription without one."""

    __slots__ = ()
    is_push = False


class ErrorFrame(ReplyFrame):
    """A refused request, or the reason of a close; `error` as in `errors.describe`."""

    __slots__ = ("error",)

    def __init__(self, text: str, error: dict[str, Any]) -> None:
        super().__init__(text)
        self.error = error


class RoomSnapshotFrame(ReplyFrame):
    """A room's snapshot, with which the client knows the log up to `seq`."""

    __slots__ = ("room_id", "seq")

    def __init__(self, text: str, room_id: int, seq: int) -> None:
        super().__init__(text)
        self.room_id = room_id
        self.seq = seq


class LogFrame(Frame):
    """A message of a room's log."""

    __slots__ = ("_message", "room_id", "seq")

    def __init__(self, text: str, room_id: int, seq: int, message: dict[str, Any] | str) -> None:
        """`message`, or the JSON of it."""
        super().__init__(text)
        self.room_id = room_id
        self.seq = seq
        self._message = message

    @property
    def message(self) -> dict[str, Any]:
        """Decoded when the first client asks that gets another form of it, then shared."""
        if isinstance(self._message, str):
            self._message = msgspec.json.decode(self._message, type=dict[str, Any])
        return self._message


class ResyncFrame(Frame):
    """The client's copy of these streams is out of date."""

    __slots__ = ("reason", "streams")

    def __init__(self, text: str, streams: list[str], reason: str) -> None:
        super().__init__(text)
        self.streams = streams
        self.reason = reason


class UnsubscribedFrame(Frame):
    """The hub has ended a subscription."""

    __slots__ = ()


class TelemetryFrame(Frame):
    """Readings; `n` is its running number."""

    __slots__ = ("n",)
    is_push = False

    def __init__(self, text: str, n: int) -> None:
        super().__init__(text)
        self.n = n


class SharedTelemetry(TelemetryFrame):
    """A telemetry frame of all connections that watch the same devices."""

    __slots__ = ("_parts", "_values")

    def __init__(self, n: int, parts: Collection[EncodedReadings]) -> None:
        """Joins what the pipeline has encoded. A uid needs no escaping: it is letters, digits, `_` and `-`."""
        devices = ",".join([f'"{part.uid}":{part.json}' for part in parts])
        super().__init__(f'{{"type":"telemetry","n":{n},"devices":{{{devices}}}}}', n)
        self._parts = parts
        self._values: dict[int, dict[str, list[Point]]] | None = None

    @property
    def uids(self) -> Iterator[tuple[int, str]]:
        return ((part.device_id, part.uid) for part in self._parts)

    @property
    def values(self) -> dict[int, dict[str, list[Point]]]:
        """Device id -> metric -> points; decoded when the first viewer falls behind, then shared."""
        if self._values is None:
            self._values = {part.device_id: msgspec.json.decode(part.json) for part in self._parts}
        return self._values


def encode(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


PING = Frame('{"type":"ping"}')


def reply(id: Any, result: dict[str, Any]) -> ReplyFrame:
    return ReplyFrame(encode({"reply": id, "ok": True, "result": result}))


def refusal(id: Any, code: str, message: str) -> ErrorFrame:
    error = describe(code, message)
    return ErrorFrame(encode({"reply": id, "ok": False, "error": error}), error)


def error(code: str, message: str) -> ErrorFrame:
    """The last frame before the hub closes a connection:

    `{"type": "error", "error": {"code": "unauthenticated", "message": "…", "retry": false}}`
    """
    described = describe(code, message)
    return ErrorFrame(encode({"type": "error", "error": described}), described)


def welcome(user: str, time: int, limits: dict[str, Any]) -> Frame:
    return Frame(encode({"type": "welcome", "user": user, "time": time, "limits": limits}))


def snapshot(stream: str, snapshot: dict[str, Any]) -> ReplyFrame:
    """The answer to a subscription that no request asked for."""
    return ReplyFrame(_encode_snapshot(stream, snapshot))


def room_snapshot(room_id: int, snapshot: dict[str, Any], seq: int) -> RoomSnapshotFrame:
    """The same of a room's log, of which the snapshot holds everything up to `seq`."""
    return RoomSnapshotFrame(_encode_snapshot(f"room:{room_id}", snapshot), room_id, seq)


def _encode_snapshot(stream: str, snapshot: dict[str, Any]) -> str:
    return encode({"type": "snapshot", "stream": stream, "snapshot": snapshot})


def merged(n: int, dropped: int, devices: dict[str, Any]) -> TelemetryFrame:
    """Telemetry for a viewer who fell behind: the newest value of each metric; `dropped` counts the others."""
    return TelemetryFrame(encode({"type": "telemetry", "n": n, "dropped": dropped, "devices": devices}), n)


def resync(streams: Iterable[str], reason: str) -> ResyncFrame:
    names = list(streams)
    return ResyncFrame(encode({"type": "resync", "streams": names, "reason": reason}), names, reason)


def unsubscribed(stream: str, reason: str) -> UnsubscribedFrame:
    return UnsubscribedFrame(encode({"type": "unsubscribed", "stream": stream, "reason": reason}))
