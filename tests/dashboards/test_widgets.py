from __future__ import annotations

import pytest

from dashboards import widgets
from dashboards.models import Dashboard, Widget
from devices.models import Device, Metric, Space
from devices.registry import metrics
from devices.rooms import provisioning

pytestmark = pytest.mark.django_db


def test_widgets_show_a_renamed_metric_under_its_new_name(pump: Device, space: Space) -> None:
    other, _ = provisioning.create_device("fan-1", space)
    dashboard = Dashboard.objects.create(space=space, name="All")
    shown, unchanged = (
        Widget.objects.create(dashboard=dashboard, device=device, kind="chart", metrics=["on", "speed"])
        for device in (pump, other)
    )
    control = Widget.objects.create(dashboard=dashboard, device=pump, kind="control", metrics=["speed"])
    before = widgets.revision(dashboard.pk)
    metrics.change(Metric.objects.create(device=pump, name="speed"), name="rpm")
    shown.refresh_from_db()
    unchanged.refresh_from_db()
    assert (shown.metrics, unchanged.metrics) == (["on", "rpm"], ["on", "speed"])
    control.refresh_from_db()
    assert control.metrics == ["speed"]
    assert widgets.revision(dashboard.pk) != before
