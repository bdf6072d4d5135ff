"""Stores samples: metrics made at first sight, times settled, one statement a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
from django.db import IntegrityError, connection

from devices import ages, partitions, stats
from devices.ages import AgeLimits
from devices.errors import Refusal
from devices.events import Part, TelemetryStored
from devices.groups import shard_of
from devices.models import Device, Metric, Reading
from devices.models.readings import to_columns
from devices.queries.devices import Sender
from devices.services import rollups
from devices.values import Sample, Telemetry

MAX_METRICS = 500
"""Metrics of one device; a device that invents names must not fill the database."""

Row = tuple[int, int, float | None, str | None]
"""Metric id, time, number and text of a reading."""


@dataclass(slots=True)
class _Known:
    """A metric's id, and the last time that the hub gave a reading of it."""

    id: int
    last_receipt: int = 0


class ReadingStore:
    """Writes readings. Keeps the ids of the metrics it has seen; use one a process, from one thread at a time."""

    def __init__(self) -> None:
        self._metrics: dict[int, dict[str, _Known]] = {}
        self._limits = AgeLimits()

    def store(self, batch: Sequence[tuple[Device | Sender, Telemetry]]) -> list[TelemetryStored]:
        """Stores the batch; call it inside a transaction. Returns what to publish once that is committed.

        A sample whose (metric, time) is stored already is absorbed.
        """
        self._learn(batch)
        rows: list[Row] = []
        shown: dict[int, dict[str, list[list[Any]]]] = {}
        uids: dict[int, str] = {}
        for device, telemetry in batch:
            metrics = self._metrics[device.id]
            columns = shown.setdefault(device.id, defaultdict(list))
            uids[device.id] = device.uid
            for sample in telemetry.samples:
                known = metrics[sample.metric]
                time = sample.time
                if time is None:
                    # Strictly increasing: two messages of one instant must not share a key and swallow each other.
                    time = known.last_receipt = max(telemetry.received_at, known.last_receipt + 1)
                rows.append((known.id, time, *to_columns(sample.value)))
                columns[sample.metric].append([time // 1000, sample.value])
        partitions.ensure(time for _, time, _, _ in rows)
        rollups.mark_late(rows)
        _insert(rows)
        stats.stored.inc(len(rows))
        return _events(uids, shown, min((telemetry.received_at for _, telemetry in batch), default=0))

    def check_room(self, device: Device | Sender, telemetry: Telemetry, new: set[str]) -> None:
        """Raises `Refusal("too_many_metrics")` where the samples would take the device past `MAX_METRICS`.

        `new` holds the metrics that earlier messages of the batch bring, and afterwards those of this one too.
        """
        known = self._of(device)
        brought = {sample.metric for sample in telemetry.samples if sample.metric not in known}
        if brought and len(known) + len(new | brought) > MAX_METRICS:
            raise Refusal("too_many_metrics", f"{MAX_METRICS} are allowed")
        new |= brought

    def without_old(self, device: Device | Sender, telemetry: Telemetry) -> tuple[Telemetry, Refusal | None]:
        """The samples that are not older than their metric keeps its readings, and the refusal of the others.

        Raises `Refusal("older_than_retention")` where none is left.
        """
        highest = self._limits.highest()
        for sample in telemetry.samples:
            if sample.time is not None and sample.time < highest:
                return self._sift(device, telemetry)
        return telemetry, None

    def is_old(self, device: Device | Sender, sample: Sample) -> bool:
        """Whether the sample is older than its metric keeps its readings."""
        if sample.time is None or sample.time >= self._limits.highest():
            return False
        known = self._of(device).get(sample.metric)
        return sample.time < self._limits.of(device.space_id, known.id if known else None)

    def _sift(self, device: Device | Sender, telemetry: Telemetry) -> tuple[Telemetry, Refusal | None]:
        kept: list[Sample] = []
        old: list[Sample] = []
        for sample in telemetry.samples:
            (old if self.is_old(device, sample) else kept).append(sample)
        if not old:
            return telemetry, None
        refusal = ages.refusal(old, len(telemetry.samples))
        if not kept:
            raise refusal
        return Telemetry(tuple(kept), telemetry.received_at), refusal

    def forget(self) -> None:
        """Drops what is remembered, after a transaction that failed: its new metrics are not in the database."""
        self._metrics.clear()
        partitions.forget()

    def _of(self, device: Device | Sender) -> dict[str, _Known]:
        if device.id not in self._metrics:
            found = Metric.objects.filter(device=device.id).values_list("name", "id")
            self._metrics[device.id] = {name: _Known(id) for name, id in found}
        return self._metrics[device.id]

    def _learn(self, batch: Iterable[tuple[Device | Sender, Telemetry]]) -> None:
        """Makes the metrics that are new, or that another bridge has made in the meantime."""
        new = {
            (device.id, sample.metric)
            for device, telemetry in batch
            for known in [self._of(device)]
            for sample in telemetry.samples
            if sample.metric not in known
        }
        if not new:
            return
        Metric.objects.bulk_create(
            [Metric(device_id=device_id, name=name) for device_id, name in sorted(new)], ignore_conflicts=True
        )
        ids = {device_id for device_id, _ in new}
        for device_id, name, id in Metric.objects.filter(device__in=ids).values_list("device_id", "name", "id"):
            self._metrics[device_id].setdefault(name, _Known(id))


_TABLE = Reading._meta.db_table
_INSERT = f"INSERT INTO {_TABLE} (metric_id, time, number, text) {{}} ON CONFLICT DO NOTHING"
_OF_ARRAYS = _INSERT.format("SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[], %s::text[])")
_OF_ROWS = {rows: _INSERT.format(f"VALUES {', '.join(['(?, ?, ?, ?)'] * rows)}") for rows in (240, 60, 15, 1)}
"""Rows of one statement -> the statement. With `executemany` SQLite lets another thread run at each row: with the event
loop's busy, the wait until that is done costs many times the row. An older SQLite takes 999 parameters."""


def _insert(rows: list[Row]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            try:
                # One statement for the batch: executemany costs a round trip a row.
                cursor.execute(_OF_ARRAYS, [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []])
            except IntegrityError:
                partitions.forget()  # another process may have dropped one that was known to be there
                raise
        else:
            start = 0
            for size, statement in _OF_ROWS.items():
                while len(rows) - start >= size:
                    cursor.execute(statement, list(chain.from_iterable(rows[start : start + size])))
                    start += size


def _events(
    uids: dict[int, str], shown: dict[int, dict[str, list[list[Any]]]], received_at: int
) -> list[TelemetryStored]:
    parts: defaultdict[int, list[Part]] = defaultdict(list)
    for device_id, columns in shown.items():
        if columns:
            text = msgspec.json.encode(columns).decode()
            parts[shard_of(device_id)].append(Part(device_id, uids[device_id], text))
    return [TelemetryStored(shard, tuple(group), received_at) for shard, group in parts.items()]
