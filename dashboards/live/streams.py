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
from dashboards.models import Dashboard, Widget
from dashboards.queries import revision
from devices import access
from devices.access import Person
from devices.errors import NotFound
from devices.models import Device
from devices.queries import devices as device_queries
from devices.values import is_uid

Watched = dict[str, frozenset[int]]
"""Key of a stream -> ids of the devices that it shows."""
Snapshots = dict[str, dict[str, Any]]

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stream.

    `watched(person, keys)`: the devices of each of the streams that exist and that the person may watch.
    `result(key, snapshots)`: what a subscriber is answered, made of the snapshots of its devices.
    """

    watched: Callable[[Person, Iterable[str]], Watched]
    result: Callable[[str, Snapshots], dict[str, Any]]


def _devices(person: Person, uids: Iterable[str]) -> Watched:
    wanted = [uid for uid in uids if is_uid(uid)]
    found = access.devices(person).filter(uid__in=wanted).values_list("uid", "pk")
    return {uid: frozenset([pk]) for uid, pk in found}


def _dashboards(person: Person, numbers: Iterable[str]) -> Watched:
    """A widget may name a device of another space: only those that the person may watch count."""
    wanted = {int(text): text for text in numbers if _NUMBER.fullmatch(text)}
    found = Dashboard.objects.filter(pk__in=wanted, space__in=access.spaces(person)).values_list("pk", flat=True)
    shown: defaultdict[int, set[int]] = defaultdict(set)
    rows = Widget.objects.filter(dashboard__in=wanted, device__in=access.devices(person))
    for dashboard, device in rows.values_list("dashboard_id", "device_id"):
        shown[dashboard].add(device)
    return {wanted[pk]: frozenset(shown[pk]) for pk in found}


def _only(key: str, snapshots: Snapshots) -> dict[str, Any]:
    return next(iter(snapshots.values()))


def _by_uid(key: str, snapshots: Snapshots) -> dict[str, Any]:
    return {"devices": snapshots, "revision": revision(int(key))}


KINDS: dict[str, Kind] = {
    "device": Kind(_devices, _only),
    "dashboard": Kind(_dashboards, _by_uid),
}


def find(person: Person, stream: str) -> frozenset[int]:
    """Ids of the stream's devices.

    Raises `UnknownStream`, and `NotFound` for a missing stream and one that the person may not watch alike.
    """
    kind, _, key = stream.partition(":")
    if kind not in KINDS:
        raise UnknownStream(f"there is no stream of the kind {kind[:64]!r}")
    watched = KINDS[kind].watched(person, [key])
    if key not in watched:
        raise NotFound(f"there is no stream {stream!r}")
    return watched[key]


def snapshot(stream: str, device_ids: Iterable[int]) -> dict[str, Any]:
    """The present state of the stream. Raises `NotFound` where a device was deleted since `find`."""
    kind, _, key = stream.partition(":")
    snapshots = device_queries.snapshots(Device.objects.select_related("space").filter(pk__in=device_ids))
    if kind == "device" and not snapshots:
        raise NotFound(f"there is no stream {stream!r}")
    return KINDS[kind].result(key, snapshots)


def watchable(person: Person, streams: Iterable[str]) -> Watched:
    """Those of `streams` that the person may watch now, with their devices; a few queries, however many."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        kind, _, key = stream.partition(":")
        keys[kind].append(key)
    return {
        f"{kind}:{key}": devices
        for kind, wanted in keys.items()
        for key, devices in KINDS[kind].watched(person, wanted).items()
    }
