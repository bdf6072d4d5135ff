from __future__ import annotations

from django.db import transaction

from devices.errors import SkippedValues
from devices.models import Device
from devices.registry import attributes
from devices.registry.attributes import MAX_ATTRIBUTES
from devices.values import Attributes


@transaction.atomic
def merge(pump: Device, **facts: object) -> SkippedValues:
    return attributes.merge(pump, Attributes(facts))  # type: ignore[arg-type]


def test_attributes_are_merged(pump: Device) -> None:
    merge(pump, firmware="2.1", model="P9")
    merge(pump, firmware="2.2", tested=True)
    pump.refresh_from_db()
    assert pump.attributes == {"firmware": "2.2", "model": "P9", "tested": True}


def test_attributes_are_bounded(pump: Device) -> None:
    merge(pump, **{f"a{number}": number for number in range(MAX_ATTRIBUTES)})
    skipped = merge(pump, one_more=1, a0="changed", a1=None)  # an existing one may still change or go
    assert [(refusal.key, refusal.reason) for refusal, _ in skipped] == [("one_more", "too_many_values")]
    pump.refresh_from_db()
    assert (len(pump.attributes), pump.attributes["a0"]) == (MAX_ATTRIBUTES - 1, "changed")


def test_a_null_removes_an_attribute_and_the_elements_of_an_array(pump: Device) -> None:
    merge(pump, fw="1", tags=None, **{"tags.0": "a", "tags.1": "b", "tags.x": "c"})
    merge(pump, fw=None, tags=None, **{"tags.0": "d"})
    pump.refresh_from_db()
    assert pump.attributes == {"tags.0": "d", "tags.x": "c"}
