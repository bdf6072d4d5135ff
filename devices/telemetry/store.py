"""Stores samples: creates new metrics, assigns missing times and writes a batch with one statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from django.db import IntegrityError, transaction

from devices.channel.events import EncodedReadings, TelemetryStored
from devices.channel.groups import shard_of
from devices.errors import Refusal, SkippedValues
from devices.registry.models import Device, Metric
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.telemetry import metric_rules
from devices.telemetry.clocks import AHEAD_US, is_ahead
from devices.telemetry.columns import to_columns
from devices.telemetry.inserts import ReadingRow, insert, numbers_at, replace
from devices.telemetry.late_hours import mark_late
from devices.telemetry.metric_rules import MetricRules
from devices.telemetry.partitions import Partitions
from devices.telemetry.retention.cutoffs import RetentionCutoffs, refusal_of_outdated
from devices.values import Sample, Telemetry, Value

MAX_METRICS = 500
"""Metrics of one device: a device that makes up names must not fill the database."""


_DeviceColumns = tuple[str, dict[str, list[tuple[int, Value]]]]
"""A device's uid, and metric name -> `(MS, value)` of its samples."""


@dataclass(slots=True)
class _KnownMetric:
    """A metric's id, and the last time that the hub assigned to a reading of it."""

    id: int
    last_receipt: int = 0
    ahead: int = 0
    """The same for a reading whose own time was ahead of the hub's clock."""
    newest: int = 0
    """The newest of its own times that were kept."""

    def placed(self, time: int | None, received_at: int, ahead: bool) -> int:
        """The time of a reading that has none, or one before `ahead`."""
        if time is None:
            # Strictly increasing: two messages of one instant must not share a key and swallow each other.
            time = max(received_at, self.last_receipt + 1)
            if ahead:  # the limit lies between what was kept and what is replaced
                time = max(time, self.newest + 1)
        elif received_at - time < AHEAD_US:
            # The clock was set right in between: what comes last must be the newest value.
            time, ahead = max(self.ahead, self.last_receipt) + 1, True
        else:
            return time
        self.last_receipt = time
        if ahead:
            self.ahead = time
        return time


