from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

from devices.models import Device, Space
from devices.telemetry.retention import changes
from devices.telemetry.retention.cutoffs import RetentionCutoffs, retention_changed
from devices.telemetry.retention.policy import DAY_US
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us
from tests.devices.telemetry.retention.readings import put

# A change counts once it is committed.
pytestmark = pytest.mark.django_db(transaction=True)

Sift = Callable[..., Telemetry]


@pytest.fixture
def sift(pump: Device) -> Sift:
    store = ReadingStore()
    return lambda *times: store.admissible(
        pump, Telemetry(tuple(Sample("speed", 1.0, time) for time in times), now_us()), set()
    )


def test_a_change_counts_at_once_in_this_process(sift: Sift, space: Space) -> None:
    old = now_us() - 100 * DAY_US
    assert len(sift(old, None).samples) == 2
    changes.set_days(space, {"raw_days": 90})
    assert len(sift(old, None).samples) == 1
    changes.set_days(space, {"raw_days": 110})
    assert len(sift(old, None).samples) == 2


def test_a_change_of_another_process_counts_after_a_minute(
    sift: Sift, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = now_us() - 100 * DAY_US
    sift(old)
    Space.objects.update(raw_days=90)
    assert sift(old).skipped is None
    monkeypatch.setattr("devices.telemetry.retention.cutoffs.REFRESH_S", 0.0)
    assert len(sift(old, None).samples) == 1


def test_a_metric_may_keep_readings_longer_or_shorter_than_its_space(pump: Device, space: Space) -> None:
    changes.set_days(put(pump, 1, metric="long"), {"raw_days": 200})
    changes.set_days(put(pump, 1, metric="short"), {"raw_days": 20})
    changes.set_days(space, {"raw_days": 90})
    now, store = now_us(), ReadingStore()

    def is_old(metric: str, age: int) -> bool:
        return store.is_outdated(pump, Sample(metric, 1.0, now - age * DAY_US))

    assert [is_old("long", age) for age in (50, 150, 250)] == [False, False, True]
    assert [is_old("short", age) for age in (10, 50, 100)] == [False, True, True]
    assert [is_old("new", age) for age in (10, 50, 100)] == [False, False, True]


def test_cutoffs_that_are_no_longer_used_are_not_kept() -> None:
    cutoffs = RetentionCutoffs()
    gone = weakref.ref(cutoffs)
    del cutoffs
    gc.collect()
    assert gone() is None
    retention_changed.send(None)
