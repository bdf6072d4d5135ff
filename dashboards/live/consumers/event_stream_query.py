"""The streams that the query of an event stream asks for, and the positions of its client. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.http import QueryDict

from dashboards.live.handlers import Subscribe
from dashboards.live.stream_contents import INBOX
from devices.errors import Invalid, TooMany

MAX_STREAMS = 200
"""Streams of one request; their names stand in its address."""
MAX_ROOMS = 20
"""Rooms of one request: their newest messages are in memory until the client has read them."""

_KINDS = ("device", "dashboard", "room")
"""Parameters that name a stream of this kind."""
_POSITION = re.compile(r"([1-9][0-9]{0,17}):([0-9]{1,15})")
_SEQ = re.compile(r"[0-9]{1,15}")

Positions = dict[str, int]
"""Stream of a room -> seq of the last message that the client has got."""


def wanted(query: QueryDict, last_event_id: str) -> list[Subscribe]:
    """Returns the streams in the order of their kinds, each once. Raises `Invalid` and `TooMany`.

    A room goes on after its position in `last_event_id`, else after its `after_seq`, which stand in the order of the
    rooms.
    """
    if unknown := set(query) - {*_KINDS, INBOX, "after_seq"}:
        raise Invalid(f"unknown parameters: {', '.join(sorted(unknown))[:128]}")
    names = list(dict.fromkeys(f"{kind}:{key[:128]}" for kind in _KINDS for key in query.getlist(kind)))
    positions = _after_seq(query) | read_positions(last_event_id)
    if query.get(INBOX, "0") != "0":
        names.append(INBOX)
    for limit, among, what in ((MAX_STREAMS, "", "streams"), (MAX_ROOMS, "room:", "rooms")):
        if sum(name.startswith(among) for name in names) > limit:
            raise TooMany(f"a request may name {limit} {what}")
    return [Subscribe(stream=name, after_seq=positions.get(name)) for name in names]


def _after_seq(query: QueryDict) -> Positions:
    rooms, seqs = query.getlist("room"), query.getlist("after_seq")
    if seqs and (len(seqs) != len(rooms) or not all(map(_SEQ.fullmatch, seqs))):
        raise Invalid("after_seq is a number, and is given as often as room")
    return {f"room:{room}": int(seq) for room, seq in zip(rooms, seqs, strict=False)}


def read_positions(event_id: str) -> Positions:
    """Reads an id made by `event_id`; anything else that a client sends holds no position."""
    found = map(_POSITION.fullmatch, event_id.split(";")[: MAX_ROOMS + 1])
    return {f"room:{match[1]}": int(match[2]) for match in found if match}


def event_id(n: int, positions: Mapping[int, int]) -> str:
    """`42;5:812`: the last telemetry frame, and of each room the last message."""
    return ";".join([str(n), *[f"{room}:{seq}" for room, seq in positions.items()]])