class ReadingStore:
    """Writes readings. It remembers metrics and partitions; use one for a long time, from one thread at a time."""

    def __init__(self) -> None:
        self._metrics: dict[int, dict[str, _KnownMetric]] = {}
        self._rules: dict[int, MetricRules] = {}
        """Of the devices that have any."""
        self._revisions: dict[int, int] = {}
        self._cutoffs = RetentionCutoffs()
        self._partitions = Partitions()

    def store(
        self, batch: Sequence[tuple[Device | Sender, Telemetry]], *, replaces: bool = True
    ) -> list[TelemetryStored]:
        """Stores the batch; call it inside a transaction. Returns the events to publish once that is committed.

        Of samples with one (metric, time) the last one stays, or without `replaces` and for repeated messages, the one
        that is stored already.
        """
        self._create_missing_metrics(batch)
        rows: list[ReadingRow] = []
        repeats: set[ReadingRow] = set()
        shown: dict[int, _DeviceColumns] = {}
        for device, telemetry in batch:
            metrics = self._metrics[device.id]
            if device.id not in shown:
                shown[device.id] = (device.uid, {})
            columns = shown[device.id][1]
            received_at, ahead, first = telemetry.received_at, is_ahead(telemetry), len(rows)
            for sample in telemetry.samples:
                name, value, time = sample.metric, sample.value, sample.time
                known = metrics[name]
                if time is None or time <= known.ahead:
                    time = known.placed(time, received_at, ahead)
                elif time > known.newest:
                    known.newest = time
                rows.append((known.id, time, *to_columns(value)))
                if name in columns:
                    columns[name].append((time // 1000, value))
                else:
                    columns[name] = [(time // 1000, value)]
            if telemetry.repeated:
                repeats.update(rows[first:])
        self._partitions.ensure(time for _, time, _, _ in rows)
        lost: list[tuple[int, int]] = []
        try:
            written = insert(rows)
            if written < len(rows) and replaces:
                last = list({row[:2]: row for row in rows if row not in repeats}.values())
                lost = numbers_at([row for row in last if row[2] is None])
                replaced = replace(last)
                transaction.on_commit(lambda: stats.readings_replaced.inc(replaced))
                written += replaced
        except IntegrityError:
            self._partitions.forget()  # another process may have dropped one that is remembered
            raise
        if written:  # a mere repeat makes no work for the rollups
            mark_late(rows, lost)
        stats.stored.inc(len(rows))
        return _events(shown, min((telemetry.received_at for _, telemetry in batch), default=0))

    def admissible(self, device: Device | Sender, telemetry: Telemetry, new: set[str]) -> Telemetry:
        """The telemetry as it is to be stored: with the rules of the device's metrics applied.

        Samples that are older than their metric's retention, and those of new metrics that would take the device past
        `MAX_METRICS`, are moved to the skipped ones.

        `new` holds the new metrics of earlier messages of the batch; those of this message are added to it.
        """
        known = self._metrics_of(device)
        if device.id in self._rules:
            telemetry = metric_rules.apply(self._rules[device.id], telemetry)
        for sample in telemetry.samples:
            if sample.time is not None and sample.time < self._cutoffs.latest():
                telemetry = self._without_outdated(device, telemetry)
                break
        added = {sample.metric for sample in telemetry.samples if sample.metric not in known}
        if not added:
            return telemetry
        if len(known) + len(new | added) > MAX_METRICS:
            return self._within_limit(known, telemetry, new)
        new |= added
        return telemetry

    def is_outdated(self, device: Device | Sender, sample: Sample) -> bool:
        """Whether the sample is older than its metric keeps its readings."""
        if sample.time is None or sample.time >= self._cutoffs.latest():
            return False
        known = self._metrics_of(device).get(sample.metric)
        return sample.time < self._cutoffs.of(device.space_id, known.id if known else None)

    def _without_outdated(self, device: Device | Sender, telemetry: Telemetry) -> Telemetry:
        kept: list[Sample] = []
        outdated: list[Sample] = []
        for sample in telemetry.samples:
            (outdated if self.is_outdated(device, sample) else kept).append(sample)
        if not outdated:
            return telemetry
        return _reduced(telemetry, kept, [(refusal_of_outdated(outdated, len(telemetry.samples)), len(outdated))])

    def _within_limit(self, known: dict[str, _KnownMetric], telemetry: Telemetry, new: set[str]) -> Telemetry:
        """Metrics are created in the order of the message, as long as there is room."""
        kept: list[Sample] = []
        beyond: Counter[str] = Counter()
        for sample in telemetry.samples:
            name = sample.metric
            if name in known or name in new or len(known) + len(new) < MAX_METRICS:
                kept.append(sample)
                if name not in known:
                    new.add(name)
            else:
                beyond[name] += 1
        limit = f"{MAX_METRICS} are allowed"
        return _reduced(
            telemetry, kept, [(Refusal("too_many_metrics", limit, name), count) for name, count in beyond.items()]
        )

    def forget(self) -> None:
        """Call it after a transaction that failed: its new metrics and partitions are not in the database."""
        self._metrics.clear()
        self._partitions.forget()

    def _metrics_of(self, device: Device | Sender) -> dict[str, _KnownMetric]:
        known = self._metrics.get(device.id)
        if known is None or self._revisions[device.id] != device.metrics_revision:
            known = self._read_metrics(device)
        return known

    def _read_metrics(self, device: Device | Sender) -> dict[str, _KnownMetric]:
        known = {metric.id: metric for metric in self._metrics.get(device.id, {}).values()}
        found = Metric.objects.filter(device=device.id).values_list("name", "id")
        self._metrics[device.id] = {name: known.get(id) or _KnownMetric(id) for name, id in found}
        self._revisions[device.id] = device.metrics_revision
        self._rules.pop(device.id, None)
        if device.metrics_revision and (rules := metric_rules.of_device(device)):
            self._rules[device.id] = rules
        return self._metrics[device.id]

    def names(self, device: Device | Sender) -> dict[str, str]:
        """The name under which the device sends a metric -> the name that it was given."""
        self._metrics_of(device)
        return {sent: rule.name for sent, rule in self._rules.get(device.id, {}).items()}

    def _create_missing_metrics(self, batch: Iterable[tuple[Device | Sender, Telemetry]]) -> None:
        """Creates the metrics that are new, and learns the ids of those that another bridge has created meanwhile."""
        new = {
            (device.id, sample.metric)
            for device, telemetry in batch
            for known in [self._metrics_of(device)]
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
            self._metrics[device_id].setdefault(name, _KnownMetric(id))


def _reduced(telemetry: Telemetry, kept: Sequence[Sample], refused: Iterable[tuple[Refusal, int]]) -> Telemetry:
    # A batch may be tried again, with the telemetry that was given: what it has skipped must not grow each time.
    skipped = SkippedValues()
    if telemetry.skipped is not None:
        skipped.merge(telemetry.skipped)
    for refusal, count in refused:
        skipped.add(refusal, count)
    return msgspec.structs.replace(telemetry, samples=tuple(kept), skipped=skipped)


_encode_lines = msgspec.json.Encoder().encode_lines


def _events(shown: dict[int, _DeviceColumns], received_at: int) -> list[TelemetryStored]:
    by_shard: dict[int, list[int]] = {}
    for device_id, (_, columns) in shown.items():
        if columns:
            by_shard.setdefault(shard_of(device_id), []).append(device_id)
    return [
        TelemetryStored(shard, _parts(ids, [shown[id] for id in ids]), received_at) for shard, ids in by_shard.items()
    ]


def _parts(ids: list[int], shown: list[_DeviceColumns]) -> tuple[EncodedReadings, ...]:
    """Encodes all of them at once: msgspec puts a line break after each, and nowhere else."""
    texts = _encode_lines([columns for _, columns in shown]).decode().split("\n")
    return tuple(map(EncodedReadings, ids, [uid for uid, _ in shown], texts))
