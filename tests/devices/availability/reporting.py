"""Reports the availability of devices at given times, and shows what viewers, rooms and the database got from it."""

from __future__ import annotations

from collections.abc import Iterable

from devices.availability.changes import Evidence, weigh
from devices.availability.silence import record_listening
from devices.channel.events import AvailabilityChanged, Event
from devices.log.entries import recorded
from devices.models import Device, Message
from devices.values import Availability, MessageKind

ONLINE, OFFLINE, STALE, UNKNOWN = Availability.ONLINE, Availability.OFFLINE, Availability.STALE, Availability.UNKNOWN
S = 1_000_000
NOW = 1_760_000_000 * S


def announced(events: Iterable[Event]) -> list[AvailabilityChanged]:
    return [event for event in events if isinstance(event, AvailabilityChanged)]


def report(device: Device, status: Availability, at: int, *, repeated: bool = False) -> list[AvailabilityChanged]:
    return announced(recorded(weigh, [Evidence(device.id, status, at, repeated)]))


def statuses_in_room(device: Device) -> list[str]:
    rows = Message.objects.filter(room__device=device, kind=MessageKind.AVAILABILITY).order_by("seq")
    return [data["status"] for data in rows.values_list("data", flat=True)]


def state(device: Device) -> tuple[str, int]:
    device.refresh_from_db()
    return device.availability, device.availability_at


def history(device: Device) -> list[tuple[str, int, int]]:
    """(status, seconds since `NOW`, count), oldest first."""
    rows = device.availability_changes.order_by("at", "id").values_list("status", "at", "count")
    return [(status, (at - NOW) // S, count) for status, at, count in rows]


def listen(start: int, end: int) -> None:
    """Records that a bridge was connected from `start` to `end`."""
    for moment in range(start, end + 1, 20 * S):
        record_listening(moment)
    record_listening(end)
