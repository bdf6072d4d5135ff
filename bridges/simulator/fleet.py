"""The demo fleet: the devices that the hub creates in the demo space at its first start. Imports no Django."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoDevice:
    """A device to create. The part of `uid` before the first `-` is its kind (see `kinds.KINDS`)."""

    uid: str
    name: str


DEMO_FLEET: tuple[DemoDevice, ...] = (
    DemoDevice("pump-1", "Irrigation pump"),
    DemoDevice("tank-1", "Rainwater tank"),
    DemoDevice("climate-1", "Greenhouse north"),
    DemoDevice("climate-2", "Greenhouse south"),
    DemoDevice("meter-1", "Main energy meter"),
    DemoDevice("vehicle-1", "Delivery van"),
)
