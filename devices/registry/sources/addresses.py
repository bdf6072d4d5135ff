"""Addresses of devices in their conventions."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from devices.channel import fanout
from devices.channel.events import SourcesChanged
from devices.errors import Invalid
from devices.registry.models import Device
from devices.registry.sources.models import DeviceAddress, FoundDevice, Source


def uids(source_id: int) -> dict[str, str]:
    """Address -> uid of the devices of a source."""
    return dict(DeviceAddress.objects.filter(source=source_id).values_list("address", "device__uid"))


def assign(source: Source, address: str, device: Device, name: str = "") -> None:
    """The device is the one with this address from now on. Raises `Invalid` for an address that has a device."""
    try:
        with transaction.atomic():
            DeviceAddress.objects.create(
                source=source, convention=source.convention, address=address, device=device, name=name
            )
    except IntegrityError:
        raise Invalid(f"there is a device with the address {address!r} already") from None
    FoundDevice.objects.filter(source=source, address=address).delete()
    transaction.on_commit(lambda: fanout.publish_from_sync([SourcesChanged()]))


def follow_names(source_id: int, names: Iterable[tuple[str, str]]) -> None:
    """`(address, name)`: what the convention calls these devices now. A name that a person gave stays."""
    found = dict(names)
    rows = DeviceAddress.objects.filter(source=source_id, address__in=found).select_related("device")
    for row in rows:
        name = found[row.address]
        if name == row.name:
            continue
        if row.device.name in (row.name, row.device.uid):
            Device.objects.filter(pk=row.device_id).update(name=name)
        DeviceAddress.objects.filter(pk=row.pk).update(name=name)
