"""Attributes: slow facts that a device reports about itself, such as its firmware."""

from __future__ import annotations

from devices.errors import Refusal, SkippedValues
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.values import Attributes, Value

MAX_ATTRIBUTES = 200
"""Attributes of one device."""


def merge(device: Device | Sender, attributes: Attributes) -> SkippedValues:
    """Adds the facts to the stored ones, or removes those that are null; call it inside a transaction.

    Returns the facts for which there was no room.
    """
    stored = Device.objects.select_for_update().only("attributes").get(pk=device.id)
    merged = dict(stored.attributes)
    skipped = SkippedValues()
    for name, value in attributes.facts.items():
        if value is None:
            _remove(merged, name)
        elif name in merged or len(merged) < MAX_ATTRIBUTES:
            merged[name] = value
        else:
            skipped.add(Refusal("too_many_values", f"{MAX_ATTRIBUTES} attributes are allowed", name))
    if merged != stored.attributes:
        Device.objects.filter(pk=device.id).update(attributes=merged)
    return skipped


def _remove(facts: dict[str, Value], name: str) -> None:
    """Removes a fact, and the elements of an array of that name."""
    element = f"{name}."
    for known in list(facts):
        if known == name or (known.startswith(element) and known.removeprefix(element).isdecimal()):
            del facts[known]
