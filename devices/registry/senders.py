"""Devices as ingest reads them: by uid, for each batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from devices.registry.models import Device
from devices.values import Clock


class Sender(NamedTuple):
    """The fields of a device that ingest needs. A model instance for each message would cost ten times as much."""

    id: int
    uid: str
    space_id: int
    availability: str
    broker: str
    usual_gap_ms: int = 0
    clock: str = Clock.DEVICE
    time_zone: str = ""
    clock_offset_s: int = 0
    metrics_revision: int = 0
    via: str = ""
    gateway_id: int | None = None
    is_gateway: int = 0


_COLUMNS, _DEVICES = ", ".join(Sender._fields), Device._meta.db_table
_OF_UIDS = {
    "postgresql": f"SELECT {_COLUMNS} FROM {_DEVICES} WHERE uid = ANY(%s)",  # noqa: S608 - constants
    # All in one row: SQLite lets another thread run after each row, which under load costs more than the row.
    "sqlite": f"SELECT json_group_array(json_array({_COLUMNS})) FROM {_DEVICES}"  # noqa: S608 - constants
    " WHERE uid IN (SELECT value FROM json_each(%s))",
}
_read_senders = msgspec.json.Decoder(list[Sender]).decode


def by_uid(uids: Iterable[str]) -> dict[str, Sender]:
    """uid -> device, for those of the uids that exist."""
    wanted: Any = list(set(uids))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_OF_UIDS["sqlite"], [msgspec.json.encode(wanted).decode()])
            found = _read_senders(cursor.fetchone()[0])
        else:
            cursor.execute(_OF_UIDS["postgresql"], [wanted])
            found = list(map(Sender._make, cursor.fetchall()))
    return {device.uid: device for device in found}
