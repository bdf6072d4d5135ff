"""Stores samples: metrics made at first sight, times settled, one statement a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec
from django.db import IntegrityError, connection

from devices.channel.events import Part, TelemetryStored
from devices.channel.groups import shard_of
from devices.errors import Refusal
from devices.registry.models import Device, Metric
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.telemetry import partitions, rollups
from devices.telemetry.columns import to_columns
from devices.telemetry.models import Reading
from devices.telemetry.retention import cutoffs
from devices.telemetry.retention.cutoffs import AgeLimits
from devices.values import Sample, Telemetry, Value

MAX_METRICS = 500
"""Metrics of one device; a device that invents names must not fill the database."""

Row = tuple[int, int, float | None, str | None]
"""Metric id, time, number and text of a reading."""


_Shown = tuple[str, dict[str, list[tuple[int, Value]]]]
"""uid of a device, and of each metric `(MS, value)`, …"""


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
        shown: dict[int, _Shown] = {}
        for device, telemetry in batch:
            metrics = self._metrics[device.id]
            if device.id not in shown:
                shown[device.id] = (device.uid, {})
            columns = shown[device.id][1]
            for sample in telemetry.samples:
                name, value, time = sample.metric, sample.value, sample.time
                known = metrics[name]
                if time is None:
                    # Strictly increasing: two messages of one instant must not share a key and swallow each other.
                    time = known.last_receipt = max(telemetry.received_at, known.last_receipt + 1)
                rows.append((known.id, time, *to_columns(value)))
                if name in columns:
                    columns[name].append((time // 1000, value))
                else:
                    columns[name] = [(time // 1000, value)]
        partitions.ensure(time for _, time, _, _ in rows)
        rollups.mark_late(rows)
        _insert(rows)
        stats.stored.inc(len(rows))
        return _events(shown, min((telemetry.received_at for _, telemetry in batch), default=0))

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
        for sample in telemetry.samples:
            if sample.time is not None and sample.time < self._limits.highest():
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
        refusal = cutoffs.refusal(old, len(telemetry.samples))
        if not kept:
            raise refusal
        return Telemetry(tuple(kept), telemetry.received_at), refusal

    def forget(self) -> None:
        """Drops what is remembered, after a transaction that failed: its new metrics are not in the database."""
        self._metrics.clear()
        partitions.forget()

    def _of(self, device: Device | Sender) -> dict[str, _Known]:
        known = self._metrics.get(device.id)
        if known is None:
            found = Metric.objects.filter(device=device.id).values_list("name", "id")
            known = self._metrics[device.id] = {name: _Known(id) for name, id in found}
        return known

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


_encode_lines = msgspec.json.Encoder().encode_lines


def _events(shown: dict[int, _Shown], received_at: int) -> list[TelemetryStored]:
    by_shard: dict[int, list[int]] = {}
    for device_id, (_, columns) in shown.items():
        if columns:
            by_shard.setdefault(shard_of(device_id), []).append(device_id)
    return [
        TelemetryStored(shard, _parts(ids, [shown[id] for id in ids]), received_at) for shard, ids in by_shard.items()
    ]


def _parts(ids: list[int], shown: list[_Shown]) -> tuple[Part, ...]:
    """All encoded in one go; JSON of msgspec has no line break but the one after each."""
    texts = _encode_lines([columns for _, columns in shown]).decode().split("\n")
    return tuple(map(Part, ids, [uid for uid, _ in shown], texts))
