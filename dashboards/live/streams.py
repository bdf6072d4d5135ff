"""What a connection may subscribe to. A new kind of stream is one more entry of `KINDS`.

All functions here touch the database and are synchronous.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dashboards.live.errors import UnknownStream
from dashboards.live.shown import INBOX, Shown
from dashboards.models import Dashboard, Widget
from dashboards.widgets import revision
from devices import access
from devices.access import Person
from devices.errors import NotFound
from devices.log import messages
from devices.models import Device
from devices.rooms import inbox
from devices.telemetry import latest
from devices.values import is_uid

Watched = dict[str, Shown]
"""Key of a stream -> what it shows."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_ROOM = re.compile(r"[1-9][0-9]{0,17}")
"""One name a room: under two it would be told a connection twice."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stream.

    `watched(person, keys)`: what each of the streams shows that exist and that the person may watch.
    `snapshot(person, key, shown, after_seq)`: what a subscriber is answered; raises `NotFound` where that is gone.
    """

    watched: Callable[[Person, Iterable[str]], Watched]
    snapshot: Callable[[Person, str, Shown, int | None], dict[str, Any]]


def _devices(person: Person, uids: Iterable[str]) -> Watched:
    wanted = [uid for uid in uids if is_uid(uid)]
    found = access.devices(person).filter(uid__in=wanted).values_list("uid", "pk")
    return {uid: Shown(devices=frozenset([pk])) for uid, pk in found}


def _dashboards(person: Person, numbers: Iterable[str]) -> Watched:
    """A widget may name a device of another space: only those that the person may watch count."""
    wanted = {int(text): text for text in numbers if _NUMBER.fullmatch(text)}
    found = Dashboard.objects.filter(pk__in=wanted, space__in=access.spaces(person)).values_list("pk", flat=True)
    shown: defaultdict[int, set[int]] = defaultdict(set)
    rows = Widget.objects.filter(dashboard__in=wanted, device__in=access.devices(person))
    for dashboard, device in rows.values_list("dashboard_id", "device_id"):
        shown[dashboard].add(device)
    return {wanted[pk]: Shown(devices=frozenset(shown[pk])) for pk in found}


def _rooms(person: Person, numbers: Iterable[str]) -> Watched:
    wanted = [int(text) for text in numbers if _ROOM.fullmatch(text)]
    found = access.rooms(person).filter(pk__in=wanted).values_list("pk", flat=True)
    return {str(pk): Shown(rooms=frozenset([pk])) for pk in found}


def _inbox(person: Person, keys: Iterable[str]) -> Watched:
    return {"": Shown(spaces=frozenset(access.spaces(person).values_list("pk", flat=True)))}


def _device_snapshot(person: Person, key: str, shown: Shown, after_seq: int | None) -> dict[str, Any]:
    snapshots = _device_snapshots(shown)
    if not snapshots:
        raise NotFound("the device is gone")
    return next(iter(snapshots.values()))


def _dashboard_snapshot(person: Person, key: str, shown: Shown, after_seq: int | None) -> dict[str, Any]:
    return {"devices": _device_snapshots(shown), "revision": revision(int(key))}


def _device_snapshots(shown: Shown) -> dict[str, dict[str, Any]]:
    return latest.snapshots(Device.objects.select_related("space").filter(pk__in=shown.devices))


def _room_snapshot(person: Person, key: str, shown: Shown, after_seq: int | None) -> dict[str, Any]:
    """The newest messages, or those after `after_seq`: up to 200, so perhaps not up to `seq`."""
    room = inbox.listed(person).filter(pk__in=shown.rooms).first()
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


def _inbox_snapshot(person: Person, key: str, shown: Shown, after_seq: int | None) -> dict[str, Any]:
    return inbox.inbox(person)


KINDS: dict[str, Kind] = {
    "device": Kind(_devices, _device_snapshot),
    "dashboard": Kind(_dashboards, _dashboard_snapshot),
    "room": Kind(_rooms, _room_snapshot),
    INBOX: Kind(_inbox, _inbox_snapshot),
}


def find(person: Person, stream: str) -> Shown:
    """What the stream shows.

    Raises `UnknownStream`, and `NotFound` for a missing stream and one that the person may not watch alike.
    """
    kind, _, key = stream.partition(":")
    if kind not in KINDS:
        raise UnknownStream(f"there is no stream of the kind {kind[:64]!r}")
    watched = KINDS[kind].watched(person, [key])
    if key not in watched or _name(kind, key) != stream:
        raise NotFound(f"there is no stream {stream!r}")
    return watched[key]


def snapshot(person: Person, stream: str, shown: Shown, after_seq: int | None = None) -> dict[str, Any]:
    """The present state of the stream; of a room's log what follows `after_seq`.

    Raises `NotFound` where that is gone since `find`.
    """
    kind, _, key = stream.partition(":")
    return KINDS[kind].snapshot(person, key, shown, after_seq)


def watchable(person: Person, streams: Iterable[str]) -> Watched:
    """Those of `streams` that the person may watch now, with what they show; a few queries, however many."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        kind, _, key = stream.partition(":")
        keys[kind].append(key)
    return {
        _name(kind, key): shown
        for kind, wanted in keys.items()
        for key, shown in KINDS[kind].watched(person, wanted).items()
    }


def _name(kind: str, key: str) -> str:
    return f"{kind}:{key}" if key else kind
