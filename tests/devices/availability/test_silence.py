"""What is known of a device's last contact, and how long it may be silent."""

from __future__ import annotations

import pytest

from devices.availability.silence import record_contacts, set_stale_after
from devices.errors import Invalid
from devices.models import Device
from tests.devices.availability.reporting import NOW


def test_only_a_later_contact_time_replaces_the_stored_one(pump: Device) -> None:
    record_contacts([(pump.id, NOW + 5, 10)])
    record_contacts([(pump.id, NOW, 20), (10**9, NOW, 1)])
    record_contacts([])
    pump.refresh_from_db()
    assert (pump.heard_at, pump.usual_gap_ms) == (NOW + 5, 20)


@pytest.mark.parametrize("seconds", [-1, 0, 4, 10**9])
def test_a_silence_limit_out_of_bounds_is_refused(pump: Device, seconds: int) -> None:
    with pytest.raises(Invalid):
        set_stale_after(pump, seconds)


def test_a_silence_limit_can_be_set_and_reset(pump: Device) -> None:
    for seconds in (60, None):
        set_stale_after(pump, seconds)
        pump.refresh_from_db()
        assert pump.stale_after_s == seconds
