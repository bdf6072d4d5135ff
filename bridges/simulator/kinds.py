"""From a uid to the physics behind it: `pump-1` is a pump."""

from __future__ import annotations

import time
import zlib

from bridges.simulator.physics.climate import Climate
from bridges.simulator.physics.meter import Meter
from bridges.simulator.physics.model import Model
from bridges.simulator.physics.pump import Pump
from bridges.simulator.physics.tank import Tank
from bridges.simulator.physics.vehicle import Vehicle

KINDS: dict[str, type[Model]] = {
    "pump": Pump,
    "tank": Tank,
    "climate": Climate,
    "meter": Meter,
    "vehicle": Vehicle,
}
"""The part of a uid before its first `-`, and what it stands for."""


class UnknownKind(Exception):
    """A uid whose prefix names no kind; the text lists the kinds there are."""


def kind_of(uid: str) -> type[Model]:
    """The class behind `uid`. Raises `UnknownKind`."""
    prefix = uid.partition("-")[0]
    try:
        return KINDS[prefix]
    except KeyError:
        raise UnknownKind(f"uid {uid!r} names no kind of device: start it with one of {', '.join(KINDS)}") from None


def build(uid: str) -> Model:
    """The model behind `uid`, its weather and loads its own but the same at every start."""
    return kind_of(uid)(seed=zlib.crc32(uid.encode()), start_s=time.time())
