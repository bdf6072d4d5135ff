from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bridges.simulator import kinds
from bridges.simulator.fleet import DEMO_FLEET
from dashboards.demo import create_demo_dashboard
from dashboards.live import streams
from dashboards.models import Dashboard, Widget
from devices.models import Device, Space
from devices.rooms import provisioning
from tests.dashboards.pages.conftest import ClientOf, data, store


@pytest.fixture
def board(space: Space, pump: Device) -> Dashboard:
    made = Dashboard.objects.create(space=space, name="Water")
    Widget.objects.create(dashboard=made, device=pump, kind="gauge", metrics=["flow"], options={"max": 120})
    return made


def test_it_shows_its_widgets_with_the_values_of_their_devices(
    client_of: ClientOf, carol: User, board: Dashboard, pump: Device
) -> None:
    store(pump, flow=12.5)
    page = data(client_of(carol).get(f"/dashboards/{board.pk}/"))
    assert [(w["kind"], w["device"], w["metrics"], w["options"]) for w in page["widgets"]] == [
        ("gauge", "pump-1", ["flow"], {"max": 120})
    ]
    assert page["snapshots"]["pump-1"]["latest"]["flow"][1] == 12.5
    assert page["may_command"] is False


def test_it_has_the_revision_of_the_live_stream(client_of: ClientOf, carol: User, board: Dashboard) -> None:
    page = data(client_of(carol).get(f"/dashboards/{board.pk}/"))
    stream = f"dashboard:{board.pk}"
    assert page["revision"] == streams.snapshot(carol, stream, streams.find(carol, stream))["revision"]


def test_it_is_in_the_navigation_of_members(client_of: ClientOf, carol: User, mallory: User, board: Dashboard) -> None:
    link = f'href="/dashboards/{board.pk}/"'.encode()
    assert link in client_of(carol).get("/").content
    assert link not in client_of(mallory).get("/").content


def test_a_foreign_and_a_missing_dashboard_look_the_same(client_of: ClientOf, mallory: User, board: Dashboard) -> None:
    browser = client_of(mallory)
    foreign, missing = browser.get(f"/dashboards/{board.pk}/"), browser.get("/dashboards/999999/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.content == missing.content


def test_it_requires_a_login(client: Client, board: Dashboard) -> None:
    assert client.get(f"/dashboards/{board.pk}/").status_code == 302


def test_a_device_that_has_moved_to_another_space_is_not_shown(
    client_of: ClientOf, carol: User, board: Dashboard, pump: Device
) -> None:
    store(pump, flow=12.5)
    Device.objects.filter(pk=pump.pk).update(space=Space.objects.create(slug="other", name="Other"))
    answer = client_of(carol).get(f"/dashboards/{board.pk}/")
    assert data(answer)["snapshots"] == {}
    assert b"pump-1" not in answer.content


@pytest.fixture
def demo(space: Space) -> Dashboard:
    for device in DEMO_FLEET:
        provisioning.create_device(device.uid, space, device.name)
    return create_demo_dashboard(space)


def test_the_demo_dashboard_shows_metrics_of_the_demo_devices(demo: Dashboard) -> None:
    assert demo.widgets.count() > 8
    for widget in demo.widgets.select_related("device"):
        model = kinds.build(widget.device.uid)
        offered = {*model.CONTROLS, *model.BUTTONS} if widget.kind == "control" else _sent(model.readings())
        assert set(widget.metrics) <= offered, f"{widget.title} of {widget.device.uid}"


def _sent(readings: dict) -> set[str]:  # type: ignore[type-arg]
    nested = {f"{name}.{part}" for name, value in readings.items() if isinstance(value, dict) for part in value}
    return nested | {name for name, value in readings.items() if not isinstance(value, dict)}


def test_the_demo_dashboards_tiles_fill_the_grid_without_overlap(demo: Dashboard) -> None:
    cells = [
        (column, row)
        for widget in demo.widgets.all()
        for column in range(widget.x, widget.x + widget.width)
        for row in range(widget.y, widget.y + widget.height)
    ]
    assert len(cells) == len(set(cells)) == 12 * (1 + max(row for _, row in cells))
    assert max(column for column, _ in cells) == 11


def test_the_demo_dashboard_is_created_once(demo: Dashboard, space: Space) -> None:
    assert create_demo_dashboard(space) == demo
    assert demo.widgets.count() == create_demo_dashboard(space).widgets.count()


def test_the_demo_dashboard_leaves_out_missing_devices(space: Space, pump: Device) -> None:
    shown = create_demo_dashboard(space).widgets.values_list("device__uid", flat=True)
    assert set(shown) == {"pump-1"}
