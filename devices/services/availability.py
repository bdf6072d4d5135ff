"""Whether devices are online: what they say of it, what is heard of them, and what their silence tells.

A change locks the device's row, writes its history and decides what viewers are told, all in one transaction: of
several processes one tells each change, whichever notices it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Subquery

from devices.errors import Invalid
from devices.events import AvailabilityChanged, Event
from devices.models import AvailabilityChange, Device, Watermark
from devices.queries.availability import (
    DEAF_US,
    FLAPPING_CHANGES,
    FLAPPING_US,
    LISTENING,
    LISTENING_SINCE,
    listening_since,
    silence_limit_us,
)
from devices.services import log
from devices.services.log import Line
from devices.values import Availability

WRITE_EVERY_US = 10_000_000
"""How far `Device.heard_at` may lag behind what was heard: a row update a message would cost more than the message."""
TELL_EVERY_US = 10_000_000
"""How often viewers are told of a device that flaps."""
UNTOLD_US = 3_600_000_000
"""How far back a change may lie that viewers have not been told of."""
RENEW_US = 2_000_000
"""How often `keep_listening` writes at most."""
KEPT_US = 400 * 86_400_000_000
"""How long history is kept."""
MAX_KEPT = 1_000
"""Rows of one device's history."""
MAX_DELETED = 2_000
"""Rows of history that one step deletes."""
MIN_STALE_AFTER_S, MAX_STALE_AFTER_S = 5, 30 * 86_400

_FIELDS = ("id", "uid", "availability", "availability_at", "heard_at", "usual_gap_ms", "stale_after_s")


@dataclass(frozen=True, slots=True)
class Word:
    """What is to be believed of a device from `at` on (microseconds).

    `repeated`: a broker repeated it to a new subscriber, so it may be old, and is no sign that the device lives.
    """

    device_id: int
    availability: Availability
    at: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Change:
    device: Device
    availability: Availability
    at: int


def change(words: Iterable[Word], lines: list[Line] | None = None) -> list[Event]:
    """Believes the words, at most one of each device, where they are news. Returns what to publish after the commit.

    `lines`: takes what the devices' rooms are to be told, where the caller writes that itself.
    """
    by_device = {word.device_id: word for word in words}
    with transaction.atomic():
        changes = [
            _Change(device, word.availability, word.at)
            for device in _lock(by_device)
            for word in [by_device[device.id]]
            if _is_news(device, word)
        ]
        return _apply(changes, max((one.at for one in changes), default=0), lines)


def forget_availability(now: int) -> None:
    """The embedded broker has just started, so nobody is connected and no will can come any more."""
    known = Device.objects.filter(availability__in=(Availability.ONLINE, Availability.STALE))
    change([Word(id, Availability.UNKNOWN, now) for id in known.values_list("id", flat=True)])


def find_stale(now: int) -> list[Event]:
    """Makes stale what counts as online and is silent for longer than it may be. Returns what to publish.

    Nothing while no bridge listens: then the silence is the hub's own. Silence counts from the moment on since when
    one listens without a break, so that after an outage every device has its time.
    """
    since = listening_since(now)
    online = Device.objects.filter(availability=Availability.ONLINE)
    # Set when a clock was ahead; a device heard of in the future would otherwise never be silent.
    online.filter(heard_at__gt=now + WRITE_EVERY_US).update(heard_at=now)
    if since is None:
        return []
    asked = online.filter(heard_at__lt=now - WRITE_EVERY_US).only(*_FIELDS)
    silent = [device.id for device in asked if _is_silent(device, since, now)]
    if not silent:
        return []
    with transaction.atomic():
        # Looked at again under the lock: some may have been heard in the meantime.
        return _apply(
            [
                _Change(device, Availability.STALE, device.heard_at)
                for device in _lock(silent)
                if device.availability == Availability.ONLINE and _is_silent(device, since, now)
            ],
            now,
        )


