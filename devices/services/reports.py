"""What a device says of itself beside its telemetry: availability and attributes."""

from __future__ import annotations

from devices.errors import Refusal
from devices.events import AvailabilityChanged
from devices.models import Device
from devices.values import Attributes, Availability

MAX_ATTRIBUTES = 200


def set_availability(device: Device, availability: Availability, at: int) -> list[AvailabilityChanged]:
    """Notes the device's availability; empty where nothing changes."""
    changes = Device.objects.filter(pk=device.pk).exclude(availability=availability)
    if not changes.update(availability=availability, availability_at=at):
        return []
    device.availability, device.availability_at = availability, at
    return [AvailabilityChanged(device.id, device.uid, availability, at)]


def forget_availability() -> None:
    """The embedded broker has just started, so nobody is connected and no will can come any more."""
    known = Device.objects.filter(availability__in=(Availability.ONLINE, Availability.STALE))
    known.update(availability=Availability.UNKNOWN)


def merge_attributes(device: Device, attributes: Attributes) -> None:
    """Adds the facts to the known ones; call it inside a transaction. Raises `Refusal` for too many."""
    stored = Device.objects.select_for_update().only("attributes").get(pk=device.pk)
    merged = {**stored.attributes, **attributes.facts}
    if len(merged) > MAX_ATTRIBUTES:
        raise Refusal("too_many_values", f"{MAX_ATTRIBUTES} attributes are allowed")
    if merged != stored.attributes:
        Device.objects.filter(pk=device.pk).update(attributes=merged)
