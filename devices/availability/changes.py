"""Whether devices are online: what they say of it, what is heard of them, and what their silence tells.

A change locks the device's row, writes its history and decides what viewers are told, all in one transaction: of
several processes one tells each change, whichever notices it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from devices.availability import flapping
from devices.availability.models import AvailabilityChange
from devices.availability.silence import silence_limit_us
from devices.channel.events import AvailabilityChanged, Event
from devices.log import entries
from devices.log.entries import NewEntry
from devices.registry.models import Device
from devices.values import Availability, MessageKind, Origin

FIELDS = ("id", "uid", "availability", "availability_at", "heard_at", "usual_gap_ms", "stale_after_s")


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
class Change:
    device: Device
    availability: Availability
    at: int


def change(words: Iterable[Word], lines: list[NewEntry] | None = None) -> list[Event]:
    """Believes the words, at most one of each device, where they are news. Returns what to publish after the commit.

    `lines`: takes what the devices' rooms are to be told, where the caller writes that itself.
    """
    by_device = {word.device_id: word for word in words}
    with transaction.atomic():
        changes = [
            Change(device, word.availability, word.at)
            for device in lock(by_device)
            for word in [by_device[device.id]]
            if _is_news(device, word)
        ]
        return apply(changes, max((one.at for one in changes), default=0), lines)


def forget_availability(now: int) -> None:
    """The embedded broker has just started, so nobody is connected and no will can come any more."""
    known = Device.objects.filter(availability__in=(Availability.ONLINE, Availability.STALE))
    change([Word(id, Availability.UNKNOWN, now) for id in known.values_list("id", flat=True)])


_TABLE = Device._meta.db_table


def lock(ids: Iterable[int]) -> list[Device]:
    """In the order of their ids, as two processes that lock the same ones would otherwise wait for each other.

    Not their keys: somebody who talks in a device's room gives it a command, and holds the room that is locked next.
    """
    return list(Device.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk").only(*FIELDS))


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


def apply(changes: list[Change], now: int, lines: list[NewEntry] | None = None) -> list[Event]:
    """Stores the changes of devices that are locked. `availability_at` becomes the time of what viewers are told:
    that it lags behind the history shows `tell_flapping` what they have not been told."""
    if not changes:
        return []
    often = flapping.among([one.device.id for one in changes], now)
    events: list[AvailabilityChanged] = []
    for one in changes:
        device = one.device
        device.availability = one.availability
        if one.availability == Availability.ONLINE:
            device.heard_at = max(device.heard_at, one.at)
        if device.id not in often or not 0 <= now - device.availability_at < flapping.TELL_EVERY_US:
            device.availability_at = one.at
            events.append(AvailabilityChanged(device.id, device.uid, one.availability, one.at))
    with connection.cursor() as cursor:
        # Not `bulk_update`, whose expressions take a second for a fleet that goes at once.
        cursor.executemany(
            f"UPDATE {_TABLE} SET availability = %s, availability_at = %s, heard_at = %s WHERE id = %s",  # noqa: S608
            [(one.availability.value, d.availability_at, d.heard_at, d.id) for one in changes for d in [one.device]],
        )
    _remember(changes, often)
    return [*events, *entries.append_with([log_entry(one, now) for one in events], lines)]


def _remember(changes: list[Change], often: dict[int, AvailabilityChange]) -> None:
    merged = []
    new = []
    for one in changes:
        row = often.get(one.device.id)
        if row is None:
            new.append(AvailabilityChange(device=one.device, status=one.availability, at=one.at))
        else:
            row.status, row.at, row.count = one.availability, max(one.at, row.at), row.count + 1
            merged.append(row)
    AvailabilityChange.objects.bulk_create(new)
    AvailabilityChange.objects.bulk_update(merged, ["status", "at", "count"], batch_size=500)


def log_entry(change: AvailabilityChanged, now: int) -> NewEntry:
    """What the device's room is told of the change; `now`: when it is, which may be long after it began."""
    return NewEntry(
        device_id=change.device_id,
        kind=MessageKind.AVAILABILITY,
        at=now,
        origin=Origin.DEVICE,
        by=change.uid,
        data={"status": change.status, "since": change.at // 1000},
    )