def check(now: int) -> list[Event]:
    """What time alone brings about: who has become stale, and what of flapping devices is still to be told."""
    return find_stale(now) + tell_flapping(now)


def tell_flapping(now: int) -> list[Event]:
    """Returns the newest state of devices that flap, where viewers have not been told of it for `TELL_EVERY_US`."""
    newest = AvailabilityChange.objects.filter(device=OuterRef("pk")).order_by("-at", "-id")
    waiting = (
        Device.objects.filter(availability_at__gt=now - UNTOLD_US, availability_at__lte=now - TELL_EVERY_US)
        .annotate(newest_at=Subquery(newest.values("at")[:1]))
        .filter(newest_at__gt=F("availability_at"))
        .order_by("pk")
    )
    told: list[AvailabilityChanged] = []
    for id, uid, status, before, at in waiting.values_list("id", "uid", "availability", "availability_at", "newest_at"):
        # Of two processes one tells it. A change in between leaves its own time behind, and is told next.
        if Device.objects.filter(pk=id, availability_at=before).update(availability_at=at):
            told.append(AvailabilityChanged(id, uid, status, at))
    with transaction.atomic():
        return [*told, *log.append([log.availability(one, now) for one in told]).events]


def note_heard(heard: Sequence[tuple[int, int, int]]) -> None:
    """Stores `(device id, time, usual gap in ms)` of devices that were heard; an earlier time changes nothing.

    Call it last in a transaction: rows that another one holds are left out, as that one writes the same.
    """
    rows = sorted(heard)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"WITH free AS (SELECT id FROM {_TABLE} WHERE id = ANY(%s::bigint[])"  # noqa: S608 - a constant
                " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"
                f" UPDATE {_TABLE} AS device SET heard_at = GREATEST(heard_at, news.at), usual_gap_ms = news.gap"
                " FROM free, unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS news (id, at, gap)"
                " WHERE device.id = free.id AND news.id = free.id",
                [[id for id, _, _ in rows], *([list(column) for column in zip(*rows, strict=True)] or [[], [], []])],
            )
        else:
            cursor.executemany(
                f"UPDATE {_TABLE} SET heard_at = MAX(heard_at, %s), usual_gap_ms = %s WHERE id = %s",  # noqa: S608
                [(at, gap, id) for id, at, gap in rows],
            )


def keep_listening(now: int) -> None:
    """A bridge is connected to its broker: to be called every few seconds for as long as that is so."""
    with transaction.atomic():
        marks = Watermark.objects.select_for_update().filter(name__in=(LISTENING, LISTENING_SINCE)).order_by("name")
        before = dict(marks.values_list("name", "time"))
        last = before.get(LISTENING, 0)
        if 0 <= now - last < RENEW_US:
            return
        unbroken = abs(now - last) < DEAF_US
        after = {
            LISTENING: max(now, last) if unbroken else now,
            LISTENING_SINCE: before.get(LISTENING_SINCE, now) if unbroken else now,
        }
        Watermark.objects.bulk_create(
            [Watermark(name=name, time=time) for name, time in sorted(after.items())],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["time"],
        )


def set_stale_after(device: Device, seconds: int | None) -> None:
    """How long the device may be silent; `None`: as learned. Raises `Invalid`."""
    if seconds is not None and not MIN_STALE_AFTER_S <= seconds <= MAX_STALE_AFTER_S:
        raise Invalid(f"stale_after_s is from {MIN_STALE_AFTER_S} to {MAX_STALE_AFTER_S:,} seconds, or null")
    device.stale_after_s = seconds
    device.save(update_fields=["stale_after_s"])


def trim(now: int) -> bool:
    """Deletes history that is too old or too much, some rows at a time. Returns whether there is more to delete."""
    old = AvailabilityChange.objects.filter(at__lt=now - KEPT_US).order_by().values_list("id", flat=True)
    deleted = _delete(old[:MAX_DELETED])
    crowded = AvailabilityChange.objects.order_by().values("device").annotate(n=Count("id")).filter(n__gt=MAX_KEPT)
    for device in crowded.values_list("device", flat=True)[:10]:
        rows = AvailabilityChange.objects.filter(device=device).order_by("-at", "-id").values_list("id", flat=True)
        deleted += _delete(rows[MAX_KEPT : MAX_KEPT + MAX_DELETED])
    return deleted > 0


