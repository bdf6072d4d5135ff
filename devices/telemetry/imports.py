"""Stores a device's history from elsewhere: like telemetry, but no viewer is told and the device counts as silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from devices.errors import Refusal
from devices.registry.models import Device
from devices.runtime import stats
from devices.telemetry.models import Reading
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us

_KEYS = 1_000
"""Times that one query looks for."""


@dataclass(slots=True)
class Imported:
    """`stored` are new, `present` were there already; `refused` by index of the sample."""

    stored: int = 0
    present: int = 0
    refused: dict[int, Refusal] = field(default_factory=dict)


def store(device: Device, samples: Sequence[Sample]) -> Imported:
    """Stores the samples, all of which have times, in one transaction. A repeat is harmless: the key absorbs it."""
    outcome = Imported()
    store = ReadingStore()  # of its own: that of the pipeline is used from the pipeline's thread
    with transaction.atomic():
        outcome.refused = _refused(store, device, samples)
        kept = tuple(sample for i, sample in enumerate(samples) if i not in outcome.refused)
        if kept:
            keys = {(sample.metric, sample.time) for sample in kept if sample.time is not None}
            outcome.stored = len(keys) - _count_present(device, keys)
            outcome.present = len(kept) - outcome.stored
            # What it returns would show years of history to viewers as if it were happening now.
            store.store([(device, Telemetry(kept, now_us()))])
    for name, count in (("stored", outcome.stored), ("present", outcome.present), ("refused", len(outcome.refused))):
        stats.imported.labels(name).inc(count)
    return outcome


def _refused(store: ReadingStore, device: Device, samples: Sequence[Sample]) -> dict[int, Refusal]:
    """The samples that are too old, and those of metrics that would be too many for the device."""
    new: set[str] = set()
    verdicts: dict[str, Refusal | None] = {}
    refused: dict[int, Refusal] = {}
    for i, sample in enumerate(samples):
        if store.is_old(device, sample):
            refused[i] = Refusal("older_than_retention")
            continue
        if sample.metric not in verdicts:
            verdicts[sample.metric] = _room_for(store, device, sample, new)
        if verdict := verdicts[sample.metric]:
            refused[i] = verdict
    return refused


def _room_for(store: ReadingStore, device: Device, sample: Sample, new: set[str]) -> Refusal | None:
    try:
        store.check_room(device, Telemetry((sample,), 0), new)
    except Refusal as refusal:
        return refusal
    return None


def _count_present(device: Device, keys: Iterable[tuple[str, int]]) -> int:
    """How many readings of these metrics and times there are: index seeks, however many readings there are beside."""
    times: defaultdict[str, list[int]] = defaultdict(list)
    for metric, time in keys:
        times[metric].append(time)
    ids = dict(device.metrics.filter(name__in=times).values_list("name", "id"))
    count = 0
    for name, id in ids.items():
        wanted = times[name]
        for start in range(0, len(wanted), _KEYS):
            count += Reading.objects.filter(metric=id, time__in=wanted[start : start + _KEYS]).count()
    return count
