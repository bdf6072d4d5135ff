"""Devices that were heard at a source and have not been added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from devices.errors import NotFound
from devices.registry.sources.keys import key_of
from devices.registry.sources.models import DeviceAddress, FoundDevice, Source
from devices.values import Availability, Value

MAX_FOUND = 1_000
"""Found devices of a source. Past it the one that was not heard for the longest time is forgotten."""
MAX_VALUES = 100
"""Values, and attributes, that are kept of each."""


@dataclass(slots=True)
class Sighting:
    """What was heard of an address since it was last stored. `None` and empty fields leave what is stored."""

    address: str
    first_at: int
    at: int
    name: str = ""
    via: str = ""
    latest: dict[str, Value] = field(default_factory=dict)
    attributes: dict[str, Value | None] = field(default_factory=dict)
    availability: Availability | None = None
    problem: str | None = None


def record(source_id: int, sightings: Iterable[Sighting]) -> None:
    """Stores what was heard of addresses without a device; the others are left out."""
    heard = {one.address: one for one in sightings}
    with transaction.atomic():
        if not Source.objects.select_for_update().filter(pk=source_id).exists():
            return
        for known in DeviceAddress.objects.filter(source=source_id, address__in=heard).values_list(
            "address", flat=True
        ):
            heard.pop(known)
        rows = {row.address: row for row in FoundDevice.objects.filter(source=source_id, address__in=heard)}
        for address, one in heard.items():
            row = rows.get(address) or FoundDevice(
                source_id=source_id, address=address, key=key_of(address), first_at=one.first_at
            )
            _merge(row, one)
            row.save()
        _forget_oldest(source_id)


def listed(source: Source, *, ignored: bool = False) -> list[FoundDevice]:
    """Those found, the newest first."""
    return list(source.found.filter(ignored=ignored))


def get(source: Source, key: str) -> FoundDevice:
    """Raises `NotFound`."""
    found = source.found.filter(key=key).first() if len(key) <= 64 else None
    if found is None:
        raise NotFound(f"no device {key!r} was found")
    return found


def forget(source_id: int, addresses: Iterable[str]) -> None:
    """Its bridge has removed them."""
    FoundDevice.objects.filter(source=source_id, address__in=list(addresses), ignored=False).delete()


def ignore(found: FoundDevice, ignored: bool = True) -> None:
    """One that is ignored is not listed, and not added by itself."""
    found.ignored = ignored
    found.save(update_fields=["ignored"])


def _merge(row: FoundDevice, one: Sighting) -> None:
    row.name, row.via, row.at = one.name or row.name, one.via or row.via, max(one.at, row.at or 0)
    row.latest = _merged(row.latest, one.latest)
    row.attributes = _merged(row.attributes, one.attributes)
    if one.availability is not None:
        row.availability = one.availability
    if one.problem is not None:
        row.problem = one.problem[:400]


def _merged(before: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    merged = {name: value for name, value in {**before, **news}.items() if value is not None}
    return dict(list(merged.items())[:MAX_VALUES])


def _forget_oldest(source_id: int) -> None:
    beyond = (
        FoundDevice.objects.filter(source=source_id).order_by("-at", "-id").values_list("pk", flat=True)[MAX_FOUND:]
    )
    FoundDevice.objects.filter(pk__in=list(beyond)).delete()