_TABLE = Device._meta.db_table


def _lock(ids: Iterable[int]) -> list[Device]:
    """In the order of their ids, as two processes that lock the same ones would otherwise wait for each other.

    Not their keys: somebody who talks in a device's room gives it a command, and holds the room that is locked next.
    """
    return list(Device.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk").only(*_FIELDS))


def _is_news(device: Device, word: Word) -> bool:
    if device.availability == word.availability:
        return False
    if not word.repeated:
        return True
    if word.availability == Availability.ONLINE:
        return device.availability != Availability.STALE
    # What a will left behind may be older than what the device has sent since. One that is gone becomes stale in time.
    sending = word.at - device.heard_at < silence_limit_us(device)
    return not (device.availability == Availability.ONLINE and sending)


def _is_silent(device: Device, since: int, now: int) -> bool:
    return now - max(device.heard_at, since) > silence_limit_us(device) + WRITE_EVERY_US


def _apply(changes: list[_Change], now: int, lines: list[Line] | None = None) -> list[Event]:
    """Stores the changes of devices that are locked. `availability_at` becomes the time of what viewers are told:
    that it lags behind the history shows `tell_flapping` what they have not been told."""
    if not changes:
        return []
    flapping = _flapping([one.device.id for one in changes], now)
    events: list[AvailabilityChanged] = []
    for one in changes:
        device = one.device
        device.availability = one.availability
        if one.availability == Availability.ONLINE:
            device.heard_at = max(device.heard_at, one.at)
        if device.id not in flapping or not 0 <= now - device.availability_at < TELL_EVERY_US:
            device.availability_at = one.at
            events.append(AvailabilityChanged(device.id, device.uid, one.availability, one.at))
    with connection.cursor() as cursor:
        # Not `bulk_update`, whose expressions take a second for a fleet that goes at once.
        cursor.executemany(
            f"UPDATE {_TABLE} SET availability = %s, availability_at = %s, heard_at = %s WHERE id = %s",  # noqa: S608
            [(one.availability.value, d.availability_at, d.heard_at, d.id) for one in changes for d in [one.device]],
        )
    _remember(changes, flapping)
    return [*events, *log.append_with([log.availability(one, now) for one in events], lines)]


def _flapping(device_ids: list[int], now: int) -> dict[int, AvailabilityChange]:
    """Device id -> newest row of history, of those among the locked devices that change too often."""
    rows = AvailabilityChange.objects.filter(
        device__in=device_ids, at__gt=now - FLAPPING_US, at__lt=now + FLAPPING_US
    ).order_by("at", "id")
    newest: dict[int, AvailabilityChange] = {}
    changes: dict[int, int] = {}
    for row in rows:
        newest[row.device_id] = row
        changes[row.device_id] = changes.get(row.device_id, 0) + row.count
    return {id: row for id, row in newest.items() if changes[id] >= FLAPPING_CHANGES}


def _remember(changes: list[_Change], flapping: dict[int, AvailabilityChange]) -> None:
    merged = []
    new = []
    for one in changes:
        row = flapping.get(one.device.id)
        if row is None:
            new.append(AvailabilityChange(device=one.device, status=one.availability, at=one.at))
        else:
            row.status, row.at, row.count = one.availability, max(one.at, row.at), row.count + 1
            merged.append(row)
    AvailabilityChange.objects.bulk_create(new)
    AvailabilityChange.objects.bulk_update(merged, ["status", "at", "count"], batch_size=500)


def _delete(ids: Iterable[int]) -> int:
    return AvailabilityChange.objects.filter(id__in=list(ids)).delete()[0]
