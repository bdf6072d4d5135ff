from __future__ import annotations

import pytest

from devices.errors import Invalid
from devices.models import Device, Metric, Reading, Space
from devices.registry import devices
from devices.registry.accounts import authenticate
from devices.rooms import provisioning
from devices.runtime.credentials import secret_matches
from devices.values import now_us


def test_only_the_hash_of_a_new_device_s_secret_is_stored(space: Space) -> None:
    device, secret = provisioning.create_device("pump-1", space, "  Irrigation pump ")
    assert (device.name, device.availability) == ("Irrigation pump", "unknown")
    stored = Device.objects.values().get()
    assert secret not in str(stored)
    assert secret_matches(secret, stored["secret_hash"])


def test_without_a_name_the_device_is_named_by_its_uid(space: Space) -> None:
    assert provisioning.create_device("pump-1", space)[0].name == "pump-1"


@pytest.mark.parametrize("uid", ["", "a b", "a/b", "+", "pump-1\n", "é", "x" * 65])
def test_an_invalid_uid_is_refused(space: Space, uid: str) -> None:
    with pytest.raises(Invalid, match="uid"):
        provisioning.create_device(uid, space)
    assert not Device.objects.exists()


@pytest.mark.parametrize("name", ["x" * 121, "a\0b", "a\nb", "a\u202eb"])
def test_an_invalid_name_is_refused(space: Space, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        provisioning.create_device("pump-1", space, name)


def test_a_taken_uid_is_refused_in_any_space_without_breaking_the_transaction(pump: Device) -> None:
    cellar = Space.objects.create(slug="cellar", name="Cellar")
    with pytest.raises(Invalid, match="taken"):
        provisioning.create_device("pump-1", cellar)
    assert provisioning.create_device("pump-2", cellar)[0].space == cellar


def test_a_rotated_secret_replaces_the_old_one(space: Space) -> None:
    device, old = provisioning.create_device("pump-1", space)
    new = devices.rotate_secret(device)
    assert authenticate("pump-1", old) is None
    assert authenticate("pump-1", new) == device


def test_a_device_moves_with_its_metrics(pump: Device) -> None:
    metric = Metric.objects.create(device=pump, name="flow")
    cellar = Space.objects.create(slug="cellar", name="Cellar")
    provisioning.move_device(pump, cellar)
    assert Device.objects.get(uid="pump-1").space == cellar
    assert Metric.objects.get(device__space=cellar) == metric


def test_nothing_is_left_of_a_deleted_device_and_its_secret_is_not_accepted(space: Space) -> None:
    device, secret = provisioning.create_device("pump-1", space)
    metric = Metric.objects.create(device=device, name="flow")
    Reading.objects.create(metric=metric, time=now_us(), number=2.0)
    devices.delete(device)
    assert [model.objects.count() for model in (Device, Metric, Reading)] == [0, 0, 0]
    assert authenticate("pump-1", secret) is None
    assert provisioning.create_device("pump-1", space)[1] != secret
