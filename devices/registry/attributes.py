"""What a device says of itself beside its telemetry and its availability."""

from __future__ import annotations

from devices.errors import Refusal
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.values import Attributes

MAX_ATTRIBUTES = 200


def merge(device: Device | Sender, attributes: Attributes) -> None:
    """Adds the facts to the known ones; call it inside a transaction. Raises `Refusal` for too many."""
    stored = Device.objects.select_for_update().only("attributes").get(pk=device.id)
    merged = {**stored.attributes, **attributes.facts}
    if len(merged) > MAX_ATTRIBUTES:
        raise Refusal("too_many_values", f"{MAX_ATTRIBUTES} attributes are allowed")
    if merged != stored.attributes:
        Device.objects.filter(pk=device.id).update(attributes=merged)
