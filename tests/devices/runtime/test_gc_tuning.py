from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from devices.runtime.gc_tuning import YOUNG, collect_seldom


@pytest.fixture
def own_collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("own_collector")
def test_loaded_objects_are_excluded_and_the_others_collected_rarely() -> None:
    gc.set_threshold(700, 9, 8)
    gc.unfreeze()
    collect_seldom()
    assert gc.get_freeze_count() > 1_000
    assert gc.get_threshold() == (YOUNG, 9, 8)
    assert gc.isenabled()
