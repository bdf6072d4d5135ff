"""The widgets of a dashboard: replacing them, and recognising an outdated page by its revision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from django.db import transaction

from dashboards.models import Dashboard, Widget
from devices.channel import fanout
from devices.channel.events import StreamChanged
from devices.models import Device

_SHOWN = ("kind", "title", "metrics", "options", "x", "y", "width", "height", "device__name", "device__space_id")


def revision(dashboard_id: int) -> str:
    """A hash of everything a page shows of the widgets: a page that was drawn with another revision is outdated."""
    rows = Widget.objects.filter(dashboard=dashboard_id).order_by("pk").values_list("pk", "device_id", *_SHOWN)
    return hashlib.blake2s(msgspec.json.encode(list(rows)), digest_size=8).hexdigest()


def replace_widgets(dashboard: Dashboard, widgets: Iterable[Widget]) -> None:
    """Gives the dashboard these widgets instead of those it has, and notifies its viewers."""
    with transaction.atomic():
        dashboard.widgets.all().delete()
        Widget.objects.bulk_create(widgets)
    notify_viewers(dashboard.pk)


def delete(dashboard: Dashboard) -> None:
    """Deletes the dashboard and notifies its viewers."""
    number = dashboard.pk
    dashboard.delete()
    notify_viewers(number)


def follow_renamed(device: Device, old: str, new: str, **_: object) -> None:
    """A receiver of `metric_renamed`: the widgets show the metric under its new name. A control keeps the name: it is
    that of an argument, which the device does not change."""
    for widget in Widget.objects.filter(device=device).exclude(kind="control"):
        if old in widget.metrics:
            widget.metrics = [new if name == old else name for name in widget.metrics]
            widget.save(update_fields=["metrics"])
            notify_viewers(widget.dashboard_id)


def notify_viewers(dashboard_id: int) -> None:
    """Call it after every change of what a dashboard shows; viewers are notified after the commit."""
    event = StreamChanged(f"dashboard:{dashboard_id}")
    transaction.on_commit(lambda: fanout.publish_from_sync([event]))
