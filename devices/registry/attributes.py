"""Attributes: slow facts that a device reports about itself, such as its firmware."""

from __future__ import annotations

from devices.errors import Refusal
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.values import Attributes

MAX_ATTRIBUTES = 200
"""Attributes of one device."""


def merge(device: Device | Sender, attributes: Attributes) -> None:
    """Adds the facts to the stored ones; call it inside a transaction. Raises `Refusal` if they would be too many."""
    stored = Device.objects.select_for_update().only("attributes").get(pk=device.id)
    merged = {**stored.attributes, **attributes.facts}
    if len(merged) > MAX_ATTRIBUTES:
        raise Refusal("too_many_values", f"{MAX_ATTRIBUTES} attributes are allowed")
    if merged != stored.attributes:
        Device.objects.filter(pk=device.id).update(attributes=merged)
