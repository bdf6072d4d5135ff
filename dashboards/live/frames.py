"""Frames of `/ws/`: bytes of a client become typed requests here, and what is told it becomes text.

Pure; times in pushes are milliseconds, `type` always comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from dashboards.live.errors import describe
from devices.channel.events import AvailabilityChanged, CommandChanged, DirectStored, Entry, Part, ReadMoved

MAX_FRAME_BYTES = 64 * 1024
"""The largest frame that a client may send; past it the socket is closed with 1009."""

Id = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=64)]
"""The client's own name for a request, given back in the reply."""

PING = '{"type":"ping"}'


class Request(Struct, tag_field="type", kw_only=True):
    """Base of the requests; each names its `type` as `tag`. One without an `id` is answered only when it fails."""

    counted: ClassVar[bool] = True
    """Whether it counts against the rate of requests."""

    id: Id | None = None


class BadFrame(Exception):
    """A frame that is no request: `code` is a key of `errors.ERRORS`, `id` that of the request where readable."""

    def __init__(self, code: str, message: str, id: Id | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


class _Head(Struct):
    """What can be told of a frame that is no request."""

    type: Any = None
    id: Any = None


def is_too_large(text: str) -> bool:
    return len(text) > MAX_FRAME_BYTES or (not text.isascii() and len(text.encode()) > MAX_FRAME_BYTES)


def decoder(kinds: Iterable[type[Request]]) -> Callable[[str], Request]:
    """A function that reads a frame as one of `kinds`, or raises `BadFrame`."""
    known = {str(kind.__struct_config__.tag): kind for kind in kinds}
    union: Any = None
    for kind in known.values():
        union = kind if union is None else union | kind
    requests = msgspec.json.Decoder(union)
    heads = msgspec.json.Decoder(_Head)

    def decode(text: str) -> Request:
        try:
            request: Request = requests.decode(text)
        except msgspec.ValidationError as error:
            raise explain(text, str(error)) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadFrame("invalid_json", f"the frame is not JSON: {error}") from None
        return request

    def explain(text: str, error: str) -> BadFrame:
        try:
            head = heads.decode(text)
        except msgspec.ValidationError:
            return BadFrame("invalid", "a frame is one JSON object")
        id = _readable(head.id)
        if isinstance(head.type, str) and head.type not in known:
            return BadFrame("unknown_type", f"there is no request of the type {head.type[:64]!r}", id)
        return BadFrame("invalid", error, id)

    return decode


def _readable(id: Any) -> Id | None:
    try:
        return msgspec.convert(id, Id)
    except msgspec.ValidationError:
        return None


def _encode(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


def reply(id: Id | None, result: dict[str, Any]) -> str:
    return _encode({"reply": id, "ok": True, "result": result})


def refusal(id: Id | None, code: str, message: str) -> str:
    return _encode({"reply": id, "ok": False, "error": describe(code, message)})


def welcome(user: str, time: int, limits: dict[str, Any]) -> str:
    return _encode({"type": "welcome", "user": user, "time": time, "limits": limits})


def snapshot(stream: str, result: dict[str, Any]) -> str:
    """What a subscription is answered with, where there is no request to reply to."""
    return _encode({"type": "snapshot", "stream": stream, "snapshot": result})


def telemetry(n: int, parts: Iterable[Part]) -> str:
    """Joins what the pipeline has encoded. A uid needs no escaping: it is letters, digits, `_` and `-`."""
    devices = ",".join([f'"{part.uid}":{part.json}' for part in parts])
    return f'{{"type":"telemetry","n":{n},"devices":{{{devices}}}}}'


def concatenate(parts: list[Part]) -> Part:
    """Parts of one device as one, in order. Costs a decoding and an encoding, and saves a frame to every viewer."""
    points: dict[str, list[Any]] = {}
    for part in parts:
        for metric, more in msgspec.json.decode(part.json).items():
            points.setdefault(metric, []).extend(more)
    return Part(parts[0].device_id, parts[0].uid, _encode(points))


def merged(n: int, dropped: int, devices: dict[str, Any]) -> str:
    """A telemetry frame for a viewer who fell behind: the newest value of each metric, the rest counted."""
    return _encode({"type": "telemetry", "n": n, "dropped": dropped, "devices": devices})


def availability(event: AvailabilityChanged) -> str:
    return _encode({"type": event.type, "device": event.uid, "status": event.status, "at": event.at // 1000})


def command(event: CommandChanged) -> str:
    return _encode(
        {
            "type": event.type,
            "device": event.uid,
            "id": event.id,
            "name": event.name,
            "args": event.args,
            "status": event.status,
            "result": event.result,
            "error": event.error,
            "by": event.by,
            "at": event.at // 1000,
        }
    )


def message(entry: Entry) -> str:
    """Joins the room and what the log has encoded, which begins with `{"seq":`."""
    return f'{{"type":"message","room":{entry.room_id},{entry.json[1:]}'


def logged(room_id: int, message: dict[str, Any]) -> str:
    """A message of a snapshot as the push that it once was."""
    return _encode({"type": "message", "room": room_id, **message})


def activity(entry: Entry, mention: bool) -> str:
    return _encode(
        {
            "type": "activity",
            "room": entry.room_id,
            "seq": entry.seq,
            "at": entry.at // 1000,
            "author": entry.author,
            "text": entry.excerpt,
            "mention": mention,
        }
    )


def direct(event: DirectStored) -> str:
    return _encode(
        {
            "type": event.type,
            "from": event.author,
            "to": event.to,
            "room": event.room_id,
            "seq": event.seq,
            "at": event.at // 1000,
            "text": event.text,
        }
    )


def read(event: ReadMoved) -> str:
    return _encode(
        {
            "type": event.type,
            "room": event.room_id,
            "seq": event.seq,
            "unread": event.unread,
            "mentions": event.mentions,
            "newest": event.newest,
        }
    )


def typing(room_id: int, user: str) -> str:
    return _encode({"type": "typing", "room": room_id, "user": user})


def presence(room_id: int, joined: Iterable[str], left: Iterable[str]) -> str:
    return _encode({"type": "presence", "room": room_id, "joined": sorted(joined), "left": sorted(left)})


def resync(streams: Iterable[str], reason: str) -> str:
    return _encode({"type": "resync", "streams": list(streams), "reason": reason})


def unsubscribed(stream: str, reason: str) -> str:
    return _encode({"type": "unsubscribed", "stream": stream, "reason": reason})


def error(code: str, message: str) -> str:
    """The last frame before the hub closes a socket that asked for nothing:

    `{"type": "error", "error": {"code": "unauthenticated", "message": "…", "retry": false}}`
    """
    return _encode({"type": "error", "error": describe(code, message)})
