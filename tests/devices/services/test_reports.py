from __future__ import annotations

import pytest
from django.db import transaction

from devices.errors import Refusal
from devices.events import AvailabilityChanged
from devices.models import Device
from devices.services.reports import MAX_ATTRIBUTES, forget_availability, merge_attributes, set_availability
from devices.values import Attributes, Availability


def test_a_change_of_availability_is_told_once(pump: Device) -> None:
    assert set_availability(pump, Availability.ONLINE, 5) == [AvailabilityChanged(pump.id, "pump-1", "online", 5)]
    assert set_availability(pump, Availability.ONLINE, 6) == []
    pump.refresh_from_db()
    assert (pump.availability, pump.availability_at) == ("online", 5)


def test_of_two_writers_who_say_the_same_one_tells(pump: Device) -> None:
    same = Device.objects.get(pk=pump.pk)
    assert set_availability(pump, Availability.OFFLINE, 5)
    assert set_availability(same, Availability.OFFLINE, 6) == []


def test_after_a_restart_of_the_broker_nobody_is_known_to_be_connected(pump: Device) -> None:
    for before, after in (("online", "unknown"), ("stale", "unknown"), ("offline", "offline")):
        set_availability(pump, Availability(before), 5)
        forget_availability()
        pump.refresh_from_db()
        assert pump.availability == after


@transaction.atomic
def merge(pump: Device, **facts: object) -> None:
    merge_attributes(pump, Attributes(facts))  # type: ignore[arg-type]


def test_attributes_are_merged(pump: Device) -> None:
    merge(pump, firmware="2.1", model="P9")
    merge(pump, firmware="2.2", tested=True)
    pump.refresh_from_db()
    assert pump.attributes == {"firmware": "2.2", "model": "P9", "tested": True}


def test_attributes_are_bounded(pump: Device) -> None:
    merge(pump, **{f"a{number}": number for number in range(MAX_ATTRIBUTES)})
    with pytest.raises(Refusal) as refusal:
        merge(pump, one_more=1)
    assert refusal.value.reason == "too_many_values"
    merge(pump, a0="changed")  # a known one may still change
    pump.refresh_from_db()
    assert (len(pump.attributes), pump.attributes["a0"]) == (MAX_ATTRIBUTES, "changed")
