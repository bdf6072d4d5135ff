"""Reads of devices. Rights are the caller's affair (`devices.access`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.db.models import OuterRef, Subquery

from devices import brokers
from devices.credentials import hash_secret, new_secret, secret_matches
from devices.models import Device, Metric, Reading
from devices.models.readings import from_columns
from devices.values import is_uid

_NOBODY = hash_secret(new_secret())
"""Compared with where a uid is unknown, so that the time of an answer does not tell who exists."""

Latest = dict[str, list[Any]]
"""Metric name -> `[MS, value]` of its newest reading."""


class Sender(NamedTuple):
    """What ingest needs of a device. It is looked up for each batch, and a model instance costs ten times as much."""

    id: int
    uid: str
    space_id: int
    availability: str
    broker: str


_COLUMNS, _DEVICES = ", ".join(Sender._fields), Device._meta.db_table
_OF_UIDS = {
    "postgresql": f"SELECT {_COLUMNS} FROM {_DEVICES} WHERE uid = ANY(%s)",  # noqa: S608 - constants
    # All in one row: at each row it takes turns with other threads, which under load costs more than the row.
    "sqlite": f"SELECT json_group_array(json_array({_COLUMNS})) FROM {_DEVICES}"  # noqa: S608 - constants
    " WHERE uid IN (SELECT value FROM json_each(%s))",
}
_read_senders = msgspec.json.Decoder(list[Sender]).decode


def by_uid(uids: Iterable[str]) -> dict[str, Sender]:
    """The known ones among `uids`."""
    wanted: Any = list(set(uids))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_OF_UIDS["sqlite"], [msgspec.json.encode(wanted).decode()])
            found = _read_senders(cursor.fetchone()[0])
        else:
            cursor.execute(_OF_UIDS["postgresql"], [wanted])
            found = list(map(Sender._make, cursor.fetchall()))
    return {device.uid: device for device in found}


def secret_hashes(broker: str) -> dict[str, str]:
    """uid -> hash of its secret, of every device that the broker of this name serves: what it needs to let them in."""
    served = Device.objects.filter(broker__in=brokers.assignments(broker))
    return dict(served.order_by().values_list("uid", "secret_hash"))


def authenticate(uid: str, secret: str) -> Device | None:
    """The device whose secret this is. Takes the same time for an unknown uid as for a wrong secret."""
    device = Device.objects.filter(uid=uid).first() if is_uid(uid) else None
    right = secret_matches(secret, device.secret_hash if device else _NOBODY)
    return device if device and right else None


def latest(device_ids: Iterable[int], names: Collection[str] | None = None) -> dict[int, Latest]:
    """Device id -> newest value of each of its metrics, or of those with these names.

    A few index seeks a metric, however many readings it has.
    """
    among = Metric.objects.filter(device__in=list(device_ids))
    if names is not None:
        among = among.filter(name__in=names)
    newest = Reading.objects.filter(metric=OuterRef("pk")).order_by("-time")
    rows = (
        # From the metrics: asked of the readings, both databases walk through all that the metrics have.
        among.annotate(
            time=Subquery(newest.values("time")[:1]),
            number=Subquery(newest.values("number")[:1]),
            text=Subquery(newest.values("text")[:1]),
        )
        .order_by("name")
        .values_list("device_id", "name", "time", "number", "text")
    )
    found: dict[int, Latest] = {}
    for device_id, name, time, number, text in rows:
        if time is not None:
            found.setdefault(device_id, {})[name] = [time // 1000, from_columns(number, text)]
    return found


def snapshot(device: Device, newest: Latest) -> dict[str, Any]:
    """What a viewer is told of a device on subscribing, and the HTTP API in its lists."""
    return {
        "device": {
            "uid": device.uid,
            "name": device.name,
            "space": device.space.slug,
            "attributes": device.attributes,
            "broker": brokers.of(device.broker),
        },
        "availability": device.availability,
        "availability_at": device.availability_at // 1000 or None,
        "latest": newest,
    }


def snapshots(devices: Iterable[Device]) -> dict[str, dict[str, Any]]:
    """uid -> snapshot, for many devices at the price of one query more than their number asks."""
    known = list(devices)
    newest = latest(device.id for device in known)
    return {device.uid: snapshot(device, newest.get(device.id, {})) for device in known}
