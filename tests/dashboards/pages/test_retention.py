from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from devices.models import Device, Metric, Space
from devices.telemetry.retention.policy import DAY_US
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us
from tests.dashboards.pages.conftest import ClientOf

pytestmark = pytest.mark.both_databases

SPACE = "/spaces/garden/retention/"
DEVICE = "/devices/pump-1/retention/"
METRIC = "/devices/pump-1/retention/metric/?metric=speed"


def days(raw: object = "", minute: object = "", hour: object = "", **more: str) -> dict[str, object]:
    return {"raw_days": raw, "minute_days": minute, "hour_days": hour, **more}


@pytest.fixture
def speed(pump: Device) -> Metric:
    """A metric with readings from 100, 50 and 0 days ago."""
    samples = tuple(Sample("speed", 1.0, now_us() - age * DAY_US) for age in (100, 50, 0))
    with transaction.atomic():
        ReadingStore().store([(pump, Telemetry(samples, now_us()))])
    return pump.metrics.get()


def test_the_page_says_what_a_quota_of_readings_means(
    client_of: ClientOf, carol: User, pump: Device, space: Space, settings: Any
) -> None:
    for path in ("/spaces/garden/retention/", "/devices/pump-1/retention/"):
        assert "up to" not in client_of(carol).get(path).content.decode()
    settings.SPACE_READING_QUOTA = 5_000
    Space.objects.update(removed_until=1_790_000_000_000_000)
    for path in ("/spaces/garden/retention/", "/devices/pump-1/retention/"):
        page = client_of(carol).get(path).content.decode()
        assert "up to 5,000 readings of a space" in page
        assert "Readings from before 21 September 2026 have been removed" in page


def test_members_read_in_plain_words_how_long_history_is_kept(
    client_of: ClientOf, carol: User, space: Space, speed: Metric
) -> None:
    Space.objects.update(raw_days=90, minute_days=400)
    for path in (SPACE, DEVICE):
        page = client_of(carol).get(path).content.decode()
        assert "Readings are kept 90 days; one value a minute 400 days; one an hour and one a day for ever." in page
        assert "<form method" not in page.split("</nav>")[1]


def test_a_manager_changes_it(client_of: ClientOf, alice: User, space: Space) -> None:
    answer = client_of(alice).post(SPACE, days(30, 300, 0), follow=True)
    assert "Saved." in answer.content.decode()
    assert "Readings are kept 30 days; one value a minute 300 days" in answer.content.decode()
    space.refresh_from_db()
    assert (space.raw_days, space.minute_days, space.hour_days) == (30, 300, 0)


def test_it_shows_what_would_be_lost_before_it_is(
    client_of: ClientOf, alice: User, space: Space, speed: Metric
) -> None:
    browser = client_of(alice)
    answer = browser.post(SPACE, days(70, 0, 0))
    assert answer.status_code == 422
    assert "readings of 1 metric, from" in answer.content.decode()
    space.refresh_from_db()
    assert space.raw_days == 0
    # A confirmation for other days does not count.
    assert browser.post(SPACE, days(20, 0, 0, confirmed="70,0,0")).status_code == 422
    assert browser.post(SPACE, days(70, 0, 0, confirmed=answer.context["form"].key)).status_code == 302
    space.refresh_from_db()
    assert space.raw_days == 70


def test_keeping_more_needs_no_confirmation(client_of: ClientOf, alice: User, space: Space, speed: Metric) -> None:
    Space.objects.update(raw_days=30, minute_days=0)
    assert client_of(alice).post(SPACE, days(60, 0, 0)).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (days(-1, 0, 0), "greater than or equal to 0"),
        (days("x", 0, 0), "whole number"),
        (days("", 0, 0), "required"),
        (days(36_501, 0, 0), "less than or equal to 36500"),
        (days(0, 30, 0), "at least as long"),
        (days(30, 20, 0), "at least as long"),
        (days(30, 30, 20), "at least as long"),
    ],
)
def test_it_refuses_invalid_days_and_keeps_the_input(
    client_of: ClientOf, alice: User, space: Space, speed: Metric, wrong: dict[str, str], word: str
) -> None:
    answer = client_of(alice).post(SPACE, wrong)
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert re.search(rf'name="raw_days"\s+value="{wrong["raw_days"]}"', answer.content.decode())
    space.refresh_from_db()
    assert space.raw_days == 0


def test_a_metric_has_days_of_its_own_or_those_of_the_space(
    client_of: ClientOf, alice: User, space: Space, speed: Metric
) -> None:
    Space.objects.update(raw_days=110, minute_days=400)
    browser = client_of(alice)
    page = browser.get(METRIC).content.decode()
    assert 'placeholder="110"' in page
    assert browser.post(METRIC, days(60)).status_code == 422
    assert browser.post(METRIC, days(60, confirmed="60,None,None")).status_code == 302
    speed.refresh_from_db()
    assert (speed.raw_days, speed.minute_days, speed.hour_days) == (60, None, None)
    page = browser.get(DEVICE).content.decode()
    assert "Metrics with their own settings" in page
    assert "Readings are kept 60 days; one value a minute 400 days" in page
    assert browser.post(METRIC, days()).status_code == 302
    speed.refresh_from_db()
    assert speed.raw_days is None


def test_a_metric_with_any_name_can_be_changed(client_of: ClientOf, alice: User, pump: Device) -> None:
    metric = Metric.objects.create(device=pump, name="../a b/é&c?#")
    browser = client_of(alice)
    page = browser.get(DEVICE).content.decode()
    path = "/devices/pump-1/retention/metric/?metric=..%2Fa%20b%2F%C3%A9%26c%3F%23"
    assert f'href="{path}"' in page
    assert browser.post(path, days(7)).status_code == 302
    metric.refresh_from_db()
    assert metric.raw_days == 7


@pytest.mark.parametrize("path", [SPACE, METRIC])
@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("carol", 403), ("mallory", 404)])
def test_only_managers_change_it(
    client_of: ClientOf, request: pytest.FixtureRequest, speed: Metric, path: str, name: str, status: int
) -> None:
    browser = client_of(request.getfixturevalue(name))
    assert browser.post(path, days(1, 1, 1, confirmed="1,1,1")).status_code == status
    assert Space.objects.get(slug="garden").raw_days == 0
    speed.refresh_from_db()
    assert speed.raw_days is None


@pytest.mark.parametrize("path", [SPACE, DEVICE, METRIC])
def test_a_foreign_page_is_not_found(client_of: ClientOf, mallory: User, speed: Metric, path: str) -> None:
    assert client_of(mallory).get(path).status_code == 404
    assert Client().get(path).status_code == 302  # to sign in


def test_a_missing_space_or_metric_is_not_found(client_of: ClientOf, alice: User, pump: Device) -> None:
    for path in (
        "/spaces/nowhere/retention/",
        "/spaces/a%00b/retention/",
        f"{DEVICE}metric/",
        f"{DEVICE}metric/?metric=%00",
    ):
        assert client_of(alice).get(path).status_code == 404


def test_it_is_linked_from_the_fleet_and_the_device(client_of: ClientOf, alice: User, pump: Device) -> None:
    browser = client_of(alice)
    assert f'href="{SPACE}"' in browser.get("/").content.decode()
    assert f'href="{DEVICE}"' in browser.get("/devices/pump-1/").content.decode()
    assert f'href="{SPACE}"' in browser.get(DEVICE).content.decode()
