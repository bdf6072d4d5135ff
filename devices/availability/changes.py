"""Changes of availability: what devices report, what their messages show, and what their silence means.

A change locks the device's row, writes its history and decides whether viewers are notified, all in one transaction.
So of several processes that notice the same change, one announces it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from devices.availability import flapping
from devices.availability.models import AvailabilityChange
from devices.availability.silence import silence_limit_us
from devices.channel.events import AvailabilityChanged
from devices.log.entries import NewEntry, Outcome, recorded
from devices.registry.models import Device
from devices.values import Availability, MessageKind, Origin

FIELDS = ("id", "uid", "availability", "availability_at", "heard_at", "usual_gap_ms", "stale_after_s")
"""Columns of a device that deciding on its availability needs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding about a device's availability from `at` on (microseconds).

    `repeated`: a broker repeated it to a new subscriber, so it may be old and does not prove that the device is alive.
    """

    device_id: int
    availability: Availability
    at: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A locked device gets this availability, as of `at` (microseconds)."""

    device: Device
    availability: Availability
    at: int


def weigh(evidence: Iterable[Evidence]) -> Outcome:
    """Changes the availability of devices where the evidence, at most one for each device, is news.

    Call it inside a transaction.
    """
    by_device = {one.device_id: one for one in evidence}
    changes = [
        Change(device, found.availability, found.at)
        for device in lock(by_device)
        for found in [by_device[device.id]]
        if _is_news(device, found)
    ]
    return apply(changes, max((one.at for one in changes), default=0))


def reset_to_unknown(now: int) -> None:
    """The embedded broker has just started: no device is connected, and no will can arrive any more."""
    known = Device.objects.filter(availability__in=(Availability.ONLINE, Availability.STALE))
    recorded(weigh, [Evidence(id, Availability.UNKNOWN, now) for id in known.values_list("id", flat=True)])


def lock(ids: Iterable[int]) -> list[Device]:
    """Locks the devices in the order of their ids: two processes that lock the same ones would deadlock otherwise.

    Their keys stay free: a person who sends a command from a device's room holds the room, which is locked next here.
    """
    return list(Device.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk").only(*FIELDS))


def apply(changes: list[Change], now: int) -> Outcome:
    """Stores the changes of devices that are locked.

    `availability_at` becomes the time of the change that viewers were last notified of. If it lags behind the history,
    `checks.report_flapping` finds it.
    """
    if not changes:
        return Outcome()
    often = flapping.among([one.device.id for one in changes], now)
    reported: list[AvailabilityChanged] = []
    for one in changes:
        device = one.device
        device.availability = one.availability
        if one.availability == Availability.ONLINE:
            device.heard_at = max(device.heard_at, one.at)
        if device.id not in often or not 0 <= now - device.availability_at < flapping.REPORT_EVERY_US:
            device.availability_at = one.at
            reported.append(AvailabilityChanged(device.id, device.uid, one.availability, one.at))
    _save([one.device for one in changes])
    _remember(changes, often)
    return Outcome([*reported], [log_entry(one, now) for one in reported])


def log_entry(change: AvailabilityChanged, now: int) -> NewEntry:
    """The change as an entry of the device's room. `now` may be long after the change began."""
    return NewEntry(
        device_id=change.device_id,
        kind=MessageKind.AVAILABILITY,
        at=now,
        origin=Origin.DEVICE,
        by=change.uid,
        data={"status": change.status, "since": change.at // 1000},
    )


def _is_news(device: Device, found: Evidence) -> bool:
    if device.availability == found.availability:
        return False
    if not found.repeated:
        return True
    if found.availability == Availability.ONLINE:
        return device.availability != Availability.STALE
    # A will may be older than what the device has sent since. If the device is in fact gone, it becomes stale in time.
    sending = found.at - device.heard_at < silence_limit_us(device)
    return not (device.availability == Availability.ONLINE and sending)


def _save(devices: list[Device]) -> None:
    with connection.cursor() as cursor:
        # Not `bulk_update`, whose expressions take a second when a whole fleet goes offline at once.
        cursor.executemany(
            f"UPDATE {Device._meta.db_table} SET availability = %s, availability_at = %s, heard_at = %s WHERE id = %s",  # noqa: S608
            [(str(one.availability), one.availability_at, one.heard_at, one.id) for one in devices],
        )


def _remember(changes: list[Change], often: dict[int, AvailabilityChange]) -> None:
    """Writes the history. The changes of a device that flaps share one row."""
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
