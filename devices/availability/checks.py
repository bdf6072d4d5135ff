"""What time alone brings about: devices fall silent, and flapping ones are reported at intervals."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from devices.availability.changes import FIELDS, Change, apply, lock, log_entry
from devices.availability.flapping import TELL_EVERY_US
from devices.availability.models import AvailabilityChange
from devices.availability.silence import WRITE_EVERY_US, listening_since, silence_limit_us
from devices.channel.events import AvailabilityChanged, Event
from devices.log import entries
from devices.registry.models import Device
from devices.values import Availability

UNTOLD_US = 3_600_000_000
"""How far back a change may lie that viewers have not been told of."""


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
    asked = online.filter(heard_at__lt=now - WRITE_EVERY_US).only(*FIELDS)
    silent = [device.id for device in asked if _is_silent(device, since, now)]
    if not silent:
        return []
    with transaction.atomic():
        # Looked at again under the lock: some may have been heard in the meantime.
        return apply(
            [
                Change(device, Availability.STALE, device.heard_at)
                for device in lock(silent)
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
        return [*told, *entries.append([log_entry(one, now) for one in told]).events]


def _is_silent(device: Device, since: int, now: int) -> bool:
    return now - max(device.heard_at, since) > silence_limit_us(device) + WRITE_EVERY_US
