from __future__ import annotations

import pytest
from django.db import transaction

from devices.errors import Refusal
from devices.models import Device
from devices.registry import attributes
from devices.registry.attributes import MAX_ATTRIBUTES
from devices.values import Attributes


@transaction.atomic
def merge(pump: Device, **facts: object) -> None:
    attributes.merge(pump, Attributes(facts))  # type: ignore[arg-type]


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
    merge(pump, a0="changed")  # an existing one may still change
    pump.refresh_from_db()
    assert (len(pump.attributes), pump.attributes["a0"]) == (MAX_ATTRIBUTES, "changed")
