from __future__ import annotations

import pytest

from devices.models import Device, Space
from devices.registry import accounts, devices
from devices.rooms import provisioning


def test_a_device_signs_in_with_its_own_secret(pump: Device, space: Space) -> None:
    other, others_secret = provisioning.create_device("pump-2", space)
    secret = devices.rotate_secret(pump)
    assert accounts.authenticate("pump-1", secret) == pump
    assert accounts.authenticate("pump-2", others_secret) == other
    assert accounts.authenticate("pump-1", others_secret) is None
    assert accounts.authenticate("PUMP-1", secret) is None


@pytest.mark.parametrize("uid", ["pump-2", "", "pump-1\0", "pump-1\n", "é", "x" * 10_000])
def test_an_unknown_uid_takes_as_long_as_a_wrong_secret(
    pump: Device, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the time of the answer would show which uids exist."""
    compared: list[str] = []
    matches = accounts.secret_matches
    monkeypatch.setattr(accounts, "secret_matches", lambda *pair: compared.append(pair[1]) or matches(*pair))
    assert accounts.authenticate(uid, "wrong") is None
    assert len(compared) == 1
    assert compared[0].split("$")[1:3] == pump.secret_hash.split("$")[1:3]
