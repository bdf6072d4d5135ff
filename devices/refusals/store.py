"""Records the last refused messages of each device, for its page."""

from __future__ import annotations

import codecs
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count

from devices.errors import REFUSALS
from devices.refusals.models import MAX_DETAIL, StoredRefusal
from devices.registry.models import Device

MAX_KEPT = 50
"""Rows of one device. Each kind and reason has its part of them: a device that makes up keys, each of which has a row,
would soon have nothing else on its page."""
MERGE_WITHIN_US = 60_000_000
"""A message that is refused within this time after another, for the same reason, is counted in the same row."""
START_BYTES = 200
"""How much of a payload is stored."""


@dataclass(slots=True)
class RefusalRecord:
    """Messages of one device and kind that were refused for the same reason, or values of them with the same key.

    `detail`, `start` and `size` describe the newest: `start` holds the first `START_BYTES` of its payload, `size` is
    the length of the whole payload. Times are in microseconds.
    """

    uid: str
    kind: str
    reason: str
    detail: str
    start: bytes
    size: int
    first_at: int
    at: int
    key: str = ""
    count: int = 1

    def merge(self, other: RefusalRecord) -> None:
        """Adds `other`, which has the same device, kind, reason and key."""
        self.count += other.count
        self.first_at = min(self.first_at, other.first_at)
        if other.at >= self.at:
            self.detail, self.start, self.size, self.at = other.detail, other.start, other.size, other.at


def record(refused: Iterable[RefusalRecord]) -> None:
    """Stores all of them in one transaction, except for those of unknown devices.

    Messages that continue a row of the last minute are counted there. Pass each device, kind, reason and key only once.
    """
    found = list(refused)
    with transaction.atomic():
        ids = dict(Device.objects.filter(uid__in={one.uid for one in found}).values_list("uid", "id"))
        known = [(ids[one.uid], one) for one in found if one.uid in ids]
        rows = _recent(known)
        continued = [(rows[key], one) for id, one in known if (key := _group(id, one)) in rows]
        new = [(id, one) for id, one in known if _group(id, one) not in rows]
        _count_up(continued)
        StoredRefusal.objects.bulk_create(_row(id, one) for id, one in new)
        _trim({id for id, _ in new})


def printable(start: bytes, *, cut: bool) -> str:
    r"""Bytes of a payload as text. Bytes that are not UTF-8 and characters that are not printable, also bidi controls,
    are escaped: `\x1b`, `\u202e`.

    `cut`: more bytes followed, so an incomplete character at the end is left out instead of escaped.
    """
    text = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode(start, final=not cut)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


_Group = tuple[int, str, str, str]
"""Device id, kind, reason and key: what shares a row."""


def _group(device_id: int, one: RefusalRecord) -> _Group:
    return device_id, one.kind, one.reason, one.key


def _recent(known: list[tuple[int, RefusalRecord]]) -> dict[_Group, int]:
    """The row that the messages of each group continue."""
    if not known:
        return {}
    since = {_group(id, one): one.first_at - MERGE_WITHIN_US for id, one in known}
    recent = StoredRefusal.objects.filter(device__in={id for id, _ in known}, at__gte=min(since.values()))
    rows = recent.order_by("at", "id")
    return {
        (device, kind, reason, key): id
        for id, device, kind, reason, key, at in rows.values_list("id", "device_id", "kind", "reason", "key", "at")
        if at >= since.get((device, kind, reason, key), at + 1)
    }


_TABLE = StoredRefusal._meta.db_table


def _count_up(continued: list[tuple[int, RefusalRecord]]) -> None:
    continued.sort(key=lambda row: row[0])  # so that two processes cannot deadlock
    with connection.cursor() as cursor:
        # The database adds, since another process may count in the same row.
        cursor.executemany(
            f"UPDATE {_TABLE} SET count = count + %s, at = %s, detail = %s, start = %s, size = %s"  # noqa: S608 - a constant
            " WHERE id = %s",
            [(one.count, one.at, *_texts(one), one.size, id) for id, one in continued],
        )


def _row(device_id: int, one: RefusalRecord) -> StoredRefusal:
    detail, start = _texts(one)
    return StoredRefusal(
        device_id=device_id,
        reason=one.reason,
        kind=one.kind,
        key=one.key,
        detail=detail,
        start=start,
        size=one.size,
        count=one.count,
        first_at=one.first_at,
        at=one.at,
    )


def _texts(one: RefusalRecord) -> tuple[str, str]:
    return _printable_text(one.detail), printable(one.start, cut=one.size > len(one.start))


def _printable_text(text: str) -> str:
    return printable(text.encode(errors="backslashreplace"), cut=False)[:MAX_DETAIL]


def _trim(device_ids: set[int]) -> None:
    """Deletes what the devices have beyond `MAX_KEPT` rows: the older ones of the kinds and reasons with most rows."""
    counted = StoredRefusal.objects.filter(device__in=device_ids).order_by().values("device_id")
    full = list(counted.annotate(rows=Count("pk")).filter(rows__gt=MAX_KEPT).values_list("device_id", flat=True))
    if full:
        StoredRefusal.objects.filter(id__in=_beyond(full)).delete()


def _beyond(device_ids: list[int]) -> list[int]:
    """The rows of the devices to be deleted."""
    number: Counter[tuple[int, str, str]] = Counter()
    ranked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    rows = StoredRefusal.objects.filter(device__in=device_ids).order_by("-at", "-id")
    for id, device_id, kind, reason in rows.values_list("id", "device_id", "kind", "reason"):
        number[device_id, kind, reason] += 1
        ranked[device_id].append((number[device_id, kind, reason], id))
    by_rank = [sorted(each, key=lambda row: row[0]) for each in ranked.values()]  # stable: of one rank, the newest stay
    return [id for each in by_rank for _, id in each[MAX_KEPT:]]


def recent(device: Device) -> list[dict[str, Any]]:
    """The device's last refused messages, newest first, in the form of the HTTP API; times in milliseconds."""
    return [
        {
            "id": row.id,
            "reason": row.reason,
            "meaning": REFUSALS.get(row.reason, row.reason),
            "key": row.key,
            "detail": row.detail,
            "kind": row.kind,
            "start": row.start,
            "size": row.size,
            "count": row.count,
            "first_at": row.first_at // 1000,
            "at": row.at // 1000,
        }
        for row in device.refusals.order_by("-at", "-id")
    ]


def newest_of_decoders(devices: Iterable[Device]) -> list[StoredRefusal | None]:
    """For each device, the newest message or value that its decoder could not decode."""
    wanted = list(devices)
    rows = StoredRefusal.objects.filter(device__in=wanted, reason__startswith="decoder_").order_by("at", "id")
    newest = {row.device_id: row for row in rows}
    return [newest.get(device.pk) for device in wanted]
