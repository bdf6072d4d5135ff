"""The streams that a connection may subscribe to. A new kind of stream is one more entry of `KINDS`.

All functions here touch the database and are synchronous.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dashboards.live.errors import UnknownStream
from dashboards.live.stream_contents import INBOX, StreamContents
from dashboards.models import Dashboard, Widget
from dashboards.widgets import revision
from devices import access
from devices.access import Person
from devices.errors import NotFound
from devices.log import messages
from devices.models import Device
from devices.rooms import inbox
from devices.telemetry import snapshots
from devices.values import is_uid

Watchable = dict[str, StreamContents]
"""Stream, or its key -> what it shows."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_ROOM = re.compile(r"[1-9][0-9]{0,17}")
"""Each room has only one name: under two, a connection would be sent its messages twice."""


@dataclass(frozen=True, slots=True)
class StreamKind:
    """A kind of stream.

    `watchable(person, keys)` returns the contents of those streams that exist and that the person may watch.
    `snapshot(person, key, contents, after_seq)` returns the present state; it raises `NotFound` where that is gone.
    """

    watchable: Callable[[Person, Iterable[str]], Watchable]
    snapshot: Callable[[Person, str, StreamContents, int | None], dict[str, Any]]


def _devices(person: Person, uids: Iterable[str]) -> Watchable:
    wanted = [uid for uid in uids if is_uid(uid)]
    found = access.devices(person).filter(uid__in=wanted).values_list("uid", "pk")
    return {uid: StreamContents(devices=frozenset([pk])) for uid, pk in found}


def _dashboards(person: Person, numbers: Iterable[str]) -> Watchable:
    """A widget may name a device of another space: only devices that the person may watch count."""
    wanted = {int(text): text for text in numbers if _NUMBER.fullmatch(text)}
    found = Dashboard.objects.filter(pk__in=wanted, space__in=access.spaces(person)).values_list("pk", flat=True)
    shown: defaultdict[int, set[int]] = defaultdict(set)
    rows = Widget.objects.filter(dashboard__in=wanted, device__in=access.devices(person))
    for dashboard, device in rows.values_list("dashboard_id", "device_id"):
        shown[dashboard].add(device)
    return {wanted[pk]: StreamContents(devices=frozenset(shown[pk])) for pk in found}


def _rooms(person: Person, numbers: Iterable[str]) -> Watchable:
    wanted = [int(text) for text in numbers if _ROOM.fullmatch(text)]
    found = access.rooms(person).filter(pk__in=wanted).values_list("pk", flat=True)
    return {str(pk): StreamContents(rooms=frozenset([pk])) for pk in found}


def _inbox(person: Person, keys: Iterable[str]) -> Watchable:
    return {"": StreamContents(spaces=frozenset(access.spaces(person).values_list("pk", flat=True)))}


def _device_snapshot(person: Person, key: str, contents: StreamContents, after_seq: int | None) -> dict[str, Any]:
    found = _device_snapshots(contents)
    if not found:
        raise NotFound("the device is gone")
    return next(iter(found.values()))


def _dashboard_snapshot(person: Person, key: str, contents: StreamContents, after_seq: int | None) -> dict[str, Any]:
    return {"devices": _device_snapshots(contents), "revision": revision(int(key))}


def _device_snapshots(contents: StreamContents) -> dict[str, dict[str, Any]]:
    return snapshots.of_devices(Device.objects.select_related("space").filter(pk__in=contents.devices))


def _room_snapshot(person: Person, key: str, contents: StreamContents, after_seq: int | None) -> dict[str, Any]:
    """The newest messages, or those after `after_seq`: up to 200, so perhaps not up to `seq`."""
    room = inbox.listed(person).filter(pk__in=contents.rooms).first()
    if room is None:
        raise NotFound("the room is gone")
    found = messages.newest(room) if after_seq is None else messages.after(room, after_seq)
    about = inbox.describe(person, room)
    return {
        "seq": max(room.seq, found[-1]["seq"] if found else 0),  # one may have been stored since the room was read
        "messages": found,
        "room": {name: about[name] for name in ("id", "name", "device", "space", "with") if name in about},
        **{name: about[name] for name in ("read", "unread", "mentions")},
    }


def _inbox_snapshot(person: Person, key: str, contents: StreamContents, after_seq: int | None) -> dict[str, Any]:
    return inbox.inbox(person)


KINDS: dict[str, StreamKind] = {
    "device": StreamKind(_devices, _device_snapshot),
    "dashboard": StreamKind(_dashboards, _dashboard_snapshot),
    "room": StreamKind(_rooms, _room_snapshot),
    INBOX: StreamKind(_inbox, _inbox_snapshot),
}


def find(person: Person, stream: str) -> StreamContents:
    """Returns what the stream shows.

    Raises `UnknownStream`; `NotFound` both for a missing stream and for one that the person may not watch.
    """
    kind, _, key = stream.partition(":")
    if kind not in KINDS:
        raise UnknownStream(f"there is no stream of the kind {kind[:64]!r}")
    found = KINDS[kind].watchable(person, [key])
    if key not in found or _name(kind, key) != stream:
        raise NotFound(f"there is no stream {stream!r}")
    return found[key]


def snapshot(person: Person, stream: str, contents: StreamContents, after_seq: int | None = None) -> dict[str, Any]:
    """Returns the present state of the stream; of a room's log what follows `after_seq`.

    Raises `NotFound` where that has gone since `find`.
    """
    kind, _, key = stream.partition(":")
    return KINDS[kind].snapshot(person, key, contents, after_seq)


def watchable(person: Person, streams: Iterable[str]) -> Watchable:
    """Returns those of `streams` that the person may watch now, with what they show, in a few queries."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        kind, _, key = stream.partition(":")
        keys[kind].append(key)
    return {
        _name(kind, key): contents
        for kind, wanted in keys.items()
        for key, contents in KINDS[kind].watchable(person, wanted).items()
    }


def _name(kind: str, key: str) -> str:
    return f"{kind}:{key}" if key else kind
