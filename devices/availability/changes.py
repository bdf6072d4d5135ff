"""Changes of availability: what devices report, what their messages show, and what their silence means.

A change locks the device's row, writes its history and decides whether viewers are notified, all in one transaction.
So of several processes that notice the same change, one announces it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from django.db import connection
from django.db.models import Q

from devices.availability import flapping
from devices.availability.models import AvailabilityChange
from devices.availability.silence import silence_limit_us
from devices.channel.events import AvailabilityChanged
from devices.log.entries import NewEntry, Outcome, recorded
from devices.registry.models import Device
from devices.values import Availability, MessageKind, Origin

FIELDS = (
    "id",
    "uid",
    "availability",
    "availability_at",
    "heard_at",
    "usual_gap_ms",
    "stale_after_s",
    "via",
    "own_availability",
    "is_gateway",
)
"""Columns of a device that deciding on its availability needs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding about a device's availability from `at` on (microseconds).

    `repeated`: a broker repeated it to a new subscriber, so it may be old and does not prove that the device is alive.
    `via`: it is the availability of this gateway, without which the device cannot be reached.
    """

    device_id: int
    availability: Availability
    at: int
    repeated: bool = False
    via: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A locked device gets this availability, as of `at` (microseconds). `via`, `own`: as the fields of the device."""

    device: Device
    availability: Availability
    at: int
    via: str = ""
    own: str = ""


def weigh(evidence: Iterable[Evidence]) -> Outcome:
    """Changes the availability of devices where the evidence is news. Call it inside a transaction."""
    by_device: defaultdict[int, list[Evidence]] = defaultdict(list)
    for one in evidence:
        by_device[one.device_id].append(one)
    children = _children(by_device)
    locked = {device.id: device for device in lock({*by_device, *chain.from_iterable(children.values())})}
    changes = []
    for gateway in children.keys() & locked.keys():
        change = _change(locked[gateway], by_device[gateway])
        if change is not None:
            changes.append(change)
            found = Evidence(0, change.availability, change.at, via=change.device.uid)
            for id in children[gateway]:
                by_device[id].append(found)
    for id, device in locked.items():
        if id not in children and (change := _change(device, by_device[id])) is not None:
            changes.append(change)
    return apply(changes, max((one.at for one in changes), default=0))


def _children(ids: Iterable[int]) -> dict[int, list[int]]:
    """Those of the devices that are gateways, with the devices that they speak for."""
    gateways = Device.objects.filter(pk__in=list(ids), is_gateway=True).order_by()
    found: dict[int, list[int]] = {id: [] for id in gateways.values_list("id", flat=True)}
    if found:
        children = Device.objects.filter(gateway__in=list(found)).order_by("pk")
        for gateway, id in children.values_list("gateway_id", "id"):
            found[gateway].append(id)
    return found


def reset_to_unknown(now: int) -> None:
    """The embedded broker has just started: no device is connected, and no will can arrive any more."""
    known = Device.objects.filter(~Q(via="") | Q(availability__in=(Availability.ONLINE, Availability.STALE)))
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
    unlogged: list[AvailabilityChanged] = []
    new = [one for one in changes if one.device.availability != one.availability]
    for one in changes:
        device = one.device
        is_same = device.availability == one.availability
        is_explained_anew = device.via != one.via
        device.availability, device.via, device.own_availability = one.availability, one.via, one.own
        if one.availability == Availability.ONLINE:
            device.heard_at = max(device.heard_at, one.at)
        if is_same:
            if is_explained_anew:
                unlogged.append(
                    AvailabilityChanged(device.id, device.uid, one.availability, device.availability_at, one.via)
                )
        elif device.id not in often or not 0 <= now - device.availability_at < flapping.REPORT_EVERY_US:
            device.availability_at = one.at
            reported.append(AvailabilityChanged(device.id, device.uid, one.availability, one.at, one.via))
    _save([one.device for one in changes])
    _remember(new, often)
    return Outcome([*reported, *unlogged], [log_entry(one, now) for one in reported])


def log_entry(change: AvailabilityChanged, now: int) -> NewEntry:
    """The change as an entry of the device's room. `now` may be long after the change began."""
    return NewEntry(
        device_id=change.device_id,
        kind=MessageKind.AVAILABILITY,
        at=now,
        origin=Origin.DEVICE,
        by=change.uid,
        data={"status": change.status, "since": change.at // 1000, **({"via": change.via} if change.via else {})},
    )


def _change(device: Device, evidence: list[Evidence]) -> Change | None:
    """What the evidence, in order, changes of a locked device."""
    own, via, at = device.own_availability if device.via else device.availability, device.via, 0
    for found in sorted(evidence, key=lambda one: (one.at, not one.via)):
        if found.via:
            is_news = _is_news_of_gateway(via, found)
            if is_news:
                via = found.via if found.availability == Availability.OFFLINE else ""
        else:
            is_news = _is_news(device, own, found)
            if is_news:
                own = found.availability
            if via and found.availability == Availability.ONLINE and not found.repeated:
                via, is_news = "", True  # it has sent something, so it can be reached
        at = found.at if is_news else at
    if not at:
        return None
    return Change(device, Availability.OFFLINE if via else Availability(own), at, via, own if via else "")


def _is_news_of_gateway(via: str, found: Evidence) -> bool:
    """`via`: the gateway because of which the device cannot be reached until now."""
    if found.availability == Availability.OFFLINE:
        return not via
    return found.availability == Availability.ONLINE and via == found.via


def _is_news(device: Device, own: str, found: Evidence) -> bool:
    """`own`: the device's own availability, whatever that of its gateway."""
    if own == found.availability:
        return False
    if not found.repeated:
        return True
    if found.availability == Availability.ONLINE:
        return own != Availability.STALE
    # A will may be older than what the device has sent since. If the device is in fact gone, it becomes stale in time.
    sending = found.at - device.heard_at < silence_limit_us(device)
    return not (own == Availability.ONLINE and sending)


def _save(devices: list[Device]) -> None:
    with connection.cursor() as cursor:
        # Not `bulk_update`, whose expressions take a second when a whole fleet goes offline at once.
        cursor.executemany(
            f"UPDATE {Device._meta.db_table} SET availability = %s, availability_at = %s, heard_at = %s, via = %s,"  # noqa: S608
            " own_availability = %s WHERE id = %s",
            [
                (str(one.availability), one.availability_at, one.heard_at, one.via, str(one.own_availability), one.id)
                for one in devices
            ],
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
