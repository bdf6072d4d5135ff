"""Stores a device's history from elsewhere: like telemetry, but without informing viewers or changing availability."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from devices.errors import Refusal
from devices.registry.models import Device
from devices.runtime import stats
from devices.telemetry.models import Reading
from devices.telemetry.retention.cutoffs import hint_at_seconds
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us

_TIMES_PER_QUERY = 1_000


@dataclass(slots=True)
class ImportedSamples:
    """How many samples were `stored` and how many were `present` already; the `refused` ones by index."""

    stored: int = 0
    present: int = 0
    refused: dict[int, Refusal] = field(default_factory=dict)


def store(device: Device, samples: Sequence[Sample]) -> ImportedSamples:
    """Stores the samples, all of which have times, in one transaction. Samples that are present already do no harm."""
    result = ImportedSamples()
    store = ReadingStore()  # not that of the pipeline, which is used from the pipeline's thread
    names = store.names(device)
    samples = [Sample(names.get(each.metric, each.metric), each.value, each.time) for each in samples]
    with transaction.atomic():
        result.refused = _refused(store, device, samples)
        kept = tuple(sample for i, sample in enumerate(samples) if i not in result.refused)
        if kept:
            keys = {(sample.metric, sample.time) for sample in kept if sample.time is not None}
            result.stored = len(keys) - _count_present(device, keys)
            result.present = len(kept) - result.stored
            # The events are dropped: they would show years of history to viewers as if it were happening now.
            store.store([(device, Telemetry(kept, now_us()))], replaces=False)
    for name, count in (("stored", result.stored), ("present", result.present), ("refused", len(result.refused))):
        stats.imported.labels(name).inc(count)
    return result


def _refused(store: ReadingStore, device: Device, samples: Sequence[Sample]) -> dict[int, Refusal]:
    """The samples that are too old, and those of metrics that exceed the device's limit, by index."""
    new: set[str] = set()
    verdicts: dict[str, Refusal | None] = {}
    refused: dict[int, Refusal] = {}
    for i, sample in enumerate(samples):
        if store.is_outdated(device, sample):
            refused[i] = Refusal("older_than_retention", hint_at_seconds(sample.time or 0))
            continue
        if sample.metric not in verdicts:
            verdicts[sample.metric] = _metric_refusal(store, device, sample, new)
        if verdict := verdicts[sample.metric]:
            refused[i] = verdict
    return refused


def _metric_refusal(store: ReadingStore, device: Device, sample: Sample, new: set[str]) -> Refusal | None:
    skipped = store.admissible(device, Telemetry((sample,), 0), new).skipped
    return skipped.first if skipped else None


def _count_present(device: Device, keys: Iterable[tuple[str, int]]) -> int:
    """How many readings of these metrics and times are stored. Index seeks, however many other readings there are."""
    times: defaultdict[str, list[int]] = defaultdict(list)
    for metric, time in keys:
        times[metric].append(time)
    ids = dict(device.metrics.filter(name__in=times).values_list("name", "id"))
    count = 0
    for name, id in ids.items():
        wanted = times[name]
        for start in range(0, len(wanted), _TIMES_PER_QUERY):
            count += Reading.objects.filter(metric=id, time__in=wanted[start : start + _TIMES_PER_QUERY]).count()
    return count
