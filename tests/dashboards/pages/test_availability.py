"""The availability on the device's page. Its looks are tested in tests/paths/test_availability.py."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.models import AvailabilityChange, Device
from devices.values import now_us
from tests.dashboards.pages.conftest import ClientOf, data


def test_it_has_the_last_day_and_the_status_before(client_of: ClientOf, carol: User, pump: Device) -> None:
    hour, now = 3_600_000_000, now_us()
    AvailabilityChange.objects.bulk_create(
        AvailabilityChange(device=pump, status=status, at=now - hours * hour)
        for status, hours in [("offline", 50), ("online", 30), ("stale", 2)]
    )
    page = data(client_of(carol).get("/devices/pump-1/"))
    assert [row["status"] for row in page["availability"]["items"]] == ["online", "stale"]
    assert page["availability"]["flapping"] is False
    assert page["silence"] == {"stale_after_s": None, "silence_limit_s": 300}


@pytest.mark.parametrize(("name", "may"), [("alice", True), ("bob", False), ("carol", False)])
def test_only_a_manager_may_set_the_silence(
    client_of: ClientOf, request: pytest.FixtureRequest, pump: Device, name: str, may: bool
) -> None:
    page = client_of(request.getfixturevalue(name)).get("/devices/pump-1/").content
    assert (b"data-silence-form" in page) is may
    assert b"data-silence" in page
