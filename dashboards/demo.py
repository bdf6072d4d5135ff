"""The dashboard of the demo space."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from dashboards.models import Dashboard, Widget
from devices.models import Device, Space

DEMO_NAME = "Greenhouse"


@dataclass(frozen=True, slots=True)
class _Tile:
    """A widget of the demo; `place` is `x`, `y`, `width`, `height` on the grid of twelve columns."""

    kind: str
    uid: str
    title: str
    metrics: tuple[str, ...]
    place: tuple[int, int, int, int]
    options: dict[str, Any] = field(default_factory=dict)


_DEMO = (
    _Tile("value", "climate-1", "Temperature", ("temperature",), (0, 0, 3, 2)),
    _Tile("value", "climate-1", "Humidity", ("humidity",), (3, 0, 3, 2)),
    _Tile("value", "pump-1", "Flow", ("flow",), (6, 0, 3, 2)),
    _Tile("value", "meter-1", "Power", ("power",), (9, 0, 3, 2)),
    _Tile(
        "chart",
        "climate-1",
        "Inside and outside",
        ("temperature", "outside"),
        (0, 2, 6, 4),
        {"hues": ["coral", "sky"], "minutes": 5},
    ),
    _Tile("control", "climate-1", "Climate", ("mode", "target", "vent", "heater"), (6, 2, 3, 4)),
    _Tile("gauge", "tank-1", "Rainwater", ("level",), (9, 2, 3, 4), {"min": 0, "max": 100}),
    _Tile("control", "pump-1", "Irrigation", ("on", "speed"), (0, 6, 3, 3)),
    _Tile("gauge", "pump-1", "Shaft", ("rpm",), (3, 6, 3, 3), {"min": 0, "max": 3000}),
    _Tile(
        "chart",
        "meter-1",
        "Phases",
        ("phase.l1", "phase.l2", "phase.l3"),
        (6, 6, 6, 3),
        {"hues": ["amber", "sky", "violet"], "minutes": 5},
    ),
    _Tile("map", "vehicle-1", "On its round", ("latitude", "longitude"), (0, 9, 6, 4)),
    _Tile("gauge", "vehicle-1", "Battery", ("battery",), (6, 9, 3, 4), {"min": 0, "max": 100}),
    _Tile("control", "vehicle-1", "Van", ("limit", "horn", "lock", "unlock"), (9, 9, 3, 4)),
)


@transaction.atomic
def create_demo_dashboard(space: Space) -> Dashboard:
    """Returns the demo dashboard of `space`, creating it if necessary. Widgets of missing devices are left out."""
    dashboard, is_new = Dashboard.objects.get_or_create(space=space, name=DEMO_NAME)
    if is_new:
        devices = {device.uid: device for device in Device.objects.filter(space=space)}
        Widget.objects.bulk_create(_widget(dashboard, devices[tile.uid], tile) for tile in _DEMO if tile.uid in devices)
    return dashboard


def _widget(dashboard: Dashboard, device: Device, tile: _Tile) -> Widget:
    x, y, width, height = tile.place
    return Widget(
        dashboard=dashboard,
        device=device,
        kind=tile.kind,
        title=tile.title,
        metrics=list(tile.metrics),
        options=tile.options,
        x=x,
        y=y,
        width=width,
        height=height,
    )
