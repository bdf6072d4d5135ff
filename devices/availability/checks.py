"""Periodic checks: devices that have fallen silent, and flapping ones whose newest state viewers do not know yet."""

from __future__ import annotations

from django.db.models import F, OuterRef, Subquery

from devices.availability.changes import FIELDS, Change, apply, lock, log_entry
from devices.availability.flapping import REPORT_EVERY_US
from devices.availability.models import AvailabilityChange
from devices.availability.silence import WRITE_EVERY_US, listening_since, silence_limit_us
from devices.channel.events import AvailabilityChanged, Event
from devices.log.entries import Outcome, recorded
from devices.registry.models import Device
from devices.values import Availability

UNREPORTED_US = 3_600_000_000
"""Age up to which a change is still looked for that viewers were not notified of."""


def check(now: int) -> list[Event]:
    """Both checks; the events to publish."""
    return find_stale(now) + report_flapping(now)


def find_stale(now: int) -> list[Event]:
    """Makes devices stale that count as online and have been silent for longer than they may; the events to publish.

    Does nothing while no bridge is connected: the silence may be the hub's own fault then. Silence counts from the
    moment since when a bridge has been connected without a break, so that after an outage every device has its time.
    """
    since = listening_since(now)
    online = Device.objects.filter(availability=Availability.ONLINE)
    # A clock that was ahead has set these; a device last heard in the future would otherwise never count as silent.
    online.filter(heard_at__gt=now + WRITE_EVERY_US).update(heard_at=now)
    if since is None:
        return []
    candidates = online.filter(heard_at__lt=now - WRITE_EVERY_US).only(*FIELDS)
    silent = [device.id for device in candidates if _is_silent(device, since, now)]
    return recorded(_make_stale, silent, since, now) if silent else []


def report_flapping(now: int) -> list[Event]:
    """The newest state of flapping devices whose viewers were last notified `REPORT_EVERY_US` ago or earlier."""
    return recorded(_report_flapping, now)


def _make_stale(ids: list[int], since: int, now: int) -> Outcome:
    # Judged again under the lock: some may have sent something in the meantime.
    changes = [
        Change(device, Availability.STALE, device.heard_at)
        for device in lock(ids)
        if device.availability == Availability.ONLINE and _is_silent(device, since, now)
    ]
    return apply(changes, now)


def _report_flapping(now: int) -> Outcome:
    newest = AvailabilityChange.objects.filter(device=OuterRef("pk")).order_by("-at", "-id")
    unreported = (
        Device.objects.filter(availability_at__gt=now - UNREPORTED_US, availability_at__lte=now - REPORT_EVERY_US)
        .annotate(newest_at=Subquery(newest.values("at")[:1]))
        .filter(newest_at__gt=F("availability_at"))
        .order_by("pk")
        .values_list("id", "uid", "availability", "availability_at", "newest_at", "via")
    )
    reported: list[AvailabilityChanged] = []
    for id, uid, status, before, at, via in unreported:
        # Of two processes one reports it. A change in between leaves its own time behind and is reported next.
        if Device.objects.filter(pk=id, availability_at=before).update(availability_at=at):
            reported.append(AvailabilityChanged(id, uid, status, at, via))
    return Outcome([*reported], [log_entry(one, now) for one in reported])


def _is_silent(device: Device, since: int, now: int) -> bool:
    return now - max(device.heard_at, since) > silence_limit_us(device) + WRITE_EVERY_US
