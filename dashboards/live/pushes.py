"""Events as the pushes that clients get. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dashboards.live.frames import Frame, LogFrame, encode
from devices.channel.events import AvailabilityChanged, CommandChanged, DirectStored, EncodedReadings, Entry, ReadMoved


def concatenate(parts: list[EncodedReadings]) -> EncodedReadings:
    """Parts of one device as one, in order. Costs a decoding and an encoding, and saves a frame to every viewer."""
    points: dict[str, list[Any]] = {}
    for part in parts:
        for metric, more in msgspec.json.decode(part.json).items():
            points.setdefault(metric, []).extend(more)
    return EncodedReadings(parts[0].device_id, parts[0].uid, encode(points))


def availability(event: AvailabilityChanged) -> Frame:
    via = {"via": event.via} if event.via else {}
    return Frame(
        encode({"type": event.type, "device": event.uid, "status": event.status, "at": event.at // 1000, **via})
    )


def command(event: CommandChanged) -> Frame:
    return Frame(
        encode(
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
                "expires_at": event.expires_at // 1000,
                "late": event.late,
            }
        )
    )


def message(entry: Entry) -> LogFrame:
    """Joins the room and what the log has encoded, which begins with `{"seq":`."""
    text = f'{{"type":"message","room":{entry.room_id},{entry.json[1:]}'
    return LogFrame(text, entry.room_id, entry.seq, entry.json)


def logged(room_id: int, message: dict[str, Any]) -> LogFrame:
    """A message of a snapshot as the push that it once was."""
    text = encode({"type": "message", "room": room_id, **message})
    return LogFrame(text, room_id, message["seq"], message)


def activity(entry: Entry, mention: bool) -> Frame:
    return Frame(
        encode(
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
    )


def direct(event: DirectStored) -> Frame:
    return Frame(
        encode(
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
    )


def read(event: ReadMoved) -> Frame:
    return Frame(
        encode(
            {
                "type": event.type,
                "room": event.room_id,
                "seq": event.seq,
                "unread": event.unread,
                "mentions": event.mentions,
                "newest": event.newest,
            }
        )
    )


def typing(room_id: int, user: str) -> Frame:
    return Frame(encode({"type": "typing", "room": room_id, "user": user}))


def presence(room_id: int, joined: Iterable[str], left: Iterable[str]) -> Frame:
    return Frame(encode({"type": "presence", "room": room_id, "joined": sorted(joined), "left": sorted(left)}))
