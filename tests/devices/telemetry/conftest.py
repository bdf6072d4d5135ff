from __future__ import annotations

import pytest

from devices.telemetry import rollups
from devices.telemetry.store import ReadingStore
from tests.devices.telemetry.rolling_up import RollupClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> RollupClock:
    found = RollupClock()
    monkeypatch.setattr(rollups, "now_us", found)
    return found


@pytest.fixture
def store() -> ReadingStore:
    return ReadingStore()
